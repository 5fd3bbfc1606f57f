"""Likelihoods in other units and their errors, by hand."""

import math

import numpy as np
import pytest

from tfgen.metrics import (
    likelihood,
)


def test_bits_per_dim_of_published_examples():
    """Uniform over 17 levels on 8x8 is 4.087 bits; 3.0 bits on CIFAR-10 are 6388 nats."""
    assert likelihood.bits_per_dim(64 * math.log(17), (8, 8, 1)) == pytest.approx(4.087, abs=1e-3)
    assert likelihood.bits_per_dim(6388, (32, 32, 3)) == pytest.approx(3.0, abs=1e-3)


def test_active_units_and_standard_error(random):
    means = random.normal(size=(5000, 3)) * np.array([1.0, 0.05, 0.2])
    np.testing.assert_array_equal(likelihood.active_units(means), [True, False, True])
    values = random.normal(3.0, 2.0, size=10_000)
    assert likelihood.standard_error(values) == pytest.approx(0.02, rel=0.05)
