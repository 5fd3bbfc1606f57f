"""Samplers of many steps: functions of (a denoiser, noise, steps) that loop once in a graph.

A denoiser is a function (x_t [B, H, W, C], t [B]) -> its guess of x_0, [B, H, W, C].

What a loop does in a turn is a function too, of each row's own number, so that one step can be
taken alone: whoever shows how an image appears takes them one after the other.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf

from tfgen.objectives.diffusion import Mixing

Denoiser: TypeAlias = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
Noise: TypeAlias = "tf.Tensor | None"
Draw: TypeAlias = Callable[[tf.Tensor], tf.Tensor]  # a step's number, int32 scalar -> its noise
# (n int32 [B], x, the noise of the step) -> (x after the step, the guess of x_0 that it took).
Step: TypeAlias = Callable[[tf.Tensor, tf.Tensor, Noise], tuple[tf.Tensor, tf.Tensor]]


def of_each(noise: Noise) -> Draw | None:
    """The noise of a step, of that of all, [B, N, H, W, C]; None for none."""
    return None if noise is None else lambda n: tf.gather(noise, n, axis=1)


def loop(
    step: Step,
    count: int,
    x: tf.Tensor,
    draw: Draw | None = None,
    after: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
    first: int = 0,
) -> tf.Tensor:
    """x where the step `first` begins -> where the last of `count` ends.

    Args:
      draw: the noise of a step; None where steps add none.
      after: what becomes of x at once, of (x, the step's number, int32 scalar).
    """

    def turn(n: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x, _ = step(_each(n, x), x, draw(n) if draw else None)
        return n + 1, after(x, n) if after else x

    return tf.while_loop(lambda n, _: n < count, turn, (tf.constant(first), x))[1]


def mixed(denoise: Denoiser, times: np.ndarray, mixing: Mixing) -> Step:
    """A step of DDPM or DDIM: x_s = of_x0 denoise(x_t, t) + of_xt x_t + sigma z.

    Args: times t, int [N]; mixing: arrays [N] of numbers, of the step from each.
    """
    known = tf.constant(times, tf.int32)

    def step(n: tf.Tensor, x: tf.Tensor, z: Noise = None) -> tuple[tf.Tensor, tf.Tensor]:
        of_x0, of_xt, sigma = _numbers(mixing, n)
        guess = denoise(x, tf.gather(known, n))
        x_s = of_x0 * guess + of_xt * x
        return x_s if z is None else x_s + sigma * z, guess

    return step


class Way(NamedTuple):
    """Evaluations of a denoiser along dx / dsigma = (x - D(x; sigma)) / sigma: arrays [K], by turn.

    A step of Heun is two turns, of Euler one: so the loop holds the denoiser once.
    """

    sigma: np.ndarray  # at which D is evaluated
    length: np.ndarray  # of the step, d sigma
    before: np.ndarray  # the share of the last slope in the one that is gone by
    begins: np.ndarray  # 1 where a step begins, 0 where it is corrected
    added: np.ndarray  # the standard deviation of the noise that is added before
    number: np.ndarray  # of the step


def _way(sigmas: np.ndarray, gamma: np.ndarray, scale: float, second: bool) -> Way:
    starts = sigmas[:-1] * (1.0 + gamma)
    added = scale * np.sqrt(starts**2 - sigmas[:-1] ** 2)
    turns = []
    for i, (t, s) in enumerate(zip(starts, sigmas[1:], strict=True)):
        turns.append((t, s - t, 0.0, 1.0, added[i], i))
        if second and s > 0:
            turns.append((s, s - t, 0.5, 0.0, 0.0, i))
    return Way(*map(np.array, zip(*turns, strict=True)))


def heun(sigmas: np.ndarray, gamma: np.ndarray, scale: float = 1.0) -> Way:
    """Karras et al. 2022, algorithm 2: sigmas [N + 1], falling; gamma [N] of churn."""
    return _way(sigmas, gamma, scale, second=True)


def euler(sigmas: np.ndarray, gamma: np.ndarray, scale: float = 1.0) -> Way:
    """The same without the correction."""
    return _way(sigmas, gamma, scale, second=False)


class State(NamedTuple):
    """Where a step is: x, where it began, and the slope of the last turn."""

    x: tf.Tensor
    start: tf.Tensor
    slope: tf.Tensor


def _turn(
    denoise: Denoiser, way: Way, k: tf.Tensor, state: State, z: Noise
) -> tuple[State, tf.Tensor]:
    """A turn of each row's own number k, int32 [B], and its guess."""
    sigma, length, before, begins, added, _ = _numbers(way, k)
    x = state.x if z is None else state.x + added * z
    guess = denoise(x, tf.reshape(sigma, [-1]))
    slope = (x - guess) / sigma
    start = begins * x + (1.0 - begins) * state.start
    x = start + length * ((1.0 - before) * slope + before * state.slope)
    return State(x, start, slope), guess


def along(
    denoise: Denoiser, x: tf.Tensor, way: Way, draw: Draw | None = None, first: int = 0
) -> tf.Tensor:
    """x where the step `first` begins -> x at the last sigma.

    draw: the noise of a step, for churn.
    """
    number = tf.constant(way.number, tf.int32)

    def turn(k: tf.Tensor, *state: tf.Tensor) -> tuple[tf.Tensor, ...]:
        z = draw(tf.gather(number, k)) if draw else None
        return k + 1, *_turn(denoise, way, _each(k, state[0]), State(*state), z)[0]

    count = len(way.sigma)
    begin = (tf.constant(np.flatnonzero(way.begins)[first], tf.int32), x, x, tf.zeros_like(x))
    return tf.while_loop(lambda k, *_: k < count, turn, begin)[1]


def step_along(denoise: Denoiser, way: Way) -> Step:
    """A step of `along`, with its correction where it has one."""
    begins = np.flatnonzero(way.begins)
    corrected = np.diff(np.append(begins, len(way.begins))) > 1

    def step(n: tf.Tensor, x: tf.Tensor, z: Noise = None) -> tuple[tf.Tensor, tf.Tensor]:
        k = tf.gather(tf.constant(begins, tf.int32), n)
        once, guess = _turn(denoise, way, k, State(x, x, tf.zeros_like(x)), z)
        if not corrected.any():
            return once.x, guess
        # A row that is not corrected takes some other's turn, which does not count.
        again = tf.minimum(k + 1, len(way.begins) - 1)
        twice, _ = _turn(denoise, way, again, once, None)
        corrects = tf.reshape(tf.gather(tf.constant(corrected), n), [-1, 1, 1, 1])
        return tf.where(corrects, twice.x, once.x), guess

    return step


def langevin(score: Denoiser, sigmas: np.ndarray, alpha: np.ndarray) -> Step:
    """A step of annealed Langevin dynamics, Song and Ermon 2019, algorithm 1.

        x += a / 2 score + sqrt(a) z

    and after all of them one to the mean of x_0, x += sigma^2 score, at the last sigma.

    Args: score, of (x, sigma [B]); sigmas, alpha [N], of each step; then there are N + 1.
    """
    drift = np.append(0.5 * alpha, sigmas[-1] ** 2)
    every, spread = np.append(sigmas, sigmas[-1]), np.append(np.sqrt(alpha), 0.0)

    def step(n: tf.Tensor, x: tf.Tensor, z: Noise) -> tuple[tf.Tensor, tf.Tensor]:
        sigma, a, s = _numbers((every, drift, spread), n)
        slope = score(x, tf.reshape(sigma, [-1]))
        return x + a * slope + s * z, x + tf.square(sigma) * slope

    return step


def _each(n: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """A number for each row of x: int32 [B]."""
    return tf.fill(tf.shape(x)[:1], n)


def _numbers(columns: Sequence[np.ndarray], n: tf.Tensor) -> list[Any]:
    """Row n of each column [N], n int32 [B]: each [B, 1, 1, 1]."""
    rows = tf.gather(tf.constant(np.stack(columns, axis=1), tf.float32), n)
    return [tf.reshape(column, [-1, 1, 1, 1]) for column in tf.unstack(rows, axis=1)]
