"""Terms of objectives in nats: functions of tensors, each tested against a closed form."""

from collections.abc import Callable, Mapping

import tensorflow as tf


def kl_to_standard_normal(mu: tf.Tensor, logvar: tf.Tensor) -> tf.Tensor:
    """KL(N(mu, diag exp(logvar)) || N(0, I)), summed over latents.  [B, Z] -> [B]

    Kingma and Welling 2014, appendix B.
    """
    return tf.reduce_sum(unit_kl_to_standard_normal(mu, logvar), axis=-1)


def unit_kl_to_standard_normal(mu: tf.Tensor, logvar: tf.Tensor) -> tf.Tensor:
    """KL(N(mu_j, exp(logvar_j)) || N(0, 1)) of each latent.  [B, Z] -> [B, Z]"""
    return 0.5 * (tf.square(mu) + tf.exp(logvar) - logvar - 1.0)


def normal_log_prob(z: tf.Tensor, mu: tf.Tensor, logvar: tf.Tensor) -> tf.Tensor:
    """log N(z; mu, diag exp(logvar)), summed over the last axis.  [..., Z] -> [...]"""
    return tf.reduce_sum(unit_normal_log_prob(z, mu, logvar), axis=-1)


def unit_normal_log_prob(z: tf.Tensor, mu: tf.Tensor, logvar: tf.Tensor) -> tf.Tensor:
    """log N(z_j; mu_j, exp(logvar_j)) of each latent: shapes that broadcast, as z."""
    log_2pi = 1.8378770664093453
    return -0.5 * (tf.square(z - mu) * tf.exp(-logvar) + logvar + log_2pi)


def mixture_marginals(
    log_shares: tf.Tensor, mu: tf.Tensor, logvar: tf.Tensor
) -> Callable[[tf.Tensor], tf.Tensor]:
    """The log densities of each latent under a mixture: [K], [K, Z], [K, Z] -> a function of z.

    Which maps [..., Z] -> [..., Z], nats: the marginals, whatever the latents of a component share.
    """

    def log_p(z: tf.Tensor) -> tf.Tensor:
        each = unit_normal_log_prob(z[..., None, :], mu, logvar)
        return tf.reduce_logsumexp(log_shares[:, None] + each, axis=-2)

    return log_p


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


def contrastive(
    x: tf.Tensor, own: tf.Tensor, others: tf.Tensor, same: tf.Tensor, temperature: float = 0.1
) -> tf.Tensor:
    """-log of the share that an image's own text has among its own and all others.

    Softmax of cosines / temperature (Zhang et al. 2021, equation 3,
    https://arxiv.org/abs/2101.04702): codes of length 1 of images x and their texts, [B, E], of
    other texts [N, E]; same, [B, N]: where the other one says the same, and does not count. -> [B]
    """
    right = tf.reduce_sum(x * own, axis=-1, keepdims=True) / temperature
    wrong = tf.where(same, -1e9, tf.matmul(x, others, transpose_b=True) / temperature)
    return tf.reduce_logsumexp(tf.concat([right, wrong], axis=1), axis=1) - right[:, 0]


def sameness(x: tf.Tensor, other: tf.Tensor, z: tf.Tensor, other_z: tf.Tensor) -> tf.Tensor:
    """1 / (|x - x'| / |z - z'| + 0.05), means over pixels and latents: 20 if x and x' are alike.

    Mao et al. 2019, equation 4, https://arxiv.org/abs/1903.05628: images [B, H, W, C] of latents
    [B, Z]. -> [B]
    """
    moved = tf.reduce_mean(tf.abs(x - other), axis=[1, 2, 3])
    apart = tf.reduce_mean(tf.abs(z - other_z), axis=1)
    return 1.0 / (moved / apart + 0.05)


def means(terms: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Terms of each image, {name: [B]} -> their means over the batch."""
    return {name: tf.reduce_mean(term) for name, term in terms.items()}
