"""A conditional model whose images are known."""

import tensorflow as tf
from keras import layers

from tfgen import random
from tfgen.model import GenerativeModel


class Striped(GenerativeModel):
    """An image of its latents and its class."""

    num_classes = 3

    def __init__(self, image_shape=(4, 4, 1), levels=256, seed=0):
        super().__init__(image_shape, levels, seed)
        self.dense = layers.Dense(16)
        self.dense.build((None, 5))

    def noise(self, seeds):
        return {"z": random.normal(seeds, [2], "z")}

    def generate(self, noise, condition=None):
        # A table, not tf.one_hot, whose on and off values LiteRT's int8 converter scales apart from
        # its output (TF 2.21): classes come out mixed.
        given = tf.concat(
            [noise["z"], tf.gather(4.0 * tf.eye(self.num_classes), condition)], axis=-1
        )
        return tf.reshape(tf.sigmoid(self.dense(given)), [-1, *self.image_shape])
