"""A normal density on levels 0 .. L - 1, in closed form: no sum over the levels.

    p(k) = exp(-(k - m)^2 / (2 s^2)) / Z,   k = 0 .. L - 1

By Sheppard's correction the integral over a level's bin [k - 1/2, k + 1/2] of a normal density of
variance r^2 = s^2 - 1/12 is that of p but for a constant factor and a relative O(z^4 / (2880 s^4)),
z = (k - m) / s. So p is a truncated normal that is rounded, and

    Z = s sqrt(2 pi) (Phi(b) - Phi(a)),   a = (-1/2 - m) / r,   b = (L - 1/2 - m) / r

For s of 8 levels and more that is Z and p to the rounding of float32; for m further outside than
the levels are wide, where all weight is on a few at the end, the mean is off by up to .03 levels.
By symmetry the side is taken on which a + b >= 0, so that upper tails Q = 1 - Phi are small
numbers without cancellation; they are kept as logarithms, for m far outside of the levels.

Shapes: m, uniforms u, and results [...]. Units: levels.
"""

import math

import tensorflow as tf

from tfgen.objectives.likelihoods import log_normal_cdf, normal_quantile

LEAST = 8.0  # levels that s must span
ROOT = math.sqrt(2.0 * math.pi)


def log_sum(m: tf.Tensor, s: float, levels: int) -> tf.Tensor:
    """log Z."""
    a, b, _ = _ends(m, s, levels)
    return math.log(s * ROOT) + _log_q(a) + tf.math.log(_share(a, b))


def mean(m: tf.Tensor, s: float, levels: int) -> tf.Tensor:
    """E[k] = m + s^2 d log Z / d m."""
    a, b, turned = _ends(m, s, levels)
    # phi(a) / (Q(a) - Q(b)): the logarithms cancel far outside.
    at_a = tf.exp(-0.5 * tf.square(a) - _log_q(a)) / _share(a, b)
    at_b = tf.exp(-0.5 * tf.square(b) - _log_q(a)) / _share(a, b)
    pull = s**2 / _width(s) / ROOT * (at_a - at_b)
    return tf.clip_by_value(m + tf.where(turned, -pull, pull), 0.0, levels - 1.0)


def draw(m: tf.Tensor, s: float, levels: int, u: tf.Tensor) -> tf.Tensor:
    """The draw at uniforms u, rising with u."""
    a, b, turned = _ends(m, s, levels)
    log_tail = _log_q(a) + tf.math.log(1.0 - tf.where(turned, 1.0 - u, u) * _share(a, b))
    z = _from_log_q(log_tail)
    x = m + _width(s) * tf.where(turned, -z, z)
    return tf.clip_by_value(tf.round(x), 0.0, levels - 1.0)


def _width(s: float) -> float:
    return math.sqrt(s**2 - 1.0 / 12.0)


def _ends(m: tf.Tensor, s: float, levels: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """a and b with a + b >= 0, and whether they are those of the levels counted from the top."""
    turned = m > 0.5 * (levels - 1)
    # The nearer end is a.
    m = tf.where(turned, levels - 1.0 - m, m)
    return (-0.5 - m) / _width(s), (levels - 0.5 - m) / _width(s), turned


def _share(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """1 - Q(b) / Q(a)."""
    return 1.0 - tf.exp(_log_q(b) - _log_q(a))


def _log_q(z: tf.Tensor) -> tf.Tensor:
    """log (1 - Phi(z))."""
    tail = log_normal_cdf(-tf.abs(z))
    return tf.where(z > 0.0, tail, tf.math.log(1.0 - tf.minimum(tf.exp(tail), 0.5)))


def _from_log_q(log_q: tf.Tensor) -> tf.Tensor:
    """The z of log Q(z): by the quantile; where that ends, by Newton's method."""
    near = -normal_quantile(tf.clip_by_value(tf.exp(log_q), 1e-10, 1.0 - 6e-8))
    far = tf.minimum(log_q, -20.0)
    z = tf.sqrt(-2.0 * far - tf.math.log(-4.0 * math.pi * far))
    for _ in range(3):
        found = log_normal_cdf(-z)
        z += (found - far) * ROOT * tf.exp(found + 0.5 * tf.square(z))
    return tf.where(log_q > -20.0, near, z)
