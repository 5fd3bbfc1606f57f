"""The smallest model that is trained: one layer from noise to images near the mean of the data.

What a run does whatever it trains, its log, checkpoints, resume, is tried with this one, whose runs
cost half of a VAE's. It draws noise, so that a step depends on seed and step.

    minimise  E (G(z) - x)^2,   z ~ N(0, I)

Shapes: x, G(z) [B, H, W, C] in [0, 1];  z [B, Z].
"""

import keras
import tensorflow as tf

from tfgen import random, settings
from tfgen.declared import Count
from tfgen.model import GenerativeModel


@keras.saving.register_keras_serializable("tests")
class Small(GenerativeModel):
    """G, a dense layer; its likelihood is implicit."""

    paper = ("none", "https://example.org")
    descent = {"G": "loss"}

    def __init__(self, image_shape, levels, seed=0, latent_dim: Count = 2, **kwargs):
        super().__init__(image_shape, levels, seed, **kwargs)
        self.latent_dim = latent_dim
        pixels = image_shape[0] * image_shape[1] * image_shape[2]
        layers = [
            keras.layers.Dense(pixels),
            keras.layers.Reshape(tuple(image_shape), dtype="float32"),
        ]
        self.G = keras.Sequential([keras.Input([latent_dim]), *layers])

    def trained(self):
        return {"G": self.G.trainable_variables}

    def noise(self, seeds):
        return {"z": random.normal(seeds, [self.latent_dim], "z")}

    def generate(self, noise, label=None):
        return tf.clip_by_value(self.G(noise["z"]), 0.0, 1.0)

    def step_terms(self, batch, seeds, training):
        x, y = self.to_unit(batch["image"]), self.G(self.noise(seeds)["z"])
        return {"loss": tf.reduce_mean(tf.square(y - x), axis=[1, 2, 3])}


FILE = __file__  # what `--model` names


def make():
    """The model for digits of 256 levels, of the same weights each time."""
    keras.utils.set_random_seed(5)
    return Small((8, 8, 1), 256)


def get_config():
    config = settings.defaults()
    config.optimizers.G = settings.adam(1e-2)
    return config
