"""Diffusion in T steps: what is known in closed form of q, and the terms of the bound.

J. Ho, A. Jain, P. Abbeel. Denoising Diffusion Probabilistic Models. NeurIPS 2020.
https://arxiv.org/abs/2006.11239
A. Nichol, P. Dhariwal. Improved Denoising Diffusion Probabilistic Models. ICML 2021.
https://arxiv.org/abs/2102.09672
J. Song, C. Meng, S. Ermon. Denoising Diffusion Implicit Models. ICLR 2021.
https://arxiv.org/abs/2010.02502

    abar_t = prod_{s <= t} (1 - beta_s),   abar_0 = 1
    q(x_t|x_0)      = N(sqrt(abar_t) x_0, (1 - abar_t) I)                     Ho, equation 4
    q(x_s|x_t, x_0) = N(mu(x_t, x_0), var I),  s < t                          Ho, equations 6 and 7
    -log p(x_0) <= L_T + sum_{t > 1} L_{t-1} + L_0                            Ho, equation 5

Numbers of a schedule are NumPy's, float64, computed once; tensors are made of them where they are
used.
"""

import dataclasses
import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy.special import erfc

from tfgen.objectives import likelihoods


class Mixing(NamedTuple):
    """x_s = of_x0 x_0 + of_xt x_t + sigma z: numbers, or arrays of them."""

    of_x0: np.ndarray
    of_xt: np.ndarray
    sigma: np.ndarray


def _cosine(t: np.ndarray) -> np.ndarray:
    """abar of t in [0, 1]: Nichol and Dhariwal, equation 17."""
    squared = np.cos((t + 0.008) / 1.008 * math.pi / 2.0) ** 2
    return squared / squared[0]


@dataclasses.dataclass(frozen=True)
class Schedule:
    """abar_0 = 1, ..., abar_T: float64 [T + 1]."""

    abar: np.ndarray

    @classmethod
    def named(cls, name: str, steps: int) -> "Schedule":
        """Of T steps: "cosine", or "linear", betas of 1e-4 to .02 for T = 1,000 (Ho, section 4)."""
        if name == "cosine":
            abar = _cosine(np.arange(steps + 1) / steps)
            beta = np.minimum(1.0 - abar[1:] / abar[:-1], 0.999)  # no singularity at T
        else:
            beta = np.minimum(np.linspace(0.1, 20.0, steps) / steps, 0.999)
        return cls(np.concatenate([[1.0], np.cumprod(1.0 - beta)]))

    @property
    def steps(self) -> int:
        """T."""
        return len(self.abar) - 1

    @property
    def snr(self) -> np.ndarray:
        """abar_t / (1 - abar_t) of t = 1, ..., T: [T]."""
        return self.abar[1:] / (1.0 - self.abar[1:])

    def posterior(self, t: np.ndarray, s: np.ndarray) -> Mixing:
        """q(x_s|x_t, x_0), s < t: its mean's two coefficients, and its standard deviation."""
        abar_t, abar_s = self.abar[t], self.abar[s]
        alpha = abar_t / abar_s
        of_x0 = np.sqrt(abar_s) * (1.0 - alpha) / (1.0 - abar_t)
        of_xt = np.sqrt(alpha) * (1.0 - abar_s) / (1.0 - abar_t)
        return Mixing(of_x0, of_xt, np.sqrt((1.0 - alpha) * (1.0 - abar_s) / (1.0 - abar_t)))

    def ddim(self, t: np.ndarray, s: np.ndarray, eta: float) -> Mixing:
        """A step from x_t to x_s by x_0 as it is guessed: Song, equation 12.

            x_s = sqrt(abar_s) x_0 + sqrt(1 - abar_s - sigma^2) eps + sigma z
            eps = (x_t - sqrt(abar_t) x_0) / sqrt(1 - abar_t)

        sigma is eta times that of the posterior: with eta = 1 this is the posterior.
        """
        abar_t, abar_s = self.abar[t], self.abar[s]
        sigma = eta * np.sqrt((1.0 - abar_s) / (1.0 - abar_t) * (1.0 - abar_t / abar_s))
        of_eps = np.sqrt(np.maximum(1.0 - abar_s - sigma**2, 0.0))
        of_xt = of_eps / np.sqrt(1.0 - abar_t)
        return Mixing(np.sqrt(abar_s) - of_xt * np.sqrt(abar_t), of_xt, sigma)

    def subsequence(self, count: int) -> np.ndarray:
        """The times of a sampler of so many steps, T first, then 0: int [count + 1]."""
        return np.rint(np.linspace(self.steps, 0, count + 1)).astype(np.int64)

    # --- the bound -------------------------------------------------------------------------------

    def prior_term(self, x_0: tf.Tensor) -> tf.Tensor:
        """L_T = KL(q(x_T|x_0) || N(0, I)): [B, H, W, C] in (-1, 1) -> [B], nats."""
        abar = float(self.abar[-1])
        each = 0.5 * (abar * tf.square(x_0) - abar - math.log1p(-abar))
        return tf.reduce_sum(each, axis=[1, 2, 3])

    def weights(self) -> np.ndarray:
        """w_t = (SNR_{t-1} - SNR_t) / 2, what |x_0 - x_0'|^2 counts in L_{t-1}: [T], inf at t = 1.

        x_0' is the network's guess, in whose place q(x_{t-1}|x_t, x_0) has x_0.
        """
        return 0.5 * (np.concatenate([[np.inf], self.snr[:-1]]) - self.snr)

    def widest(self) -> np.ndarray:
        """log beta_t - log var_t, var_t the posterior's: [T], of t = 1 as of t = 2.

        The logarithm of how much wider than the posterior a step back may be: as wide where x_0 is
        known, and by this where it is N(0, I) (Nichol and Dhariwal, equation 15).
        """
        wide = np.log((1.0 - self.abar[2:]) / (1.0 - self.abar[1:-1]))
        return np.concatenate([wide[:1], wide])

    def term(
        self, x_0: tf.Tensor, guess: tf.Tensor, t: tf.Tensor, v: tf.Tensor | float, levels: int
    ) -> tf.Tensor:
        """L_{t-1} = KL(q(x_{t-1}|x_t, x_0) || p(x_{t-1}|x_t)), and L_0: [B], nats.

            p(x_{t-1}|x_t) = N(mu(x_t, guess), var_t (beta_t / var_t)^v)

        Args: x_0, guess [B, H, W, C] in (-1, 1); t [B]; v, of each pixel, or 0 for the posterior's
        variance; levels, of the data.
        """
        known = np.where(np.isinf(w := self.weights()), 0.0, w)
        table = tf.constant(np.stack([known, self.widest()], axis=1), tf.float32)
        w, wide = tf.split(tf.reshape(tf.gather(table, t - 1), [-1, 1, 1, 2]), 2, axis=-1)
        r = v * wide
        each = 0.5 * (r + tf.exp(-r) - 1.0) + w * tf.exp(-r) * tf.square(x_0 - guess)
        last = self.last_term(x_0, guess, levels)
        return tf.where(t == 1, last, tf.reduce_sum(each, axis=[1, 2, 3]))

    def falls(self) -> np.ndarray:
        """log SNR_{t-1} - log SNR_t: [T], for t = 1, where it has no bound, that of t = 2.

        In these shares of the times L_{t-1} is half the error of eps, divided by its share.
        """
        falls = -np.diff(np.log(self.snr))
        return np.concatenate([falls[:1], falls])

    def shares(self, levels: int) -> np.ndarray:
        """In which shares times are drawn for the bound, nearly as great as terms are: [T].

        Of a fall of log SNR the term is half the error of eps, and there is little to err in where
        x_t tells little of x_0, and where noise cannot take a level for its neighbour. What is
        drawn so has a lower variance, like the times of Nichol and Dhariwal, equation 18, without
        a history of terms.
        """
        noise = np.sqrt(1.0 / self.snr)  # beside x_0, whose levels are 2 / (levels - 1) apart
        mistaken = erfc(0.5 / (levels - 1) / noise / math.sqrt(2.0))
        each = self.falls() * (self.abar[1:] * mistaken + 0.02)
        return each / each.sum()

    def last_term(self, x_0: tf.Tensor, guess: tf.Tensor, levels: int) -> tf.Tensor:
        """L_0 = -log p(x_0|x_1), p a normal around the guess, over each level: [B], nats.

        Its variance is beta_1 (Ho, section 3.3). Images in (-1, 1).
        """
        half = 0.5 * (levels - 1)  # levels in a unit of x
        k, m = tf.round((x_0 + 1.0) * half), (guess + 1.0) * half
        log_s = tf.constant(0.5 * math.log(1.0 - self.abar[1]) + math.log(half), tf.float32)
        return -tf.reduce_sum(likelihoods.gaussian_bin(k, m, log_s, levels), axis=[1, 2, 3])
