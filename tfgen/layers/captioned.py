"""Networks of text-to-image: a text encoder, a judge of image and text, a stage that refines.

Reed et al. 2016 (GAN-INT-CLS), section 4; Zhang et al. 2017 (StackGAN), section 3.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfgen import sizes
from tfgen.layers import adversaries


@keras.saving.register_keras_serializable("tfgen")
class MeanOfWords(layers.Layer):
    """The mean over the words that there are: [B, T, F] -> [B, F]; zeros where there is none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"dtype": "float32"} | kwargs))
        self.supports_masking = True

    def compute_mask(self, x: tf.Tensor, previous_mask: tf.Tensor | None = None) -> None:
        return None  # there are no words after it

    def call(self, x: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
        there = tf.cast(mask, x.dtype)[..., None]
        count = tf.maximum(tf.reduce_sum(there, axis=1), 1.0)
        return tf.reduce_sum(x * there, axis=1) / count


def text_encoder(
    words: int, length: int, embedding: int, units: int, name: str = "text"
) -> keras.Model:
    """phi: numbers of words, below `words`, [B, T] -> [B, units]."""
    tokens = layers.Input((length,), dtype="int32")
    # Words that differ from the start: D and G cannot mind what looks alike to them.
    start = keras.initializers.RandomNormal(0.0, 1.0)
    x = layers.Embedding(words, embedding, start, mask_zero=True)(tokens)
    # Unrolled: captions are short, and no loop has to be exported.
    x = layers.GRU(units, unroll=True, return_sequences=True)(x)
    # The mean over the words, and not the last state, which forgets the first ones at first.
    return keras.Model(tokens, MeanOfWords()(x), name=name)


def modulated(x: keras.KerasTensor, s: keras.KerasTensor) -> keras.KerasTensor:
    """Batch normalisation whose gain and shift are functions of s: [B, h, w, F], [B, S] -> as x.

    Conditional batch normalisation (de Vries et al. 2017, https://arxiv.org/abs/1707.00683).
    """
    filters = x.shape[-1]
    x = adversaries.batch_norm()(x)
    gain, shift = (
        layers.Reshape((1, 1, filters))(layers.Dense(filters, kernel_initializer=start)(s))
        for start in (keras.initializers.RandomNormal(0.0, 0.05) for _ in range(2))
    )
    return x * (1.0 + gain) + shift


def generator(
    inputs: int, image_shape: Sequence[int], width: int, depth: int, kernel: int
) -> keras.Model:
    """G: [B, inputs], z and the text's code -> [B, H, W, C] in (-1, 1).

    A pyramid as that of DCGAN which hears s after every layer and not at its start alone, with a
    convolution more at each size (Tao et al. 2022, DF-GAN, https://arxiv.org/abs/2008.05865):
    trained on sprites with their factors given, it paints combinations that it has not seen where
    DCGAN's learns the seen ones by heart.
    """

    def conv(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
        start = adversaries.normal()
        return layers.Conv2D(filters, 3, 1, "same", use_bias=False, kernel_initializer=start)(x)

    def doubled(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
        start = adversaries.normal()
        return layers.Conv2DTranspose(
            filters, kernel, 2, "same", use_bias=False, kernel_initializer=start
        )(x)

    c, filters = image_shape[2], width << (depth - 1)
    h, w = sizes.halved(image_shape[:2], depth)
    s = layers.Input((inputs,))
    start = adversaries.normal()
    x = layers.Dense(h * w * filters, use_bias=False, kernel_initializer=start)(s)
    x = layers.ReLU()(modulated(layers.Reshape((h, w, filters))(x), s))
    for i in range(depth):
        filters = max(filters // 2, 1)
        x = layers.ReLU()(modulated(doubled(x, filters), s))
        if i < depth - 1:  # at full size the last convolution is that one
            x = layers.ReLU()(modulated(conv(x, filters), s))
    start = adversaries.normal()
    image = layers.Conv2D(
        c, 3, 1, "same", activation="tanh", kernel_initializer=start, dtype="float32"
    )(x)
    return keras.Model(s, adversaries.cut(image, image_shape), name="G")


def matcher(
    features: Sequence[int], text_units: int, normalisation: str, name: str = "match"
) -> keras.Model:
    """D's second half: what it saw in images [B, h, w, F] and phi [B, P] -> s [B, 1], u, v [B, P].

    s = l(f) + u . v / |v|, with u and v linear in f, the features, and in phi: the projection
    discriminator (Miyato and Koyama 2018, equation 5) for texts, whose length says nothing. u and v
    are given at length 1.
    """
    seen, phi = layers.Input(features), layers.Input((text_units,))
    # Where it is, and whether it is anywhere: what a shape looks like does not hang on its place.
    f = layers.Concatenate()([layers.Flatten()(seen), layers.GlobalMaxPooling2D()(seen)])
    # Scores are float32 under mixed precision too: losses and penalties are made of them.
    u, own = (adversaries.dense(n, normalisation, dtype="float32")(f) for n in (text_units, 1))
    v = adversaries.dense(text_units, normalisation, use_bias=False, dtype="float32")(phi)
    v = layers.UnitNormalization(dtype="float32")(v)
    s = own + layers.Dot(axes=1, dtype="float32")([u, v])
    u = layers.UnitNormalization(dtype="float32")(u)
    return keras.Model([seen, phi], [s, u, v], name=name)


def refiner(
    image_shape: Sequence[int],
    condition: int,
    width: int,
    kernel: int,
    blocks: int = 2,
    name: str = "refiner",
) -> keras.Model:
    """StackGAN's second stage: [B, H/2, W/2, C] and the text's code [B, N] -> [B, H, W, C].

    Section 3.3: the small image is halved again, the code set beside every place, and after
    residual blocks the features are doubled twice. It has as many features of each size as
    `generator`.
    """
    h, w, c = image_shape[0] // 4, image_shape[1] // 4, image_shape[2]
    small, code = layers.Input((2 * h, 2 * w, c)), layers.Input((condition,))
    x = layers.ReLU()(layers.Conv2D(width, 3, 1, "same")(small))
    x = layers.Conv2D(2 * width, kernel, 2, "same", use_bias=False)(x)
    x = layers.ReLU()(adversaries.batch_norm()(x))
    text = layers.Reshape((h, w, condition))(layers.RepeatVector(h * w)(code))
    x = layers.Conv2D(2 * width, 3, 1, "same", use_bias=False)(layers.Concatenate()([x, text]))
    x = layers.ReLU()(adversaries.batch_norm()(x))
    for _ in range(blocks):
        y = layers.Conv2D(2 * width, 3, 1, "same", use_bias=False)(x)
        y = layers.ReLU()(adversaries.batch_norm()(y))
        y = adversaries.batch_norm()(layers.Conv2D(2 * width, 3, 1, "same", use_bias=False)(y))
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.Conv2DTranspose(width, kernel, 2, "same", use_bias=False)(x)
    x = layers.ReLU()(adversaries.batch_norm()(x))
    image = layers.Conv2DTranspose(c, kernel, 2, "same", activation="tanh", dtype="float32")(x)
    return keras.Model([small, code], image, name=name)
