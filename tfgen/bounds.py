"""Bounds on log p(x) from weights w_i that are drawn one after the other: memory for one draw.

    log 1/k sum_i w_i      tends to log p(x) from below (Burda et al. 2016, equation 8)
    1/k sum_i log w_i      the ELBO, its expectation by k draws

log_w: a function of the draw's number, an int32 scalar -> log w_i [B], nats.
"""

import math

import tensorflow as tf


def log_mean(log_w, samples):
    """log 1/k sum_i w_i, k = samples: [B]."""

    def add(i, total):
        w = log_w(i)
        top = tf.maximum(total, w)
        return i + 1, top + tf.math.log(tf.exp(total - top) + tf.exp(w - top))

    return _over(samples, add, log_w(0)) - math.log(samples)


def mean(log_w, samples):
    """1/k sum_i log w_i, k = samples: [B]."""
    return _over(samples, lambda i, total: (i + 1, total + log_w(i)), log_w(0)) / samples


def _over(samples, body, first):
    return tf.while_loop(lambda i, _: i < samples, body, (tf.constant(1), first))[1]
