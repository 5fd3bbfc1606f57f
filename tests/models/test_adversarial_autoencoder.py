"""Codes that are trained to a prior: those of the WAE and of the adversarial autoencoder."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row
from tfgen.compiling import compiled
from tfgen.objectives import divergences


def trained(name, steps=600, **arguments):
    """Codes of a toy: images of 4 pixels, two of which are independent."""
    row = Row(name, dict(latent_dim=2, width=32, error="squared") | arguments, 0, (2, 2, 1), 17)
    model = row.build()
    for optimizer in model.optimizers.values():
        optimizer.learning_rate = 3e-3
    random = np.random.default_rng(0)
    step = compiled(model.train_step)

    def batch(n):
        image = random.integers(0, 17, (n, 2, 2, 1)).astype(np.uint8)
        image[:, 1] = image[:, 0]
        return {"image": image, "label": (image[:, 0, 0, 0] // 2 % 10).astype(np.int32)}

    for _ in range(steps):
        step(batch(128))
    return model, batch(1000)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments"),
    [("wae_mmd", {"mmd_weight": 30.0}), ("adversarial_autoencoder", {"critic_width": 64})],
)
def test_codes_come_to_fill_the_prior(name, arguments):
    """Nearer than those of an autoencoder by far, in the discrepancy that WAE descends on."""

    def distance(model, batch):
        z = model.encode(batch["image"] / np.float32(16))["mean"]
        p = np.random.default_rng(1).normal(size=z.shape).astype(np.float32)
        return float(tf.reduce_mean(divergences.mmd(z, p, z, p)))

    model, batch = trained(name, **arguments)
    assert distance(model, batch) < 0.1 * distance(*trained("autoencoder"))
    x = batch["image"] / np.float32(16)
    assert np.mean(np.square(model.reconstruct(x) - x)) < 0.01


@pytest.mark.slow
def test_with_labels_a_sample_is_of_its_class():
    """Half of the first pixel's levels is the label: what is drawn for a label shows it."""
    model, _ = trained(
        "adversarial_autoencoder", 1500, prior="mixture", labels=True, critic_width=64
    )
    labels = model.condition.defaults(range(500))
    image = model.sample(np.arange(500), labels).numpy()
    shown = image[:, 0, 0, 0] * 16 // 2
    # Levels 0 to 16 make labels 0 to 8; none is ever 9, so that part of the prior holds nothing.
    known = labels < 9
    assert np.corrcoef(shown[known], labels[known])[0, 1] > 0.8
