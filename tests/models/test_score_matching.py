"""Score matching: what is learnt is the gradient of the density of noisy points."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row
from tfgen.compiling import compiled
from tfgen.data.points import LEVELS, MIXTURES


def learnt(name, steps, **changes):
    """A model of points after so many steps, and the noisy points that it is asked about."""
    from tfgen.training import optimizers

    mixture, random = MIXTURES[name], np.random.default_rng(0)
    arguments = dict(network="dense", width=64, blocks=3, half_life=200) | changes
    model = Row("score_matching", arguments, None, (1, 1, 2), LEVELS).build()
    model.compile({"denoiser": optimizers.Adam(2e-3)})
    step = compiled(model.train_step)
    for _ in range(steps):
        images = mixture.to_image(mixture.sample(256, random))
        step({"image": np.round(images * (LEVELS - 1)).astype(np.uint16)})
    return model, mixture.sample(500, random) / mixture.extent, random


def difference(model, mixture, points, sigma, random):
    """sigma |s - s_true|, a root mean square, over noisy points; that of a score of 0 is near 1."""
    x = (points + sigma * random.normal(size=points.shape)).astype(np.float32)
    found = model.score(tf.constant(x[:, None, None]), tf.fill([len(x)], np.float32(sigma)))
    error = found.numpy()[:, 0, 0] - mixture.score(x, sigma)
    return sigma * np.sqrt(np.mean(error**2))


def test_the_learnt_score_is_near_the_true_one():
    model, points, random = learnt("ring", 500, sigma_min=0.3, width=32, blocks=2, half_life=50)
    for sigma in (0.3, 1.0):
        assert difference(model, MIXTURES["ring"], points, sigma, random) < 0.3


@pytest.mark.long
@pytest.mark.parametrize("name", ["ring", "grid"])
def test_a_longer_training_comes_nearer_at_every_sigma(name):
    model, points, random = learnt(name, 6000)
    for sigma in model.sigmas():
        assert difference(model, MIXTURES[name], points, sigma, random) < 0.3, sigma
