"""Deep belief network: Boltzmann machines on top of each other, the top one with a chain.

G. E. Hinton, S. Osindero, Y.-W. Teh. A Fast Learning Algorithm for Deep Belief Nets. Neural
Computation 18, 2006. https://doi.org/10.1162/neco.2006.18.7.1527
R. Salakhutdinov and I. Murray. On the Quantitative Analysis of Deep Belief Networks. ICML 2008.
https://doi.org/10.1145/1390156.1390266 (its bound)

    p(v, h1, ..) = p_1(v|h1) p_2(h1|h2) .. p_top(h)                 2006, figure 5
    log p(v) >= E_q(h1|v)[log p_1(v|h1) - log q(h1|v) + log p(h1)]  equation 8

Greedy: the first machine is trained on images, then stays; the second on hidden units that the
first draws for images, and so on. Each has an optimizer of its own, so that what one has gathered
(momentum, a count of updates) moves no other; the rate is that of the run's step. A machine that
begins as the one below upside down has the same distribution of hidden units, so that the bound
begins where the machine below ended, and each step on the upper one raises it (section 4). The
units that the upper machine has more of begin disconnected.

Shapes: x [B, H, W, C], v [B, D];  h of each layer [B, N], of the top [B, max(N, D)].

Departures from the paper: Adam, and PCD or CD-k in each layer; no labels at the top, and no
fine-tuning of the generative weights (the wake-sleep of section 5). `classifier` gives the
network that the recognition weights initialise.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import keras
import tensorflow as tf
from keras import layers

from tfgen import random, replicas
from tfgen.compiling import compiled, looping
from tfgen.declared import Count, Range, Weight
from tfgen.errors import UserError, one_of
from tfgen.layers.boltzmann import Machine
from tfgen.layers.partition import LogZ
from tfgen.model import GenerativeModel
from tfgen.models.rbm import visible_units
from tfgen.objectives import bounds
from tfgen.objectives.levels import softplus

if TYPE_CHECKING:
    import numpy as np


@keras.saving.register_keras_serializable("tfgen")
class DBN(GenerativeModel):
    """A deep belief network; its likelihood is a bound that has an estimate of the top's Z in it.

    The bound is on average below log p(v), and the estimate of Z makes it larger: unless Z is exact
    (a top with a layer of 20 units or fewer) what `log_prob` returns bounds neither way.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      hidden: N, units of each hidden layer; the top has no fewer than the layer below.
      depth: machines, 2 or more.
      each: steps of training for each machine; later ones train the last.
      visible: units of the first machine: "binary", "gaussian", or "auto", which is binary for two
        levels.
      sigma: of Gaussian units, in units of the range [0, 1].
      algorithm: where the chain of a step starts: "cd", at the data, or "pcd", where it was.
      k: steps of Gibbs sampling in a step of training.
      chains: M, of PCD.
      centred: whether gradients are centred (Melchior et al. 2016).
      decay: of weights, the factor of |W|^2 / 2.
      steps: T, of the top's chain that a sample is drawn by.

    It takes no networks of the user's own: machines are energies and have none.
    """

    paper = ("Hinton et al. 2006", "https://doi.org/10.1162/neco.2006.18.7.1527")
    always_float32 = True
    likelihood_kind = "estimate"
    terms = ("loss", "gap")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        hidden: Count = 500,
        depth: Annotated[int, Range(2, 1000)] = 2,
        each: Count = 5000,
        visible: Literal["auto", "binary", "gaussian"] = "auto",
        sigma: Annotated[float, Range(0.001, 1000)] = 0.25,
        algorithm: Literal["cd", "pcd"] = "cd",
        k: Count = 1,
        chains: Count = 100,
        centred: bool = False,
        decay: Weight = 0.0,
        steps: Count = 200,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        if depth < 2:
            raise UserError(f"`model.depth={depth}`: a DBN has 2 machines or more; 1: rbm.")
        self.hidden, self.depth, self.each = hidden, depth, each
        self.visible, self.sigma = visible, sigma
        self.algorithm = one_of("algorithm", algorithm, ("cd", "pcd"))
        self.k, self.chains, self.centred, self.decay = k, chains, centred, decay
        self.steps = steps
        self.size = int(tf.reduce_prod(self.image_shape))
        sizes = [self.size, *[hidden] * (depth - 1)]
        # The one below upside down, and more if that is less than there was to be.
        sizes.append(max(hidden, sizes[-2]))
        self.machines = [
            Machine(
                sizes[i],
                sizes[i + 1],
                levels if i == 0 else 2,
                visible_units(visible, levels, sigma) if i == 0 else 0.0,
                centred,
                chains if algorithm == "pcd" else 0,
                name=f"machine{i}",
            )
            for i in range(depth)
        ]
        self.log_z = self.add_weight(
            name="log_z",
            shape=(4,),
            initializer=keras.initializers.Constant(LogZ.unknown(self.machines[-1].base_log_z())),
            trainable=False,
            aggregation="mean",
        )

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {"dbn": [w for machine in self.machines for w in machine.learned()]}

    def build_optimizers(
        self, given: Mapping[str, keras.optimizers.Optimizer]
    ) -> dict[str, keras.optimizers.Optimizer]:
        """One for each machine, of the given one's settings: "dbn0", "dbn1", ..."""
        found = {}
        for i, machine in enumerate(self.machines):
            settings = given["dbn"].get_config()
            if isinstance(settings["learning_rate"], dict):
                rate = keras.optimizers.schedules.deserialize(settings["learning_rate"])
                # Its turn, and so its count of updates, begins at this step of the run.
                settings["learning_rate"] = LaterPart(rate, i * self.each)
            found[f"dbn{i}"] = type(given["dbn"]).from_config(settings)
            found[f"dbn{i}"].build(machine.learned())
        return found

    def unreached(self, steps: int) -> tuple[str, str] | None:
        begins = (self.depth - 1) * self.each
        if steps > begins:
            return None
        trained = min(steps // self.each + (steps % self.each > 0), self.depth)
        return (
            f"{trained} of the {self.depth} machines have been trained after {steps} steps, and "
            "samples are made by the last.",
            f"Its turn begins after {begins} steps: set `steps` to more, or `model.each` to less.",
        )

    def flat(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reshape(x, [-1, self.size])

    # --- training --------------------------------------------------------------------------------

    def is_trained_now(self, i: int) -> tf.Tensor:
        """Whether machine i is what is trained: a bool."""
        return tf.minimum(tf.cast(self.step, tf.int32) // self.each, self.depth - 1) == i

    def draws_of_each(self, v: tf.Tensor, seeds: tf.Tensor) -> list[tf.Tensor]:
        """What each machine is shown: v, and hidden units drawn upwards."""
        shown = [v]
        for i, machine in enumerate(self.machines[:-1]):
            u = random.uniform(seeds, [machine.hidden], f"up {i}")
            shown.append(machine.draw_hidden(shown[-1], u))
        return shown

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        v = self.flat(self.to_unit(batch["image"]))
        seeds = self.training_seeds(v)
        self.turn_over()
        shown = self.draws_of_each(v, seeds)
        models = [
            tf.stop_gradient(self.negative(machine, data, seeds))
            for machine, data in zip(self.machines, shown, strict=True)
        ]
        gap = 0.0
        for i, machine in enumerate(self.machines):
            now = self.is_trained_now(i)
            with tf.GradientTape() as tape:
                data_energy = tf.reduce_mean(machine.free_energy(shown[i]))
                difference = data_energy - tf.reduce_mean(machine.free_energy(models[i]))
                own = difference + 0.5 * self.decay * tf.reduce_sum(tf.square(machine.W))
            self.update_if(now, i, tape, own)
            gap += tf.where(now, own, 0.0)
            if self.centred:
                machine.follow(shown[i], 0.01 * tf.cast(now, tf.float32))
        return self.end_step(loss=self.surprise(v), gap=gap)

    def update_if(self, now: tf.Tensor, i: int, tape: tf.GradientTape, gap: tf.Tensor) -> None:
        """One step of machine i on its gap; unless it is its turn, all of it stays as it is."""
        optimizer, weights = self.optimizers[f"dbn{i}"], self.machines[i].learned()
        touched = [*weights, *optimizer.variables]
        before = [tf.convert_to_tensor(variable) for variable in touched]
        self.take_step(f"dbn{i}", self.gradients(tape, gap, weights), weights)
        replicas.put_back_unless(now, touched, before)

    def negative(self, machine: Machine, data: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """Where a machine is, see `Machine.negative`: each has draws of its own."""

        def seeds_of_chains(number: int) -> tf.Tensor:
            seeds = random.training_seeds(self.seed, self.step, number)
            return random.derived(seeds, f"chains of {machine.name}")

        return machine.negative(data, random.derived(seeds, machine.name), self.k, seeds_of_chains)

    def turn_over(self) -> None:
        """When a machine's turn begins, it becomes the one below upside down."""
        for i in range(1, self.depth):
            below, machine = self.machines[i - 1], self.machines[i]
            if (i == 1 and (self.levels > 2 or below.sigma)) or machine.hidden < below.visible:
                continue  # its hidden units could not be what the visible ones below were
            begins = tf.cast(self.step, tf.int32) == i * self.each
            more = machine.hidden - below.visible
            # Units more: nearly disconnected, so that they can find something of their own to do.
            rest = 0.1 * machine.W[:, below.visible :]
            new = {
                "W": tf.concat([tf.transpose(below.W), rest], axis=1),
                "a": below.b,
                "b": tf.concat([below.a, tf.zeros([more])], axis=0),
                "mu": below.offset,
                "offset": tf.concat([below.mu, tf.zeros([more])], axis=0),
            }
            for name, value in new.items():
                weight = getattr(machine, name)
                weight.assign(tf.where(begins, tf.convert_to_tensor(value), weight))

    def surprise(self, v: tf.Tensor) -> tf.Tensor:
        """-log p(v|h1) at the means of h1 after going to the top and back: a number, nats."""
        h = v
        for machine in self.machines:
            h = tf.sigmoid(machine.to_hidden(h))
        for machine in reversed(self.machines[1:]):
            h = tf.sigmoid(machine.to_visible(h))
        return -tf.reduce_mean(self.machines[0].log_visible_given(v, h))

    def test_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {"loss": self.surprise(self.flat(self.to_unit(batch["image"])))}

    def fit_after_training(self, images: "np.ndarray") -> None:
        """Computes log Z of the top; images: uint8 levels [N, H, W, C] of training."""
        v = self.flat(self.to_unit(images))
        self.log_z.assign(self.machines[-1].log_z(self._upwards(v).numpy()))

    @compiled
    def _upwards(self, v: tf.Tensor) -> tf.Tensor:
        return self.draws_of_each(v, tf.range(tf.shape(v)[0]))[-1]

    # --- sampling --------------------------------------------------------------------------------

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        top = self.machines[-1]
        noise = {
            "start": random.uniform(seeds, [top.visible], "start"),
            "u": random.uniform(seeds, [self.steps, top.hidden + top.visible], "u"),
        }
        for i, machine in enumerate(self.machines[:-1]):
            noise[f"down{i}"] = random.uniform(seeds, [machine.visible], f"down {i}")
        return noise

    @looping
    def generate(
        self, noise: dict[str, tf.Tensor], condition: tf.Tensor | None = None
    ) -> tf.Tensor:
        top = self.machines[-1]
        v = top.run(top.start(noise["start"]), noise["u"], self.steps // 2)
        for i, machine in reversed(list(enumerate(self.machines[:-1]))):
            v = machine.draw_visible(machine.to_visible(v), noise[f"down{i}"])
        return tf.reshape(v, [-1, *self.image_shape])

    # --- codes and density -----------------------------------------------------------------------

    def encode(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """The means of the top's hidden units, upwards by means: {"mean": [B, N]}."""
        h = self.flat(x)
        for machine in self.machines:
            h = tf.sigmoid(machine.to_hidden(h))
        return {"mean": h}

    def decode(self, z: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """Downwards by means: [B, N] -> images in [0, 1]."""
        for machine in reversed(self.machines[1:]):
            z = tf.sigmoid(machine.to_visible(z))
        first = self.machines[0]
        return tf.reshape(first.mean_visible(first.to_visible(z)), [-1, *self.image_shape])

    def reconstruct(self, x: tf.Tensor) -> tf.Tensor:
        return self.decode(self.encode(x)["mean"])

    def filters(self) -> tf.Tensor:
        """The columns of the first machine's W: [N, H, W, C]."""
        return tf.reshape(tf.transpose(self.machines[0].W), [-1, *self.image_shape])

    def classifier(self, classes: int) -> keras.Model:
        """A network [B, H, W, C] -> logits [B, K] that begins with the recognition weights."""
        hidden = [layers.Dense(m.hidden, "sigmoid") for m in self.machines]
        stack = [layers.Input(self.image_shape), layers.Flatten(), *hidden, layers.Dense(classes)]
        network = keras.Sequential(stack)
        for layer, machine in zip(hidden, self.machines, strict=True):
            layer.set_weights([machine.weights_of_pairs().numpy(), machine.biases()[1].numpy()])
        return network

    def log_prob(self, x: tf.Tensor, samples: int = 100) -> tf.Tensor:
        """The bound of equation 8, by `samples` draws of h and their mean weight: [B], nats."""
        return self.bound(x, samples)[0]

    @compiled
    def bound(self, x: tf.Tensor, samples: int = 100) -> tuple[tf.Tensor, tf.Tensor]:
        """The same, and its standard error by the draws, Z's left out: two of [B], nats."""
        return bounds.log_mean(self._importance(x), samples)

    @compiled
    def elbo(self, x: tf.Tensor, samples: int = 100) -> tf.Tensor:
        """The same without weights, equation 8 as it stands: [B], nats."""
        return bounds.mean(self._importance(x), samples)

    def _importance(self, x: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
        v, seeds = self.flat(x), bounds.seeds_of_draws(self.to_levels(x))

        def log_weight(i: tf.Tensor) -> tf.Tensor:
            h, total = v, 0.0
            for j, machine in enumerate(self.machines[:-1]):
                u = random.uniform(seeds(i), [machine.hidden], f"importance {j}")
                logits = machine.to_hidden(h)
                drawn = machine.draw_hidden(h, u)
                log_q = tf.reduce_sum(drawn * logits - softplus(logits), axis=1)
                total += machine.log_visible_given(h, drawn) - log_q
                h = drawn
            return total - self.machines[-1].free_energy(h) - self.log_z[0]

        return log_weight

    def log_partition(self) -> LogZ:
        """Of the top: `LogZ`, nats."""
        return LogZ(*map(float, self.log_z.numpy()))


class LaterPart(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule from a step on: the rate of step 0 is that of `start`."""

    def __init__(self, rate: keras.optimizers.schedules.LearningRateSchedule, start: int) -> None:
        self.rate, self.start = rate, start

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return self.rate(step + self.start)

    def get_config(self) -> dict[str, Any]:
        return {"rate": self.rate, "start": self.start}
