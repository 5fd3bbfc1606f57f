"""Likelihoods: nats per image [N] -> what tables state."""

import math
from collections.abc import Sequence

import numpy as np


def bits_per_dim(nats: float, image_shape: Sequence[int]) -> float:
    """-log p in nats per image of image_shape (H, W, C) -> bits per pixel and channel."""
    return nats / (math.prod(image_shape) * math.log(2.0))


def standard_error(values: np.ndarray) -> float:
    """Of the mean of values [N]."""
    return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def error_of_mean(errors: np.ndarray) -> float:
    """Of the mean of values that have these standard errors, independent of each other: [N]."""
    return float(np.sqrt(np.sum(np.square(errors))) / len(errors))


def active_units(mean: np.ndarray, threshold: float = 0.01) -> np.ndarray:
    """Units whose mean code varies over images, Burda et al. 2016, section 5.2: bool [Z].

    Active: Var_x E[z|x] > 0.01, for codes [N, Z] under a standard normal prior.
    """
    return np.var(np.asarray(mean, np.float64), axis=0) > threshold
