"""Restricted Boltzmann machine: visible and hidden units, and an energy of their pairs.

P. Smolensky. Information Processing in Dynamical Systems: Harmony Theory. In Parallel Distributed
Processing 1, MIT Press, 1986.
G. E. Hinton. Training Products of Experts by Minimizing Contrastive Divergence. Neural Computation
14, 2002. https://doi.org/10.1162/089976602760128018
T. Tieleman. Training Restricted Boltzmann Machines using Approximations to the Likelihood Gradient.
ICML 2008. https://doi.org/10.1145/1390156.1390290

    p(v) = exp(-F(v)) / Z                       energies: tfgen/layers/boltzmann.py
    d log p(v) / d theta = -dF(v) / d theta + E_p[dF(v') / d theta]

The expectation over the model is by a Markov chain: CD-k starts it at the data and takes k steps of
Gibbs sampling; PCD goes on from where the chains of the last step of training were.

Z is a sum over all states. It is computed once, when training is over, by annealed importance
sampling: an estimate that is on average too small, so that likelihoods are too large, and that
cannot know of modes that no chain has met (tfgen/layers/partition.py). It is exact where one layer
has 20 units or fewer.

Shapes: x [B, H, W, C], v [B, D];  h [B, N];  chains [M, D].

Departures from the paper: Adam. A sample is annealed: its chain begins with independent units of
the data's means and ends with the machine, so that it need not find its way from nowhere.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import keras
import tensorflow as tf

from tfgen import random
from tfgen.compiling import looping
from tfgen.declared import Count, Range, Weight
from tfgen.errors import UserError, one_of
from tfgen.layers.boltzmann import Machine
from tfgen.layers.partition import LogZ
from tfgen.model import GenerativeModel

if TYPE_CHECKING:
    import numpy as np


def visible_units(kind: str, levels: int, sigma: float) -> float:
    """sigma of the units of that kind for L levels: 0 for binary ones.

    Raises: UserError for binary units on data of more levels.
    """
    one_of("visible", kind, ("auto", "binary", "gaussian"))
    if kind == "binary" and levels != 2:
        raise UserError(
            f"binary units need data of 2 levels, these have {levels}: take digits_binary, or "
            "`model.visible=gaussian`."
        )
    return 0.0 if kind == "binary" or (kind == "auto" and levels == 2) else sigma


@keras.saving.register_keras_serializable("tfgen")
class RBM(GenerativeModel):
    """A restricted Boltzmann machine; its likelihood is an estimate, for Z is one.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      hidden: N, hidden units.
      visible: units: "binary", "gaussian", or "auto", which is binary for two levels.
      sigma: of Gaussian units, in units of the range [0, 1].
      algorithm: where the chain of a step starts: "cd", at the data, or "pcd", where it was.
      k: steps of Gibbs sampling in a step of training.
      chains: M, of PCD.
      centred: whether gradients are centred (Melchior et al. 2016).
      decay: of weights, the factor of |W|^2 / 2.
      steps: T, of the chain that a sample is drawn by.

    It takes no networks of the user's own: a machine is an energy and has none.
    """

    paper = ("Hinton 2002", "https://doi.org/10.1162/089976602760128018")
    always_float32 = True
    likelihood_kind = "estimate"
    terms = ("loss", "free_energy", "gap")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        hidden: Count = 500,
        visible: Literal["auto", "binary", "gaussian"] = "auto",
        sigma: Annotated[float, Range(0.001, 1000)] = 0.25,
        algorithm: Literal["cd", "pcd"] = "pcd",
        k: Count = 1,
        chains: Count = 100,
        centred: bool = False,
        decay: Weight = 0.0,
        steps: Count = 200,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.hidden, self.visible, self.sigma = hidden, visible, sigma
        self.algorithm = one_of("algorithm", algorithm, ("cd", "pcd"))
        self.k, self.chains, self.centred, self.decay = k, chains, centred, decay
        self.steps = steps
        self.size = math.prod(self.image_shape)
        self.machine = Machine(
            self.size,
            hidden,
            levels,
            visible_units(visible, levels, sigma),
            centred,
            chains if algorithm == "pcd" else 0,
        )
        # The numbers of a `LogZ`.
        self.log_z = self.add_weight(
            name="log_z",
            shape=(4,),
            initializer=keras.initializers.Constant(LogZ.unknown(self.machine.base_log_z())),
            trainable=False,
            aggregation="mean",
        )

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {"rbm": self.machine.learned()}

    def flat(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reshape(x, [-1, self.size])

    # --- training --------------------------------------------------------------------------------

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        v = self.flat(self.to_unit(batch["image"]))
        model = self.machine.negative(v, self.training_seeds(v), self.k, self.seeds_of_chains)
        model = tf.stop_gradient(model)
        with tf.GradientTape() as tape:
            data_energy = tf.reduce_mean(self.machine.free_energy(v))
            gap = data_energy - tf.reduce_mean(self.machine.free_energy(model))
            decay = 0.5 * self.decay * tf.reduce_sum(tf.square(self.machine.W))
            objective = gap + decay
        self.minimize("rbm", tape, objective)
        if self.centred:
            self.machine.follow(v)
        return self.end_step(loss=self.surprise(v), free_energy=data_energy, gap=gap)

    def seeds_of_chains(self, number: int) -> tf.Tensor:
        return random.training_seeds(self.seed, self.step, number)

    def surprise(self, v: tf.Tensor) -> tf.Tensor:
        """-log p(v|h) at the means of h given v, a cross entropy to watch: a number, nats."""
        h = tf.sigmoid(self.machine.to_hidden(v))
        return -tf.reduce_mean(self.machine.log_visible_given(v, h))

    def test_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        v = self.flat(self.to_unit(batch["image"]))
        return {
            "loss": self.surprise(v),
            "free_energy": tf.reduce_mean(self.machine.free_energy(v)),
        }

    def fit_after_training(self, images: "np.ndarray") -> None:
        """Computes log Z; images: uint8 levels [N, H, W, C] of training."""
        v = self.flat(self.to_unit(images)).numpy()
        self.log_z.assign(self.machine.log_z(v))

    # --- sampling --------------------------------------------------------------------------------

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            "start": random.uniform(seeds, [self.size], "start"),
            "u": random.uniform(seeds, [self.steps, self.hidden + self.size], "u"),
        }

    @looping
    def generate(
        self, noise: dict[str, tf.Tensor], condition: tf.Tensor | None = None
    ) -> tf.Tensor:
        v = self.machine.run(self.machine.start(noise["start"]), noise["u"], self.steps // 2)
        return tf.reshape(v, [-1, *self.image_shape])

    def complete(self, x: tf.Tensor, known: tf.Tensor, seeds: tf.Tensor | None = None) -> tf.Tensor:
        """Draws what is not known by Gibbs sampling with the known held: images -> images.

        Args: known, bool like x; seeds, int32 [B], by default 0, 1, 2, ...
        """
        x, known = self.flat(tf.convert_to_tensor(x, tf.float32)), self.flat(known)
        seeds = tf.range(tf.shape(x)[0]) if seeds is None else tf.convert_to_tensor(seeds, tf.int32)
        noise = self.noise(seeds)
        v = tf.where(known, x, self.machine.start(noise["start"]))
        for t in range(self.steps):
            v = tf.where(known, x, self.machine.step(v, noise["u"][:, t]))
        return tf.reshape(v, [-1, *self.image_shape])

    def mixing(self, x: tf.Tensor, seeds: tf.Tensor, steps: int = 20, every: int = 5) -> tf.Tensor:
        """The chain from images on: [B, H, W, C] -> [B, steps + 1, H, W, C], each `every` turns."""
        shown, v = [self.flat(x)], self.flat(x)
        for t in range(steps):
            v = self.machine.gibbs(v, random.derived(seeds, f"mixing {t}"), every)
            shown.append(v)
        return tf.reshape(tf.stack(shown, axis=1), [-1, steps + 1, *self.image_shape])

    # --- codes and density -----------------------------------------------------------------------

    def encode(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """p(h = 1|v) of images in [0, 1]: {"mean": [B, N]}."""
        return {"mean": tf.sigmoid(self.machine.to_hidden(self.flat(x)))}

    def decode(self, z: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """E[v|h]: [B, N] -> images in [0, 1]."""
        v = self.machine.mean_visible(self.machine.to_visible(z))
        return tf.reshape(v, [-1, *self.image_shape])

    def reconstruct(self, x: tf.Tensor) -> tf.Tensor:
        """E[v|h] at the means of h given v: images in [0, 1] -> images in [0, 1]."""
        return self.decode(self.encode(x)["mean"])

    def filters(self) -> tf.Tensor:
        """What each hidden unit looks for, the columns of W: [N, H, W, C]."""
        return tf.reshape(tf.transpose(self.machine.W), [-1, *self.image_shape])

    def log_prob(self, x: tf.Tensor) -> tf.Tensor:
        """-F(v) - log Z, Z as estimated when training ended: images in [0, 1] -> [B], nats."""
        return -self.machine.free_energy(self.flat(x)) - self.log_z[0]

    def log_partition(self) -> LogZ:
        """`LogZ`, nats."""
        return LogZ(*map(float, self.log_z.numpy()))
