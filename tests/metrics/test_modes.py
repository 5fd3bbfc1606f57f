"""Modes of a mixture that samples find: those of a perfect sampler, and of a collapsed one."""

import math

import numpy as np
import pytest

from tfgen.data.points import MIXTURES
from tfgen.metrics import (
    modes,
)


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_an_ideal_sampler_of_the_modes(name, random):
    mixture = MIXTURES[name]
    points = mixture.sample(200_000, random)
    covered, good, kl = modes.modes(points, mixture.means, mixture.sigma)
    assert covered == len(mixture.means)
    assert good == pytest.approx(1 - math.exp(-4.5), abs=1e-3)  # 98.89 %
    assert kl < 1e-3


def test_modes_of_a_collapsed_sampler():
    means = MIXTURES["ring"].means
    assert modes.modes(means[[3, 3, 3]], means, 0.01) == (1, 1.0, pytest.approx(math.log(8)))
    assert modes.modes(np.zeros((5, 2)), means, 0.01) == (0, 0.0, math.inf)
    half = np.concatenate([means[:2], np.zeros((2, 2))])
    assert modes.modes(half, means, 0.01) == (2, 0.5, pytest.approx(math.log(4)))
