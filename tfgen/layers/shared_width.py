"""A width that all pixels of all images share: one weight, learned beside a decoder's.

O. Rybkin, K. Daniilidis, S. Levine. Simple and Effective VAE Training with Calibrated Decoders.
ICML 2021. https://arxiv.org/abs/2006.13202

    p(x|z) = N(mu(z), s^2 I),   s one number                        section 3.1

With a width of its own each pixel can buy itself off, and with a fixed one the weight of the
distortion against the rate is a guess; one that is learned settles at the mean error.

Shapes: m [B, H, W, C] -> m, log s [B, H, W, C + 1].
"""

import keras
import tensorflow as tf

from tfgen.objectives.levels import Likelihood


@keras.saving.register_keras_serializable("tfgen")
class SharedWidth(keras.layers.Layer):
    """Appends log s as a last plane."""

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.log_s = self.add_weight(name="log_s", shape=(), initializer="zeros")

    def call(self, m: tf.Tensor) -> tf.Tensor:
        m = tf.cast(m, tf.float32)
        log_s = tf.cast(tf.convert_to_tensor(self.log_s), tf.float32)
        return tf.concat([m, tf.zeros_like(m[..., :1]) + log_s], axis=-1)


def with_width(p: Likelihood, decoder: keras.Model) -> keras.Model:
    """The decoder, and after it the width, where the likelihood has one that is shared."""
    if not p.shared:
        return decoder
    return keras.Sequential(
        [keras.Input(decoder.input_shape[1:]), decoder, SharedWidth(dtype="float32", name="width")],
        name="decoder_with_width",
    )
