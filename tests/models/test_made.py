"""MADE: its masks, its orders, and its draws."""

import numpy as np
import pytest
import tensorflow as tf

from tfgen import models
from tfgen.errors import UserError
from tfgen.training import building, devices


def test_made_sees_what_its_orders_allow_and_nothing_else():
    """The product of the masks is the order itself: Germain et al. 2015, equation 15."""
    model = models.find("made")((2, 3, 1), 2, hidden=60, depth=2, masks=4, orders="random")
    for order, masks in zip(model.order, model.connected, strict=True):
        paths = masks[0] @ masks[1] @ masks[2]
        place = np.argsort(order)
        assert np.array_equal(paths > 0, place[:, None] < place[None])


def test_made_that_does_not_fit_is_refused_before_its_masks_are_made(monkeypatch):
    """They would take 17 GB; an allocation of these ends a process without a word."""
    monkeypatch.setattr(devices, "free_memory", lambda: 10**9)
    too_many = pytest.raises(UserError, match="made has at least 17,188,257,79")
    with too_many, building.fitting_into_memory("made"):
        models.find("made")((8, 8, 1), 2, hidden=2**17, depth=2)


@pytest.mark.parametrize(("hidden", "least"), [(500, 0.999), (783, 1.0), (1000, 1.0)])
def test_made_of_few_units_sees_pixels_of_the_whole_picture(hidden, least):
    """The share of pairs j < i that a path connects, at 28x28, in every mask."""
    model = models.find("made")((28, 28, 1), 2, hidden=hidden, masks=2, orders="random")
    for order, (first, last) in zip(model.order, model.connected, strict=True):
        place = np.argsort(order)
        earlier = place[:, None] < place[None]
        paths = first @ last > 0
        assert not (paths & ~earlier).any()
        assert paths[earlier].mean() >= least
        # But for the last, which nobody may see, each pixel is seen.
        assert paths.any(axis=1).sum() == 783


@pytest.mark.slow
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_made_draws_unit_by_unit_what_its_networks_say(depth):
    """Each image in the order of its own mask: against the masked network for every pixel."""
    model = models.find("made")((3, 3, 1), 4, hidden=20, depth=depth, masks=3, orders="random")
    random = np.random.default_rng(0)
    for w in model.trainable_variables:
        w.assign_add(0.5 * random.normal(size=w.shape))
    noise = model.noise(tf.range(40))
    which = np.floor(noise["which"].numpy()[:, 0] * 3).astype(int)
    assert len(set(which)) == 3
    x = np.zeros((40, 3, 3, 1), np.float32)
    for row, k in enumerate(which):
        for pixel in model.order[k]:
            parameters = model.masked(x[row : row + 1], model.connected[k])
            drawn = model.p.draw(parameters, noise["u"][row : row + 1]).numpy()
            x[row].flat[pixel] = drawn.flat[pixel]
    assert np.mean(model.generate(noise).numpy() == x) >= 0.999
