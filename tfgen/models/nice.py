"""NICE: a chain of invertible maps, each a shift of half of the image by what the other half says.

L. Dinh, D. Krueger, Y. Bengio. NICE: Non-linear Independent Components Estimation. ICLR Workshop
2015. https://arxiv.org/abs/1410.8516
J. Ho et al. Flow++. ICML 2019. https://arxiv.org/abs/1902.00275 (dequantisation)

    z = f(y),   log p(y) = log N(z; 0, I) + log |det df/dy|         NICE, equation 1
    f_i:  y_a' = y_a,   y_b' = y_b + m_i(y_a)                       additive coupling, section 3.2
    f_S:  y' = exp(s) y                                             scaling, section 3.3

The inverse subtracts, so sampling costs what training costs. The determinant of a coupling is 1;
volume changes by the scaling alone.

Images have levels and flows have densities, so a level is spread over its bin:

    y = (x + u) / L,   log p(x) >= E_q[log p(y) - log q(u|x)] - D log L     Flow++, equation 5

u is uniform, or, variational, sigmoid(a + b eps) with a and b of a network that sees x.

Shapes: x, y, u, z [B, H, W, C], D = H W C numbers;  s [D];  log_det [B].

Departures from the paper: y goes through logit(0.05 + 0.9 y) first, as pixels have ends (Dinh et
al. 2017, section 4.1), and what samples go beyond them is clipped; halves are every other number,
alternating; a normal prior; Adam.
"""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfgen import bounds, losses, random
from tfgen.compiling import compiled
from tfgen.errors import one_of
from tfgen.layers import Dropout
from tfgen.likelihoods import softplus
from tfgen.model import GenerativeModel

MARGIN = 0.05  # of the logit, so that 0 and 1 are finite


def logit_of(y):
    """What the flow takes for y in [0, 1], and the logarithm of its slope: two of y's shape."""
    inner = MARGIN + (1.0 - 2.0 * MARGIN) * y
    above, below = tf.math.log(inner), tf.math.log(1.0 - inner)
    # d logit / d y = (1 - 2 margin) / (inner (1 - inner))
    return above - below, math.log(1.0 - 2.0 * MARGIN) - above - below


def alternating(d, start):
    """1 for every other of d numbers, from `start` on."""
    return ((np.arange(d) + start) % 2).astype(np.float32)


def idle_weights(net, mask):
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
    """A flow of additive couplings; its density of levels is a lower bound.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      width: units of each hidden layer of a coupling; depth: hidden layers.
      couplings: how many.
      dequantisation: "uniform" or "variational".
      dropout: share of hidden units dropped in training.
    """

    paper = ("Dinh et al. 2015", "https://arxiv.org/abs/1410.8516")
    density = "lower bound"
    prior = "normal"

    def __init__(
        self,
        image_shape,
        levels,
        seed=0,
        width=1000,
        depth=5,
        couplings=4,
        dequantisation="uniform",
        dropout=0.0,
        **kwargs,
    ):
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
                    layers.Dense(2 * self.size, kernel_initializer=small()),
                ]
            )

    def masks(self):
        """Of each coupling what it keeps: 1 or 0 for each number."""
        return [alternating(self.size, i) for i in range(self.couplings)]

    def idle(self):
        return sum(map(idle_weights, self.nets, self.masks()))

    def build_couplings(self):
        return [self.dense(self.size, i) for i in range(self.couplings)]

    def dense(self, outputs, i):
        """m_i: [B, D] -> [B, outputs]. Its last layer is small: the flow begins near identity."""
        hidden = [
            (layers.Dense(self.width, "relu"), self.drop(f"coupling {i}, {j}"))
            for j in range(self.depth)
        ]
        last = layers.Dense(outputs, kernel_initializer=small())
        return keras.Sequential([layers.Input((self.size,)), *sum(hidden, ()), last])

    def drop(self, stream):
        return Dropout(self.dropout, stream, self.training_seeds)

    def trained(self):
        networks = [*self.nets, *([self.q] if self.dequantisation == "variational" else [])]
        return {"flow": [self.s, *(w for net in networks for w in net.trainable_variables)]}

    # --- the flow: logits [B, D] <-> z [B, D] ----------------------------------------------------

    def to_prior(self, y, training=False):
        """f: (z, log |det df/dy|), [B, D] and [B]."""
        log_det = tf.zeros_like(y[:, 0])
        for i, net in enumerate(self.nets):
            kept = alternating(self.size, i)
            y += (1.0 - kept) * net(y * kept, training=training)
        return y * tf.exp(self.s), log_det + tf.reduce_sum(self.s)

    def from_prior(self, z):
        """The inverse of f."""
        y = z * tf.exp(-self.s)
        for i, net in reversed(list(enumerate(self.nets))):
            kept = alternating(self.size, i)
            y -= (1.0 - kept) * net(y * kept)
        return y

    def log_density_of(self, y, training=False):
        """log p(y), the density on [0, 1]^D: [B, D] -> [B], nats."""
        logit, slope = logit_of(y)
        z, log_det = self.to_prior(logit, training)
        zeros = tf.zeros_like(z)
        return losses.normal_log_prob(z, zeros, zeros) + log_det + tf.reduce_sum(slope, axis=1)

    def dequantised(self, levels, seeds):
        """A draw of y for levels [B, D], and log q(u|x): [B, D] and [B]."""
        x = tf.cast(levels, tf.float32)
        if self.dequantisation == "uniform":
            u, log_q = random.uniform(seeds, [self.size], "u"), 0.0
        else:
            a, log_b = tf.split(self.q(x / (self.levels - 1) - 0.5), 2, axis=-1)
            eps = random.normal(seeds, [self.size], "u")
            v = a + tf.exp(log_b) * eps
            u = tf.sigmoid(v)
            # log du/dv = log u (1 - u)
            slope = -softplus(v) - softplus(-v)
            zeros = tf.zeros_like(eps)
            log_q = losses.normal_log_prob(eps, zeros, zeros) - tf.reduce_sum(log_b + slope, axis=1)
        return (x + u) / self.levels, log_q

    def log_weight(self, levels, seeds, training=False):
        """log p(x, u) / q(u|x) of one draw of u: levels [B, H, W, C] -> [B], nats."""
        y, log_q = self.dequantised(tf.reshape(levels, [-1, self.size]), seeds)
        return self.log_density_of(y, training) - self.size * math.log(self.levels) - log_q

    # --- training --------------------------------------------------------------------------------

    def train_step(self, batch):
        seeds = self.training_seeds(batch["image"])
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(self.log_weight(batch["image"], seeds, training=True))
        self.minimize("flow", tape, loss)
        return self.end_step(loss=loss)

    def test_step(self, batch):
        seeds = tf.range(tf.shape(batch["image"])[0])
        return {"loss": -tf.reduce_mean(self.log_weight(batch["image"], seeds))}

    # --- sampling --------------------------------------------------------------------------------

    def noise(self, seeds):
        return {"z": random.normal(seeds, [self.size], "z")}

    def generate(self, noise, label=None):
        return self.decode(noise["z"])

    def draw_prior(self, seeds, label=None):
        """Codes as samples are made of: int32 [B] -> [B, D]."""
        return self.noise(seeds)["z"]

    # --- codes and density -----------------------------------------------------------------------

    def encode(self, x):
        """z of the middle of each level's bin: images in [0, 1] -> {"mean": [B, D]}."""
        levels = tf.reshape(tf.cast(self.to_levels(x), tf.float32), [-1, self.size])
        return {"mean": self.to_prior(logit_of((levels + 0.5) / self.levels)[0])[0]}

    def draw_posterior(self, x, seeds):
        """z of a point drawn in each level's bin: [B, D]."""
        y, _ = self.dequantised(tf.reshape(self.to_levels(x), [-1, self.size]), seeds)
        return self.to_prior(logit_of(y)[0])[0]

    def decode(self, z, label=None):
        """The level that z falls into: [B, D] -> images in [0, 1]."""
        y = (tf.sigmoid(self.from_prior(z)) - MARGIN) / (1.0 - 2.0 * MARGIN)
        levels = tf.clip_by_value(tf.floor(y * self.levels), 0.0, self.levels - 1.0)
        return tf.reshape(levels / (self.levels - 1), [-1, *self.image_shape])

    def reconstruct(self, x):
        """The image itself: nothing is lost."""
        return self.decode(self.encode(x)["mean"])

    def log_density(self, x):
        """log p(y) of images as points of [0, 1]^D, exact: [B, H, W, C] -> [B], nats."""
        return self.log_density_of(tf.reshape(x, [-1, self.size]))

    @compiled
    def log_prob(self, x, samples=100):
        """A lower bound by `samples` draws of u: images in [0, 1] -> [B], nats."""
        return bounds.log_mean(self._importance(x), samples)

    @compiled
    def elbo(self, x, samples=100):
        """The bound that is trained, its expectation by `samples` draws: [B], nats."""
        return bounds.mean(self._importance(x), samples)

    def _importance(self, x):
        levels = self.to_levels(x)
        # Every image has the same draws, whatever else is in the batch.
        return lambda i: self.log_weight(levels, tf.fill(tf.shape(levels)[:1], i))


def small():
    # An instance for each layer: Keras gives two layers of one instance the same numbers.
    return keras.initializers.RandomNormal(stddev=0.01)
