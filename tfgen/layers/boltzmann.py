"""A restricted Boltzmann machine: its energy, its Gibbs chain, and its partition function.

    E(v, h) = -q(v) - a'v - b'h - v'W h                             Hinton 2002, equation 1
    F(v)    = -q(v) - a'v - sum_j softplus(b_j + (W'v)_j)           p(v) = exp(-F(v)) / Z
    p(h_j = 1|v) = sigmoid(b_j + (W'v)_j)
    p(v_i = k|h) ~ exp(q_k + v_k (a_i + (W h)_i))                   v_k = k / (L - 1)

Binary units have q = 0. Gaussian ones have q(v) = -v^2 / (2 sigma^2): p(v|h) is then a normal
density of mean sigma^2 (a + W h) on the levels that there are, so that it is a probability of
them, and log p(v) is in nats on the data's levels as everywhere. Chains, energies and Z are of that
one distribution. Where sigma spans 8 levels or more, what would be a sum over levels is a closed
form that equals it to float32's rounding (`level_units.py`): a step costs the same for 256 levels.
What is learned is sigma^2 W and sigma^2 a, in the units of v (Cho, Ilin, Raiko 2011).

With offsets mu and lambda the machine learns W, a and b of (Montavon and Mueller 2012; Melchior,
Fischer, Wiskott, JMLR 17, 2016)

    E(v, h) = -q(v) - a'(v - mu) - b'(h - lambda) - (v - mu)'W (h - lambda)

which is the same family, and whose gradient does not depend on which state is called 1.

Z is in `partition.py`.

Shapes: v [B, D] in [0, 1];  h [B, N];  W [D, N].
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgen import random, replicas
from tfgen.layers import level_units
from tfgen.layers.partition import PartitionFunction
from tfgen.objectives.levels import inverted, softplus
from tfgen.training_state import TrainingState

MANY = 32  # levels up to which sums over them are taken as they stand


class Machine(TrainingState, PartitionFunction, keras.layers.Layer):
    """A restricted Boltzmann machine.

    Args:
      visible: D; hidden: N; levels: L; sigma: of Gaussian visible units, 0 for binary ones.
      centred: whether the offsets follow the data; then `update_offsets` is to be called.
      chains: M, chains of PCD that are kept; 0 for CD-k.
    """

    def __init__(
        self,
        visible: int,
        hidden: int,
        levels: int = 2,
        sigma: float = 0.0,
        centred: bool = False,
        chains: int = 0,
        **kwargs: Any,
    ) -> None:
        # Energies and chains are of float32 whatever networks compute in.
        super().__init__(**({"dtype": "float32"} | kwargs))
        self.visible, self.hidden, self.levels, self.sigma = visible, hidden, levels, sigma
        self.centred = centred
        self.scale = 1.0 / sigma**2 if sigma else 1.0  # of W and a as they are learned
        # An instance here: Keras gives two weights of one the same numbers.
        initial = keras.initializers.RandomNormal(stddev=0.01)
        self.W = self._weight("W", (visible, hidden), initial)
        self.a = self._weight("a", (visible,))
        self.b = self._weight("b", (hidden,))
        self.mu = self._weight("mu", (visible,), trainable=False)
        self.offset = self._weight("lambda", (hidden,), trainable=False)
        # Biases of the independent units that annealing starts from.
        self.base = self._weight("base", (visible,), trainable=False)
        self.particles = None
        if chains:
            self.particles = self._weight("particles", (chains, visible), trainable=False)
        self.built = True

    def _weight(
        self, name: str, shape: Sequence[int], initializer: str = "zeros", trainable: bool = True
    ) -> keras.Variable:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            trainable=trainable,
            aggregation="mean",
        )

    def training_only(self) -> list[keras.Variable]:
        return [] if self.particles is None else [self.particles]

    def learned(self) -> list[keras.Variable]:
        """What an optimizer moves."""
        return [self.W, self.a, self.b]

    # --- energies --------------------------------------------------------------------------------

    def biases(self) -> tuple[tf.Tensor, tf.Tensor]:
        """a and b of the energy without offsets."""
        if not self.centred:
            return self.scale * self.a, tf.convert_to_tensor(self.b)
        a = self.scale * self.a - tf.linalg.matvec(self.weights_of_pairs(), self.offset)
        return a, self.b - tf.linalg.matvec(self.weights_of_pairs(), self.mu, transpose_a=True)

    def weights_of_pairs(self) -> tf.Tensor:
        """W of the energy: [D, N]."""
        return self.scale * self.W

    def to_hidden(self, v: tf.Tensor) -> tf.Tensor:
        """b + W'v: [B, D] -> [B, N], the logits of p(h = 1|v)."""
        return tf.matmul(v, self.weights_of_pairs()) + self.biases()[1]

    def to_visible(self, h: tf.Tensor) -> tf.Tensor:
        """a + W h: [B, N] -> [B, D], the fields of p(v|h)."""
        return tf.matmul(h, self.weights_of_pairs(), transpose_b=True) + self.biases()[0]

    def base_measure(self, v: tf.Tensor) -> tf.Tensor:
        """q(v): [B, D] -> [B]."""
        if not self.sigma:
            return tf.zeros_like(v[:, 0])
        return -tf.reduce_sum(tf.square(v), axis=-1) / (2.0 * self.sigma**2)

    def free_energy(self, v: tf.Tensor, beta: float | tf.Tensor = 1.0) -> tf.Tensor:
        """F(v): [B, D] -> [B], nats; of the annealed machine at beta, see `annealed`."""
        if isinstance(beta, float) and beta == 1.0:
            of_v = tf.linalg.matvec(v, self.biases()[0])
        else:
            of_v = tf.linalg.matvec(v, self.annealed_bias(beta))
        hidden = tf.reduce_sum(softplus(beta * self.to_hidden(v)), axis=-1)
        return -self.base_measure(v) - of_v - hidden

    def annealed_bias(self, beta: float | tf.Tensor) -> tf.Tensor:
        """a at an inverse temperature: `base` at 0, where W and b are 0, and a at 1."""
        return (1.0 - beta) * self.base + beta * self.biases()[0]

    # --- visible units given their fields --------------------------------------------------------

    @property
    def many_levels(self) -> bool:
        """Whether sums over the levels are in closed form."""
        return self.levels > MANY and self.sigma * (self.levels - 1) >= level_units.LEAST

    def _in_levels(self, fields: tf.Tensor) -> tuple[tf.Tensor, float]:
        """(the mean m, the width s) of the normal density on levels, see `level_units`."""
        top = self.levels - 1.0
        return fields * (self.sigma**2 * top), self.sigma * top

    def _exponents(self, fields: tf.Tensor) -> tf.Tensor:
        """q_k + v_k f for each level: [..., D] -> [..., D, L]."""
        v = np.arange(self.levels, dtype=np.float32) / (self.levels - 1)
        q = -np.square(v) / (2.0 * self.sigma**2) if self.sigma else np.zeros_like(v)
        return q + v * fields[..., None]

    def log_partition_of_visible(self, fields: tf.Tensor) -> tf.Tensor:
        """log sum_v exp(q(v) + v f) of each unit: [..., D] -> [..., D]."""
        if self.levels == 2 and not self.sigma:
            return softplus(fields)
        if self.many_levels:
            # exp(q + v f) is a normal density of f sigma^2 but for its square in the exponent.
            square = 0.5 * tf.square(self.sigma * fields)
            return square + level_units.log_sum(*self._in_levels(fields), self.levels)
        return tf.reduce_logsumexp(self._exponents(fields), axis=-1)

    def mean_visible(self, fields: tf.Tensor) -> tf.Tensor:
        """E[v]: [B, D] -> [B, D]."""
        if self.levels == 2 and not self.sigma:
            return tf.sigmoid(fields)
        if self.many_levels:
            mean = level_units.mean(*self._in_levels(fields), self.levels)
            return mean / (self.levels - 1)
        p = tf.nn.softmax(self._exponents(fields))
        values = tf.range(self.levels, dtype=tf.float32) / (self.levels - 1)
        return tf.minimum(tf.reduce_sum(p * values, axis=-1), 1.0)

    def draw_visible(self, fields: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        """The draw at uniforms u: [B, D], [B, D] -> [B, D]."""
        if self.levels == 2 and not self.sigma:
            return tf.cast(u < tf.sigmoid(fields), tf.float32)
        if self.many_levels:
            k = level_units.draw(*self._in_levels(fields), self.levels, u)
            return k / (self.levels - 1)
        p = tf.nn.softmax(self._exponents(fields))
        return inverted(tf.cumsum(p, axis=-1), u) / (self.levels - 1)

    def log_visible_given(self, v: tf.Tensor, h: tf.Tensor) -> tf.Tensor:
        """log p(v|h): [B, D], [B, N] -> [B], nats."""
        fields = self.to_visible(h)
        log_z = tf.reduce_sum(self.log_partition_of_visible(fields), axis=-1)
        return self.base_measure(v) + tf.reduce_sum(v * fields, axis=-1) - log_z

    # --- chains ----------------------------------------------------------------------------------

    def draw_hidden(self, v: tf.Tensor, u: tf.Tensor, beta: float | tf.Tensor = 1.0) -> tf.Tensor:
        return tf.cast(u < tf.sigmoid(beta * self.to_hidden(v)), tf.float32)

    def step(self, v: tf.Tensor, u: tf.Tensor, beta: float | tf.Tensor = 1.0) -> tf.Tensor:
        """A step of Gibbs sampling: v [B, D], uniforms u [B, N + D] -> v [B, D]."""
        h = self.draw_hidden(v, u[:, : self.hidden], beta)
        fields = beta * tf.matmul(h, self.weights_of_pairs(), transpose_b=True)
        return self.draw_visible(fields + self.annealed_bias(beta), u[:, self.hidden :])

    def gibbs(self, v: tf.Tensor, seeds: tf.Tensor, k: int) -> tf.Tensor:
        """k steps, each with uniforms of its own from int32 seeds [B]: [B, D] -> [B, D]."""
        for t in range(k):
            v = self.step(v, random.uniform(seeds, [self.hidden + self.visible], f"gibbs {t}"))
        return v

    def negative(
        self, v: tf.Tensor, seeds: tf.Tensor, k: int, seeds_of_chains: Callable[[int], tf.Tensor]
    ) -> tf.Tensor:
        """Where the machine is: k steps from the data v, or of the chains that go on.

        seeds_of_chains: (number) -> int32 [number], new ones at each step of training.
        """
        if self.particles is None:
            return self.gibbs(v, seeds, k)
        # Each replica moves its part of the chains, and knows where the others moved theirs.
        own = replicas.own_rows(tf.convert_to_tensor(self.particles))
        own = self.gibbs(own, seeds_of_chains(own.shape[0]), k)
        self.particles.assign(replicas.all_rows(own))
        return own

    def start(self, u: tf.Tensor) -> tf.Tensor:
        """Draws of the independent units at the start of annealing: [B, D] -> [B, D]."""
        return self.draw_visible(self.base + tf.zeros_like(u), u)

    def run(self, v: tf.Tensor, u: tf.Tensor, heating: int = 0) -> tf.Tensor:
        """A chain: v [B, D], u [B, T, N + D] -> v [B, D]. Over the first `heating` steps the
        machine goes from independent units to itself."""
        steps = u.shape[1]

        def turn(t: tf.Tensor, v: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            beta = tf.minimum(1.0, tf.cast(t + 1, tf.float32) / max(heating, 1))
            return t + 1, self.step(v, tf.gather(u, t, axis=1), beta)

        return tf.while_loop(lambda t, _: t < steps, turn, (tf.constant(0), v))[1]

    # --- what is learned from data ---------------------------------------------------------------

    def follow(self, v: tf.Tensor, rate: float = 0.01) -> None:
        """Moves the offsets towards the means of v [B, D], over all replicas."""
        v = replicas.all_rows(v)
        h = tf.sigmoid(self.to_hidden(v))
        self.update_offsets(tf.reduce_mean(v, axis=0), tf.reduce_mean(h, axis=0), rate)

    def update_offsets(self, v: tf.Tensor, h: tf.Tensor, rate: float = 0.01) -> None:
        """Moves mu and lambda towards means v [D] and h [N]; the energy stays as it is."""
        d_mu, d_lambda = rate * (v - self.mu), rate * (h - self.offset)
        self.a.assign_add(tf.linalg.matvec(self.W, d_lambda))
        self.b.assign_add(tf.linalg.matvec(self.weights_of_pairs(), d_mu, transpose_a=True))
        self.mu.assign_add(d_mu)
        self.offset.assign_add(d_lambda)

    def set_base(self, v: np.ndarray) -> None:
        """Annealing begins at the data's own means: v [N, D], of all training images."""
        if self.levels == 2 and not self.sigma:
            p = (v.sum(axis=0) + 1.0) / (len(v) + 2.0)
            self.base.assign(np.log(p / (1.0 - p)))
            return
        # E[v] is a rising function of the field: halving finds the field of a mean.
        mean = v.mean(axis=0).clip(0.02, 0.98)
        low, high = np.full(self.visible, -400.0), np.full(self.visible, 400.0)
        for _ in range(60):
            middle = (low + high) / 2
            above = self.mean_visible(tf.constant(middle[None], tf.float32)).numpy()[0] > mean
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        self.base.assign((low + high) / 2)
