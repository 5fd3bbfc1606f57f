"""Divergences between densities of codes, in nats, and how a bound's KL term enters a loss.

    q(z|x) = N(mu, diag exp(logvar)),   p(z) a prior,   q(z) the mean of q(z|x) over the images

Functions of tensors, each tested against a closed form or brute force.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfgen import replicas

# --- densities -----------------------------------------------------------------------------------


def normal_log_prob(z: tf.Tensor, mu: tf.Tensor, logvar: tf.Tensor) -> tf.Tensor:
    """log N(z; mu, diag exp(logvar)), summed over the last axis.  [..., Z] -> [...]"""
    return tf.reduce_sum(unit_normal_log_prob(z, mu, logvar), axis=-1)


def unit_normal_log_prob(z: tf.Tensor, mu: tf.Tensor, logvar: tf.Tensor) -> tf.Tensor:
    """log N(z_j; mu_j, exp(logvar_j)) of each latent: shapes that broadcast, as z."""
    log_2pi = 1.8378770664093453
    return -0.5 * (tf.square(z - mu) * tf.exp(-logvar) + logvar + log_2pi)


def unit_mixture_log_prob(
    z: tf.Tensor, log_shares: tf.Tensor, mu: tf.Tensor, logvar: tf.Tensor
) -> tf.Tensor:
    """log p(z_j) of each latent under a mixture: [..., Z], [K], [K, Z], [K, Z] -> [..., Z].

    The marginals, whatever the latents of a component share.
    """
    each = unit_normal_log_prob(z[..., None, :], mu, logvar)
    return tf.reduce_logsumexp(log_shares[:, None] + each, axis=-2)


# --- of each image's codes from a prior ----------------------------------------------------------


def kl_to_standard_normal(mu: tf.Tensor, logvar: tf.Tensor) -> tf.Tensor:
    """KL(N(mu, diag exp(logvar)) || N(0, I)), summed over latents.  [B, Z] -> [B]

    Kingma and Welling 2014, appendix B.
    """
    return tf.reduce_sum(unit_kl_to_standard_normal(mu, logvar), axis=-1)


def unit_kl_to_standard_normal(mu: tf.Tensor, logvar: tf.Tensor) -> tf.Tensor:
    """KL(N(mu_j, exp(logvar_j)) || N(0, 1)) of each latent.  [B, Z] -> [B, Z]"""
    return 0.5 * (tf.square(mu) + tf.exp(logvar) - logvar - 1.0)


def kl_by_draws(z: tf.Tensor, mu: tf.Tensor, logvar: tf.Tensor, log_prior: tf.Tensor) -> tf.Tensor:
    """KL(q(z|x) || p(z)) by L draws z of q(z|x): [B, L, Z], [B, Z], [B, Z], [B, L] -> [B].

    log_prior: log p(z) of the draws. For a prior without a closed form.
    """
    log_q = normal_log_prob(z, mu[:, None], logvar[:, None])
    return tf.reduce_mean(log_q - log_prior, axis=1)


def unit_kl_by_quadrature(
    mu: tf.Tensor, logvar: tf.Tensor, log_prior: Callable[[tf.Tensor], tf.Tensor], nodes: int = 201
) -> tf.Tensor:
    """KL(N(mu_j, exp(logvar_j)) || p_j) of each latent: [B, Z], [B, Z] -> [B, Z], nats.

    log_prior: log p_j of each latent, [B, Z] -> [B, Z]. By the trapezoidal rule over six sigma: a
    mixture has kinks between its components, on which rules of high order do no better.
    """
    eps = np.linspace(-6.0, 6.0, nodes)
    shares = np.exp(-0.5 * eps**2)

    def log_ratio(eps: tf.Tensor) -> tf.Tensor:
        z = mu + tf.exp(0.5 * logvar) * eps
        return unit_normal_log_prob(z, mu, logvar) - log_prior(z)

    ratios = tf.map_fn(log_ratio, tf.constant(eps, tf.float32))
    return tf.tensordot(tf.constant(shares / shares.sum(), tf.float32), ratios, 1)


def bernoulli_kl(r: float, mean: tf.Tensor) -> tf.Tensor:
    """KL of a coin of r from one of each mean, both in (0, 1): any shape -> the same."""
    return r * tf.math.log(r / mean) + (1.0 - r) * tf.math.log((1.0 - r) / (1.0 - mean))


# --- of all codes together ------------------------------------------------------------------------


def total_correlation(z: tf.Tensor, mu: tf.Tensor, logvar: tf.Tensor) -> tf.Tensor:
    """KL(q(z) || prod_j q(z_j)) by a batch's draws: z [B, Z]; mu, logvar [M, Z] -> [B], whose mean
    is the estimate.

    Chen et al. 2018, section 3 (minibatch-weighted sampling): q(z) is taken for the mean of q(z|x)
    over the batch that z comes from. Their further factor 1/N is a constant of the objective;
    without it the estimate tends to the truth as M grows.
    """
    each = normal_log_prob(z[:, None, :, None], mu[None, ..., None], logvar[None, ..., None])
    log_m = tf.math.log(tf.cast(tf.shape(mu)[0], tf.float32))
    joint = tf.reduce_logsumexp(tf.reduce_sum(each, axis=-1), axis=1) - log_m
    units = tf.reduce_sum(tf.reduce_logsumexp(each, axis=1) - log_m, axis=-1)
    return joint - units


def _multiquadratics(distances: tf.Tensor, latent_dim: int) -> tf.Tensor:
    """sum_C C / (C + d) of squared distances; C = 2 Z s for seven scales s."""
    scales = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
    return tf.add_n([c / (c + distances) for c in (2.0 * latent_dim * s for s in scales)])


def mmd(z: tf.Tensor, p: tf.Tensor, all_z: tf.Tensor, all_p: tf.Tensor) -> tf.Tensor:
    """Squared maximum mean discrepancy, without bias: rows z, p [b, Z] of all_z, all_p [N, Z].

    -> [b], whose mean over all rows is the estimate (Gretton et al. 2012, lemma 6).
    Tolstikhin et al. 2018, section 4, for the kernel.
    """
    n = tf.cast(tf.shape(all_z)[0], tf.float32)
    kernels = [
        _multiquadratics(tf.reduce_sum(tf.square(a[:, None] - b[None]), axis=-1), z.shape[-1])
        for a, b in ((z, all_z), (p, all_p), (z, all_p), (p, all_z))
    ]
    zz, pp, zp, pz = (tf.reduce_sum(kernel, axis=1) for kernel in kernels)
    itself = 7.0  # k(a, a), once in each row of zz and pp
    return (zz + pp - 2.0 * itself) / (n - 1.0) - (zp + pz) / n


# --- the KL term of a loss ------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class KLTerm:
    """What the KL of images adds to the loss at a step t:  w(t) beta |max(KL, free bits) - C(t)|.

    w rises from 0 to 1 over `warmup` steps (Sonderby et al. 2016), C from 0 to `capacity` over
    `capacity_steps` (Burgess et al. 2018, equation 8). Outside of training all have risen, and no
    bits are free.

    Attributes:
      weight: beta.
      warmup: steps; 0 for none.
      free_bits: nats of each image (Kingma et al. 2016, equation 15, all latents in one group).
      capacity: nats, at which the mean over the images of all replicas is held; 0: |KL - C| is KL.
    """

    weight: float = 1.0
    warmup: int = 0
    free_bits: float = 0.0
    capacity: float = 0.0
    capacity_steps: int = 0

    def __call__(self, kl: tf.Tensor, step: tf.Tensor | None = None) -> tf.Tensor:
        """KL of each image -> its term: [B] -> [B], or a scalar under a capacity; nats.

        step: None outside of training.
        """
        if step is not None and self.free_bits:
            kl = tf.maximum(kl, self.free_bits)
        if self.capacity:
            held = self.capacity * _risen(step, self.capacity_steps)
            kl = tf.abs(tf.reduce_mean(replicas.all_rows(kl, "`model.capacity`")) - held)
        return self.risen(step) * (self.weight * kl)

    def risen(self, step: tf.Tensor | None) -> float | tf.Tensor:
        """w, in [0, 1]."""
        return _risen(step, self.warmup)


def _risen(step: tf.Tensor | None, steps: int) -> float | tf.Tensor:
    """Linearly from 0 to 1 over so many steps; 1 outside of training."""
    if step is None or not steps:
        return 1.0
    return tf.minimum(1.0, tf.cast(step, tf.float32) / steps)
