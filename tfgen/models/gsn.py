"""Generative stochastic network: the chain of a denoising autoencoder, as a model of images.

Y. Bengio, E. Laufer, G. Alain, J. Yosinski. Deep Generative Stochastic Networks Trainable by
Backprop. ICML 2014. https://arxiv.org/abs/1306.1091
Y. Bengio, L. Yao, G. Alain, P. Vincent. Generalized Denoising Auto-Encoders as Generative Models.
NeurIPS 2013. https://arxiv.org/abs/1305.6663 (walkback)

    x~_t ~ C(x~|x_t),   x_{t+1} ~ p(x|x~_t)                         2013, theorem 1

If p(x|x~) is the distribution of clean images given corrupted ones, the chain's own distribution is
that of the data. Training teaches it on images that C has corrupted, and, with walkback, on what
the chain makes of them in a few turns (2013, algorithm 1): so it learns to come back from where it
would drift to.

    minimise  -1/K sum_k log p(x|x~_k),   x~_k of turn k of the chain from x

Shapes: x, x~ [B, H, W, C];  parameters of p(x|x~) [B, H, W, C * n].

Departures from the paper: one hidden code, without noise inside the network; always K turns, where
the paper stops at random; pixels given x~ by the likelihood that fits the data's levels; Adam.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import keras
import tensorflow as tf

from tfgen import random
from tfgen.compiling import looping
from tfgen.declared import Count, Layers, Likelihood, Network, Range, Share
from tfgen.layers import Dropout, coders
from tfgen.layers.shared_width import with_width
from tfgen.model import GenerativeModel
from tfgen.models.denoising_autoencoder import salt_and_pepper
from tfgen.objectives import likelihoods


@keras.saving.register_keras_serializable("tfgen")
class GSN(GenerativeModel):
    """The chain of a denoising autoencoder; its likelihood is implicit.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      latent_dim: Z, the units of the hidden code.
      network: "dense", "conv" or "linear".
      width: hidden units ("dense") or filters of the first layer ("conv").
      depth: how often "conv" halves the image, each time rounded up.
      dropout: share of hidden units dropped in training.
      strength: share of pixels that salt and pepper replaces.
      walkback: K, turns of the chain in training; 1 is a denoising autoencoder.
      steps: T, turns of the chain that a sample is drawn by.
      likelihood: p(x|x~): "auto" fits the data's levels.
      encoder: a network of the user's own (`tfgen/networks.py`), [H, W, C] -> [Z]; a SiLU follows.
      decoder: the same, [Z] -> [H, W, C * n], the n parameters of p(x|x~) of each channel.
    """

    paper = ("Bengio et al. 2014", "https://arxiv.org/abs/1306.1091")
    descent = {"gsn": "loss"}

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        latent_dim: Count = 64,
        network: Literal["dense", "conv", "linear"] = "dense",
        width: Count = 500,
        depth: Layers = 2,
        dropout: Share = 0.0,
        strength: Annotated[float, Range(0, 1)] = 0.4,
        walkback: Layers = 4,
        steps: Count = 50,
        likelihood: Likelihood = "auto",
        encoder: Network = None,
        decoder: Network = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.latent_dim, self.network = latent_dim, network
        self.width, self.depth = width, depth
        self.dropout, self.strength = dropout, strength
        self.walkback, self.steps = walkback, steps
        self.likelihood = likelihood
        self.p = likelihoods.choose(likelihood, levels)

        def drop(stream: str) -> keras.Layer:
            return Dropout(dropout, stream, self.dropout_masks)

        h, w, c = self.image_shape
        given = (h, w, self.p.outputs(c))

        self.f = self.choose_network(
            *("encoder", encoder, self.image_shape, (latent_dim,)),
            lambda: coders.encoder(network, self.image_shape, latent_dim, width, drop, depth=depth),
        )
        self.g = with_width(
            self.p,
            self.choose_network(
                *("decoder", decoder, (latent_dim,), given),
                lambda: coders.decoder(network, latent_dim, given, width, drop, depth=depth),
            ),
        )

    # --- training --------------------------------------------------------------------------------

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {"gsn": self.f.trainable_variables + self.g.trainable_variables}

    def parameters(self, corrupted: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Of p(x|x~): [B, H, W, C] -> [B, H, W, C * n]."""
        return self.g(tf.nn.silu(self.f(corrupted, training=training)), training=training)

    def step_terms(
        self, batch: dict[str, tf.Tensor], seeds: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """-log p(x|x~_k), the mean over the turns of a walk from x: {"loss": [B]}, nats."""
        image = batch["image"]
        x, levels = self.to_unit(image), tf.cast(image, tf.int32)
        total = 0.0
        for k in range(self.walkback):
            u = random.uniform(seeds, [2, *self.image_shape], f"walk {k}")
            corrupted = salt_and_pepper(x, u[:, 0], self.strength)
            parameters = self.parameters(corrupted, training)
            total -= self.p.log_prob(levels, parameters)
            x = tf.stop_gradient(self.p.draw(parameters, u[:, 1]))
        return {"loss": total / self.walkback}

    # --- sampling --------------------------------------------------------------------------------

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            "start": random.uniform(seeds, self.image_shape, "start"),
            "u": random.uniform(seeds, [self.steps, 2, *self.image_shape], "u"),
        }

    def turn(self, x: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        """A turn of the chain: images [B, H, W, C], uniforms [B, 2, H, W, C] -> parameters."""
        return self.parameters(salt_and_pepper(x, u[:, 0], self.strength))

    @looping
    def generate(
        self, noise: dict[str, tf.Tensor], condition: tf.Tensor | None = None
    ) -> tf.Tensor:
        """From noise alone, T turns; of the last the mean and not a draw."""
        u = noise["u"]

        def move(t: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
            now = tf.gather(u, t, axis=1)
            return t + 1, self.p.draw(self.turn(x, now), now[:, 1])

        start = (tf.constant(0), noise["start"])
        x = tf.while_loop(lambda t, _: t < self.steps - 1, move, start)[1]
        return self.p.mean(self.turn(x, u[:, -1]))

    def mixing(self, x: tf.Tensor, seeds: tf.Tensor, steps: int = 20, every: int = 1) -> tf.Tensor:
        """The chain from images on: [B, H, W, C] -> [B, steps + 1, H, W, C], each `every` turns."""
        shown = [x]
        for t in range(steps * every):
            u = random.uniform(seeds, [2, *self.image_shape], f"mixing {t}")
            parameters = self.turn(x, u)
            x = self.p.draw(parameters, u[:, 1])
            if (t + 1) % every == 0:
                shown.append(self.p.mean(parameters))
        return tf.stack(shown, axis=1)

    def complete(self, x: tf.Tensor, known: tf.Tensor, seeds: tf.Tensor | None = None) -> tf.Tensor:
        """Draws what is not known by the chain, with the known held: images -> images.

        Args: known, bool like x; seeds, int32 [B], by default 0, 1, 2, ...
        """
        seeds = tf.range(tf.shape(x)[0]) if seeds is None else tf.convert_to_tensor(seeds, tf.int32)
        noise = self.noise(seeds)
        u, given = noise["u"], tf.convert_to_tensor(x, tf.float32)
        x = tf.where(known, given, noise["start"])
        for t in range(self.steps):
            parameters = self.turn(x, u[:, t])
            x = tf.where(known, given, self.p.draw(parameters, u[:, t, 1]))
        return tf.where(known, given, self.p.mean(parameters))

    # --- denoising -------------------------------------------------------------------------------

    def corrupt(self, x: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        return salt_and_pepper(x, random.uniform(seeds, self.image_shape, "corrupt"), self.strength)

    def denoise(self, x: tf.Tensor) -> tf.Tensor:
        """The mean of p(x|x~): a corrupted image in [0, 1] -> the clean one, as far as known."""
        return self.p.mean(self.parameters(x))
