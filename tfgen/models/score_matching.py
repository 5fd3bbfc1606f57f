"""Denoising score matching: the gradient of log density, learnt from noise, and Langevin's steps.

P. Vincent. A Connection Between Score Matching and Denoising Autoencoders. Neural Computation 23,
2011. https://doi.org/10.1162/NECO_a_00142
Y. Song, S. Ermon. Generative Modeling by Estimating Gradients of the Data Distribution.
NeurIPS 2019. https://arxiv.org/abs/1907.05600

    q_sigma(x'|x) = N(x, sigma^2 I),   grad log q_sigma(x'|x) = -(x' - x) / sigma^2
    descend on  sigma^2 / 2 |s(x', sigma) + (x' - x) / sigma^2|^2   equations 5 and 6
    s(x', sigma) -> grad log q_sigma(x')                            Vincent 2011, appendix

    for sigma_1 > ... > sigma_L:                                    algorithm 1
        alpha_i = stride sigma_i^2
        T times:  x += alpha_i / 2 s(x, sigma_i) + sqrt(alpha_i) z,   z ~ N(0, I)

The network says sigma s, whose target is a standard normal at every sigma (section 4.2). A score is
a field of arrows, which in the plane can be looked at: where `ring` and `grid` have their modes all
of them point there, the farther the more noise there is.

Shapes: x, x', s [B, H, W, C], x in (-1, 1);  sigma [B];  z [B, H W C], where the chain starts.

Departures from the paper: sigma is a number that the network is shown, as log(sigma) / 4, where the
paper's has weights of each of L; a last step without noise, to x + sigma_L^2 s, the mean of x given
x' (Jolicoeur-Martineau et al. 2021, https://arxiv.org/abs/2009.05475).
"""

from collections.abc import Sequence
from typing import Annotated, Any

import keras
import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.declared import Count, Range
from tfgen.diffusion import Diffusion
from tfgen.objectives import samplers


@keras.saving.register_keras_serializable("tfgen")
class ScoreMatching(Diffusion):
    """A model of scores at several amounts of noise; its likelihood is implicit.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      noises: L, standard deviations from sigma_max to sigma_min, in even ratios.
      sigma_min: sigma_L, of data that range from -1 to 1.
      sigma_max: sigma_1.
      each: T, steps of Langevin at each sigma.
      stride: of a step, alpha_i / sigma_i^2.
      others: see `Diffusion`.
    """

    paper = ("Song and Ermon 2019", "https://arxiv.org/abs/1907.05600")
    terms: tuple[str, ...] = ("loss",)

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        noises: Annotated[int, Range(2)] = 10,
        sigma_min: Annotated[float, Range(above=0)] = 0.01,
        sigma_max: Annotated[float, Range(above=0)] = 1.0,
        each: Count = 100,
        stride: Annotated[float, Range(above=0)] = 0.2,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.noises = noises
        self.sigma_min, self.sigma_max = sigma_min, sigma_max
        self.each, self.stride = each, stride

    def sigmas(self) -> np.ndarray:
        """sigma_1 > ... > sigma_L: [L]."""
        return np.geomspace(self.sigma_max, self.sigma_min, self.noises)

    def scaled(
        self, x: tf.Tensor, sigma: tf.Tensor, y: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """sigma s(x, sigma), what the network says, of x with noise of sigma [B]."""
        spread = tf.sqrt(1.0 + tf.square(tf.reshape(sigma, [-1, 1, 1, 1])))
        return self.output(x / spread, 0.25 * tf.math.log(sigma), y, training)

    def score(self, x: tf.Tensor, sigma: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
        """s(x, sigma), the gradient of log q_sigma: [B, H, W, C] around (-1, 1) -> the same."""
        sigmas = tf.reshape(sigma, [-1, 1, 1, 1])
        return self.guided(lambda y: self.scaled(x, sigma, y) / sigmas, label)

    # --- training --------------------------------------------------------------------------------

    def step_terms(
        self, batch: dict[str, tf.Tensor], seeds: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """Equation 6 by one sigma for each image, a mean over pixels: {"loss": [B]}."""
        x = self.to_range(self.to_unit(batch["image"]))
        y = self.shown(batch, seeds, training)
        place = tf.cast(random.uniform(seeds, [1], "sigma")[:, 0] * self.noises, tf.int32)
        sigma = tf.gather(tf.constant(self.sigmas(), tf.float32), place)
        z = random.normal(seeds, self.image_shape, "noise")
        noisy = x + tf.reshape(sigma, [-1, 1, 1, 1]) * z
        error = tf.square(self.scaled(noisy, sigma, y, training) + z)
        return {"loss": 0.5 * tf.reduce_mean(error, axis=[1, 2, 3])}

    # --- sampling --------------------------------------------------------------------------------

    def steps_taken(self, steps: int | None = None) -> int:
        """T at each of L sigmas, and the last one, without noise."""
        return self.noises * self.each + 1

    def steps_offered(self) -> tuple[int, ...]:
        return ()  # L and T are no one number

    # A step of Langevin ends with the noise that it begins with: no level is left for known pixels.
    complete = None  # type: ignore[assignment]

    def adds_noise(self) -> bool:
        return True

    def signal_at(self, n: int, steps: int | None = None) -> tuple[float, float]:
        return 1.0, float(self.sigmas()[min(n // self.each, self.noises - 1)])

    def sampling_step(self, label: tf.Tensor | None, steps: int | None = None) -> samplers.Step:
        """Algorithm 1."""
        sigmas = np.repeat(self.sigmas(), self.each)
        alpha = self.stride * sigmas**2
        return samplers.langevin(lambda x, s: self.score(x, s, label), sigmas, alpha)
