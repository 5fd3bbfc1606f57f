"""NICE: a chain of invertible maps, each a shift of half of the image by what the other half says.

L. Dinh, D. Krueger, Y. Bengio. NICE: Non-linear Independent Components Estimation. ICLR Workshop
2015. https://arxiv.org/abs/1410.8516
J. Ho et al. Flow++. ICML 2019. https://arxiv.org/abs/1902.00275 (dequantisation)

    z = f(y),   log p(y) = log N(z; 0, I) + log |det df/dy|         NICE, equation 1
    f_i:  y_a' = y_a,   y_b' = y_b + m_i(y_a)                       additive coupling, section 3.2
    f_S:  y' = exp(s) y                                             scaling, section 3.3

The inverse subtracts, so sampling costs what training costs. The determinant of a coupling is 1;
volume changes by the scaling alone.

f takes all real numbers, so an image in [0, 1] comes to it as (Dinh et al. 2017, section 4.1)

    l = logit(v),   v = 0.05 + 0.9 y

Images have levels and flows have densities, so a level x is spread over its bin of y:

    log p(x) = log int_bin p(l) dl  >=  E_q[log p(l) - log q(l|x)]          Flow++, equation 5
    v = low(x) + width(x) u,   q(l|x) = q(u|x) v (1 - v) / width(x)

u is uniform, or, variational, sigmoid(a + b eps) with a and b of a network that sees x.

The bins tile the whole line, as those of a discretised logistic do. A level in between has 0.9 / L
of v; levels 0 and L - 1 have the margin of 0.05 besides, out to v = 0 and 1, where l is infinite.
There a uniform u puts l at the edge minus an exponential, or nearly so: log v = log width - Exp(1).
So q is a density on all that is called level 0 when it is drawn, and the bound is one on the
probability of that; the probabilities of all images sum to one, and samples and density are of one
distribution. (To the papers the margin is a way to keep logits of data finite: u ends at y = 0 and
1, and what the flow has beyond them is drawn and clipped, but counts for no image.)

Shapes: x, y, v, u, l, z [B, H, W, C], D = H W C numbers;  s [D];  log_det [B].

Departures from the paper: the logit, and outer bins that take the tails; halves are every other
number, alternating; a normal prior; Adam.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfgen import random
from tfgen.compiling import compiled
from tfgen.declared import Count, Layers, Share
from tfgen.errors import one_of
from tfgen.layers import Dropout
from tfgen.model import GenerativeModel
from tfgen.objectives import bounds, divergences
from tfgen.objectives.levels import softplus

MARGIN = 0.05  # of v on either side of [0, 1], so that the logits of 0 and 1 are finite


def logit_of(y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """What the flow takes for y in [0, 1], and the logarithm of its slope: two of y's shape."""
    inner = MARGIN + (1.0 - 2.0 * MARGIN) * y
    above, below = tf.math.log(inner), tf.math.log(1.0 - inner)
    # d logit / d y = (1 - 2 margin) / (inner (1 - inner))
    return above - below, math.log(1.0 - 2.0 * MARGIN) - above - below


def alternating(d: int, start: int) -> np.ndarray:
    """1 for every other of d numbers, from `start` on."""
    return ((np.arange(d) + start) % 2).astype(np.float32)


def idle_weights(net: keras.Model, mask: np.ndarray) -> int:
    """How many weights of a coupling's network come from what it never sees or go to what it keeps.

    mask: 1 for what it sees and keeps, [C] or [H, W, C].
    """
    axes, count = tuple(range(mask.ndim - 1)), mask.shape[-1]
    unseen, kept = np.sum(mask.max(axes) == 0), np.sum(mask.min(axes) == 1)
    first, *_, last, _ = net.trainable_variables
    inputs = math.prod(first.shape) // count
    outputs = (math.prod(last.shape) + last.shape[-1]) // count
    return int(unseen * inputs + kept * outputs)


@keras.saving.register_keras_serializable("tfgen")
class NICE(GenerativeModel):
    """A flow of additive couplings; its likelihood of levels is a lower bound.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      width: units of each hidden layer of a coupling.
      depth: hidden layers of a coupling.
      couplings: the maps in turn, each of which shifts one half by the other.
      dequantisation: where in its bin a level is put: "uniform", or "variational", by a network.
      dropout: share of hidden units dropped in training.

    It takes no networks of the user's own: a coupling's begins near zero, and its masks are ours.
    """

    paper = ("Dinh et al. 2015", "https://arxiv.org/abs/1410.8516")
    descent = {"flow": "loss"}
    likelihood_kind = "lower bound"
    prior = "normal"

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        width: Count = 1000,
        depth: Layers = 5,
        couplings: Layers = 4,
        dequantisation: Literal["uniform", "variational"] = "uniform",
        dropout: Share = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.width, self.depth, self.couplings = width, depth, couplings
        self.dequantisation = one_of("dequantisation", dequantisation, ("uniform", "variational"))
        self.dropout = dropout
        self.size = math.prod(self.image_shape)
        self.nets = self.build_couplings()
        self.s = self.add_weight(name="s", shape=(self.size,), initializer="zeros")
        if dequantisation == "variational":
            self.q = keras.Sequential(
                [
                    layers.Input((self.size,)),
                    layers.Dense(self.width, "relu"),
                    layers.Dense(2 * self.size, kernel_initializer=small(), dtype="float32"),
                ]
            )

    def kept(self) -> list[np.ndarray]:
        """Of each coupling what it keeps: 1 or 0 for each number."""
        return [alternating(self.size, i) for i in range(self.couplings)]

    def idle(self) -> int:
        return sum(map(idle_weights, self.nets, self.kept()))

    def build_couplings(self) -> list[keras.Model]:
        return [self.dense(self.size, i) for i in range(self.couplings)]

    def dense(self, outputs: int, i: int) -> keras.Model:
        """m_i: [B, D] -> [B, outputs]. Its last layer is small: the flow begins near identity."""
        hidden = [
            (layers.Dense(self.width, "relu"), self.drop(f"coupling {i}, {j}"))
            for j in range(self.depth)
        ]
        last = layers.Dense(outputs, kernel_initializer=small(), dtype="float32")
        return keras.Sequential([layers.Input((self.size,)), *sum(hidden, ()), last])

    def drop(self, stream: str) -> keras.Layer:
        return Dropout(self.dropout, stream, self.dropout_masks)

    def trained(self) -> dict[str, list[keras.Variable]]:
        networks = [*self.nets, *([self.q] if self.dequantisation == "variational" else [])]
        return {"flow": [self.s, *(w for net in networks for w in net.trainable_variables)]}

    # --- the flow: logits [B, D] <-> z [B, D] ----------------------------------------------------

    def to_prior(self, y: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """f: (z, log |det df/dy|), [B, D] and [B]."""
        log_det = tf.zeros_like(y[:, 0])
        for kept, net in zip(self.kept(), self.nets, strict=True):
            y += (1.0 - kept) * net(y * kept, training=training)
        return y * tf.exp(self.s), log_det + tf.reduce_sum(self.s)

    def from_prior(self, z: tf.Tensor) -> tf.Tensor:
        """The inverse of f."""
        y = z * tf.exp(-self.s)
        for kept, net in reversed(list(zip(self.kept(), self.nets, strict=True))):
            y -= (1.0 - kept) * net(y * kept)
        return y

    def log_density_of_logit(self, logit: tf.Tensor, training: bool = False) -> tf.Tensor:
        """log p(l): [B, D] -> [B], nats."""
        z, log_det = self.to_prior(logit, training)
        zeros = tf.zeros_like(z)
        return divergences.normal_log_prob(z, zeros, zeros) + log_det

    def in_bin(
        self, levels: tf.Tensor, u: float | tf.Tensor, rest: float | tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The point at u = 1 - rest of the bin's width, and log dl/du: of each number, [B, D]."""
        # Both ends are measured, for 1 - v cannot be had from a v next to 1.
        x, step = tf.cast(levels, tf.float32), (1.0 - 2.0 * MARGIN) / self.levels
        below = tf.where(x > 0, MARGIN + step * x, 0.0)
        above = tf.where(x < self.levels - 1, MARGIN + step * (self.levels - 1 - x), 0.0)
        width = step + tf.where((x > 0) & (x < self.levels - 1), 0.0, MARGIN)
        log_v, log_rest = tf.math.log(below + width * u), tf.math.log(above + width * rest)
        # d logit / d v = 1 / (v (1 - v))
        return log_v - log_rest, tf.math.log(width) - log_v - log_rest

    def dequantised(self, levels: tf.Tensor, noise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """A point l in the bins of levels [B, D] by their noise, and log q(l|x): [B, D] and [B]."""
        if self.dequantisation == "uniform":
            u, rest, log_q = noise, 1.0 - noise, 0.0
        else:
            x = tf.cast(levels, tf.float32) / (self.levels - 1)
            a, log_b = tf.split(self.q(x - 0.5), 2, axis=-1)
            t = a + tf.exp(log_b) * noise
            u, rest = tf.sigmoid(t), tf.sigmoid(-t)
            # log du/dt = log u (1 - u)
            slope = -softplus(t) - softplus(-t)
            zeros = tf.zeros_like(t)
            log_q = divergences.normal_log_prob(noise, zeros, zeros)
            log_q -= tf.reduce_sum(log_b + slope, axis=1)
        logit, slope = self.in_bin(levels, u, rest)
        return logit, log_q - tf.reduce_sum(slope, axis=1)

    def bin_noise(self, seeds: tf.Tensor) -> tf.Tensor:
        """What places a point in each bin: [B, D]."""
        draw = random.uniform if self.dequantisation == "uniform" else random.normal
        return draw(seeds, [self.size], "u")

    def log_weight(self, levels: tf.Tensor, noise: tf.Tensor, training: bool = False) -> tf.Tensor:
        """log p(l) / q(l|x) of one draw of l: levels [B, H, W, C], noise [B, D] -> [B], nats."""
        logit, log_q = self.dequantised(tf.reshape(levels, [-1, self.size]), noise)
        return self.log_density_of_logit(logit, training) - log_q

    # --- training --------------------------------------------------------------------------------

    def step_terms(
        self, batch: dict[str, tf.Tensor], seeds: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        log_w = self.log_weight(batch["image"], self.bin_noise(seeds), training)
        return {"loss": -log_w}

    # --- sampling --------------------------------------------------------------------------------

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"z": random.normal(seeds, [self.size], "z")}

    def generate(
        self, noise: dict[str, tf.Tensor], condition: tf.Tensor | None = None
    ) -> tf.Tensor:
        return self.decode(noise["z"])

    def draw_prior(self, seeds: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """Codes as samples are made of: int32 [B] -> [B, D]."""
        return self.noise(seeds)["z"]

    # --- codes and density -----------------------------------------------------------------------

    def encode(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """z of the middle of each level's bin: images in [0, 1] -> {"mean": [B, D]}."""
        levels = tf.reshape(self.to_levels(x), [-1, self.size])
        return {"mean": self.to_prior(self.in_bin(levels, 0.5, 0.5)[0])[0]}

    def draw_posterior(self, x: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """z of a point drawn in each level's bin: [B, D]."""
        levels = tf.reshape(self.to_levels(x), [-1, self.size])
        return self.to_prior(self.dequantised(levels, self.bin_noise(seeds))[0])[0]

    def decode(self, z: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """The level whose bin z falls into: [B, D] -> images in [0, 1]."""
        y = (tf.sigmoid(self.from_prior(z)) - MARGIN) / (1.0 - 2.0 * MARGIN)
        levels = tf.clip_by_value(tf.floor(y * self.levels), 0.0, self.levels - 1.0)
        return tf.reshape(levels / (self.levels - 1), [-1, *self.image_shape])

    def reconstruct(self, x: tf.Tensor) -> tf.Tensor:
        """The image itself, but for rounding: f and its inverse are float32.

        Lost is a level only where the two part by half of its bin. The wider the logits are thrown
        by the maps in between, the more they part; `tests/models/test_flows.py` says how far.
        """
        return self.decode(self.encode(x)["mean"])

    def log_density(self, x: tf.Tensor) -> tf.Tensor:
        """log p(y) of images as points of [0, 1]^D, exact: [B, H, W, C] -> [B], nats.

        A density of points alone: what of it lies in the margins is beyond [0, 1]^D.
        """
        logit, slope = logit_of(tf.reshape(x, [-1, self.size]))
        return self.log_density_of_logit(logit) + tf.reduce_sum(slope, axis=1)

    def log_prob(self, x: tf.Tensor, samples: int = 100) -> tf.Tensor:
        """A lower bound by `samples` draws of u: images in [0, 1] -> [B], nats."""
        return self.bound(x, samples)[0]

    @compiled
    def bound(self, x: tf.Tensor, samples: int = 100) -> tuple[tf.Tensor, tf.Tensor]:
        """The same, and its standard error by the draws: two of [B], nats."""
        return bounds.log_mean(self._importance(x), samples)

    @compiled
    def elbo(self, x: tf.Tensor, samples: int = 100) -> tf.Tensor:
        """The bound that is trained, its expectation by `samples` draws: [B], nats."""
        return bounds.mean(self._importance(x), samples)

    def _importance(self, x: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
        levels = self.to_levels(x)
        seeds = bounds.seeds_of_draws(levels)
        return lambda i: self.log_weight(levels, self.bin_noise(seeds(i)))


def small() -> keras.initializers.Initializer:
    # An instance for each layer: Keras gives two layers of one instance the same numbers.
    return keras.initializers.RandomNormal(stddev=0.01)
