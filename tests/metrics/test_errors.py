"""Errors by halves are the spread over other images."""

import numpy as np
import pytest

from tfgen.metrics import distances, errors, neighbours


def test_halves_give_the_spread_of_other_draws_or_somewhat_more():
    """Of a smooth number and of neighbours: beside the deviation over 60 independent sets."""
    random = np.random.default_rng(0)
    n = 300

    def measure(real, fake):
        return {
            "frechet": distances.frechet(real, fake),
            "coverage": neighbours.density_coverage(real, fake)[1],
        }

    sets = [(random.normal(size=(n, 4)), random.normal(0.4, 1.2, size=(n, 4))) for _ in range(60)]
    over_sets = [measure(*pair) for pair in sets]
    estimates = []
    for real, fake in sets[:8]:
        estimates.append(
            errors.by_halves(lambda a, b, r=real, f=fake: measure(r[a], f[b]), n, n, rounds=40)
        )
    for key in ("frechet", "coverage"):
        true = np.std([found[key] for found in over_sets], ddof=1)
        assert 0.9 < np.mean([found[key] for found in estimates]) / true < 1.8, key


def test_the_error_of_a_mean_is_that_of_its_formula():
    x = np.random.default_rng(0).normal(size=501)
    found = errors.by_halves(lambda a, _: {"mean": x[a].mean()}, 501, 501, rounds=400)
    assert found["mean"] == pytest.approx(x.std() / np.sqrt(501), rel=0.12)


def test_numbers_are_told_apart_by_their_errors():
    assert errors.told_apart(1.0, 1.3, 0.1, 0.1)
    assert not errors.told_apart(1.0, 1.2, 0.1, 0.1)
    assert errors.of_share(0.5, 100) == pytest.approx(0.05)
