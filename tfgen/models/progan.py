"""Progressive GAN: G and D begin with 4 x 4 pixels, and layers for twice as many fade in.

T. Karras, T. Aila, S. Laine, J. Lehtinen. Progressive Growing of GANs for Improved Quality,
Stability, and Variation. ICLR 2018. https://arxiv.org/abs/1710.10196

The large structure is learned first, where it is all that there is, and details are added to what
stands (section 2). Stage s has images of 4 * 2^s pixels a side. It fades in, alpha from 0 to 1, and
then stays for a while before the next one begins (figure 2; `tfgen/layers/growing.py`):

    D descends  E D(G(z)) - E D(x) + lambda E (||grad D(x_hat)|| - 1)^2 + e E D(x)^2
    G descends  -E D(G(z))
    z uniform on the sphere, one step of D for one of G                     appendix A.1

The last term of D keeps its scores from drifting away. Real images are those of the stage, faded
like G's: (1 - alpha) up(down(x)) + alpha x. There are no batch norms: weights have an equalised
learning rate, G normalises the features of each pixel, and D is told how much a batch varies
(sections 3 and 4). Samples come from an average of G's weights.

Stage and alpha are functions of the step alone, so training that is stopped within a fade goes on
exactly there. `fit` has a graph for each stage, which is traced when training comes to that stage,
in this process or in one that goes on; `train_step` as it stands is one graph with a branch for
each, of which TensorFlow runs the one that the step is in.

Shapes: x, G(z) [B, H, H, C] in (-1, 1), H = 4 * 2^(stages - 1), enlarged where a stage has fewer;
z [B, Z];  D [B] scores.

Departures from the paper: steps are counted, not images. A stage may take every n-th image of a
batch (`divisors`) where the paper has smaller batches for larger images. The authors' code begins
Adam anew at each stage; here its moments go on, and those of new weights begin at 0: their first
steps are up to 1 / sqrt(1 - beta_2) times longer while alpha is small. The average of G's weights
has a short memory at first, for each stage's own weights when they begin to learn.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import keras
import tensorflow as tf

from tfgen import averages, random
from tfgen.declared import Count, Range, Weight
from tfgen.errors import UserError
from tfgen.game import Game
from tfgen.layers import growing
from tfgen.objectives import adversarial


@keras.saving.register_keras_serializable("tfgen")
class ProGAN(Game):
    """A GAN that grows; its likelihood is implicit.

    Args:
      image_shape, levels, seed: see `GenerativeModel`; borders fill up to 4, 8, 16, ... a side.
      width: the most features of a pixel.
      base: a stage s has base / 2^(s + 1) features, if that is less than `width`.
      stages: how many there are; 0: as many as the images need. With fewer, samples are enlarged.
      schedule: steps of each stage, with commas; the last number is that of later stages too. The
        last stage goes on for as long as the run does.
      fade: the part of a stage's steps, from its begin, in which it fades in; 0: at once.
      divisors: of each stage, with commas: n for every n-th image of a batch alone.
      drift: e, of D's squared scores of real images in what D descends on.
      others: see `Game`.

    It takes no networks of a user's own: its own ones grow with its stages.

    Raises: UserError for numbers that are none.
    """

    paper = ("Karras et al. 2018", "https://arxiv.org/abs/1710.10196")
    train_function: Any  # Keras'
    terms = (*Game.terms, "penalty", "stage", "alpha")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        latent_dim=64,
        width: Count = 64,
        base: Count = 256,
        stages: Annotated[int, Range(0, 1000)] = 0,
        schedule: str = "1000,2000",
        fade: Annotated[float, Range(0, 1)] = 0.5,
        divisors: str = "1",
        penalty_weight=10.0,
        drift: Weight = 0.001,
        ema=0.999,
    ) -> None:
        self.base, self.stages, self.fade, self.drift = base, stages, fade, drift
        self.schedule, self.divisors = schedule, divisors
        self.number = stages_of(image_shape, stages)
        lengths = numbers("schedule", schedule, self.number)
        # The step that each stage begins with, the steps of its fade, and where there is no more.
        self.starts = [sum(lengths[:i]) for i in range(self.number)]
        self.fades = [round(fade * length) for length in lengths]
        self.grown_at = self.starts[-1] + (self.fades[-1] if self.number > 1 else 0)
        # The first and last stage of what is being traced.
        self.span: tuple[int, ...] = (0, self.number - 1)
        self.every = numbers("divisors", divisors, self.number)
        super().__init__(
            image_shape,
            levels,
            seed,
            objective="wasserstein",
            penalty="gradient",
            penalty_weight=penalty_weight,
            latent_dim=latent_dim,
            ema=ema,
        )
        self.width = width
        self.G, self.D = self.make_generator(), self.make_discriminator()
        if ema:
            self.G_average = self.make_generator()
            self.start_averages()

    # --- growth --------------------------------------------------------------------------------

    def growth(self) -> tuple[tf.Tensor, tf.Tensor]:
        """(stage, alpha) of the step: an integer and a number in [0, 1]."""
        step = tf.cast(self.step, tf.int32)
        stage = tf.reduce_sum(tf.cast(step >= self.starts, tf.int32)) - 1
        begin, fade = (tf.gather(x, stage) for x in (self.starts, self.fades))
        alpha = tf.cast(step - begin, tf.float32) / tf.cast(tf.maximum(fade, 1), tf.float32)
        return stage, tf.where((stage == 0) | (step - begin >= fade), 1.0, alpha)

    def growth_at(self, step: int) -> tuple[int, float]:
        """The same of a step that is known."""
        stage = sum(step >= start for start in self.starts) - 1
        since, fade = step - self.starts[stage], self.fades[stage]
        return stage, 1.0 if stage == 0 or since >= fade else since / fade

    def unreached(self, steps: int) -> tuple[str, str] | None:
        if steps >= self.grown_at:
            return None
        stage, alpha = self.growth_at(steps)
        now, full = growing.FIRST << stage, growing.FIRST << self.number - 1
        fades = f" still fades in {now}x{now}" if alpha < 1.0 else f" is at {now}x{now}"
        return (
            f"progan has not grown: after {steps} steps it{fades} of {full}x{full} pixels, and "
            "what it makes is enlarged.",
            f"It is grown after {self.grown_at} steps: set `steps` to that and more, or "
            "shorten its stages with `model.schedule` (and `model.fade`).",
        )

    def phases(self) -> list[tuple[float, str]]:
        """[(step, a name)]: the middle of each fade and the end of each stage, in turn.

        The last stage has no end of its own.
        """
        found: list[tuple[float, str]] = []
        for stage, (begin, fade) in enumerate(zip(self.starts, self.fades, strict=True)):
            side = growing.FIRST << stage
            if stage and fade:
                found.append((begin + fade // 2, f"{side // 2} to {side}"))
            end = self.starts[stage + 1] if stage + 1 < self.number else float("inf")
            found.append((end, f"{side} x {side}"))
        return found

    def now(self, of_stage: Callable[..., Any], training: bool = False) -> Any:
        """What `of_stage(stage, alpha)` gives for the stage that the step is in.

        A model that no longer trains, as one that was loaded, has one stage and one alpha: that is
        what is exported. In training the trace must not depend on the step that it was made in,
        but on the `span` alone: a run that goes on in a new process would take a step that differs
        in rounding.
        """
        if not training and not self.optimizers:
            with tf.init_scope():
                step = self.steps_done
            return of_stage(*self.growth_at(step))
        stage, alpha = self.growth()
        first, last = self.span if training else (0, self.number - 1)
        branches = [functools.partial(of_stage, i, alpha) for i in range(first, last + 1)]
        return tf.switch_case(stage - first, branches) if len(branches) > 1 else branches[0]()

    def make_train_function(self, force: bool = False) -> None:
        """What Keras' `fit` calls: a graph for each span of stages that a call runs through.

        To trace all stages at once takes a minute where there are five, before there is a first
        step. Calls begin at the same steps in a run that goes on, and so have the same graphs.
        """
        if self.train_function is not None and not force:
            return
        made: dict[tuple[int, ...], Callable[[Any], Any]] = {}
        trace = super().make_train_function

        def train_function(iterator: Any) -> Any:
            first, count = self.steps_done, self.steps_per_execution
            span = tuple(self.growth_at(step)[0] for step in (first, first + count - 1))
            if span not in made:
                trace(force=True)
                made[span], self.train_function = self.train_function, train_function
            before, self.span = self.span, span  # read while TensorFlow traces
            try:
                return made[span](iterator)
            finally:
                self.span = before

        self.train_function = train_function

    def shown(self, x: tf.Tensor, stage: int | tf.Tensor, alpha: float | tf.Tensor) -> tf.Tensor:
        """Images as D is shown them: [B, H, W, C] -> [B / n, R_s, R_s, C], faded.

        Between borders, where the data's size is no power of two.
        """
        borders = [[0, 0], *self.borders, [0, 0]]
        x = growing.down(tf.pad(x[:: self.every[stage]], borders), self.full - stage)
        if not stage:
            return x
        old = growing.up(growing.down(x))
        return old + alpha * (x - old)

    def enlarged(self, x: tf.Tensor, stage: int | tf.Tensor) -> tf.Tensor:
        """[B, R_s, R_s, C] -> [B, H, W, C], without borders."""
        (above, _), (left, _) = self.borders
        h, w, _ = self.image_shape
        return growing.up(x, self.full - stage)[:, above : above + h, left : left + w]

    @property
    def borders(self) -> list[list[int]]:
        """Pixels above and below, left and right of an image at full size."""
        over = [(growing.FIRST << self.full) - side for side in self.image_shape[:2]]
        return [[n // 2, n - n // 2] for n in over]

    @property
    def full(self) -> int:
        """The stage that has the data's own size."""
        return stages_of(self.image_shape, 0) - 1

    # --- networks ------------------------------------------------------------------------------

    def width_of(self, stage: int) -> int:
        return max(1, min(self.width, self.base >> (stage + 1)))

    def make_generator(self) -> keras.Model:
        channels = self.image_shape[-1]
        return growing.Generator(self.latent_dim, self.number, self.width_of, channels)

    def make_discriminator(self) -> keras.Model:
        return growing.Discriminator(self.number, self.width_of, self.image_shape[-1])

    # --- training ------------------------------------------------------------------------------

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        images = self.to_range(self.to_unit(batch["image"]))
        seeds = self.training_seeds(images)
        gradients, d_terms, x = self.now(functools.partial(self.step_of_D, images, seeds), True)
        self.descend("D", self.D, gradients)
        gradients, g_loss, fake = self.now(functools.partial(self.step_of_G, seeds), True)
        self.descend("G", self.G, gradients)
        stage, alpha = self.growth()
        return self.end_step(
            **d_terms,
            g_loss=g_loss,
            spread=adversarial.spread(x, fake),
            stage=stage,
            alpha=alpha,
        )

    def step_of_D(
        self, images: tf.Tensor, seeds: tf.Tensor, stage: int | tf.Tensor, alpha: float | tf.Tensor
    ) -> tuple[list[tf.Tensor], dict[str, tf.Tensor], tf.Tensor]:
        """(gradients of D, terms, what D was shown, enlarged)."""
        x, seeds = self.shown(images, stage, alpha), seeds[:: self.every[stage]]
        fake = self.G.at(stage, self.noise(seeds)["z"], alpha)
        with tf.GradientTape() as tape:
            terms = self.of_D(x, fake, seeds, stage, alpha)
        gradients = self.of_all(self.D, tape, terms["d_loss"])
        return gradients, terms, self.enlarged(x, stage)

    def of_D(
        self,
        x: tf.Tensor,
        fake: tf.Tensor,
        seeds: tf.Tensor,
        stage: int | tf.Tensor,
        alpha: float | tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """The terms of D for images [B, R_s, R_s, C] of the stage."""

        def D(images: tf.Tensor) -> tf.Tensor:
            return self.D.at(stage, images, alpha)[:, 0]

        D_x, D_fake = D(x), D(fake)
        penalty = self.penalty(D, x, fake, seeds)
        loss = (
            self.objective.d_loss(D_x, D_fake)
            + self.penalty_weight * penalty
            + self.drift * tf.square(D_x)
        )
        found = dict(d_loss=loss, penalty=penalty, D_real=D_x, D_fake=D_fake)
        return {name: tf.reduce_mean(value) for name, value in found.items()}

    def step_of_G(
        self, seeds: tf.Tensor, stage: int | tf.Tensor, alpha: float | tf.Tensor
    ) -> tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]:
        """(gradients of G, G's loss, its images, enlarged)."""
        z = self.noise(seeds[:: self.every[stage]])["z"]
        with tf.GradientTape() as tape:
            fake = self.G.at(stage, z, alpha)
            loss = -tf.reduce_mean(self.D.at(stage, fake, alpha))
        gradients = self.of_all(self.G, tape, loss)
        return gradients, loss, self.enlarged(fake, stage)

    def of_all(
        self, network: keras.Model, tape: tf.GradientTape, loss: tf.Tensor
    ) -> list[tf.Tensor]:
        """The gradient by all weights of G or D: branches give as many each, if only zeros."""
        weights = network.trainable_variables
        found = self.gradients(tape, loss, weights)
        if self.span[0] == self.span[1]:
            return found
        return [tf.zeros(w.shape) if g is None else g for g, w in zip(found, weights, strict=True)]

    def descend(self, name: str, network: keras.Model, gradients: Sequence[tf.Tensor]) -> None:
        """One step of an optimizer; what the stage does not have is left out.

        A gradient of zero would move nothing that has yet to come, and what made the images of a
        stage that is over is not used again.
        """
        pairs = zip(gradients, network.trainable_variables, strict=True)
        gradients, weights = zip(*[pair for pair in pairs if pair[0] is not None], strict=True)
        self.take_step(name, gradients, weights)

    def update_averages(self) -> None:
        for stage, start in enumerate(self.starts[: self.span[1] + 1]):
            decay = averages.rising(self.ema, tf.maximum(self.step - start, 0))
            averages.follow(self.G_average.of_stage(stage), self.G.of_stage(stage), decay)

    def test_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        images = self.to_range(self.to_unit(batch["image"]))
        seeds = tf.range(tf.shape(images)[0])

        def of_stage(
            stage: int | tf.Tensor, alpha: float | tf.Tensor
        ) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
            x, some = self.shown(images, stage, alpha), seeds[:: self.every[stage]]
            fake = self.sampler().at(stage, self.noise(some)["z"], alpha)
            terms = self.of_D(x, fake, some, stage, alpha)
            return terms, self.enlarged(x, stage), self.enlarged(fake, stage)

        terms, x, fake = self.now(of_stage)
        stage, alpha = self.growth()
        terms |= dict(g_loss=-terms["D_fake"], spread=adversarial.spread(x, fake))
        return self.ordered(**terms, stage=tf.cast(stage, tf.float32), alpha=alpha)

    # --- sampling --------------------------------------------------------------------------------

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"z": random.normal(seeds, [self.latent_dim], "z")}

    def generate(
        self, noise: dict[str, tf.Tensor], condition: tf.Tensor | None = None
    ) -> tf.Tensor:
        def of_stage(stage: int | tf.Tensor, alpha: float | tf.Tensor) -> tf.Tensor:
            return self.enlarged(self.sampler().at(stage, noise["z"], alpha), stage)

        # The last layer of G is linear.
        return self.from_range(tf.clip_by_value(self.now(of_stage), -1.0, 1.0))


def stages_of(image_shape: Sequence[int], wanted: int) -> int:
    """The number of stages of images [H, W, C]; with `wanted`, of those so many.

    The last has the least 4 * 2^s pixels a side that hold the image.

    Raises: UserError for more stages than that.
    """
    h, w, _ = image_shape
    stages = math.ceil(math.log2(max(h, w, growing.FIRST) / growing.FIRST)) + 1
    if wanted > stages:
        raise UserError(
            f"stages is {wanted}: images of {h}x{w} have {stages}, from 4x4 on. Set "
            f"`model.stages` to at most {stages}, or 0 for all."
        )
    return wanted or stages


def numbers(name: str, text: str, count: int) -> list[int]:
    """ "1000,2000" -> so many numbers of 1 or more; the last is repeated.

    Raises: UserError for what are no such numbers, and for more of them.
    """
    parts = str(text).split(",")
    if len(parts) > count or not all(part.strip().isdigit() and int(part) for part in parts):
        raise UserError(
            f"{name} is {text!r}: it wants at most {count} whole numbers of 1 or more with commas, "
            f"one for each of the {count} stages; the last counts for later ones."
        )
    found = [int(part) for part in parts]
    return found + found[-1:] * (count - len(found))
