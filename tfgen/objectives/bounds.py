"""Bounds on log p(x) from weights w_i that are drawn one after the other: memory for one draw.

    log 1/k sum_i w_i      tends to log p(x) from below (Burda et al. 2016, equation 8)
    1/k sum_i log w_i      the ELBO, its expectation by k draws

log_w: a function of the draw's number, an int32 scalar -> log w_i [B], nats.
"""

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfgen import random


def seeds_of_draws(levels: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function i -> the seeds of each image's i-th draw, int32 [B], of levels [B, H, W, C].

    They come from the image itself: its bound is the same in any batch and place. And other images
    have other draws: with the same ones for all, their errors would be alike, and the mean over
    images would be no better than one of them.
    """
    keys = random.of_levels(levels)
    return lambda i: random.derived(keys, "draw", i)


def log_mean(log_w: Callable[[tf.Tensor], tf.Tensor], samples: int) -> tuple[tf.Tensor, tf.Tensor]:
    """log 1/k sum_i w_i, k = samples, and its standard error by the draws: each [B], nats.

    The error is that of a logarithm, s / (sqrt(k) mean w), with s the standard deviation of w. It
    says how far another k draws may be, not how far log p(x) is: where a few draws have nearly all
    of the weight it is too small, as is the bound.
    """

    def add(
        i: tf.Tensor, sums: tuple[tf.Tensor, tf.Tensor]
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, tf.Tensor]]:
        w = log_w(i)
        return i + 1, (_log_add(sums[0], w), _log_add(sums[1], 2.0 * w))

    w = log_w(0)
    first, second = _over(samples, add, (w, 2.0 * w))
    # k sum w^2 / (sum w)^2 = 1 + (k - 1) / k (s / mean w)^2
    excess = tf.maximum(samples * tf.exp(second - 2.0 * first) - 1.0, 0.0)
    error = tf.sqrt(excess / (samples - 1)) if samples > 1 else math.nan * excess
    return first - math.log(samples), error


def mean(log_w: Callable[[tf.Tensor], tf.Tensor], samples: int) -> tf.Tensor:
    """1/k sum_i log w_i, k = samples: [B]."""
    return _over(samples, lambda i, total: (i + 1, total + log_w(i)), log_w(0)) / samples


def mean_of_parts(
    term: Callable[[tf.Tensor], tf.Tensor], samples: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """The mean of terms, the i-th drawn from the i-th of k parts, k = samples; its error: each [B].

    The standard error is by the differences of neighbours, whose own means differ little,
    for the spread of all terms is mostly that of the parts: if anything it is too great.
    """

    def add(
        i: tf.Tensor, sums: tuple[tf.Tensor, tf.Tensor, tf.Tensor]
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
        total, squares, last = sums
        value = term(i)
        return i + 1, (total + value, squares + tf.square(value - last), value)

    first = term(tf.constant(0))
    total, squares, _ = _over(samples, add, (first, tf.zeros_like(first), first))
    mean_square = squares / (2.0 * (samples - 1)) if samples > 1 else math.nan * squares
    return total / samples, tf.sqrt(mean_square / samples)


def _log_add(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    top = tf.maximum(a, b)
    return top + tf.math.log(tf.exp(a - top) + tf.exp(b - top))


def balanced(eps: tf.Tensor) -> tf.Tensor:
    """Normal draws and their opposites, whitened: [S, Z] -> [2 S, Z], S >= Z.

    Of mean 0 and covariance I to rounding, so that means over them of quadratics are exact.
    """
    eps = tf.concat([eps, -eps], axis=0)
    covariance = tf.matmul(eps, eps, transpose_a=True) / tf.cast(tf.shape(eps)[0], tf.float32)
    whitened = tf.linalg.triangular_solve(tf.linalg.cholesky(covariance), tf.transpose(eps))
    return tf.transpose(whitened)


def _over(samples: int, body: Callable[..., Any], first: Any) -> Any:
    return tf.while_loop(lambda i, _: i < samples, body, (tf.constant(1), first))[1]
