"""VAE with a VampPrior: a prior that is learned, a mixture of posteriors of learned inputs.

J. M. Tomczak and M. Welling. VAE with a VampPrior. AISTATS 2018. https://arxiv.org/abs/1705.07120

    p(z) = 1/K sum_k q(z|u_k)                                       equation 9
    ELBO = E_q[log p(x|z) + log p(z) - log q(z|x)]                  equation 3, by the draws of z

The best prior for the ELBO is the aggregate posterior, the mean of q(z|x) over all training images
(equation 7). K learned pseudo-inputs u_k stand for them. A sample picks one, and draws z from its
posterior.

Shapes: x [B, H, W, C];  u [K, H, W, C] in (0, 1);  mu, logvar [B, Z];  z [B, L, Z].

Departures from the paper: those of the VAE; one layer of latents (the paper's section 3 stacks
two). Pseudo-inputs start at 0.5 + 0.1 N(0, 1) and are clipped to [0, 1] where they are read; the
authors' code starts them near 0.05, or at training images. With `dropout`, q(z|x) has it in
training, and the mixture's parts, q(z|u), never.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgen import random
from tfgen.declared import Count
from tfgen.errors import UserError
from tfgen.models.vae import VAE
from tfgen.objectives import losses


@keras.saving.register_keras_serializable("tfgen")
class VampVAE(VAE):
    """A VAE with a learned prior; its likelihood is a lower bound.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      pseudo_inputs: K, the parts of the prior.
      components: must be 0, for the prior is learned.
      others: see `VAE`.
    """

    paper = ("Tomczak and Welling 2018", "https://arxiv.org/abs/1705.07120")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        pseudo_inputs: Count = 500,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        if self.components:
            raise UserError("the VampPrior is learned: set `model.components=0`.")
        self.pseudo_inputs = pseudo_inputs
        self.u = self.add_weight(
            name="u",
            shape=(pseudo_inputs, *self.image_shape),
            initializer=keras.initializers.RandomNormal(0.5, 0.1),
        )

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {"vae": [*super().trained()["vae"], self.u]}

    def mixture(self, u: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The mixture's parts, q(z|u) of u [K, H, W, C]: mu and logvar, each [K, Z]."""
        return self.posterior(tf.clip_by_value(u, 0.0, 1.0))

    def log_prior(self) -> Callable[[tf.Tensor], tf.Tensor]:
        mu, logvar = self.mixture(self.u)

        def log_p(z: tf.Tensor) -> tf.Tensor:
            log_q = losses.normal_log_prob(z[..., None, :], mu, logvar)
            return tf.reduce_logsumexp(log_q, axis=-1) - math.log(self.pseudo_inputs)

        return log_p

    def mixture_marginals(self) -> Callable[[tf.Tensor], tf.Tensor] | None:
        shares = tf.fill([self.pseudo_inputs], -math.log(self.pseudo_inputs))
        return losses.mixture_marginals(shares, *self.mixture(self.u))

    def kl(self, mu: tf.Tensor, logvar: tf.Tensor, z: tf.Tensor) -> tf.Tensor:
        """By the draws z: a mixture has no closed form. [B], nats."""
        log_q = losses.normal_log_prob(z, mu[:, None], logvar[:, None])
        return tf.reduce_mean(log_q - self.log_prior()(z), axis=1)

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"k": random.uniform(seeds, [1], "k"), **super().noise(seeds)}

    def latent(self, noise: dict[str, tf.Tensor]) -> tf.Tensor:
        # The component: u_k of k = floor(K times a uniform); then z from q(z|u_k).
        k = tf.cast(noise["k"][:, 0] * self.pseudo_inputs, tf.int32)
        mu, logvar = self.mixture(tf.gather(self.u, k))
        return mu + tf.exp(0.5 * logvar) * noise["z"]
