"""The density of codes: a mixture that is fitted, drawn from and kept with the model."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row
from tfgen.layers import LatentDensity


def test_samples_of_the_density_are_its_mixture():
    random = np.random.default_rng(0)
    centres = np.array([[-3.0, 0.0], [2.0, 2.0]])
    shear = np.array([[0.5, 0.0], [0.4, 0.2]])
    which = (random.random(6000) < 0.3).astype(int)
    codes = centres[which] + random.normal(size=(6000, 2)) @ shear.T
    density = LatentDensity(2, 2)
    density.fit(codes)
    drawn = density.draw(density.noise(tf.range(20_000))).numpy()
    left = drawn[:, 0] < -0.5
    assert left.mean() == pytest.approx(0.7, abs=0.02)
    for part, centre in ((left, centres[0]), (~left, centres[1])):
        np.testing.assert_allclose(drawn[part].mean(axis=0), centre, atol=0.06)
        np.testing.assert_allclose(np.cov(drawn[part].T), shear @ shear.T, atol=0.03)


def test_before_it_is_fitted_it_is_standard_normal():
    density = LatentDensity(3, 4)
    drawn = density.draw(density.noise(tf.range(5000))).numpy()
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=0.06)
    np.testing.assert_allclose(np.cov(drawn.T), np.eye(3), atol=0.07)


def test_few_codes_and_dead_units_are_no_trouble():
    random = np.random.default_rng(0)
    density = LatentDensity(3, 10)
    codes = random.normal(size=(5, 3)) * [1.0, 1.0, 0.0]
    density.fit(codes)
    drawn = density.draw(density.noise(tf.range(100))).numpy()
    assert np.isfinite(drawn).all()
    assert np.abs(drawn[:, 2]).max() < 0.2
    assert density.cumulative.numpy()[-1] == pytest.approx(1.0)


def test_the_density_travels_with_the_model(images, tmp_path):
    import keras

    model = Row("autoencoder", dict(latent_dim=2, width=8, components=3), 0).build()
    before = model.sample(range(4)).numpy()
    model.fit_after_training(images[:300])
    after = model.sample(range(4)).numpy()
    assert not np.allclose(before, after)
    model.save_networks(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.sample(range(4)), after)
    # And it is that of the codes.
    codes = model.encode((images[:300] / 16).astype(np.float32))["mean"].numpy()
    drawn = model.latents.draw(model.noise(tf.range(4000))).numpy()
    error = codes.std(axis=0) / math.sqrt(300) * 4
    assert (np.abs(drawn.mean(axis=0) - codes.mean(axis=0)) < error).all()


def test_the_density_of_a_fitted_mixture_is_scikit_learns():
    from sklearn.mixture import GaussianMixture

    random = np.random.default_rng(0)
    codes = random.normal(size=(500, 3)) @ random.normal(size=(3, 3)) + 2
    layer = LatentDensity(3, 4)
    z = random.normal(size=(7, 3)).astype(np.float32)
    exact = -0.5 * np.sum(z**2, axis=1) - 1.5 * math.log(2 * math.pi)
    np.testing.assert_allclose(layer.log_prob(z), exact, rtol=1e-4)
    layer.fit(codes)
    floor = 1e-4 * codes.var(axis=0).mean()
    mixture = GaussianMixture(4, reg_covar=floor, random_state=0).fit(codes)
    np.testing.assert_allclose(layer.log_prob(z), mixture.score_samples(z), rtol=2e-3, atol=2e-3)
    stacked = layer.log_prob(np.stack([z, z]))
    np.testing.assert_allclose(stacked[1], layer.log_prob(z), rtol=1e-4)
