"""Variational autoencoder.

D. P. Kingma and M. Welling. Auto-Encoding Variational Bayes. ICLR 2014.
https://arxiv.org/abs/1312.6114

    p(z)   = N(0, I)
    q(z|x) = N(mu(x), diag(sigma(x)**2))                            equation 9
    z      = mu + sigma * eps,   eps ~ N(0, I)                      reparameterisation, section 2.4
    ELBO   = E_q[log p(x|z)] - KL(q(z|x) || p(z))  <=  log p(x)     equation 3

    L_k    = E log 1/k sum_i p(x, z_i) / q(z_i|x),   z_i ~ q        Burda et al. 2016, equation 8
    ELBO   = L_1 <= L_k <= log p(x): with many samples `log_prob` is the tighter bound.

Shapes: x [B, H, W, C];  mu, logvar, eps, z [B, Z];  parameters of p(x|z) [B, H, W, C * n].

Departures from the paper: Adam for Adagrad. The likelihood is the one that fits the data's levels
(Bernoulli for 2, categorical for few, discretised logistic for many); the paper's Gaussian is
integrated over each level: a density of grey levels is no probability of them. network="conv"
replaces the multi-layer perceptrons of appendix C by strided convolutions; `dropout` acts in both
networks. With `components` > 0, samples and `log_prob` have, in the prior's place, a mixture fitted
to the codes once training is over (`tfgen.layers.LatentDensity`).
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.compiling import compiled
from tfgen.declared import Count, Layers, Likelihood, Network, Range, Share, Steps, Weight
from tfgen.layers import Dropout, LatentDensity, coders, priors
from tfgen.layers.shared_width import with_width
from tfgen.model import GenerativeModel
from tfgen.objectives import bounds, divergences, likelihoods


class Draws(NamedTuple):
    """Codes of a batch of images: L draws of q(z|x) for each."""

    mu: tf.Tensor  # [B, Z]
    logvar: tf.Tensor  # [B, Z]
    z: tf.Tensor  # [B, L, Z]
    log_p: tf.Tensor  # log p(x|z), [B, L], nats

    @property
    def distortion(self) -> tf.Tensor:
        """-E_q log p(x|z): [B], nats."""
        return -tf.reduce_mean(self.log_p, axis=1)


@keras.saving.register_keras_serializable("tfgen")
class VAE(GenerativeModel):
    """A variational autoencoder; its likelihood is a lower bound.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      latent_dim: Z, the number of latents.
      network: "dense" (the paper's), "conv" or "linear".
      width: hidden units ("dense") or filters of the first layer ("conv").
      depth: how often "conv" halves the image, each time rounded up.
      dropout: share of hidden units dropped in training.
      samples: L, draws of z for each image of a step.
      warmup: steps over which the weight of the KL term rises from 0 to 1 (Sonderby et al. 2016).
      free_bits: nats an image that the KL term may take without a penalty (Kingma et al. 2016,
        equation 15, with all latents in one group and image by image).
      likelihood: p(x|z) (`tfgen.objectives.likelihoods`); "auto" fits the data's levels.
      draw: whether a sample is a draw from p(x|z), where by default it is the mean of p(x|z).
      components: of the mixture that stands for the prior after training; 0 keeps the prior.
      encoder: a network of the user's own (`tfgen/networks.py`), [H, W, C] -> [2 Z]: mu, logvar.
      decoder: the same, [Z] -> [H, W, N], the parameters of p(x|z).
    """

    paper = ("Kingma and Welling 2014", "https://arxiv.org/abs/1312.6114")
    likelihood_kind = "lower bound"
    prior = "normal"
    terms: tuple[str, ...] = ("loss", "distortion", "kl")
    # Which of its terms each optimizer descends on, in the order of their updates.
    descent = {"vae": "loss"}

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        latent_dim: Count = 20,
        network: Literal["dense", "conv", "linear"] = "dense",
        width: Count = 500,
        depth: Layers = 2,
        dropout: Share = 0.0,
        samples: Count = 1,
        warmup: Steps = 0,
        free_bits: Weight = 0.0,
        likelihood: Likelihood = "auto",
        draw: bool = False,
        components: Annotated[int, Range(0)] = 0,
        encoder: Network = None,
        decoder: Network = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.samples = samples
        self.warmup = warmup
        self.free_bits = free_bits
        self.latent_dim = latent_dim
        self.network = network
        self.width = width
        self.depth = depth
        self.dropout = dropout
        self.likelihood = likelihood
        self.draw = draw
        self.components = components

        self.p = likelihoods.choose(likelihood, levels)
        self.kl_term = divergences.KLTerm(warmup=warmup, free_bits=free_bits)

        def drop(stream: str) -> keras.Layer:
            return Dropout(dropout, stream, self.dropout_masks)

        h, w, c = self.image_shape
        # A variant with labels shows them to the encoder as planes, to the decoder beside z.
        seen, codes = (h, w, c + self.num_classes), latent_dim + self.num_classes
        given = (h, w, self.p.outputs(c))

        self.encoder = self.choose_network(
            *("encoder", encoder, seen, (2 * latent_dim,)),
            lambda: coders.encoder(network, seen, 2 * latent_dim, width, drop, depth=depth),
        )
        self.decoder = with_width(
            self.p,
            self.choose_network(
                *("decoder", decoder, (codes,), given),
                lambda: coders.decoder(network, codes, given, width, drop, depth=depth),
            ),
        )
        if components:
            self.latents = LatentDensity(latent_dim, components)

    # --- training --------------------------------------------------------------------------------

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {"vae": self.encoder.trainable_variables + self.decoder.trainable_variables}

    def posterior(
        self, x: tf.Tensor, label: tf.Tensor | None = None, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """mu and logvar of q(z|x), each [B, Z], of images in [0, 1]."""
        return tf.split(self.encoder(self.to_range(x), training=training), 2, axis=-1)

    def parameters(
        self, z: tf.Tensor, label: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """The parameters of p(x|z): [B, Z] -> [B, H, W, N]."""
        return self.decoder(z, training=training)

    def make_prior(self) -> priors.Prior:
        """p(z), as it is now."""
        return priors.Normal(self.latent_dim)

    def draw_codes(self, batch: dict[str, tf.Tensor], seeds: tf.Tensor, training: bool) -> Draws:
        image, label = batch["image"], batch.get("label")
        mu, logvar = self.posterior(self.to_unit(image), label, training)
        eps = random.normal(seeds, [self.samples, self.latent_dim], "eps")
        z = mu[:, None] + tf.exp(0.5 * logvar)[:, None] * eps
        levels = tf.repeat(tf.cast(image, tf.int32), self.samples, axis=0)
        label = None if label is None else tf.repeat(label, self.samples)
        parameters = self.parameters(tf.reshape(z, [-1, self.latent_dim]), label, training)
        log_p = tf.reshape(self.p.log_prob(levels, parameters), [-1, self.samples])
        return Draws(mu, logvar, z, log_p)

    def step_terms(
        self, batch: dict[str, tf.Tensor], seeds: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """The loss, the two terms of the negative ELBO, and a variant's own: dict of [B], nats.

        Algorithm 1: L draws of eps for each image of the minibatch.
        """
        draws = self.draw_codes(batch, seeds, training)
        kl = self.make_prior().kl(draws.mu, draws.logvar, draws.z)
        loss = self.neg_bound(draws, kl, self.step if training else None)
        extra, terms = self.extra_terms(draws, seeds, training)
        return {"loss": loss + extra, "distortion": draws.distortion, "kl": kl, **terms}

    def neg_bound(self, draws: Draws, kl: tf.Tensor, step: tf.Tensor | None) -> tf.Tensor:
        """The loss without extra terms: [B], nats. step: None outside of training."""
        return draws.distortion + self.kl_term(kl, step)

    def extra_terms(
        self, draws: Draws, seeds: tf.Tensor, training: bool
    ) -> tuple[float | tf.Tensor, dict[str, tf.Tensor]]:
        """What a variant adds to the loss, [B], and the terms of its own that it reports."""
        return 0.0, {}

    def fit_after_training(self, images: np.ndarray) -> None:
        """Fits the mixture, if there is one, to a draw of q(z|x) for each of uint8 levels [N, ...].

        That is the aggregate posterior, the best prior for the ELBO (Tomczak and Welling 2018).
        """
        if self.components:
            self.latents.fit_drawn(
                lambda x, seeds: self.draw_posterior(self.to_unit(x), seeds), images
            )

    # --- sampling --------------------------------------------------------------------------------

    def density_of_codes(self) -> priors.Prior:
        """What samples are decoded from: the mixture fitted to the codes, or the prior."""
        return self.latents if self.components else self.make_prior()

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        noise = self.density_of_codes().noise(seeds)
        if self.draw:
            noise["u"] = random.uniform(seeds, self.image_shape, "u")
        return noise

    def latent(self, noise: dict[str, tf.Tensor]) -> tf.Tensor:
        """The draw of z that the noise stands for: [B, Z]."""
        return self.density_of_codes().draw(noise)

    def generate(
        self, noise: dict[str, tf.Tensor], condition: tf.Tensor | None = None
    ) -> tf.Tensor:
        parameters = self.parameters(self.latent(noise), condition)
        return self.p.draw(parameters, noise["u"]) if self.draw else self.p.mean(parameters)

    @property
    def samples_are(self) -> str:
        return "draws of p(x|z)" if self.draw else "means of p(x|z)"

    def sample_draws(self, seeds: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """As `sample`, but draws of p(x|z), from the same codes: the likelihood is of these."""
        u = random.uniform(seeds, self.image_shape, "u")
        codes = self.latent(self.density_of_codes().noise(seeds))
        return self.p.draw(self.parameters(codes, condition), u)

    # --- codes and density -----------------------------------------------------------------------

    def encode(self, x: tf.Tensor, label: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        """q(z|x): images in [0, 1] -> {"mean": [B, Z], "log_var": [B, Z]}."""
        mu, logvar = self.posterior(x, label)
        return {"mean": mu, "log_var": logvar}

    def decode(self, z: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """The mean of p(x|z): [B, Z] -> images in [0, 1]."""
        return self.p.mean(self.parameters(z, condition))

    def reconstruct(self, x: tf.Tensor) -> tf.Tensor:
        """The mean of p(x|z) at z = mu(x): images in [0, 1] -> images in [0, 1]."""
        return self.decode(self.encode(x)["mean"])

    def draw_prior(self, seeds: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """Codes as samples are made of: int32 [B] -> [B, Z]."""
        return self.latent(self.noise(seeds))

    def draw_posterior(self, x: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """A draw of q(z|x) for each image in [0, 1]: [B, Z]."""
        q = self.encode(x)
        eps = random.normal(seeds, [self.latent_dim], "posterior eps")
        return q["mean"] + tf.exp(0.5 * q["log_var"]) * eps

    def log_prob(
        self, x: tf.Tensor, samples: int = 100, label: tf.Tensor | None = None
    ) -> tf.Tensor:
        """L_k with k = samples, a lower bound on log p(x): images in [0, 1] -> [B], nats.

        The draws of eps are a function of the image, so its value does not depend on the others in
        the batch. Memory does not grow with `samples`.
        """
        return self.bound(x, samples, label)[0]

    # Compiled: a thousand draws are a thousand turns of a loop.
    @compiled
    def bound(
        self, x: tf.Tensor, samples: int = 100, label: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The same, and its standard error by the draws: two of [B], nats."""
        return bounds.log_mean(self._importance(x, label), samples)

    @compiled
    def elbo(self, x: tf.Tensor, samples: int = 100, label: tf.Tensor | None = None) -> tf.Tensor:
        """The ELBO, its expectation over q by `samples` draws: images in [0, 1] -> [B], nats."""
        return bounds.mean(self._importance(x, label), samples)

    # Compiled: for its draws and nodes.
    @compiled
    def code_kl(self, x: tf.Tensor, samples: int = 500) -> tuple[tf.Tensor, tf.Tensor]:
        """KL(q(z|x) || p(z)), and of each unit: images in [0, 1] -> ([B], [B, Z]), nats.

        p(z) is the density of the codes that samples are made of. A unit's KL is that of marginals,
        KL(q(z_j|x) || p(z_j)): 0 where the image says nothing of it (`tfgen.layers.priors`).
        """
        return self.density_of_codes().code_kl(*self.posterior(x), samples)

    def _importance(
        self, x: tf.Tensor, label: tf.Tensor | None = None
    ) -> Callable[[tf.Tensor], tf.Tensor]:
        """A function i -> log p(x, z_i) / q(z_i|x) for the i-th draw of z, [B]."""
        mu, logvar = self.posterior(x, label)
        levels = self.to_levels(x)
        seeds = bounds.seeds_of_draws(levels)
        prior = self.density_of_codes()

        def log_weight(i: tf.Tensor) -> tf.Tensor:
            eps = random.normal(seeds(i), [self.latent_dim], "importance eps")
            z = mu + tf.exp(0.5 * logvar) * eps
            log_p = self.p.log_prob(levels, self.parameters(z, label))
            return log_p + prior.log_prob(z) - divergences.normal_log_prob(z, mu, logvar)

        return log_weight
