"""The contract of every model in the zoo: how it is trained, and how a seed becomes an image.

    seeds [B] int32  --noise-->  dict of [B, ...] float32  --generate-->  images [B, H, W, C]

`generate` is a pure function of its noise; `noise` is `tfgen.random`, a pure function of the
seed. So the same seed gives the same image in any batch, process and runtime. A capability is a
method: a model that can encode has `encode`, `reconstruct` and so on, and whoever wants to know
asks `can`.

| member | shapes | who has it |
|---|---|---|
| `image_shape`, `levels`, `x_range` | (H, W, C); L; the range that the networks work in | all |
| `num_classes`, `class_names` | how many classes it is told apart; their names, or () | all |
| `condition` | what a sample is asked for beside its seed (`data/conditions.py`), or None | all |
| `paper` | ("Authors year", URL) | all |
| `likelihood_kind` | "exact", "lower bound", "estimate" or "implicit" | all |
| `train_step(batch)`, `test_step(batch)` | batch of uint8 levels -> dict of scalars | all |
| `step_terms(batch, seeds, training)` | the same, of each row or means | steps of one pass |
| `noise(seeds)` | [B] int32 -> dict of [B, ...] | all that generate |
| `generate(noise, condition)`, `sample(seeds, condition)` | -> [B, H, W, C] | all that generate |
| `data_features`, `data_arguments(data)` | of the data: what is wanted, what is known | all |
| `prepare_data(data)` | the data as the model takes them | all |
| `translate(x, to)` | [B, H, W, C] -> the same in the domain "Y" or "X" | CycleGAN |
| `encode(x)`, `reconstruct(x)` | [B, H, W, C] -> dict of [B, Z], [B, H, W, C] | models with codes |
| `decode(z, condition)` | [B, Z] -> [B, H, W, C] | models with codes |
| `code_kl(x)` | [B, H, W, C] -> [B], [B, Z], nats from p(z), and of units | VAEs, VAE-GAN |
| `draw_posterior(x, seeds)` | -> [B, Z], a code of each image | models with codes |
| `draw_prior(seeds, condition)` | -> [B, Z], what samples are decoded from | models with codes |
| `classify(x)`, `class_log_prob(x)` | [B, H, W, C] -> dict, [B, K] nats | p(x, y) by Bayes' rule |
| `corrupt(x, seeds)`, `denoise(x)`, `complete(x, known)` | [B, H, W, C] -> the same | denoisers |
| `complete(x, known, seeds)` | [B, H, W, C] -> the same | autoregressive, diffusion, machines |
| `pixel_log_prob(x)` | [B, H, W, C] -> the same, nats | models of one pixel after another |
| `mixing(x, seeds)` | [B, H, W, C] -> [B, T, H, W, C] | models with a Markov chain |
| `denoise_step(x, step, added, condition)` | -> {"x", "image"}, one step of a sample | diffusion |
| `edit(x, strength, seeds)` | [B, H, W, C] -> the same: what it shows, drawn anew | diffusion |
| `filters()` | -> [N, H, W, C] | machines: what hidden units look for |
| `log_partition()` | -> `tfgen.layers.partition.LogZ`, nats | machines |
| `log_density(x)` | [B, H, W, C] -> [B], nats | flows: on [0, 1]^D, not of levels |
| `fit_after_training(images)` | uint8 levels [N, H, W, C] | those that a fit ends |
| `log_prob(x)` | [B, H, W, C] -> [B], nats per image | models with a density |
| `elbo(x, samples)` | [B, H, W, C] -> [B], nats | those whose likelihood is a bound by draws |
| `bound(x, samples)` | -> `log_prob`, its standard error by the draws: two of [B] | the same |
| `cluster(x)` | [B, H, W, C] -> int32 [B] | InfoGAN: a class found without labels |
| `phases()` | [(step, a name)], at which a network that grows is shown | ProGAN |
| `unreached(steps)` | -> (a problem, what to do), what so few steps leave undone; or None | all |
| `warnings(means)` | terms' means -> {kind: a sentence}, what is wrong with a run | GANs |

Public methods return float32 images in [0, 1], level / (L - 1), and take them so, or as whole
levels, uint8, which are scaled (`TAKE_IMAGES`; `images.in_unit`). Likelihoods are nats per image on
the data's own levels.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfgen import accumulation, images, precision, random, startup
from tfgen.arguments import Arguments
from tfgen.data import conditions
from tfgen.errors import UserError
from tfgen.fit import Fit
from tfgen.layers.dropout import Masks, drawing_once
from tfgen.objectives import losses
from tfgen.seeds import checked
from tfgen.training_state import TrainingState

if TYPE_CHECKING:
    import os

startup.set_up_keras()


def _keep_reads_before_writes() -> None:
    """Turns off a pass of Grappler that lets a step read weights that the step has changed.

    Control edges alone keep a read of a variable before a later write. Grappler's dependency pass
    drops those that another path implies, and afterwards (TensorFlow 2.21) a link of that path:
    `wgan`, `wgan_gp`, `dragan`, `r1_gan` and `dbn` lost some, and one step in hundreds used weights
    of the wrong moment. `tests/test_zoo.py` looks for such edges in the graph of every model.
    """
    tf.config.optimizer.set_experimental_options({"dependency_optimization": False})


# The methods whose first argument is images in [0, 1].
TAKE_IMAGES = {
    *("encode", "reconstruct", "translate", "code_kl", "draw_posterior", "classify", "cluster"),
    *("class_log_prob", "log_prob", "pixel_log_prob", "log_density", "elbo", "bound"),
    *("corrupt", "denoise", "complete", "mixing", "edit"),
}


class GenerativeModel(Arguments, TrainingState, Fit):
    """A model that `fit` trains on {"image": uint8 levels [B, H, W, C], "label": int32 [B]}.

    A subclass stores each of its constructor's arguments under the argument's own name (that is how
    `get_config` finds them), builds its networks in the constructor, and names in `trained` which
    variables each optimizer owns, and in `terms` the scalars that a step reports. A step whose
    losses all come from one pass is `step_terms` and `descent`; any other is a `train_step` of
    `minimize` and `end_step`.

    Args:
      image_shape: (H, W, C).
      levels: L, the number of grey levels of a channel; images hold 0 .. L - 1.
      seed: of the noise in training. With the step it determines every number that training draws.
    """

    paper: tuple[str, str] = ("", "")
    x_range: tuple[float, float] = (0.0, 1.0)
    likelihood_kind: str = "implicit"
    num_classes: int = 0
    labels_if: str | None = (
        None  # the argument, if there is one, without which it learns from no labels
    )
    data_features: tuple[str, ...] = ()  # of the data that it wants beside image and label
    terms: tuple[str, ...] = ("loss",)
    descent: Mapping[str, str] = {}  # {optimizer: the term that it descends on}, in their order
    always_float32: bool = False  # whether it has no network that could compute in 16 bits

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in TAKE_IMAGES & {name for name, method in vars(cls).items() if method}:
            setattr(cls, name, images.taking_images(name, vars(cls)[name]))
        if "train_step" in vars(cls):
            cls.train_step = drawing_once(cls.train_step)  # type: ignore[method-assign]

    def __init__(
        self, image_shape: Sequence[int], levels: int, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.image_shape = tuple(image_shape)
        self.levels = levels
        self.seed = seed
        self.class_names: tuple[str, ...] = ()
        self.optimizers: dict[str, keras.optimizers.Optimizer] = {}
        self.accumulate = 1  # parts that a step takes its batch in, see `tfgen/accumulation.py`
        self.loss_scales: dict[str, precision.LossScale] = {}  # of float16
        self.own_networks = {}
        self.dropout_masks = Masks(self.training_seeds)
        # Weights, so that they are saved and restored with the others: the updates done; of
        # these, those before the first term that was not finite; and the terms' sums since the
        # log's last row.
        self.step = self._counter("step")
        self.finite_steps = self._counter("finite_steps")
        self.interval_sums = self.add_weight(
            name="interval_sums",
            shape=(len(self.terms),),
            dtype="float64",
            initializer="zeros",
            trainable=False,
            aggregation="mean",
        )
        # The networks are built by their constructors, so there is nothing left to build by a call.
        self.built = True

    def _counter(self, name: str) -> keras.Variable:
        return self.add_weight(
            name=name,
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )

    @property
    def steps_done(self) -> int:
        """The count of steps as a number, on one device or several."""
        return int(self.step.numpy())

    @classmethod
    def data_arguments(cls, data: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments of the constructor that the training data give, `ImageData` -> {name: value}.

        arguments: those that the config gives.

        Raises: UserError for data that the model cannot learn from.
        """
        parameters = cls.arguments()
        if "num_classes" not in parameters:
            return {}
        if cls.labels_if and not arguments.get(cls.labels_if, parameters[cls.labels_if].default):
            return {}
        if not data.classes:
            name = cls.__module__.rpartition(".")[2]
            raise UserError(f"{name} learns from labels, and {data.name} has none.")
        return {"num_classes": len(data.classes)}

    def prepare_data(self, data: Any) -> Any:
        """The training data, `ImageData`, as the model takes them."""
        return data

    def can(self, capability: str) -> bool:
        """Whether the model has the method, e.g. `model.can("encode")`."""
        return callable(getattr(self, capability, None))

    # --- sampling ------------------------------------------------------------------------------

    def sample(
        self,
        seeds: tf.Tensor | np.ndarray | int | Iterable[int],
        condition: Any = None,
        *,
        label: Any = None,
        caption: Any = None,
    ) -> tf.Tensor:
        """Images from seeds: int32 [B] -> float32 [B, H, W, C] in [0, 1].

        condition: for a conditional model, one for all seeds or one for each: labels, by number or
          name, or captions. `label` and `caption` are words for it.

        Within a tf.function both may be tensors, of which the type alone is looked at.

        Raises: UserError for seeds that are none, and for a condition that is missing, not wanted,
          or does not fit.
        """
        seeds = self._seeds(seeds)
        who, count = type(self).__name__, seeds.shape[0]
        given = conditions.checked(self.condition, who, count, condition, label, caption)
        return self.generate(self.noise(seeds), *given.values())

    @staticmethod
    def _seeds(given: Any) -> tf.Tensor:
        """Seeds as `noise` takes them, int32 [B].  Raises: UserError."""
        if not tf.is_tensor(given) or hasattr(given, "numpy"):
            return tf.constant(checked(given.numpy() if tf.is_tensor(given) else given))
        if given.dtype != tf.int32 or given.shape.rank not in (1, None):
            raise UserError(f"wanted is a tensor of seeds, int32 [B], and given is {given}.")
        return given

    @property
    def condition(self) -> conditions.Condition | None:
        """What a sample is asked for beside its seed."""
        if self.class_names:
            return conditions.Labels(self.class_names)
        return conditions.Labels.numbered(self.num_classes) if self.num_classes else None

    def one_hot(self, label: tf.Tensor) -> tf.Tensor:
        """int32 [B] -> float32 [B, num_classes]."""
        # A table: the on and off values of tf.one_hot are scaled apart by LiteRT's int8 converter.
        return tf.gather(tf.eye(self.num_classes), label)

    # --- scales --------------------------------------------------------------------------------

    def to_unit(self, image: tf.Tensor) -> tf.Tensor:
        """Whole levels, as uint8 -> float32 in [0, 1].

        Raises: UserError for floats: training would take images in [0, 1] for all but black.
        """
        if tf.as_dtype(image.dtype).is_floating:
            raise UserError(
                f"a step takes images as whole levels, 0 to {self.levels - 1}, and is given "
                f"{tf.as_dtype(image.dtype).name}: cast the levels to uint8. An array of floats in "
                "[0, 1], and no tf.data.Dataset of them, is what `fit` scales itself."
            )
        return tf.cast(image, tf.float32) / (self.levels - 1)

    def to_levels(self, x: tf.Tensor) -> tf.Tensor:
        """float32 in [0, 1] -> the nearest level, int32."""
        return tf.cast(tf.round(x * (self.levels - 1)), tf.int32)

    def to_range(self, x: tf.Tensor) -> tf.Tensor:
        """[0, 1] -> `x_range`."""
        low, high = self.x_range
        return low + (high - low) * x

    def from_range(self, x: tf.Tensor) -> tf.Tensor:
        """`x_range` -> [0, 1]."""
        low, high = self.x_range
        return (x - low) / (high - low)

    # --- training ------------------------------------------------------------------------------

    def trained(self) -> dict[str, list[keras.Variable]]:
        """Which variables each optimizer owns: {"name": [variables]}."""
        raise NotImplementedError(f"{type(self).__name__} must say what its optimizers train")

    def updates(self, name: str) -> int:
        """How often a step applies the optimizer `name`, for rates that fall over a run."""
        return 1

    def unreached(self, steps: int) -> tuple[str, str] | None:
        """What a model of so many steps has not come to, that it is meant for: two sentences, the
        problem and what to do; None where steps are of one kind."""
        return None

    def parameter_count(self) -> int:
        """How many trained weights there are, without those that never act."""
        return sum(int(tf.size(w)) for w in self.trainable_variables) - self.idle()

    def idle(self) -> int:
        """How many trained weights never act, because a mask holds them at zero."""
        return 0

    def compile(self, optimizer: Any = "adam", **kwargs: Any) -> None:
        """Takes and builds one optimizer for each entry of `trained`: slots exist before a restore.

        optimizer: {name: Keras optimizer}; or one of Keras', or its name, whose copies train each.

        Raises: UserError if the names are not those of `trained`.
        """
        _keep_reads_before_writes()
        owned = self.trained()
        if not isinstance(optimizer, dict):
            one = keras.optimizers.get(optimizer)
            optimizer = {name: type(one).from_config(one.get_config()) for name in owned}
        if set(optimizer) != set(owned):
            raise UserError(
                f"{type(self).__name__} needs optimizers {sorted(owned)}, got {sorted(optimizer)}."
            )
        # Of oneDNN's convolutions on a CPU XLA has slower ones; see `training/compilation.py`.
        super().compile(optimizer=None, **({"jit_compile": False} | kwargs))
        self.optimizers = self.build_optimizers(optimizer)
        self.loss_scales = precision.loss_scales(self, self.optimizers)

    def build_optimizers(
        self, given: Mapping[str, keras.optimizers.Optimizer]
    ) -> dict[str, keras.optimizers.Optimizer]:
        """{name: optimizer} as `minimize` and checkpoints have them, built."""
        owned = self.trained()
        for name, optimizer in given.items():
            optimizer.build(owned[name])
        return dict(given)

    def batch_parts(self) -> tuple[int, str]:
        """(k, what for): a batch is divided in k parts, and its size must be a multiple of k."""
        return 1, ""

    def check_batch(self, rows: int, replicas: int = 1) -> None:
        """Raises: UserError for a batch that replicas, or the parts of a step, cannot divide."""
        parts, purpose = self.batch_parts()
        divided = ((parts, purpose), (self.accumulate, "parts"), (replicas, "replicas"))
        among = [f"{n} {what}" for n, what in divided if n > 1]
        if rows % (parts * self.accumulate * replicas):
            raise UserError(
                f"a batch of {rows} cannot be divided among {' on '.join(among)}: set "
                f"`batch_size` to a multiple of {parts * self.accumulate * replicas}."
            )

    def step_terms(
        self, batch: dict[str, tf.Tensor], seeds: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """What a step descends on and reports, of each row [B] or a mean, from one pass."""
        raise NotImplementedError(f"{type(self).__name__} must say what a step descends on")

    @drawing_once
    @accumulation.in_parts
    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """A pass, and a step of each optimizer of `descent` on its term."""
        if self.accumulate > 1:
            return accumulation.step(self, batch)
        seeds = self.training_seeds(batch["image"])
        with tf.GradientTape(persistent=len(self.descent) > 1) as tape:
            terms = losses.means(self.step_terms(batch, seeds, training=True))
        for name, term in self.descent.items():
            self.minimize(name, tape, terms[term])
        return self.end_step(**terms)

    def test_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        seeds = tf.range(tf.shape(batch["image"])[0])
        return self.ordered(**losses.means(self.step_terms(batch, seeds, training=False)))

    def minimize(self, name: str, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        """One step of the optimizer `name` on `loss`, the mean over this replica's rows.

        Keras sums gradients over replicas. The division that makes N replicas equal one is here and
        nowhere else.
        """
        variables = self.trained()[name]
        self.take_step(name, self.gradients(tape, loss, variables), variables)

    def gradients(
        self, tape: tf.GradientTape, loss: tf.Tensor, variables: Sequence[keras.Variable]
    ) -> list[tf.Tensor | None]:
        """What this replica adds to the gradient by weights of one optimizer, as `take_step` takes
        it; None for what the loss does not depend on."""
        share = tf.constant(1.0 / tf.distribute.get_strategy().num_replicas_in_sync, loss.dtype)
        for scale in self.loss_scales.values():
            if scale.is_of(variables):
                # Not in the loss: gradients within it, those of penalties, stay as they are.
                share *= scale.scale
        return tape.gradient(loss, variables, output_gradients=share)

    def take_step(
        self,
        name: str,
        gradients: Sequence[tf.Tensor | None],
        variables: Sequence[keras.Variable] | None = None,
    ) -> None:
        """One step of the optimizer `name` by what `gradients` gave, of all its weights or some."""
        variables = self.trained()[name] if variables is None else variables
        self.loss_scales.get(name, self.optimizers[name]).apply(gradients, variables)

    def training_seeds(self, image: tf.Tensor) -> tf.Tensor:
        """One noise seed for each row of this replica's batch, a function of (seed, step, row)."""
        return random.training_seeds(self.seed, self.step, tf.shape(image)[0])

    def ordered(self, **found: tf.Tensor) -> dict[str, tf.Tensor]:
        """Of what was found the model's `terms`, in their order."""
        return {name: found[name] for name in self.terms}

    def end_step(self, **terms: tf.Tensor) -> dict[str, tf.Tensor]:
        """Counts the step, adds the model's `terms` to the interval's sums and returns them.

        The sums are kept here and not in a callback, because `fit` may run many steps before it
        calls.
        """
        terms = self.ordered(**terms)
        values = tf.stack([tf.cast(term, tf.float64) for term in terms.values()])
        self.interval_sums.assign_add(values)
        finite = tf.reduce_all(tf.math.is_finite(values)) & (self.finite_steps == self.step)
        self.finite_steps.assign_add(tf.cast(finite, tf.int64))
        self.step.assign_add(1)
        return terms

    # --- saving --------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        names = {"class_names": list(self.class_names)} if self.class_names else {}
        return super().get_config() | names

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "GenerativeModel":
        given = dict(config)
        names = tuple(given.pop("class_names", ()))
        model = super().from_config(given)
        model.class_names = names
        return model

    def training_only(self) -> list[keras.Variable]:
        return [self.finite_steps, self.interval_sums]

    def save_networks(self, path: "str | os.PathLike") -> None:
        """Writes a `.keras` file of what is not needed for training alone, see `training_state`.

        Without the slots of optimizers it has a third of the size.
        """
        self.without_optimizers().save(path)

    def without_optimizers(self, computing: str = "float32") -> "GenerativeModel":
        """A copy as `tfgen.load` gives it, which trains no more; computing: its precision."""
        with precision.computing(computing):
            copy = type(self).from_config(self.get_config())
        copy.set_weights(self.get_weights())
        return copy
