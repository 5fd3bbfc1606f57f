"""Metrics by the counts of papers are those of the packages that papers use, to rounding.

The constants are what `python benchmarks/peers_metrics.py` printed, in an environment of its own,
with torch-fidelity 0.4.0, pytorch-fid 0.3.0, prdc 0.2 and torch 2.14.1.
"""

import numpy as np
import pytest

from benchmarks.peers_metrics import arrays
from tfgen.errors import NotMeasurable
from tfgen.metrics import published


def test_they_are_those_of_the_packages():
    real, fake, logits = arrays()
    found = [
        published.fid(real, fake),
        *published.inception_score(logits),
        *published.kid(real, fake),
        *published.prdc(real, fake).values(),
    ]
    theirs = [
        0.9209982991847152,
        *(2.254827638562582, 0.08349901907116135),
        *(0.5249544371923739, 0.01669893121965929),
        *(0.8036363636363636, 0.9975, 0.6221818181818182, 0.8241666666666667),
    ]
    np.testing.assert_allclose(found, theirs, rtol=1e-10)


def test_what_cannot_be_computed_is_refused_and_nothing_else():
    real, fake, logits = arrays()
    with pytest.raises(NotMeasurable, match="subsets of 1000 images"):
        published.kid(real[:999], fake)
    with pytest.raises(NotMeasurable, match="10 splits"):
        published.inception_score(logits[:9])
    # Fewer images than features: papers compute it, and it is too great.
    assert published.fid(real[:4], fake[:4]) > published.fid(real, fake)
