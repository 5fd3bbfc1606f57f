"""The sliced Wasserstein distance: its pyramid, and distances that are known."""

import math

import numpy as np
import pytest
from scipy import ndimage, stats

from tfgen.metrics import (
    sliced_wasserstein,
)


def test_the_pyramid_adds_up_and_separates_scales(random):
    x = random.random((3, 64, 64, 2))
    levels = sliced_wasserstein.pyramid(x)
    assert [level.shape[1] for level in levels] == [16, 32, 64]
    image = levels[0]
    for level in levels[1:]:
        image = sliced_wasserstein.enlarge(image) + level
    np.testing.assert_allclose(image, x, atol=1e-12)
    # A constant has no details; a chessboard of single pixels has nothing else.
    flat = sliced_wasserstein.pyramid(np.full((1, 32, 32, 1), 0.3))
    np.testing.assert_allclose(flat[0], 0.3)
    np.testing.assert_allclose(flat[1], 0.0, atol=1e-12)
    board = sliced_wasserstein.pyramid(np.indices((32, 32)).sum(axis=0)[None, ..., None] % 2)
    np.testing.assert_allclose(board[0], 0.5, atol=1e-12)


def test_the_sliced_distance_of_a_shift(random):
    """Rows moved by m are |m . d| apart along d: on average |m| E|d_1| over the sphere."""
    rows, m = random.normal(size=(500, 6)), np.array([3.0, 0, 4.0, 0, 0, 0])
    found = sliced_wasserstein.sliced(rows, rows + m, random, directions=4000)
    expected = 5.0 * math.gamma(3) / (math.sqrt(math.pi) * math.gamma(3.5))
    assert found == pytest.approx(expected, rel=0.03)
    assert sliced_wasserstein.sliced(rows, rows[::-1], random) == 0.0


def test_one_direction_is_the_wasserstein_distance(random):
    one, other = random.normal(size=(400, 1)), random.normal(1, 2, size=(400, 1))
    expected = stats.wasserstein_distance(one[:, 0], other[:, 0])
    assert sliced_wasserstein.sliced(one, other, random, 1) == pytest.approx(expected, rel=1e-9)


def test_the_level_that_is_wrong_is_the_one_that_is_named(random):
    real, other = ndimage.gaussian_filter(random.random((2, 200, 32, 32, 1)), (0, 0, 2, 2, 0))
    same = sliced_wasserstein.distances(real, other)
    noisy = sliced_wasserstein.distances(real, other + random.normal(0, 0.01, other.shape))
    assert set(same) == {16, 32}
    assert noisy[32] > 3 * same[32]
    assert noisy[16] < 2 * same[16]
    assert sliced_wasserstein.sides((28, 28, 1)) == sliced_wasserstein.sides((8, 8, 1)) == ()
