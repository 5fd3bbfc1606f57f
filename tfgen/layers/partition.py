"""The partition function of a Boltzmann machine: exact for a small layer, else by annealing.

R. Salakhutdinov and I. Murray. On the Quantitative Analysis of Deep Belief Networks. ICML 2008.
https://doi.org/10.1145/1390156.1390266 (annealed importance sampling, section 4.1)
Y. Burda, R. Grosse, R. Salakhutdinov. Accurate and Conservative Estimates of MRF Log-likelihood
using Reverse Annealing. AISTATS 2015. https://arxiv.org/abs/1412.8566

    Z = sum over one layer's states of what the other sums to       of 20 units at most
    E[w] = Z / Z_0        w of a chain from independent units to the machine
    E[1 / w'] = Z_0 / Z   w' of a chain back, if it begins at a draw of the machine

By Jensen's inequality log mean w is on average below log Z, and the reverse estimate above it. What
neither can know is of a mode that no chain has met: both are then too small alike, their errors
are tiny, and they agree. Hence two forward runs, from units of the data's means and from flat ones,
of which the larger counts, and a reverse run from draws of both and of the data's chains. Where
modes are missed by all of them log Z remains too small, and likelihoods too large, by an amount
that no number here shows. The error is by the delta method, from the weights that were drawn: with
few effective chains it is itself too small.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.compiling import compiled

EXACT = 20  # units of a layer up to which Z is a sum over its states


class LogZ(NamedTuple):
    """log Z of a machine, nats, and what is known of it.

    Args: value; error: its standard error, 0 if exact; reverse: by reverse annealing; effective:
      chains that the estimate rests on, (sum w)^2 / sum w^2, 0 if exact.
    """

    value: float
    error: float
    reverse: float
    effective: float

    @property
    def exact(self) -> bool:
        return not self.effective

    @classmethod
    def unknown(cls, value: float) -> "LogZ":
        """Before it is computed: of a machine without connections."""
        return cls(value, 0.0, value, 1.0)


if TYPE_CHECKING:
    from keras import Layer as _Layer
else:
    _Layer = object  # Keras' class comes after these


class PartitionFunction(_Layer):
    """What a `boltzmann.Machine` can say of its Z."""

    def exact_log_z(self) -> float:
        """log Z by all states of the smaller layer that can be summed over: a number, nats."""
        binary = self.levels == 2 and not self.sigma
        by_visible = binary and self.visible < self.hidden
        units = self.visible if by_visible else self.hidden
        totals = []
        for start in range(0, 2**units, 4096):
            number = np.arange(start, min(start + 4096, 2**units))[:, None]
            block = tf.constant(number >> np.arange(units) & 1, tf.float32)
            total = -self.free_energy(block) if by_visible else self._log_sum_over_v(block)
            totals.append(total.numpy())
        return float(np.logaddexp.reduce(np.concatenate(totals).astype(np.float64)))

    def _log_sum_over_v(self, h: tf.Tensor) -> tf.Tensor:
        """log sum_v exp(-E(v, h)): [B, N] -> [B]."""
        of_v = tf.reduce_sum(self.log_partition_of_visible(self.to_visible(h)), axis=-1)
        return of_v + tf.linalg.matvec(h, self.biases()[1])

    def base_log_z(self) -> float:
        """log Z at the start of annealing."""
        of_v = tf.reduce_sum(self.log_partition_of_visible(tf.convert_to_tensor(self.base)))
        return float(of_v) + self.hidden * math.log(2.0)

    def ais_log_z(self, chains: int, steps: int) -> tuple[float, float]:
        """log Z by annealed importance sampling: (estimate, its standard error), nats."""
        log_w, _ = self._anneal(tf.constant(chains), tf.constant(steps))
        return _log_mean(log_w.numpy(), self.base_log_z())

    def reverse_ais_log_z(self, v: np.ndarray, steps: int) -> tuple[float, float]:
        """The same from draws of the model v [chains, D] down to independent units."""
        log_w = self._cool(tf.constant(v), tf.constant(steps)).numpy()
        estimate, error = _log_mean(log_w, -self.base_log_z())
        return -estimate, error

    def log_z(self, v: np.ndarray, chains: int = 256, steps: int = 3000, mixing: int = 500) -> LogZ:
        """`LogZ`, exact where a layer has `EXACT` units or fewer.

        v [M, D]: training images, from which `mixing` steps of Gibbs sampling lead to draws.
        """
        binary = self.levels == 2 and not self.sigma
        if self.hidden <= EXACT or (binary and self.visible <= EXACT):
            self.set_base(v)
            exact = self.exact_log_z()
            return LogZ(exact, 0.0, exact, 0.0)
        found, drawn = [], []
        flat = np.full((1, self.visible), 0.5, np.float32)
        for start in (flat, v):  # v last, for samples begin at its base
            self.set_base(start)
            log_w, ends = (x.numpy() for x in self._anneal(tf.constant(chains), tf.constant(steps)))
            found.append((*_log_mean(log_w, self.base_log_z()), _effective(log_w)))
            drawn.append(_resampled(ends, log_w, chains // 4))
        value, error, effective = max(found)
        of_data = tf.constant(v[np.arange(chains - 2 * (chains // 4)) % len(v)], tf.float32)
        drawn.append(self._mixed(of_data, tf.constant(mixing)).numpy())
        return LogZ(
            value, error, self.reverse_ais_log_z(np.concatenate(drawn), steps)[0], effective
        )

    @compiled
    def _anneal(self, chains: tf.Tensor, steps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """(log weights [chains], where the chains end [chains, D])."""
        rows = tf.range(chains)
        v = self.start(random.uniform(rows, [self.visible], "anneal start"))

        def turn(
            t: tf.Tensor, v: tf.Tensor, log_w: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            before, beta = (tf.cast(i, tf.float32) / tf.cast(steps, tf.float32) for i in (t, t + 1))
            log_w += self.free_energy(v, before) - self.free_energy(v, beta)
            u = random.uniform(rows + t * chains, [self.hidden + self.visible], "anneal")
            return t + 1, self.step(v, u, beta), log_w

        loop = (tf.constant(0), v, tf.zeros([chains]))
        _, v, log_w = tf.while_loop(lambda t, *_: t < steps, turn, loop)
        return log_w, v

    @compiled
    def _cool(self, v: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
        chains = tf.shape(v)[0]
        rows = tf.range(chains)

        def turn(
            t: tf.Tensor, v: tf.Tensor, log_w: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            before, beta = (
                tf.cast(steps - i, tf.float32) / tf.cast(steps, tf.float32) for i in (t, t + 1)
            )
            u = random.uniform(rows + t * chains, [self.hidden + self.visible], "cool")
            v = self.step(v, u, before)
            log_w += self.free_energy(v, before) - self.free_energy(v, beta)
            return t + 1, v, log_w

        loop = (tf.constant(0), v, tf.zeros([chains]))
        return tf.while_loop(lambda t, *_: t < steps, turn, loop)[2]

    @compiled
    def _mixed(self, v: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
        chains = tf.shape(v)[0]

        def turn(t: tf.Tensor, v: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            seeds = tf.range(chains) + t * chains
            return t + 1, self.step(v, random.uniform(seeds, [self.hidden + self.visible], "mix"))

        return tf.while_loop(lambda t, _: t < steps, turn, (tf.constant(0), v))[1]


def _log_mean(log_w: np.ndarray, log_z: float) -> tuple[float, float]:
    """log (Z_0 mean w) and its standard error, by the delta method."""
    top, w = log_w.max(), _weights(log_w)
    error = w.std(ddof=1) / w.mean() / math.sqrt(len(w))
    return float(log_z + top + math.log(w.mean())), float(error)


def _effective(log_w: np.ndarray) -> float:
    """(sum w)^2 / sum w^2: from 1 to as many as there are."""
    w = _weights(log_w)
    return float(w.sum() ** 2 / np.square(w).sum())


def _resampled(rows: np.ndarray, log_w: np.ndarray, count: int) -> np.ndarray:
    """`count` of the rows, each as often as its weight says, but for rounding."""
    cumulative = np.cumsum(_weights(log_w))
    ticks = (np.arange(count) + 0.5) / count * cumulative[-1]
    return rows[np.searchsorted(cumulative, ticks)]


def _weights(log_w: np.ndarray) -> np.ndarray:
    return np.exp(log_w.astype(np.float64) - log_w.max())
