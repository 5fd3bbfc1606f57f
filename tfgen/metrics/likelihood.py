"""Likelihoods: nats per image [N] -> what tables state."""

import math
from collections.abc import Sequence

import numpy as np

from tfgen.errors import NotMeasurable


def bits_per_dim(nats: float, image_shape: Sequence[int]) -> float:
    """-log p in nats per image of image_shape (H, W, C) -> bits per pixel and channel."""
    return nats / (math.prod(image_shape) * math.log(2.0))


def standard_error(values: np.ndarray) -> float:
    """Of the mean of values [N].

    Raises: NotMeasurable for a single value.
    """
    if len(values) < 2:
        raise NotMeasurable("the error of a mean needs at least 2 images, got 1")
    return float(np.std(values, ddof=1) / math.sqrt(len(values)))


def error_of_mean(errors: np.ndarray) -> float:
    """Of the mean of values that have these standard errors, independent of each other: [N]."""
    return float(np.sqrt(np.sum(np.square(errors))) / len(errors))


def active_units(mean: np.ndarray, threshold: float = 0.01) -> np.ndarray:
    """Units whose mean code varies over images, Burda et al. 2016, section 5.2: bool [Z].

    Active: Var_x E[z|x] > 0.01, for codes [N, Z] under a standard normal prior.

    Raises: NotMeasurable for the code of a single image.
    """
    if len(mean) < 2:
        raise NotMeasurable("units that vary with the image need at least 2 images, got 1")
    return np.var(np.asarray(mean, np.float64), axis=0) > threshold
