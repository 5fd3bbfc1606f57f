"""What the numbers of `VERSION` are. Where this fails, raise it and measure the table anew."""

import numpy as np
import pytest

from tfgen.evaluation import VERSION
from tfgen.metrics import classes, distances, neighbours, reconstruction

random = np.random.default_rng(0)
REAL, FAKE = random.normal(size=(80, 4)), random.normal(0.3, 1.2, size=(80, 4))
X, Y = random.random((2, 6, 12, 12, 1))


def numbers():
    return {
        "frechet": distances.frechet(REAL, FAKE),
        "kid": distances.kernel(REAL, FAKE)[0],
        "precision": neighbours.precision_recall(REAL, FAKE)[0],
        "recall": neighbours.precision_recall(REAL, FAKE)[1],
        "density": neighbours.density_coverage(REAL, FAKE)[0],
        "coverage": neighbours.density_coverage(REAL, FAKE)[1],
        "two_sample": neighbours.two_sample_accuracy(REAL, FAKE)[0],
        "copy_ratio": neighbours.memorisation(FAKE, REAL, REAL[::-1] + 0.1)[0],
        "score": classes.classifier_score(np.abs(REAL) / np.abs(REAL).sum(axis=1, keepdims=True)),
        "ssim": reconstruction.ssim(X, Y),
        "psnr": reconstruction.psnr(X, Y),
    }


EXPECTED = {
    "frechet": 0.815176571,
    "kid": 0.614533864,
    "precision": 0.8625,
    "recall": 0.95,
    "density": 0.76,
    "coverage": 0.8875,
    "two_sample": 0.50625,
    "copy_ratio": 4.546965354,
    "score": 1.230580958,
    "ssim": -0.031433938,
    "psnr": 7.676621872,
}


def test_the_definitions_of_this_version_stand():
    assert VERSION == 3
    found = numbers()
    assert set(found) == set(EXPECTED)
    for key, value in EXPECTED.items():
        assert found[key] == pytest.approx(value, rel=1e-6), key
