"""What all diffusion models have: a denoiser, an average of its weights, labels and guidance.

J. Ho, T. Salimans. Classifier-Free Diffusion Guidance. 2022. https://arxiv.org/abs/2207.12598

    x_0'(x_t, y) -> (1 + w) x_0'(x_t, y) - w x_0'(x_t)             equation 6, of guesses of x_0

In training a label is left out with the probability `drop_label`, so that one network knows both.

C. Meng et al. SDEdit: Guided Image Synthesis and Editing with Stochastic Differential Equations.
ICLR 2022. https://arxiv.org/abs/2108.01073

    x_t = a_t x_0 + s_t eps of a given image, and from there on a sampler's steps      algorithm 1

Shapes: x_t, x_0 [B, H, W, C] in (-1, 1) and the noise around it;  t [B];  y [B, K].
"""

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import keras
import numpy as np
import tensorflow as tf

from tfgen import averages, networks, random
from tfgen.compiling import looping
from tfgen.data import conditions
from tfgen.declared import Count, Network, Range, Share, Steps, Weight
from tfgen.errors import UserError
from tfgen.layers import Dropout, unet
from tfgen.model import GenerativeModel
from tfgen.objectives import samplers
from tfgen.objectives.samplers import Step

EXPORTED_STEPS = (10, 50)  # of samples that exports offer beside those of `sampling_steps`


class Diffusion(GenerativeModel):
    """A model that makes noise into images by a denoiser; a subclass says how.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      network: "unet", or "dense" for points and other small data.
      width: features of the U-Net's first stage, twice as many in the others; units ("dense").
      blocks: residual blocks, of a stage on its way down ("unet").
      attention: the longest side, in pixels, at which there is self-attention; 0: nowhere.
      waves: whether the U-Net sees waves that tell a level from its neighbours, which a likelihood
        of levels is the better for (Kingma et al. 2021, appendix C).
      dropout: share of features dropped in training.
      half_life: steps by which the average of weights that samples and bounds come from is half
        new; 0: they come from the weights themselves.
      conditional: whether it is p(x|y), y a label or a caption.
      num_classes: K, taken from the data.
      guidance: w, how far samples are pushed towards y; 0: p(x|y) as it is.
      drop_label: share of y that training leaves out; without any no guidance is learnt.
      denoiser: a network of the user's own (`tfgen/networks.py`), [H, W, C] and a time [1], and
        with y [K], zeros for none -> [H, W, C], or what a variant says beside it.
    """

    x_range = (-1.0, 1.0)
    prior = "normal"
    labels_if = "conditional"
    descent = {"denoiser": "loss"}
    sampling_steps: int

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        network: Literal["unet", "dense"] = "unet",
        width: Annotated[int, Range(2)] = 20,
        blocks: Count = 1,
        attention: Annotated[int, Range(0)] = 7,
        waves: bool = False,
        dropout: Share = 0.0,
        half_life: Steps = 500,
        conditional: bool = False,
        num_classes: int = 10,
        guidance: Weight = 0.0,
        drop_label: Share = 0.1,
        denoiser: Network = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.network = network
        self.width = width
        self.blocks = blocks
        self.attention = attention
        self.waves = waves
        self.dropout = dropout
        self.half_life = half_life
        self.conditional = conditional
        self.num_classes = num_classes if conditional else 0
        self.guidance = guidance
        self.drop_label = drop_label

        def drop(stream: str) -> keras.Layer:
            return Dropout(dropout, stream, self.dropout_masks)

        asked = self.numbers_asked()
        inputs = [self.image_shape, (1,), *([(asked,)] if asked else [])]
        outputs = (*self.image_shape[:2], self.channels_said())
        self.denoiser = self.choose_network(
            *("denoiser", denoiser, inputs, outputs),
            lambda: self.make_denoiser(drop if dropout else undropped, "denoiser"),
        )
        if half_life:
            own = denoiser is not None
            self.average = (
                networks.another(self.denoiser) if own else self.make_denoiser(undropped, "average")
            )
            averages.start(self.average, self.denoiser)

    def averaged(self) -> list[tuple[keras.Model, keras.Model]]:
        """Each average, and the network that it is of."""
        return [(self.average, self.denoiser)]

    def channels_said(self) -> int:
        """Channels of what the network says: those of an image, and a variant's own."""
        return self.image_shape[-1]

    def numbers_asked(self) -> int:
        """K, the numbers of y; 0: of a model that is asked for nothing."""
        return self.num_classes

    def make_denoiser(self, drop: unet.Drop, name: str) -> keras.Model:
        shapes = self.image_shape, self.channels_said(), self.numbers_asked()
        width, blocks, rest = self.width, self.blocks, (drop, name)
        if self.network == "dense":
            return unet.dense(*shapes, width, blocks, *rest)
        return unet.unet(*shapes, self.levels, width, blocks, self.attention, self.waves, *rest)

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {"denoiser": self.denoiser.trainable_variables}

    # --- the network -----------------------------------------------------------------------------

    def output(
        self, x: tf.Tensor, time: tf.Tensor, y: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """What the network says: x [B, H, W, C], a number for the time [B], y [B, K] or None."""
        network = self.average if self.half_life and not training else self.denoiser
        inputs = [x, tf.reshape(time, [-1, 1])]
        if asked := self.numbers_asked():
            none = tf.zeros([tf.shape(x)[0], asked])
            inputs.append(none if y is None else y)
        return network(inputs, training=training)

    def asked(self, batch: dict[str, tf.Tensor], seeds: tf.Tensor) -> tf.Tensor | None:
        """What the images of a batch show, as samples are asked for it."""
        return batch.get("label")

    def code(self, asked: tf.Tensor, training: bool = False) -> tf.Tensor:
        """y, what the network hears of it: labels [B] -> [B, K]."""
        return self.one_hot(asked)

    def shown(
        self, batch: dict[str, tf.Tensor], seeds: tf.Tensor, training: bool
    ) -> tf.Tensor | None:
        """y of a batch's images, of which training leaves some out: [B, K]."""
        asked = self.asked(batch, seeds) if self.numbers_asked() else None
        if asked is None:
            return None
        y = self.code(asked, training)
        if not (training and self.drop_label):
            return y
        kept = random.uniform(seeds, [1], "drop label") >= self.drop_label
        return y * tf.cast(kept, tf.float32)

    def guided(
        self, guess: Callable[[tf.Tensor | None], tf.Tensor], label: tf.Tensor | None
    ) -> tf.Tensor:
        """A guess of y, pushed away from that without: equation 6."""
        if not self.numbers_asked() or label is None:
            return guess(None)
        found = guess(self.code(label))
        return found + self.guidance * (found - guess(None)) if self.guidance else found

    def denoised_at(
        self, x: tf.Tensor, sigma: tf.Tensor, label: tf.Tensor | None = None
    ) -> tf.Tensor:
        """The guess of x_0 from x_0 + sigma eps: [B, H, W, C], [B] -> [B, H, W, C]."""
        raise NotImplementedError(f"{type(self).__name__} must say what it guesses of noisy images")

    def score(self, x: tf.Tensor, sigma: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
        """The gradient of log density of x_0 + sigma eps: [B, H, W, C] around (-1, 1) -> the same.

        By Tweedie's formula, (E[x_0 | x] - x) / sigma^2.
        """
        square = tf.square(tf.reshape(sigma, [-1, 1, 1, 1]))
        return (self.denoised_at(x, sigma, label) - x) / square

    # --- sampling --------------------------------------------------------------------------------

    def steps_taken(self, steps: int | None = None) -> int:
        """How many steps a sample has, of so many or by default of `sampling_steps`."""
        return steps or self.sampling_steps

    def signal_at(self, n: int, steps: int | None = None) -> tuple[float, float]:
        """a and s of x_t = a x_0 + s eps where step n of a sampler begins."""
        raise NotImplementedError(f"{type(self).__name__} must say how noisy a step's x is")

    def sampling_step(self, label: tf.Tensor | None, steps: int | None = None) -> Step:
        """A step of the sampler."""
        raise NotImplementedError(f"{type(self).__name__} must say what a step does")

    @looping
    def loop(
        self,
        x: tf.Tensor,
        added: tf.Tensor | None,
        label: tf.Tensor | None,
        steps: int | None = None,
        first: int = 0,
    ) -> tf.Tensor:
        """x where the step `first` begins -> where the last ends, by way of all between."""
        draw = samplers.of_each(added)
        step = self.sampling_step(label, steps)
        return samplers.loop(step, self.steps_taken(steps), x, draw, first=first)

    def adds_noise(self) -> bool:
        """Whether steps add noise."""
        return False

    def steps_offered(self) -> tuple[int, ...]:
        """Numbers of steps, beside `sampling_steps`, that a sample may have without retraining."""
        own = self.steps_taken()
        # The noise of a sample has that of its own steps.
        most = own - 1 if self.adds_noise() else math.inf
        return tuple(n for n in EXPORTED_STEPS if n != own and n <= most)

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        """What x_T is a multiple of; and what steps add, where they add any: [B, N, H, W, C]."""
        noise = {"z": random.normal(seeds, [math.prod(self.image_shape)], "z")}
        if self.adds_noise():
            steps = self.steps_taken()
            noise["added"] = random.normal_of_steps(seeds, steps, self.image_shape, "added")
        return noise

    def generate(
        self,
        noise: dict[str, tf.Tensor],
        condition: tf.Tensor | None = None,
        steps: int | None = None,
    ) -> tf.Tensor:
        """The sampler, in `sampling_steps` or as many as are asked for."""
        _, spread = self.signal_at(0, steps)
        x = spread * tf.reshape(noise["z"], [-1, *self.image_shape])
        return self.to_images(self.loop(x, noise.get("added"), condition, steps))

    def denoise_step(
        self,
        x: tf.Tensor,
        step: tf.Tensor,
        added: tf.Tensor | None = None,
        condition: tf.Tensor | None = None,
        steps: int | None = None,
    ) -> dict[str, tf.Tensor]:
        """One step of a sample, of each row its own: how an image appears.

        Args:
          x: where the step begins, [B, H, W, C], as a multiple of the standard deviation of x_T:
            that of step 0 is the noise's `z`, and of every other what the one before gives.
          step: its number, from 0 to N - 1, int32 [B].
          added: the noise that it adds, where the sampler adds any, [B, H, W, C].
          condition, steps: as `generate` has them.

        Returns: {"x": where the next step begins; "image": the guess of x_0, in [0, 1], of the last
          step the sample}.
        """
        _, spread = self.signal_at(0, steps)
        x_t = spread * tf.convert_to_tensor(x, tf.float32)
        x, guess = self.sampling_step(condition, steps)(step, x_t, added)
        return {"x": x / spread, "image": self.to_images(guess)}

    def edit(
        self,
        x: tf.Tensor,
        strength: float,
        seeds: tf.Tensor | None = None,
        label: Any = None,
    ) -> tf.Tensor:
        """Images of what given ones show, coarsely: SDEdit, images in [0, 1] -> the same.

        Args:
          strength: the share of a sampler's steps that are taken anew, in [0, 1]: with 0 it is the
            image itself, with 1 hardly anything of it is left.
          seeds: int32 [B], of the draws, by default 0, 1, 2, ...
          label: what they shall show, as `sample` takes a label or a caption; None: whatever.

        Raises: UserError for a strength outside.
        """
        if not 0 <= strength <= 1:
            raise UserError(
                f"`strength={strength:g}`: wanted is a share of the steps, from 0 to 1."
            )
        count = self.steps_taken()
        first = count - round(strength * count)
        if first == count:
            return tf.convert_to_tensor(x)
        seeds = tf.range(tf.shape(x)[0]) if seeds is None else tf.convert_to_tensor(seeds, tf.int32)
        label = self.rows_asked(label, x)
        signal, spread = self.signal_at(first)
        eps = random.normal(seeds, self.image_shape, "edit")
        x_t = signal * self.to_range(tf.convert_to_tensor(x, tf.float32)) + spread * eps
        added = self.noise(seeds).get("added")
        return self.to_images(self.loop(x_t, added, label, first=first))

    def complete(
        self,
        x: tf.Tensor,
        known: tf.Tensor,
        seeds: tf.Tensor | None = None,
        label: Any = None,
        resample: int = 4,
        jump: int = 5,
    ) -> tf.Tensor:
        """Draws what is not known beside what is: images in [0, 1] -> the same.

        After each step known pixels are put back, as noisy as the others (RePaint, Lugmayr et al.
        2022, https://arxiv.org/abs/2201.09865, algorithm 1): near p(unknown | known). A step that
        is taken again from a level before, with noise anew, makes the two agree: the more often,
        the nearer.

        Args:
          known: bool like x.
          seeds: int32 [B], of the draws, by default 0, 1, 2, ...
          label: what they shall show, as `sample` takes a label or a caption; None: whatever.
          resample: how often each stretch of steps is taken in all.
          jump: how many steps a stretch has.

        Raises: UserError for numbers below 1.
        """
        if resample < 1 or jump < 1:
            raise UserError(f"`resample={resample}`, `jump={jump}`: wanted are numbers from 1.")
        seeds = tf.range(tf.shape(x)[0]) if seeds is None else tf.convert_to_tensor(seeds, tf.int32)
        label = self.rows_asked(label, x)
        x_0 = self.to_range(tf.convert_to_tensor(x, tf.float32))
        return self.repainted(x_0, tf.cast(known, tf.bool), seeds, label, resample, jump)

    @looping
    def repainted(
        self,
        x_0: tf.Tensor,
        known: tf.Tensor,
        seeds: tf.Tensor,
        label: tf.Tensor | None,
        resample: int,
        jump: int,
    ) -> tf.Tensor:
        """The loop of `complete`: images of x_0, where it is known: [B, H, W, C], in [0, 1]."""
        count = self.steps_taken()
        steps = repeated(count, resample, jump)
        a, s = np.transpose([*(self.signal_at(n) for n in range(count)), (1.0, 0.0)])
        # From where a step ends to where the next begins: at once, or back by noise.
        ends, begins = steps + 1, np.append(steps[1:], count)
        kept = a[begins] / a[ends]
        again = np.sqrt(np.maximum(s[begins] ** 2 - (kept * s[ends]) ** 2, 0.0))
        table = np.stack([a[ends], s[ends], kept, again], axis=1)
        number, step = tf.constant(steps, tf.int32), self.sampling_step(label)

        def taken(n: tf.Tensor, x: tf.Tensor, z: samplers.Noise) -> tuple[tf.Tensor, tf.Tensor]:
            return step(tf.gather(number, n), x, z)

        def put_back(x: tf.Tensor, n: tf.Tensor) -> tf.Tensor:
            signal, spread, of_x, of_z = tf.unstack(tf.gather(tf.constant(table, tf.float32), n))
            own = random.derived(seeds, "known", n)
            eps, z = (random.normal(own, self.image_shape, name) for name in ("known", "again"))
            return of_x * tf.where(known, signal * x_0 + spread * eps, x) + of_z * z

        def draw(n: tf.Tensor) -> tf.Tensor:
            return random.normal(random.derived(seeds, "step", n), self.image_shape, "added")

        x_T = s[0] * random.normal(seeds, self.image_shape, "x_T")
        x_T += tf.where(known, a[0] * x_0, 0.0)
        noise = draw if self.adds_noise() else None
        return self.to_images(samplers.loop(taken, len(steps), x_T, noise, put_back))

    def rows_asked(self, asked: Any, x: tf.Tensor) -> tf.Tensor | None:
        """What a user asks images [B, H, W, C] for, as networks take it."""
        if asked is None or self.condition is None:
            return None
        (rows,) = conditions.checked(self.condition, "the model", x.shape[0], asked).values()
        return tf.convert_to_tensor(rows)

    def to_images(self, x_0: tf.Tensor) -> tf.Tensor:
        """What a sampler ends with -> images in [0, 1]."""
        return self.from_range(tf.clip_by_value(x_0, -1.0, 1.0))

    # --- training --------------------------------------------------------------------------------

    def end_step(self, **terms: tf.Tensor) -> dict[str, tf.Tensor]:
        if self.half_life:
            decay = averages.by_half_life(self.half_life, self.step)
            for average, network in self.averaged():
                averages.follow(average.weights, network.weights, decay)
        return super().end_step(**terms)


def undropped(stream: str) -> keras.Layer:
    """What stands for a layer of dropout where nothing is dropped."""
    return keras.layers.Identity()


def repeated(count: int, resample: int, jump: int) -> np.ndarray:
    """The numbers of `count` steps, stretches of `jump` taken `resample` times: int [M]."""
    stretches = [np.arange(i, min(i + jump, count)) for i in range(0, count, jump)]
    return np.concatenate([np.tile(stretch, resample) for stretch in stretches])
