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

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgen.declared import Count
from tfgen.errors import UserError
from tfgen.layers import priors
from tfgen.models.vae import VAE


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

    def parts(self, u: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """q(z|u) of pseudo-inputs [K, H, W, C]: mu and logvar, each [K, Z]."""
        return self.posterior(tf.clip_by_value(u, 0.0, 1.0))

    def make_prior(self) -> priors.Mixture:
        return priors.Mixture(*self.parts(self.u))

    def latent(self, noise: dict[str, tf.Tensor]) -> tf.Tensor:
        # Of the parts, only those that are drawn are encoded: fewer, in a file that samples.
        k = tf.cast(noise["k"][:, 0] * self.pseudo_inputs, tf.int32)
        mu, logvar = self.parts(tf.gather(self.u, k))
        return mu + tf.exp(0.5 * logvar) * noise["z"]
