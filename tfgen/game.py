"""A game between a generator G and a discriminator D: what all GANs have, whatever their networks.

A class of `tfgen/models` names its losses and its penalty, `objective = adversarial.wasserstein`
and `penalty = penalties.gradient`; a config names them by strings. D sees images as `augmented`
makes them, and samples come from an average of G's weights, which each step follows.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from tfgen import averages, random
from tfgen.declared import Count, Share, Steps, Weight
from tfgen.errors import UserError, one_of
from tfgen.model import GenerativeModel
from tfgen.objectives import adversarial, augmentation, penalties


class Game(GenerativeModel):
    """G against D; a subclass has networks `G` and `D`, and a `train_step`.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      objective: the pair of losses, see `tfgen/objectives/adversarial.py`.
      penalty: what D pays for its gradient, see `tfgen/objectives/penalties.py`.
      penalty_weight: of the penalty in what D descends on.
      latent_dim: Z, the number of latents.
      ema: decay of the average of G's weights that samples come from; 0 samples from G itself.
      smoothing: D's target for real images is 1 - smoothing (Salimans et al. 2016, section 3.4).
      instance_noise: the standard deviation of what is added to all images that D sees, which
        range from -1 to 1 (Soenderby et al. 2017, section 3.1); 0: nothing.
      noise_steps: steps over which the instance noise falls to 0.
      augment: what changes all images that D sees, names of `augmentation.AUGMENTATIONS` with
        commas (Zhao et al. 2020).
    """

    x_range = (-1.0, 1.0)
    likelihood_kind = "implicit"
    prior = "uniform"
    terms: tuple[str, ...] = ("d_loss", "g_loss", "D_real", "D_fake", "spread")
    objective: adversarial.Objective
    penalty: penalties.Penalty

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        objective: Literal[
            "minimax",
            "non_saturating",
            "least_squares",
            "wasserstein",
            "hinge",
            "relativistic",
            "relativistic_average",
        ] = "non_saturating",
        penalty: Literal["none", "gradient", "dragan", "r1"] = "none",
        penalty_weight: Weight = 10.0,
        latent_dim: Count = 100,
        ema: Share = 0.0,
        smoothing: Share = 0.0,
        instance_noise: Weight = 0.0,
        noise_steps: Steps = 1000,
        augment: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        found = self._named("objective", objective, adversarial.OBJECTIVES)
        self.objective = found.smoothed(smoothing)
        self.penalty = self._named("penalty", penalty, penalties.PENALTIES)
        self.penalty_weight = penalty_weight
        self.latent_dim = latent_dim
        self.ema = ema
        self.smoothing = smoothing
        self.instance_noise = instance_noise
        self.noise_steps = noise_steps
        self.augment = augment
        self.augmentations = augmentation.named(augment)

    def _named(self, argument: str, given: Any, table: Mapping[str, Any]) -> Any:
        """Of a table what a config names, or a class attribute is; or the class's own.

        Raises: UserError for an unknown name.
        """
        own = getattr(type(self), argument, None)
        table = {**table, own.name: own} if own else table
        return table[one_of(argument, getattr(given, "name", given), table)]

    def _argument(self, parameter: inspect.Parameter) -> Any:
        value = super()._argument(parameter)
        named = isinstance(value, (adversarial.Objective, penalties.Penalty))
        return value.name if named else value

    def check_penalty(self, by_batch: bool) -> None:
        """Raises: UserError for a penalty on a D that has batch normalisation."""
        if by_batch and self.penalty.name != "none":
            raise UserError(
                "a penalty is on D's gradient at each image, and batch normalisation makes D a "
                "function of the whole batch: set `model.normalisation` to layer or none, "
                "or take it out of a discriminator of your own."
            )

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {"G": self.G.trainable_variables, "D": self.D.trainable_variables}

    # --- what D sees and what it is worth --------------------------------------------------------

    def augmented(
        self, x: tf.Tensor, seeds: tf.Tensor, stream: str, training: bool = True
    ) -> tf.Tensor:
        """Images as D sees them: noisy, and in training augmented.

        D knows noisy images alone, at the noise of the step: what it says of clean ones means
        nothing. Augmentation makes more of the images of training, and others need none.
        """
        if training:
            x = augmentation.augmented(x, self.augmentations, seeds, f"augment {stream}")
        if self.instance_noise:
            left = 1.0 - tf.cast(self.step, tf.float32) / max(self.noise_steps, 1)
            noise = random.normal(seeds, x.shape[1:], f"instance noise {stream}")
            x += self.instance_noise * tf.maximum(left, 0.0) * noise
        return x

    def warnings(self, means: Mapping[str, float]) -> dict[str, str]:
        """What is wrong with the game: {term: mean over an interval} -> {kind: a sentence}."""
        return adversarial.warnings(means, self.objective)

    # --- the average of G ------------------------------------------------------------------------

    def averaged(self) -> list[tuple[keras.Model, keras.Model]]:
        """What samples come from: pairs of an average and the network that it is of."""
        return [(self.G_average, self.G)]

    def start_averages(self) -> None:
        for average, network in self.averaged():
            averages.start(average, network)

    def update_averages(self) -> None:
        # Batch normalisation's statistics are averaged with the weights that they belong to.
        for average, network in self.averaged():
            decay = averages.rising(self.ema, self.step)
            averages.follow(average.weights, network.weights, decay)

    def end_step(self, **terms: tf.Tensor) -> dict[str, tf.Tensor]:
        if self.ema:
            self.update_averages()
        return super().end_step(**terms)

    def sampler(self) -> keras.Model:
        """The G that samples come from."""
        return self.G_average if self.ema else self.G

    # --- sampling --------------------------------------------------------------------------------

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"z": 2.0 * random.uniform(seeds, [self.latent_dim], "z") - 1.0}

    def draw_prior(self, seeds: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """What samples are made of: [B] -> [B, Z]."""
        return self.noise(seeds)["z"]

    def decode(self, z: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """Of such a row, [B, Z], the image in [0, 1]."""
        return self.generate({"z": z}, condition)
