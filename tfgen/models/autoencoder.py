"""Autoencoder: a code of few numbers from which the image can be had back.

G. E. Hinton and R. R. Salakhutdinov. Reducing the Dimensionality of Data with Neural Networks.
Science 313, 2006. https://www.cs.toronto.edu/~hinton/absps/science.pdf

    z = f(x),  y = g(z)
    minimise  sum_i (x_i - y_i)^2                                   "squared"
    or       -sum_i x_i log y_i + (1 - x_i) log(1 - y_i)            "log", the paper's

With linear networks the squared error has its least value on the principal components (Baldi and
Hornik 1989); `network="linear"` shows it, and `pca` is the closed form.

An autoencoder is no generator: nothing says which codes are likely. Here a mixture of Gaussians is
fitted to the codes of the training images once training is over (`tfgen.layers.LatentDensity`), and
samples are decoded from it.

Shapes: x, y [B, H, W, C] in [0, 1];  z [B, Z].

Departures from the paper: Adam from random weights, where the paper stacks pre-trained Boltzmann
machines; ReLU units by default, and one hidden layer ("dense") or convolutions ("conv") on each
side; the density of the codes.
"""

from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from tfgen.declared import Count, Layers, Network, Share
from tfgen.errors import UserError, one_of
from tfgen.layers import Dropout, LatentDensity, coders, priors
from tfgen.model import GenerativeModel
from tfgen.objectives.levels import softplus

ERRORS = ("squared", "log")


@keras.saving.register_keras_serializable("tfgen")
class Autoencoder(GenerativeModel):
    """An autoencoder; it has no density of images.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      latent_dim: Z, the number of code units.
      network: "dense", "conv" or "linear".
      width: hidden units ("dense") or filters of the first layer ("conv").
      depth: how often "conv" halves the image, each time rounded up.
      activation: of the hidden units; those of the paper are "sigmoid".
      dropout: share of hidden units dropped in training.
      error: "squared" or "log"; "log" needs networks that end in a sigmoid, so not "linear".
      components: of the mixture that is fitted to the codes once training is over.
      encoder: f, a network of the user's own (`tfgen/networks.py`), [H, W, C] -> [Z].
      decoder: g, the same, [Z] -> [H, W, C]: logits of pixels, whatever `network` is.
    """

    paper = (
        "Hinton and Salakhutdinov 2006",
        "https://www.cs.toronto.edu/~hinton/absps/science.pdf",
    )
    likelihood_kind = "implicit"
    terms: tuple[str, ...] = ("loss", "mse")
    # Which of its terms each optimizer descends on, in the order of their updates.
    descent = {"ae": "loss"}

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        latent_dim: Count = 30,
        network: Literal["dense", "conv", "linear"] = "dense",
        width: Count = 500,
        depth: Layers = 2,
        activation: Literal["relu", "elu", "gelu", "silu", "tanh", "sigmoid", "linear"] = "relu",
        dropout: Share = 0.0,
        error: Literal["squared", "log"] = "log",
        components: Count = 10,
        encoder: Network = None,
        decoder: Network = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.latent_dim = latent_dim
        self.network = network
        self.width = width
        self.depth = depth
        self.activation = activation
        self.dropout = dropout
        self.error = one_of("error", error, ERRORS)
        self.components = components
        # The only networks that give pixels; all others, the user's own too, give their logits.
        self.gives_pixels = network == "linear" and decoder is None
        if self.gives_pixels and error == "log":
            raise UserError("linear networks give no probabilities: set `model.error=squared`.")

        def drop(stream: str) -> keras.Layer:
            return Dropout(dropout, stream, self.dropout_masks)

        shape = self.image_shape
        self.encoder = self.choose_network(
            *("encoder", encoder, shape, (latent_dim,)),
            lambda: coders.encoder(network, shape, latent_dim, width, drop, activation, depth),
        )
        self.decoder = self.choose_network(
            *("decoder", decoder, (latent_dim,), shape), lambda: self.make_decoder(drop)
        )
        self.latents = LatentDensity(latent_dim, components) if components else self.make_prior()

    def make_decoder(self, drop: coders.Drop) -> keras.Model:
        return coders.decoder(
            *(self.network, self.latent_dim, self.image_shape, self.width, drop),
            *(self.activation, self.depth),
        )

    def make_prior(self) -> priors.Prior:
        """The density of codes that a variant trains towards; an autoencoder has none.

        Raises: UserError.
        """
        raise UserError(
            "an autoencoder has no prior to sample from: with `model.components=1` or more "
            "a mixture is fitted to its codes."
        )

    # --- training --------------------------------------------------------------------------------

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {"ae": self.encoder.trainable_variables + self.decoder.trainable_variables}

    def corrupt(self, x: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """What the encoder is shown in training: here the image itself."""
        return x

    def code_and_penalty(self, x: tf.Tensor, training: bool) -> tuple[tf.Tensor, float | tf.Tensor]:
        """The codes [B, Z] of what the encoder sees, and a penalty on how they come about, [B]."""
        return self.code(x, training), 0.0

    def errors(
        self, x: tf.Tensor, seeds: tf.Tensor, training: bool, label: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """The terms for images x: dict of [B]."""
        z, penalty = self.code_and_penalty(self.corrupt(x, seeds), training)
        out = self.decoder(z, training=training)
        squares = tf.square(x - (out if self.gives_pixels else tf.sigmoid(out)))
        if self.error == "squared":
            loss = tf.reduce_sum(squares, axis=[1, 2, 3])
        else:
            loss = tf.reduce_sum(softplus(out) - x * out, axis=[1, 2, 3])
        extra, terms = self.extra_terms(z, seeds, training, label)
        mse = tf.reduce_mean(squares, axis=[1, 2, 3])
        return {"loss": loss + penalty + extra, "mse": mse, **terms}

    def extra_terms(
        self, z: tf.Tensor, seeds: tf.Tensor, training: bool, label: tf.Tensor | None
    ) -> tuple[float | tf.Tensor, dict[str, tf.Tensor]]:
        """What a variant adds to the loss for codes [B, Z], [B], and the terms that it reports."""
        return 0.0, {}

    def step_terms(
        self, batch: dict[str, tf.Tensor], seeds: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        return self.errors(self.to_unit(batch["image"]), seeds, training, batch.get("label"))

    def fit_after_training(self, images: np.ndarray) -> None:
        """Fits the density of the codes of uint8 levels [N, H, W, C]; called before it samples."""
        if isinstance(self.latents, LatentDensity):
            self.latents.fit_drawn(lambda x, _: self.encode(self.to_unit(x))["mean"], images)

    # --- codes and samples -----------------------------------------------------------------------

    def code(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """f(x)."""
        return self.encoder(x, training=training)

    def decoded(self, out: tf.Tensor) -> tf.Tensor:
        """What the decoder gives -> pixels in [0, 1]."""
        return tf.clip_by_value(out, 0.0, 1.0) if self.gives_pixels else tf.sigmoid(out)

    def encode(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """Images in [0, 1] -> {"mean": [B, Z]}."""
        return {"mean": self.code(x, training=False)}

    def decode(self, z: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """Codes [B, Z] -> images in [0, 1]."""
        return self.decoded(self.decoder(z, training=False))

    def reconstruct(self, x: tf.Tensor) -> tf.Tensor:
        """Images in [0, 1] -> images in [0, 1]."""
        return self.decode(self.encode(x)["mean"])

    def draw_prior(self, seeds: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """Codes as samples are made of: int32 [B] -> [B, Z]."""
        return self.latent(self.noise(seeds), condition)

    def draw_posterior(self, x: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """The codes themselves: nothing is drawn. [B, Z]"""
        return self.encode(x)["mean"]

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return self.latents.noise(seeds)

    def latent(self, noise: dict[str, tf.Tensor], label: tf.Tensor | None = None) -> tf.Tensor:
        """The code that the noise stands for: [B, Z]."""
        return self.latents.draw(noise, label)

    def generate(
        self, noise: dict[str, tf.Tensor], condition: tf.Tensor | None = None
    ) -> tf.Tensor:
        return self.decode(self.latent(noise, condition))
