"""Samplers of many steps: functions of (a denoiser, noise, steps) that loop once in a graph.

A denoiser is a function (x_t [B, H, W, C], t [B]) -> its guess of x_0, [B, H, W, C].
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfgen.objectives.diffusion import Mixing

Denoiser = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def mixed(
    denoise: Denoiser,
    x: tf.Tensor,
    times: np.ndarray,
    mixing: Mixing,
    noise: tf.Tensor | None = None,
    after: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
) -> tf.Tensor:
    """x_T -> x_0 by steps of DDPM or DDIM, in x_s = of_x0 denoise(x_t, t) + of_xt x_t + sigma z.

    Args:
      x: x_T, or x_t of the first of the times.
      times: int [N + 1], falling; mixing: arrays [N], of the steps between them.
      noise: z of each step, [B, N, H, W, C]; None where sigma is 0.
      after: what becomes of x_s at once, of (x_s, s [B]).
    """
    table = tf.constant(np.stack(mixing, axis=1), tf.float32)
    known = tf.constant(times, tf.int32)

    def step(n: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        of_x0, of_xt, sigma = tf.unstack(tf.gather(table, n))
        t, s = (tf.fill(tf.shape(x)[:1], tf.gather(known, i)) for i in (n, n + 1))
        x_s = of_x0 * denoise(x, t) + of_xt * x
        if noise is not None:
            x_s += sigma * tf.gather(noise, n, axis=1)
        return n + 1, after(x_s, s) if after else x_s

    count = len(times) - 1
    return tf.while_loop(lambda n, _: n < count, step, (tf.constant(0), x))[1]


class Way(NamedTuple):
    """Evaluations of a denoiser along dx / dsigma = (x - D(x; sigma)) / sigma: arrays [K], by turn.

    A step of Heun is two turns, of Euler one: so the loop holds the denoiser once.
    """

    sigma: np.ndarray  # at which D is evaluated
    length: np.ndarray  # of the step, d sigma
    before: np.ndarray  # the share of the last slope in the one that is gone by
    ends: np.ndarray  # whether the step ends here, and the next one starts
    number: np.ndarray  # of the next step, whose noise is added
    added: np.ndarray  # the standard deviation of that noise
    first: np.ndarray  # the same of the first step, a number


def _way(sigmas: np.ndarray, gamma: np.ndarray, scale: float, second: bool) -> Way:
    starts = sigmas[:-1] * (1.0 + gamma)
    added = np.append(scale * np.sqrt(starts**2 - sigmas[:-1] ** 2), 0.0)
    turns = []
    for i, (t, s) in enumerate(zip(starts, sigmas[1:], strict=True)):
        corrected = second and s > 0
        following = min(i + 1, len(starts) - 1), added[i + 1]
        turns.append((t, s - t, 0.0, not corrected, *following))
        if corrected:
            turns.append((s, s - t, 0.5, True, *following))
    return Way(*map(np.array, [*zip(*turns, strict=True), added[0]]))


def heun(sigmas: np.ndarray, gamma: np.ndarray, scale: float = 1.0) -> Way:
    """Karras et al. 2022, algorithm 2: sigmas [N + 1], falling; gamma [N] of churn."""
    return _way(sigmas, gamma, scale, second=True)


def euler(sigmas: np.ndarray, gamma: np.ndarray, scale: float = 1.0) -> Way:
    """The same without the correction."""
    return _way(sigmas, gamma, scale, second=False)


def along(denoise: Denoiser, x: tf.Tensor, way: Way, noise: tf.Tensor | None = None) -> tf.Tensor:
    """x at the first sigma -> x at the last; noise: of each step, [B, N, H, W, C], for churn."""
    numbers = np.stack([way.sigma, way.length, way.before, way.ends, way.added], axis=1)
    table, following = tf.constant(numbers, tf.float32), tf.constant(way.number, tf.int32)
    if noise is not None:
        x += float(way.first) * noise[:, 0]

    def turn(
        k: tf.Tensor, x: tf.Tensor, start: tf.Tensor, last: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        sigma, length, before, ends, added = tf.unstack(tf.gather(table, k))
        slope = (x - denoise(x, tf.fill(tf.shape(x)[:1], sigma))) / sigma
        x = start + length * ((1.0 - before) * slope + before * last)
        if noise is not None:
            # Where the step goes on, nothing is added yet.
            x += ends * added * tf.gather(noise, tf.gather(following, k), axis=1)
        return k + 1, x, ends * x + (1.0 - ends) * start, slope

    count = len(way.sigma)
    return tf.while_loop(lambda k, *_: k < count, turn, (tf.constant(0), x, x, tf.zeros_like(x)))[1]


def langevin(
    score: Denoiser, x: tf.Tensor, sigmas: np.ndarray, alpha: np.ndarray, noise: tf.Tensor
) -> tf.Tensor:
    """Annealed Langevin dynamics, Song and Ermon 2019, algorithm 1: x += a / 2 score + sqrt(a) z.

    Args: score, of (x, sigma [B]); sigmas, alpha [N], of each step; noise z, [B, N, H, W, C].
    """
    numbers = np.stack([sigmas, 0.5 * alpha, np.sqrt(alpha)], axis=1)
    table = tf.constant(numbers, tf.float32)

    def step(n: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        sigma, drift, spread = tf.unstack(tf.gather(table, n))
        slope = score(x, tf.fill(tf.shape(x)[:1], sigma))
        return n + 1, x + drift * slope + spread * tf.gather(noise, n, axis=1)

    return tf.while_loop(lambda n, _: n < len(sigmas), step, (tf.constant(0), x))[1]
