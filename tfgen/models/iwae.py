"""Importance weighted autoencoder.

Y. Burda, R. Grosse, R. Salakhutdinov. Importance Weighted Autoencoders. ICLR 2016.
https://arxiv.org/abs/1509.00519

    w_i = p(x, z_i) / q(z_i|x),   z_i ~ q(z|x)
    L_k = E log 1/k sum_i w_i                                       equation 8
    ELBO = L_1 <= L_2 <= ... <= log p(x)                            theorem 1

The difference from the VAE is the objective alone: the k draws of an image are averaged before the
logarithm and not after it, so that q may spread over what the posterior holds instead of only what
each single draw explains. The gradient is that of L_k through z (equations 13 and 14): each draw
weighs w_i / sum_j w_j.

Shapes: x [B, H, W, C];  mu, logvar [B, Z];  z [B, k, Z];  log w [B, k].

Departures from the paper: those of the VAE; while the KL term warms up, p(z) / q(z|x) in w is
raised to its weight. The terms `distortion` and `kl` are reported as the VAE has them; their sum is
L_1 and not the loss.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgen.declared import Count
from tfgen.models.vae import VAE, Draws
from tfgen.objectives import divergences


@keras.saving.register_keras_serializable("tfgen")
class IWAE(VAE):
    """A VAE trained on L_k; its likelihood is a lower bound.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      samples: k, draws of z for each image of a step; 50 in the paper's best rows.
      others: see `VAE`; free_bits are of the ELBO, and none of L_k.
    """

    paper = ("Burda et al. 2016", "https://arxiv.org/abs/1509.00519")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        samples: Count = 50,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, samples=samples, **kwargs)

    def neg_bound(self, draws: Draws, kl: tf.Tensor, step: tf.Tensor | None) -> tf.Tensor:
        mu, logvar, z, log_p = draws
        log_q = divergences.normal_log_prob(z, mu[:, None], logvar[:, None])
        log_w = log_p + self.kl_term.risen(step) * (self.make_prior().log_prob(z) - log_q)
        return -(tf.reduce_logsumexp(log_w, axis=1) - math.log(self.samples))
