"""Beta-TCVAE: of the KL term, only the dependence between the units of the code is penalised.

R. T. Q. Chen, X. Li, R. Grosse, D. Duvenaud. Isolating Sources of Disentanglement in Variational
Autoencoders. NeurIPS 2018. https://arxiv.org/abs/1802.04942

    E_x KL(q(z|x) || p(z)) = I(x; z)                                index-code mutual information
                           + KL(q(z) || prod_j q(z_j))              total correlation, TC
                           + sum_j KL(q(z_j) || p(z_j))             equation 2
    L = E log p(x|z) - I - beta TC - sum_j KL_j                     equation 4, alpha = gamma = 1
      = ELBO - (beta - 1) TC

The difference from the beta-VAE is what beta weighs: its KL holds I(x; z) as well, so that a larger
beta also forgets the image. q(z), the mean of q(z|x) over the data, is estimated from the batch
(`tfgen.objectives.divergences.total_correlation`).

Shapes: x [B, H, W, C];  mu, logvar [B, Z];  z [B, L, Z], of which the first draw estimates TC.

Departures from the paper: those of the VAE. Minibatch-weighted sampling leaves out the factor 1/N,
a constant, so that the reported TC is one. N replicas estimate q(z) from the rows of all.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgen import replicas
from tfgen.declared import Weight
from tfgen.models.vae import VAE, Draws
from tfgen.objectives import divergences


@keras.saving.register_keras_serializable("tfgen")
class BetaTCVAE(VAE):
    """A VAE whose total correlation weighs beta; its likelihood is a lower bound.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      beta: the weight of the total correlation; 1 is the VAE.
      others: see `VAE`.
    """

    paper = ("Chen et al. 2018", "https://arxiv.org/abs/1802.04942")
    terms = ("loss", "distortion", "kl", "tc")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        beta: Weight = 6.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.beta = beta

    def extra_terms(
        self, draws: Draws, seeds: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        mu, logvar, z, _ = draws
        every = (replicas.all_rows(rows, "the total correlation") for rows in (mu, logvar))
        tc = divergences.total_correlation(z[:, 0], *every)
        return (self.beta - 1.0) * tc, {"tc": tc}
