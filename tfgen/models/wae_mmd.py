"""Wasserstein autoencoder, its codes held to the prior by the maximum mean discrepancy.

I. Tolstikhin, O. Bousquet, S. Gelly, B. Schoelkopf. Wasserstein Auto-Encoders. ICLR 2018.
https://arxiv.org/abs/1711.01558

    minimise  E_x c(x, g(f(x))) + lambda MMD_k(q(z), p(z))          equation 4, WAE-MMD
    MMD^2   = E k(z, z') + E k(p, p') - 2 E k(z, p)                 z ~ q;  p ~ p(z) = N(0, I)
    k(a, b) = sum_C C / (C + |a - b|^2)                             section 4, multiquadratics

The difference from the autoencoder is the penalty. The VAE draws the code of every image to the
prior, so that codes of different images overlap; here only all codes together have to match it, and
the encoder may be a function.

Shapes: x [B, H, W, C];  z, p [B, Z].

Departures from the paper: those of the autoencoder; the C are 2 Z s for s from 0.1 to 10, as in the
authors' code. The squared error, error="squared", has weight 1; the authors' code gives it 0.05, so
that their lambda of 10 is one of 200 here. N replicas compare the codes of all.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import keras
import tensorflow as tf

from tfgen import replicas
from tfgen.declared import Range, Weight
from tfgen.errors import UserError
from tfgen.layers import priors
from tfgen.models.autoencoder import Autoencoder
from tfgen.objectives import divergences


@keras.saving.register_keras_serializable("tfgen")
class WAEMMD(Autoencoder):
    """An autoencoder whose codes are normal; it has no density of images.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      mmd_weight: lambda, the weight of the discrepancy between codes and prior.
      components: of a mixture that is fitted to the codes and takes the prior's place; 0 for none.
      others: see `Autoencoder`.
    """

    paper = ("Tolstikhin et al. 2018", "https://arxiv.org/abs/1711.01558")
    prior = "normal"
    terms = ("loss", "mse", "mmd")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        mmd_weight: Weight = 10.0,
        components: Annotated[int, Range(0)] = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, components=components, **kwargs)
        self.mmd_weight = mmd_weight

    def make_prior(self) -> priors.Normal:
        return priors.Normal(self.latent_dim)

    def check_batch(self, rows: int, replicas: int = 1) -> None:
        super().check_batch(rows, replicas)
        if rows < 2:
            raise UserError("the MMD compares pairs of codes: set `batch_size` to 2 or more.")

    def extra_terms(
        self, z: tf.Tensor, seeds: tf.Tensor, training: bool, label: tf.Tensor | None
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        prior = self.make_prior()
        p = prior.draw(prior.noise(seeds))
        every_z, every_p = (replicas.all_rows(rows, "the MMD") for rows in (z, p))
        mmd = divergences.mmd(z, p, every_z, every_p)
        return self.mmd_weight * mmd, {"mmd": mmd}
