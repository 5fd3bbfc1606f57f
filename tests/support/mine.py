"""What a user brings to the front door: arrays, networks, a model, a callback."""

import math

import keras
import numpy as np
from sklearn.datasets import load_digits

import tfgen
from tfgen.models import VAE

DIGITS = load_digits()
IMAGES, LABELS = (DIGITS.images / 16.0).astype(np.float32), DIGITS.target
TINY = {"log_every": 10, "save_every": 20}


def my_encoder(inputs, outputs):
    layers = [keras.Input(inputs), keras.layers.Flatten(), keras.layers.Dense(*outputs)]
    return keras.Sequential(layers)


def my_decoder(inputs, outputs):
    layers = [keras.Input(inputs), keras.layers.Dense(math.prod(outputs))]
    return keras.Sequential([*layers, keras.layers.Reshape(outputs)])


def make(**arguments):
    """A VAE of own networks, of the same weights each time."""
    keras.utils.set_random_seed(5)
    arguments = dict(latent_dim=3, encoder=my_encoder, decoder=my_decoder) | arguments
    return VAE(image_shape=(8, 8, 1), levels=256, **arguments)


def train(workdir, model=None, images=IMAGES, labels=LABELS, **arguments):
    changes = TINY | arguments.pop("settings", {})
    arguments = dict(steps=40, batch_size=20) | arguments
    model = make() if model is None else model
    return tfgen.train(
        model, images, labels=labels, workdir=workdir, settings=changes, verbose=False, **arguments
    )


class Count(keras.callbacks.Callback):
    """A user's callback: how many times Keras called it."""

    def __init__(self):
        super().__init__()
        self.batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1
