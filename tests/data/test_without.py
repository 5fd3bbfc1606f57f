"""A data set without one of its classes."""

import numpy as np
import pytest

from tfgen import data
from tfgen.errors import UserError


@pytest.mark.slow
def test_a_source_without_a_class(digits):
    settings = {"name": "digits", "directory": "", "size": 0, "leave_out": "3"}
    source = data.of_run(settings)
    for split in ("train", "test", "train[:200]"):
        whole, less = (data.arrays(s.load(split)) for s in (digits, source))
        kept = whole["label"] != 3
        np.testing.assert_array_equal(less["image"], whole["image"][kept])
        label = whole["label"][kept]
        np.testing.assert_array_equal(less["label"], label - (label > 3))
        assert source.load(split).size == kept.sum()
    loaded = source.load("train")
    assert loaded.classes == tuple("012456789")
    assert data.of_run(settings | {"leave_out": ""}).load("train").classes == tuple("0123456789")
    with pytest.raises(UserError, match="unknown class of digits '11'"):
        data.of_run(settings | {"leave_out": "11"}).load("train")
    with pytest.raises(UserError, match="no classes"):
        data.of_run(settings | {"name": "ring", "leave_out": "1"}).load("train")
