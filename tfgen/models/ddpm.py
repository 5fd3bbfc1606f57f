"""Denoising diffusion: noise is added in T small steps, and a network learns to take it away.

J. Ho, A. Jain, P. Abbeel. Denoising Diffusion Probabilistic Models. NeurIPS 2020.
https://arxiv.org/abs/2006.11239
A. Nichol, P. Dhariwal. Improved Denoising Diffusion Probabilistic Models. ICML 2021.
https://arxiv.org/abs/2102.09672
J. Song, C. Meng, S. Ermon. Denoising Diffusion Implicit Models. ICLR 2021.
https://arxiv.org/abs/2010.02502
T. Salimans, J. Ho. Progressive Distillation. ICLR 2022. https://arxiv.org/abs/2202.00512

    q(x_t|x_0) = N(sqrt(abar_t) x_0, (1 - abar_t) I)                equation 4

    repeat:                                                         algorithm 1
        x_0 of the data, t uniform in 1 .. T, eps ~ N(0, I)
        descend on |eps - eps_theta(sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps, t)|^2

    x_T ~ N(0, I);  for t = T .. 1:                                 algorithm 2
        x_{t-1} = (x_t - beta_t / sqrt(1 - abar_t) eps_theta(x_t, t)) / sqrt(1 - beta_t) + sigma_t z

What the network says, eps, x_0 or v = sqrt(abar_t) eps - sqrt(1 - abar_t) x_0, is always made into
a guess of x_0. A sampler goes down a part of the times, in steps of DDIM: eta = 1 are those of
algorithm 2, and with eta = 0 an image is a smooth function of x_T. Closed forms, the bound's terms
and the coefficients of steps: tfgen/objectives/diffusion.py.

Shapes: x_0, x_t, eps [B, H, W, C], x_0 in (-1, 1);  t [B] int32;  z [B, H W C], which is x_T.

Departures from the paper: the cosine schedule of Nichol and Dhariwal; samples take the posterior's
variance, also where the bound has a learned one; a guess of x_0 is cut to (-1, 1) wherever a sample
or a bound is made of it (as in the authors' code); a smaller U-Net, see tfgen/layers/unet.py.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import keras
import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.compiling import compiled
from tfgen.declared import Count, Range
from tfgen.diffusion import Diffusion
from tfgen.objectives import bounds, samplers
from tfgen.objectives.diffusion import Schedule

VLB_WEIGHT = 0.001  # of the bound in L_hybrid, Nichol and Dhariwal, section 3.1


@keras.saving.register_keras_serializable("tfgen")
class DDPM(Diffusion):
    """A denoising diffusion model; its likelihood is a lower bound.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      steps: T, of the noise in training.
      schedule: of abar_t, "cosine" or the paper's "linear".
      prediction: what the network says.
      variance: of a step back, "posterior", or "learned" between that and beta_t (Nichol and
        Dhariwal, equation 15), which is for the bound.
      loss: "simple", the squared error of what it says (equation 14), or "bound", nats (equation
        5), with times drawn by how great their terms are.
      sampling_steps: of a sample, from T down; may be set anew after training.
      eta: how much of the noise of algorithm 2 a step of a sample adds; the same.
      others: see `Diffusion`.
    """

    paper = ("Ho et al. 2020", "https://arxiv.org/abs/2006.11239")
    likelihood_kind = "lower bound"
    terms: tuple[str, ...] = ("loss", "bound")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        steps: Annotated[int, Range(2)] = 1000,
        schedule: Literal["cosine", "linear"] = "cosine",
        prediction: Literal["epsilon", "x0", "v"] = "epsilon",
        variance: Literal["posterior", "learned"] = "posterior",
        loss: Literal["simple", "bound"] = "simple",
        sampling_steps: Count = 50,
        eta: Annotated[float, Range(0, 1)] = 0.0,
        **kwargs: Any,
    ) -> None:
        self.variance = variance
        super().__init__(image_shape, levels, seed, **kwargs)
        self.steps = steps
        self.schedule = schedule
        self.prediction = prediction
        self.loss = loss
        self.sampling_steps = sampling_steps
        self.eta = eta
        self.q = Schedule.named(schedule, steps)
        # Of times, [T]: in the bound, and in training.
        self.shares = self.q.shares(self.levels)
        self.p_t = self.shares if loss == "bound" else np.full(steps, 1.0 / steps)

    # --- the denoiser ----------------------------------------------------------------------------

    def signal_and_noise(self, t: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """sqrt(abar_t), sqrt(1 - abar_t): each [B, 1, 1, 1]."""
        table = np.stack([np.sqrt(self.q.abar), np.sqrt(1.0 - self.q.abar)], axis=1)
        rows = tf.gather(tf.constant(table, tf.float32), t)
        return tf.reshape(rows[:, 0], [-1, 1, 1, 1]), tf.reshape(rows[:, 1], [-1, 1, 1, 1])

    def channels_said(self) -> int:
        return self.image_shape[-1] * (2 if self.variance == "learned" else 1)

    def said(
        self, x_t: tf.Tensor, t: tf.Tensor, y: tf.Tensor | None, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor | float]:
        """What the network says of x_t, times as those of T = 1000; and v of the variance."""
        said = self.output(x_t, tf.cast(t, tf.float32) * (1000.0 / self.steps), y, training)
        if self.variance == "posterior":
            return said, 0.0
        said, v = tf.split(said, 2, axis=-1)
        return said, v

    def target(self, x_0: tf.Tensor, eps: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
        """What it should say."""
        a, s = self.signal_and_noise(t)
        return {"epsilon": eps, "x0": x_0, "v": a * eps - s * x_0}[self.prediction]

    def guess(self, said: tf.Tensor, x_t: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
        """Its guess of x_0."""
        a, s = self.signal_and_noise(t)
        if self.prediction == "epsilon":
            return (x_t - s * said) / a
        return said if self.prediction == "x0" else a * x_t - s * said

    def denoised(self, x_t: tf.Tensor, t: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
        """The guess of x_0 that samples are made of, in [-1, 1]."""
        found = self.guided(lambda y: self.guess(self.said(x_t, t, y)[0], x_t, t), label)
        return tf.clip_by_value(found, -1.0, 1.0)

    def denoised_at(
        self, x: tf.Tensor, sigma: tf.Tensor, label: tf.Tensor | None = None
    ) -> tf.Tensor:
        """The same from x_0 + sigma eps, at the time whose noise is the nearest: sigma [B]."""
        noise = tf.constant(-0.5 * np.log(self.q.snr), tf.float32)  # log sigma of each time
        apart = tf.abs(tf.math.log(sigma)[:, None] - noise)
        t = 1 + tf.argmin(apart, axis=1, output_type=tf.int32)
        a, _ = self.signal_and_noise(t)
        return self.denoised(a * x, t, label)

    # --- training --------------------------------------------------------------------------------

    def step_terms(
        self, batch: dict[str, tf.Tensor], seeds: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """Algorithm 1; and beside it an estimate of the bound by this one time: dict of [B]."""
        x_0 = self.to_range(self.to_unit(batch["image"]))
        y = self.shown(batch, seeds, training)
        t = self.draw_time(seeds)
        eps = random.normal(seeds, self.image_shape, "eps")
        a, s = self.signal_and_noise(t)
        x_t = a * x_0 + s * eps
        said, v = self.said(x_t, t, y, training)
        error = tf.reduce_mean(tf.square(said - self.target(x_0, eps, t)), axis=[1, 2, 3])
        guess = self.guess(said, x_t, t)
        bound = self.bound_by(x_0, guess, t, v, self.p_t)
        if self.loss == "bound":
            return {"loss": bound, "bound": bound}
        if self.variance == "learned":  # L_hybrid: the bound teaches the variance alone
            error += VLB_WEIGHT * self.bound_by(x_0, tf.stop_gradient(guess), t, v, self.p_t)
        return {"loss": error, "bound": bound}

    def bound_by(
        self, x_0: tf.Tensor, guess: tf.Tensor, t: tf.Tensor, v: tf.Tensor | float, shares: Any
    ) -> tf.Tensor:
        """An estimate of -ELBO by one time, drawn with these shares of all: [B], nats."""
        share = tf.gather(tf.constant(shares, tf.float32), t - 1)
        return self.q.prior_term(x_0) + self.q.term(x_0, guess, t, v, self.levels) / share

    def draw_time(self, seeds: tf.Tensor) -> tf.Tensor:
        """t in 1 .. T, by the shares `p_t`: int32 [B]."""
        return time_at(random.uniform(seeds, [1], "t"), self.p_t)

    # --- sampling --------------------------------------------------------------------------------

    def times(self, steps: int | None = None) -> np.ndarray:
        """The times of a sampler, T first, then 0: int [N + 1]."""
        return self.q.subsequence(self.steps_taken(steps))

    def adds_noise(self) -> bool:
        return bool(self.eta)

    def steps_offered(self) -> tuple[int, ...]:
        return tuple(n for n in super().steps_offered() if n <= self.steps)

    def signal_at(self, n: int, steps: int | None = None) -> tuple[float, float]:
        # At T all is noise, but for a rounding.
        abar = float(self.q.abar[self.times(steps)[n]]) if n else 0.0
        return math.sqrt(abar), math.sqrt(1.0 - abar)

    def sampling_step(self, label: tf.Tensor | None, steps: int | None = None) -> samplers.Step:
        """Of algorithm 2, or of DDIM."""
        t, s = self.times(steps)[:-1], self.times(steps)[1:]
        mixing = self.q.ddim(t, s, self.eta)
        return samplers.mixed(lambda x, t: self.denoised(x, t, label), t, mixing)

    # --- density ---------------------------------------------------------------------------------

    def log_prob(
        self, x: tf.Tensor, samples: int = 100, label: tf.Tensor | None = None
    ) -> tf.Tensor:
        """The ELBO, a lower bound on log p(x): images in [0, 1] -> [B], nats. See `bound`."""
        return self.bound(x, samples, label)[0]

    def elbo(self, x: tf.Tensor, samples: int = 100, label: tf.Tensor | None = None) -> tf.Tensor:
        """The same."""
        return self.bound(x, samples, label)[0]

    # Compiled: a hundred draws are a hundred turns of a loop.
    @compiled
    def bound(
        self, x: tf.Tensor, samples: int = 100, label: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The ELBO by draws of (t, eps), and its standard error by the draws: two of [B], nats.

        The i-th t is drawn from the i-th of `samples` parts of all times, so that no part of the
        sum over t is left out. Draws are a function of the image.
        """
        x_0, y = self.to_range(x), None if label is None else self.one_hot(label)
        seeds = bounds.seeds_of_draws(self.to_levels(x))

        def term(i: tf.Tensor) -> tf.Tensor:
            own = seeds(i)
            u = (tf.cast(i, tf.float32) + random.uniform(own, [1], "bound t")) / samples
            t = time_at(u, self.shares)
            a, s = self.signal_and_noise(t)
            x_t = a * x_0 + s * random.normal(own, self.image_shape, "bound eps")
            said, v = self.said(x_t, t, y)
            guess = tf.clip_by_value(self.guess(said, x_t, t), -1.0, 1.0)
            return -self.bound_by(x_0, guess, t, v, self.shares)

        return bounds.mean_of_parts(term, samples)


def time_at(u: tf.Tensor, shares: np.ndarray) -> tf.Tensor:
    """The t in 1 .. T at which the sum of shares [T] passes u: [B, 1] in (0, 1) -> int32 [B]."""
    passed = tf.constant(np.cumsum(shares)[:-1], tf.float32) <= u
    return 1 + tf.reduce_sum(tf.cast(passed, tf.int32), axis=1)
