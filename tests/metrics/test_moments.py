"""Sums of parts against distances of the whole."""

import numpy as np
import pytest

from tests.support.arrays import sets
from tfgen.errors import NotMeasurable
from tfgen.metrics import distances, moments
from tfgen.metrics.moments import Moments


def summed(x, *cuts):
    """Of parts, merged from the last to the first."""
    total, *others = [Moments.of(part) for part in np.split(x, cuts)][::-1]
    for part in others:
        total = total + part
    return total


def test_distances_of_sums_are_those_of_the_sets(random):
    """Features far from 0 too, where sums of squares would lose their digits."""
    given = sets(random)
    for offset in (0.0, 1e3):
        real, fake = (x + offset for x in given)
        one, other = summed(real, 7, 8, 30), summed(fake, 1, 25)
        assert (one.count, other.count) == (len(real), len(fake))
        assert np.allclose(one.covariance, np.cov(real, rowvar=False), rtol=1e-9, atol=1e-9)
        expected = distances.frechet(real, fake)
        assert moments.frechet(one, other) == pytest.approx(expected, rel=1e-9)
    one, other = (summed(x, 7, 8, 30) for x in given)
    expected = distances.unbiased_mmd(*given)
    assert moments.unbiased_mmd(one, other) == pytest.approx(expected, rel=1e-9)


def test_what_cannot_be_measured_is_said(random):
    few, wide = random.normal(size=(5, 5)), random.normal(size=(3, moments.MOST_OF_KERNEL + 1))
    with pytest.raises(NotMeasurable, match="needs at least 6 images, got 5"):
        moments.frechet(Moments.of(few), Moments.of(few))
    with pytest.raises(NotMeasurable, match="needs at least 2 images, got 1"):
        moments.unbiased_mmd(Moments.of(few[:1]), Moments.of(few))
    with pytest.raises(NotMeasurable, match="up to 128 features, and these are 129"):
        moments.unbiased_mmd(Moments.of(wide), Moments.of(wide) + Moments.of(wide))
