"""Networks of text-to-image: a text encoder, a judge of image and text, a stage that refines.

Reed et al. 2016 (GAN-INT-CLS), section 4; Zhang et al. 2017 (StackGAN), section 3.
"""

import keras
import tensorflow as tf
from keras import layers

from tfgen.layers import adversaries
from tfgen.layers.leaky import LeakyReLU


@keras.saving.register_keras_serializable("tfgen")
class MeanOfWords(layers.Layer):
    """The mean over the words that there are: [B, T, F] -> [B, F]; zeros where there is none."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, x, previous_mask=None):
        return None  # there are no words after it

    def call(self, x, mask=None):
        there = tf.cast(mask, x.dtype)[..., None]
        count = tf.maximum(tf.reduce_sum(there, axis=1), 1.0)
        return tf.reduce_sum(x * there, axis=1) / count


def text_encoder(words, length, embedding, units, name="text"):
    """phi: numbers of words, below `words`, [B, T] -> [B, units]."""
    tokens = layers.Input((length,), dtype="int32")
    # Words that differ from the start: D and G cannot mind what looks alike to them.
    start = keras.initializers.RandomNormal(0.0, 1.0)
    x = layers.Embedding(words, embedding, start, mask_zero=True)(tokens)
    # Unrolled: captions are short, and no loop has to be exported.
    x = layers.GRU(units, unroll=True, return_sequences=True)(x)
    # The mean over the words, and not the last state, which forgets the first ones at first.
    return keras.Model(tokens, MeanOfWords()(x), name=name)


def matcher(features, units, text_units, normalisation, name="match"):
    """D's second half: what it saw in images [B, h, w, F] and phi [B, P] -> logits [B, 1].

    Section 4.2: phi, in `units` numbers, beside every place of the last convolution; a convolution
    of 1x1 brings the two together, and the last layer sees all places.
    """
    seen, phi = layers.Input(features), layers.Input((text_units,))
    bias = normalisation != "batch"  # which would take it away again, or nearly so
    text = adversaries.dense(units, normalisation, use_bias=bias)(phi)
    text = LeakyReLU()(text)
    h, w, filters = features
    text = layers.Reshape((h, w, units))(layers.RepeatVector(h * w)(text))
    joined = layers.Concatenate()([seen, text])
    x = adversaries.conv(filters, 1, 1, normalisation, use_bias=bias)(joined)
    x = LeakyReLU()(adversaries.norm(x, normalisation))
    score = adversaries.dense(1, normalisation, dtype="float32")(layers.Flatten()(x))
    return keras.Model([seen, phi], score, name=name)


def refiner(image_shape, condition, width, kernel, blocks=2, name="refiner"):
    """StackGAN's second stage: [B, H/2, W/2, C] and the text's code [B, N] -> [B, H, W, C].

    Section 3.3: the small image is halved again, the code set beside every place, and after
    residual blocks the features are doubled twice.
    """
    h, w, c = image_shape[0] // 4, image_shape[1] // 4, image_shape[2]
    small, code = layers.Input((2 * h, 2 * w, c)), layers.Input((condition,))
    x = layers.ReLU()(layers.Conv2D(width, 3, 1, "same")(small))
    x = layers.Conv2D(2 * width, kernel, 2, "same", use_bias=False)(x)
    x = layers.ReLU()(adversaries.batch_norm()(x))
    text = layers.Reshape((h, w, condition))(layers.RepeatVector(h * w)(code))
    x = layers.Conv2D(4 * width, 3, 1, "same", use_bias=False)(layers.Concatenate()([x, text]))
    x = layers.ReLU()(adversaries.batch_norm()(x))
    for _ in range(blocks):
        y = layers.Conv2D(4 * width, 3, 1, "same", use_bias=False)(x)
        y = layers.ReLU()(adversaries.batch_norm()(y))
        y = adversaries.batch_norm()(layers.Conv2D(4 * width, 3, 1, "same", use_bias=False)(y))
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.Conv2DTranspose(2 * width, kernel, 2, "same", use_bias=False)(x)
    x = layers.ReLU()(adversaries.batch_norm()(x))
    image = layers.Conv2DTranspose(c, kernel, 2, "same", activation="tanh", dtype="float32")(x)
    return keras.Model([small, code], image, name=name)
