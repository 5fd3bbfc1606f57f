"""Few labels are drawn evenly."""

import numpy as np

from tfgen.analysis import features


def test_few_labels_are_drawn_evenly():
    labels = np.random.default_rng(0).integers(0, 4, 300)
    for seed in range(3):
        rows = features.stratified_rows(labels, 10, seed)
        assert len(set(rows.tolist())) == 10
        assert sorted(np.bincount(labels[rows], minlength=4)) in ([2, 2, 3, 3],)
    assert set(features.stratified_rows(labels, 300, 0)) == set(range(300))
    assert not np.array_equal(
        features.stratified_rows(labels, 10, 0), features.stratified_rows(labels, 10, 1)
    )
