"""The denoising autoencoder: its noise, and what it completes."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row
from tfgen import data


def corrupted(kind, x, strength=0.3):
    model = Row(
        "denoising_autoencoder", dict(latent_dim=2, width=4, corruption=kind, strength=strength), 0
    ).build()
    return model.corrupt(tf.constant(x), tf.range(len(x))).numpy()


def test_gaussian_noise_is_that_of_the_table_of_floors(images, digits):
    """12.85 dB of the noisy test digits at sigma 0.3, measured elsewhere."""
    test = (data.arrays(digits.load("test"))["image"] / 16).astype(np.float32)
    noisy = corrupted("gaussian", test)
    mse = np.mean(np.square(noisy - test), axis=(1, 2, 3))
    assert np.mean(-10 * np.log10(mse)) == pytest.approx(12.85, abs=0.15)
    assert noisy.min() >= 0
    assert noisy.max() <= 1


def test_masking_and_salt_and_pepper_strike_their_share():
    x = np.full((500, 8, 8, 1), 0.5, np.float32)
    masked = corrupted("masking", x)
    assert set(np.unique(masked)) == {0.0, 0.5}
    assert (masked == 0).mean() == pytest.approx(0.3, abs=0.015)
    salted = corrupted("salt_and_pepper", x)
    assert (salted == 0).mean() == pytest.approx(0.15, abs=0.012)
    assert (salted == 1).mean() == pytest.approx(0.15, abs=0.012)
    assert not np.array_equal(masked[0], masked[1])


def test_the_noise_is_new_at_every_step():
    model = Row("denoising_autoencoder", dict(latent_dim=2, width=4), 0).build()
    x = tf.fill([4, 8, 8, 1], 0.5)
    first = model.corrupt(x, model.training_seeds(x)).numpy()
    assert np.array_equal(first, model.corrupt(x, model.training_seeds(x)).numpy())
    model.step.assign_add(1)
    assert not np.array_equal(first, model.corrupt(x, model.training_seeds(x)).numpy())


def test_a_completion_keeps_what_is_known():
    from tests.zoo import Row

    row = Row("denoising_autoencoder", dict(latent_dim=3, width=5), 0)
    model, x = row.build(), row.batch()["image"] / np.float32(16)
    known = np.random.default_rng(0).random(x.shape) < 0.5
    filled = model.complete(x, known, steps=3).numpy()
    np.testing.assert_array_equal(filled[known], x[known])
    once = np.where(known, x, model.denoise(np.where(known, x, 0.0)))
    for _ in range(2):
        once = np.where(known, x, model.denoise(once))
    np.testing.assert_allclose(filled, once, atol=1e-6)
