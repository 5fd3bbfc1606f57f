"""FactorVAE: a discriminator estimates the total correlation of the code, and the VAE lowers it.

H. Kim and A. Mnih. Disentangling by Factorising. ICML 2018. https://arxiv.org/abs/1802.05983

    L  = ELBO - gamma KL(q(z) || prod_j q(z_j))                     equation 2
    KL = E_q(z) log q(z) / prod_j q(z_j)  ~  E_q(z) log D(z) / (1 - D(z))      equation 3

D tells draws of q(z) from draws of the product of its marginals; those come of permuting each unit
of the codes over the batch (algorithm 1). Its logit is the log ratio. The two are updated in turn
(algorithm 2).

Shapes: x [B, H, W, C];  z, z_permuted [B, Z];  D [B, 1] logits.

Departures from the paper: those of the VAE. One batch serves both updates, where algorithm 2 takes
a second one for the permuted codes. D has one logit for two; of the paper's six layers of 1000
units, which are the defaults, the config has fewer and smaller ones. N replicas permute the rows of
all.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgen import random, replicas
from tfgen.declared import Count, Layers, Network, Weight
from tfgen.layers import coders
from tfgen.models.vae import VAE, Draws
from tfgen.objectives import adversarial


@keras.saving.register_keras_serializable("tfgen")
class FactorVAE(VAE):
    """A VAE that a discriminator of codes keeps factorial; its likelihood is a lower bound.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      gamma: the weight of the total correlation.
      critic_width: units of each hidden layer of D.
      critic_depth: hidden layers of D.
      discriminator: D, a network of the user's own (`tfgen/networks.py`), [Z] -> [1], a logit.
      others: see `VAE`.
    """

    paper = ("Kim and Mnih 2018", "https://arxiv.org/abs/1802.05983")
    terms = ("loss", "distortion", "kl", "tc", "d_loss")
    descent = {"vae": "loss", "D": "d_loss"}  # algorithm 2

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        gamma: Weight = 10.0,
        critic_width: Count = 1000,
        critic_depth: Layers = 6,
        discriminator: Network = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.gamma = gamma
        self.critic_width = critic_width
        self.critic_depth = critic_depth
        codes = (self.latent_dim,)
        self.D = self.choose_network(
            *("discriminator", discriminator, codes, (1,)),
            lambda: coders.critic(codes, critic_width, critic_depth),
        )

    def trained(self) -> dict[str, list[keras.Variable]]:
        return super().trained() | {"D": self.D.trainable_variables}

    def extra_terms(
        self, draws: Draws, seeds: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        z = draws.z[:, 0]
        tc = self.D(z, training=training)[:, 0]
        d_loss = self.d_loss(tf.stop_gradient(z), seeds, training)
        return self.gamma * tc, {"tc": tc, "d_loss": d_loss}

    def d_loss(self, z: tf.Tensor, seeds: tf.Tensor, training: bool = False) -> tf.Tensor:
        """What D descends on, for each row: [B, Z] -> [B]."""
        drawn = (z, self.permuted(z, seeds))
        return adversarial.minimax_d(*(self.D(codes, training=training)[:, 0] for codes in drawn))

    def permuted(self, z: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """Each unit in an order of its own over the batch, which the seeds choose."""
        keys = random.uniform(seeds, [self.latent_dim], "permutation")
        order = tf.argsort(replicas.all_rows(keys, "the total correlation"), axis=0)
        z = tf.gather(tf.transpose(replicas.all_rows(z)), tf.transpose(order), batch_dims=1)
        return replicas.own_rows(tf.transpose(z))
