"""EDM: diffusion by a noise's standard deviation, with a denoiser of unit scale and Heun's steps.

T. Karras, M. Aittala, T. Aila, S. Laine. Elucidating the Design Space of Diffusion-Based Generative
Models. NeurIPS 2022. https://arxiv.org/abs/2206.00364

    D(x; sigma) = c_skip x + c_out F(c_in x; c_noise)               equation 7
    c_skip = sigma_data^2 / (sigma^2 + sigma_data^2),  c_out = sigma sigma_data c_in      table 1
    c_in   = 1 / sqrt(sigma^2 + sigma_data^2),         c_noise = log(sigma) / 4

    descend on  lambda |D(y + n; sigma) - y|^2,   n ~ N(0, sigma^2 I)                     equation 2
    lambda = 1 / c_out^2,   log sigma ~ N(P_mean, P_std^2)

    dx / dsigma = (x - D(x; sigma)) / sigma                         equation 3, sigma(t) = t
    sigma_i = (sigma_max^(1/rho) + i / (N - 1) (sigma_min^(1/rho) - sigma_max^(1/rho)))^rho,
    sigma_N = 0                                                     equation 5

    for i = 0 .. N - 1:                                             algorithm 2
        t_i = sigma_i (1 + gamma),  x += sqrt(t_i^2 - sigma_i^2) S_noise e         churn
        d = (x - D(x; t_i)) / t_i,  x' = x + (sigma_{i+1} - t_i) d                 Euler
        d' = that of x' at sigma_{i+1},  x += (sigma_{i+1} - t_i) (d + d') / 2     Heun, not at 0

A loss of equation 2 is an error of what F says, |F - (y - c_skip x) / c_out|^2: for data of
standard deviation sigma_data what F sees and what it should say have variance 1 at every sigma.

Shapes: x, y, n [B, H, W, C], y in (-1, 1);  sigma [B];  z [B, H W C], x_0 / sigma_max.

Departures from the paper: a smaller U-Net, see tfgen/layers/unet.py; no augmentation; the half-life
of the average in steps; an image is cut to [-1, 1] at the end.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import keras
import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.compiling import looping
from tfgen.declared import Range, Weight
from tfgen.diffusion import Diffusion
from tfgen.objectives import samplers


@keras.saving.register_keras_serializable("tfgen")
class EDM(Diffusion):
    """A diffusion model by the standard deviation of noise; its likelihood is implicit.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      sigma_data: standard deviation of the data, which range from -1 to 1.
      sigma_median: exp(P_mean), the median of sigma in training.
      p_std: P_std, the standard deviation of log sigma in training.
      sigma_min: the last standard deviation of a sampler before 0.
      sigma_max: the first.
      rho: how much shorter steps are where there is little noise.
      sampling_steps: N; may be set anew after training, as all that a sampler has.
      solver: "heun", or "euler", which evaluates D once a step.
      churn: S_churn, noise that is added anew on the way; 0: none.
      churn_min: S_tmin, the least sigma of churn.
      churn_max: S_tmax, the greatest.
      churn_noise: S_noise, of which the noise of churn is a multiple.
      others: see `Diffusion`.
    """

    paper = ("Karras et al. 2022", "https://arxiv.org/abs/2206.00364")
    terms: tuple[str, ...] = ("loss", "error")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        sigma_data: Annotated[float, Range(above=0)] = 0.5,
        sigma_median: Annotated[float, Range(above=0)] = 0.3,
        p_std: Annotated[float, Range(above=0)] = 1.2,
        sigma_min: Annotated[float, Range(above=0)] = 0.002,
        sigma_max: Annotated[float, Range(above=0)] = 80.0,
        rho: Annotated[float, Range(above=0)] = 7.0,
        sampling_steps: Annotated[int, Range(2)] = 18,
        solver: Literal["heun", "euler"] = "heun",
        churn: Weight = 0.0,
        churn_min: Weight = 0.05,
        churn_max: Weight = 50.0,
        churn_noise: Weight = 1.003,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.sigma_data = sigma_data
        self.sigma_median, self.p_std = sigma_median, p_std
        self.sigma_min, self.sigma_max, self.rho = sigma_min, sigma_max, rho
        self.sampling_steps = sampling_steps
        self.solver = solver
        self.churn, self.churn_noise = churn, churn_noise
        self.churn_min, self.churn_max = churn_min, churn_max

    # --- the denoiser ----------------------------------------------------------------------------

    def scales(self, sigma: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """c_skip, c_out, c_in of sigma [B]: each [B, 1, 1, 1]."""
        sigma = tf.reshape(sigma, [-1, 1, 1, 1])
        c_in = tf.math.rsqrt(tf.square(sigma) + self.sigma_data**2)
        return tf.square(self.sigma_data * c_in), sigma * self.sigma_data * c_in, c_in

    def F(
        self, x: tf.Tensor, sigma: tf.Tensor, y: tf.Tensor | None, training: bool = False
    ) -> tf.Tensor:
        """F(c_in x; c_noise)."""
        _, _, c_in = self.scales(sigma)
        return self.output(c_in * x, 0.25 * tf.math.log(sigma), y, training)

    def denoised(self, x: tf.Tensor, sigma: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
        """D(x; sigma), with guidance: [B, H, W, C], [B] -> [B, H, W, C]."""
        c_skip, c_out, _ = self.scales(sigma)
        return self.guided(lambda y: c_skip * x + c_out * self.F(x, sigma, y), label)

    denoised_at = denoised

    # --- training --------------------------------------------------------------------------------

    def step_terms(
        self, batch: dict[str, tf.Tensor], seeds: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """The loss, and the squared error of D beside it: dict of [B], means over pixels."""
        y = self.to_range(self.to_unit(batch["image"]))
        shown = self.shown(batch, seeds, training)
        sigma = self.sigma_median * tf.exp(self.p_std * random.normal(seeds, [1], "sigma")[:, 0])
        n = random.normal(seeds, self.image_shape, "n") * tf.reshape(sigma, [-1, 1, 1, 1])
        c_skip, c_out, _ = self.scales(sigma)
        target = (y - c_skip * (y + n)) / c_out
        loss = tf.square(self.F(y + n, sigma, shown, training) - target)
        means = (tf.reduce_mean(v, axis=[1, 2, 3]) for v in (loss, loss * tf.square(c_out)))
        return dict(zip(("loss", "error"), means, strict=True))

    # --- sampling --------------------------------------------------------------------------------

    def sigmas(self, steps: int | None = None) -> np.ndarray:
        """sigma_0 > ... > sigma_N = 0, as settings are now: [N + 1]."""
        first, last = self.sigma_max ** (1.0 / self.rho), self.sigma_min ** (1.0 / self.rho)
        return np.append(np.linspace(first, last, self.steps_taken(steps)) ** self.rho, 0.0)

    def way(self, steps: int | None = None) -> samplers.Way:
        """The evaluations of D that a sample takes."""
        sigmas = self.sigmas(steps)
        churned = (self.churn_min <= sigmas[:-1]) & (sigmas[:-1] <= self.churn_max)
        gamma = min(self.churn / self.steps_taken(steps), math.sqrt(2.0) - 1.0) * churned
        way = samplers.heun if self.solver == "heun" else samplers.euler
        return way(sigmas, gamma, self.churn_noise)

    def adds_noise(self) -> bool:
        return bool(self.churn)

    def signal_at(self, n: int, steps: int | None = None) -> tuple[float, float]:
        return 1.0, float(self.sigmas(steps)[n])

    def sampling_step(self, label: tf.Tensor | None, steps: int | None = None) -> samplers.Step:
        return samplers.step_along(lambda x, s: self.denoised(x, s, label), self.way(steps))

    @looping
    def loop(
        self,
        x: tf.Tensor,
        added: tf.Tensor | None,
        label: tf.Tensor | None,
        steps: int | None = None,
        first: int = 0,
    ) -> tf.Tensor:
        """Algorithm 2."""
        return samplers.along(
            *(lambda x, sigma: self.denoised(x, sigma, label), x, self.way(steps)),
            *(samplers.of_each(added), first),
        )
