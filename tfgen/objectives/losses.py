"""Terms of objectives that compare images with texts or with each other; means of terms."""

from collections.abc import Mapping

import tensorflow as tf


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
