"""MIG, DCI, FactorVAE score and SAP: perfect, random, rotated and collapsed codes."""

import itertools
import math

import numpy as np
import pytest
import scipy.linalg

from tfgen.metrics import disentanglement as d

SIZES = (4, 3, 5)


@pytest.fixture(scope="module")
def factors():
    """The whole grid of three factors, many times over."""
    grid = np.array(list(itertools.product(*map(range, SIZES))))
    return np.random.default_rng(0).permutation(np.tile(grid, (40, 1)))


@pytest.fixture(scope="module")
def perfect(factors):
    """A unit for each factor, and one that knows nothing."""
    random = np.random.default_rng(1)
    spare = random.normal(size=(len(factors), 1))
    return np.concatenate([factors + 0.01 * random.normal(size=factors.shape), spare], axis=1)


@pytest.fixture(scope="module")
def noise(factors):
    return np.random.default_rng(2).normal(size=(len(factors), 4))


def halves(codes, factors):
    n = len(codes) // 2
    return codes[:n], factors[:n], codes[n:], factors[n:]


def test_perfect_codes(perfect, factors):
    assert d.mig(perfect, factors) > 0.97
    disentangled, complete, informative = d.dci(*halves(perfect, factors))
    assert min(disentangled, complete, informative) > 0.95
    assert d.factor_vae_score(perfect, factors) == 1.0


def test_random_codes(noise, factors):
    assert d.mig(noise, factors) < 0.03
    disentangled, complete, informative = d.dci(*halves(noise, factors))
    assert max(disentangled, complete) < 0.1
    assert informative == pytest.approx(np.mean([1 / n for n in SIZES]), abs=0.07)
    # A majority vote can do a little better than chance.
    assert d.factor_vae_score(noise, factors) < 0.45
    assert d.sap(*halves(noise, factors)) < 0.05


def test_each_factor_in_two_units_has_no_gap(perfect, factors):
    doubled = np.concatenate([perfect[:, :3], perfect[:, :3]], axis=1)
    assert d.mig(doubled, factors) < 0.02
    assert d.sap(*halves(doubled, factors)) < 0.02
    disentangled, complete, _ = d.dci(*halves(doubled, factors))
    assert disentangled > 0.9  # each unit still serves one factor
    assert complete < 0.75  # but no factor is served by one unit


def test_a_rotation_of_the_codes_is_entangled(perfect, factors):
    turn = scipy.linalg.hadamard(4) / 2.0  # every unit is an equal mixture of all
    scaled = perfect / perfect.std(axis=0)
    assert d.mig(scaled @ turn, factors) < 0.3
    assert d.dci(*halves(scaled @ turn, factors))[0] < 0.5


def test_collapsed_codes_score_zero(factors):
    assert d.factor_vae_score(np.zeros((len(factors), 3)), factors) == 0.0
    assert d.mig(np.zeros((len(factors), 3)), factors) == 0.0


def test_units_take_part_from_a_standard_deviation_of_a_twentieth(factors):
    """The threshold of disentanglement_lib; a variance of 0.05 would be a deviation of 0.22."""
    codes = (factors - factors.mean(axis=0)) / factors.std(axis=0)
    for deviation, score in ((0.092, 1.0), (0.051, 1.0), (0.049, 2 / 3)):
        found = d.factor_vae_score(codes * [1.0, 1.0, deviation], factors)
        assert found == pytest.approx(score, abs=0.02), deviation


def test_sap_of_one_binary_unit():
    """One unit tells the factor wholly, the other half of the time: the gap is a half."""
    random = np.random.default_rng(0)
    factor = random.integers(2, size=(4000, 1))
    codes = np.concatenate([factor, random.integers(2, size=(4000, 1))], axis=1).astype(float)
    assert d.sap(*halves(codes, factor)) == pytest.approx(0.5, abs=0.04)


def test_mutual_information_by_hand():
    codes = np.array([[0.0], [0.0], [1.0], [1.0]])
    factors = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    np.testing.assert_allclose(
        d.mutual_information(codes, factors), [[math.log(2), 0.0]], atol=1e-12
    )
    # A quarter of the unit's mass in each of four cells: log 2 of log 4 is known of both.
    assert d.mig(np.array([[0.0], [0.0], [1.0], [1.0]]), factors[:, :1]) == pytest.approx(1.0)


def test_dci_of_known_importances():
    assert d.dci_from_importance(np.eye(3)) == pytest.approx((1.0, 1.0), abs=1e-6)
    assert d.dci_from_importance(np.ones((3, 3))) == pytest.approx((0.0, 0.0), abs=1e-6)
    # Two units share one factor evenly: each serves one factor, but the factor has two units.
    disentangled, complete = d.dci_from_importance(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 2.0]]))
    assert disentangled == pytest.approx(1.0, abs=1e-6)
    assert complete == pytest.approx(1.0 - 0.5 * math.log(2) / math.log(3), abs=1e-6)


def test_bins_are_equal_and_hold_their_ends():
    np.testing.assert_array_equal(
        d.discretise(np.array([[0.0], [0.49], [0.51], [1.0]]), 2)[:, 0], [0, 0, 1, 1]
    )
    np.testing.assert_array_equal(d.discretise(np.full((3, 1), 7.0))[:, 0], [0, 0, 0])
