"""Small VAEs and their variants, of equal weights."""

import numpy as np
import tensorflow as tf

from tests.zoo import Row
from tfgen import models
from tfgen.compiling import compiled

ARGUMENTS = dict(latent_dim=1, network="dense", width=8)


def build(name, steps=150, **arguments):
    """A small model, a little trained so that its networks matter."""
    row = Row(name, ARGUMENTS | arguments, 0, (2, 2, 1), 3)
    model = row.build()
    step = compiled(model.train_step)
    for _ in range(steps):
        step(row.batch(16))
    return model, row.batch(4)["image"]


def alike(model, name, **arguments):
    """A model of another class with the same weights."""
    made = models.find(name)(**(model.get_config() | arguments))
    made.set_weights(model.get_weights())
    return made


def terms(model, image, training=False, first=0):
    found = model.step_terms({"image": image}, tf.range(first, first + len(image)), training)
    return {key: value.numpy().astype(np.float64) for key, value in found.items()}
