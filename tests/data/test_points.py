"""`ring` and `grid` follow their density."""

import dataclasses
import math

import numpy as np
import pytest

from tfgen import data
from tfgen.data import points


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ring", "grid"])
def test_the_density_integrates_to_one(name):
    mixture = points.MIXTURES[name]
    ticks, step = np.linspace(-mixture.extent, mixture.extent, 1201, retstep=True)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    total = sum(np.exp(mixture.log_prob(part)).sum() for part in np.array_split(grid, 50))
    assert total * step**2 == pytest.approx(1.0, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ring", "grid"])
def test_the_points_follow_the_density(name):
    mixture = points.MIXTURES[name]
    split = data.open_source(name).load("train")
    assert (split.shape, split.levels, split.size) == ((1, 1, 2), 65536, 20_000)
    images = data.arrays(split)["image"]
    xy = mixture.to_points(images / 65535)
    found = mixture.log_prob(xy)
    # The entropy of well separated Gaussians: that of one, and of the choice among them.
    entropy = math.log(2 * math.pi * math.e * mixture.sigma**2) + math.log(len(mixture.means))
    assert -found.mean() == pytest.approx(entropy, abs=4 / math.sqrt(20_000))
    share = np.mean(
        np.linalg.norm(xy[:, None] - mixture.means, axis=-1).min(axis=1) < 3 * mixture.sigma
    )
    assert share == pytest.approx(1 - math.exp(-4.5), abs=0.003)


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_points_become_images_and_come_back(name):
    mixture = points.MIXTURES[name]
    xy = mixture.sample(100, np.random.default_rng(0))
    images = mixture.to_image(xy)
    assert images.shape == (100, 1, 1, 2)
    assert images.min() >= 0
    assert images.max() <= 1
    np.testing.assert_allclose(mixture.to_points(images), xy, atol=1e-12)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_the_score_is_the_gradient_of_the_density_of_noisy_points(noise):
    """Finite differences of the density of a mixture that is wider by the noise."""
    mixture = points.MIXTURES["ring"]
    sigma = np.hypot(mixture.sigma, noise * mixture.extent)
    wider = dataclasses.replace(mixture, sigma=sigma)
    x = np.array([[0.9, 0.02], [0.6, 0.65]])
    for axis in range(2):
        step = np.zeros(2)
        step[axis] = 1e-6
        ahead, behind = (wider.log_prob((x + s) * mixture.extent) for s in (step, -step))
        found = mixture.score(x, noise)[:, axis]
        np.testing.assert_allclose(found, (ahead - behind) / 2e-6, rtol=1e-4)
