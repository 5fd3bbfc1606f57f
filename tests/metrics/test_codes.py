"""Probes of codes: those that know, those that do not, and brute force."""

import numpy as np
import pytest

from tests.support.arrays import brute_force
from tfgen.metrics import (
    codes,
)


def test_probes_of_codes_that_know_and_codes_that_do_not(random):
    labels = random.integers(3, size=300)
    knows = np.eye(3)[labels] + 0.01 * random.normal(size=(300, 3))
    not_at_all = random.normal(size=(300, 3))
    for probe in (codes.linear_probe, codes.knn_accuracy):
        assert probe(knows[:200], labels[:200], knows[200:], labels[200:]) == 1.0
        found = probe(not_at_all[:200], labels[:200], not_at_all[200:], labels[200:])
        assert found == pytest.approx(1 / 3, abs=0.15)


def test_knn_is_brute_force(random):
    train, test = random.normal(size=(60, 2)), random.normal(size=(40, 2))
    labels, truth = (train[:, 0] > 0).astype(int), (test[:, 0] > 0).astype(int)
    votes = [np.bincount(labels[np.argsort(row)[:5]]).argmax() for row in brute_force(test, train)]
    assert codes.knn_accuracy(train, labels, test, truth) == np.mean(np.array(votes) == truth)
