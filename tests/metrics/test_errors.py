"""Errors by parts are the spread over other samples."""

import numpy as np
import pytest

from tfgen.metrics import distances, errors, neighbours


def test_parts_give_the_spread_over_other_samples():
    """Of a smooth number and of neighbours: beside the deviation over 60 independent sets."""
    random = np.random.default_rng(0)
    n = 300
    real = random.normal(size=(n, 4))

    def measure(fake):
        return {
            "frechet": distances.frechet(real, fake),
            "coverage": neighbours.density_coverage(real, fake)[1],
        }

    sets = [random.normal(0.4, 1.2, size=(n, 4)) for _ in range(60)]
    over_sets = [measure(fake) for fake in sets]
    estimates = [errors.by_parts(lambda rows, f=f: measure(f[rows]), n, 40) for f in sets[:8]]
    for key in ("frechet", "coverage"):
        true = np.std([found[key] for found in over_sets], ddof=1)
        assert 0.7 < np.mean([found[key] for found in estimates]) / true < 1.5, key


def test_the_error_of_a_mean_is_that_of_its_formula():
    x = np.random.default_rng(0).normal(size=501)
    found = errors.by_parts(lambda rows: {"mean": x[rows].mean()}, 501, 400)
    assert found["mean"] == pytest.approx(x.std() / np.sqrt(501), rel=0.12)


def test_numbers_are_told_apart_by_their_errors():
    assert errors.told_apart(1.0, 1.3, 0.1, 0.1)
    assert not errors.told_apart(1.0, 1.2, 0.1, 0.1)
    assert errors.of_share(0.5, 100) == pytest.approx(0.05)
