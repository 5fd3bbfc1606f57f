"""Denoising autoencoder: the clean image from a corrupted one.

P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol. Extracting and Composing Robust Features with
Denoising Autoencoders. ICML 2008. https://doi.org/10.1145/1390156.1390294
P. Vincent et al. Stacked Denoising Autoencoders. JMLR 11, 2010.
https://jmlr.org/papers/v11/vincent10a.html

    x~ ~ C(x~|x),  z = f(x~),  y = g(z)                             2010, section 3.1
    minimise  E_x E_x~ L(x, y)                                      equation 8

The difference from the autoencoder is what the encoder is shown. The expectation over the noise is
that of training: every step corrupts its images anew.

    "gaussian"        x + sigma eps, clipped to [0, 1]
    "masking"         pixels set to 0, each with probability sigma
    "salt_and_pepper" pixels set to 0 or 1, each with probability sigma / 2

Shapes: those of the autoencoder.

Departures from the paper: those of the autoencoder. Gaussian noise is clipped, because pictures
that users have noisy copies of are. Held-out images are corrupted too when the loss is measured.
"""

from collections.abc import Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from tfgen import random
from tfgen.declared import Weight
from tfgen.errors import one_of
from tfgen.models.autoencoder import Autoencoder

NOISES = ("gaussian", "masking", "salt_and_pepper")


def salt_and_pepper(x: tf.Tensor, u: tf.Tensor, share: float) -> tf.Tensor:
    """x with that share of its pixels 0 or 1, by uniforms u: three of one shape."""
    x = tf.where(u < share / 2, 0.0, x)
    return tf.where(u > 1.0 - share / 2, 1.0, x)


@keras.saving.register_keras_serializable("tfgen")
class DenoisingAutoencoder(Autoencoder):
    """An autoencoder that is trained on corrupted images; it has no density of images.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      corruption: "gaussian", "masking" or "salt_and_pepper".
      strength: of the corruption: sigma, in units of the range [0, 1], or the share of pixels.
      others: see `Autoencoder`.
    """

    paper = ("Vincent et al. 2008", "https://doi.org/10.1145/1390156.1390294")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        corruption: Literal["gaussian", "masking", "salt_and_pepper"] = "gaussian",
        strength: Weight = 0.3,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.corruption = one_of("corruption", corruption, NOISES)
        self.strength = strength

    def corrupt(self, x: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        if self.corruption == "gaussian":
            eps = random.normal(seeds, self.image_shape, "corruption")
            return tf.clip_by_value(x + self.strength * eps, 0.0, 1.0)
        u = random.uniform(seeds, self.image_shape, "corruption")
        if self.corruption == "masking":
            return tf.where(u < self.strength, 0.0, x)
        return salt_and_pepper(x, u, self.strength)

    def denoise(self, x: tf.Tensor) -> tf.Tensor:
        """A corrupted image in [0, 1] -> the clean one, as far as it can be told."""
        return self.reconstruct(x)

    def complete(self, x: tf.Tensor, known: tf.Tensor, steps: int = 20) -> tf.Tensor:
        """Fills in what is not known, bool like x: cleans again and again and puts back the known.

        Each turn moves the unknown pixels to where images like the known ones have them (Bengio et
        al. 2013, Generalized Denoising Auto-Encoders, section 5, without the noise).
        """
        filled = tf.where(known, x, 0.0)
        for _ in range(steps):
            filled = tf.where(known, x, self.denoise(filled))
        return filled
