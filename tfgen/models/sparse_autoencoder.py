"""Sparse autoencoder: many code units, of which an image may use k.

A. Makhzani and B. Frey. k-Sparse Autoencoders. ICLR 2014. https://arxiv.org/abs/1312.5663

    z = f(x);  all but the k largest z_j are set to 0;  y = g(z)    section 2.1
    minimise  L(x, y);  only the k units that are kept are learnt from

or, with sparsity="kl", the older way (A. Ng. Sparse Autoencoder. CS294A lecture notes, 2011):

    z = sigmoid(f(x)),  r_j = mean over images of z_j
    minimise  L(x, y) + beta sum_j r log r / r_j + (1 - r) log (1 - r) / (1 - r_j)

The difference from the autoencoder is the selection: with it more units than pixels are no identity
but a dictionary, of which each image picks a few entries.

Shapes: those of the autoencoder.

Departures from the paper: those of the autoencoder. The same k is used in training and after it
(alpha = 1 in the paper's terms); sampled codes are cut to k units as well. r_j is the mean over
the batch (over the rows of all replicas), where the notes have the whole training set.
"""

from collections.abc import Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from tfgen import replicas
from tfgen.declared import Count, Weight
from tfgen.errors import UserError, one_of
from tfgen.models.autoencoder import Autoencoder
from tfgen.objectives import divergences


@keras.saving.register_keras_serializable("tfgen")
class SparseAutoencoder(Autoencoder):
    """An autoencoder with k active code units an image; it has no density of images.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      active: k, the code units that an image may use; with sparsity="kl", r = k / Z.
      sparsity: "top_k", the k largest, or "kl", a penalty on how active a unit is on average; a
        sigmoid then follows the encoder.
      sparsity_weight: beta, the weight of that penalty.
      others: see `Autoencoder`.
    """

    paper = ("Makhzani and Frey 2014", "https://arxiv.org/abs/1312.5663")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        active: Count = 10,
        sparsity: Literal["top_k", "kl"] = "top_k",
        sparsity_weight: Weight = 1.0,
        latent_dim: Count = 100,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, latent_dim=latent_dim, **kwargs)
        self.active = min(active, latent_dim)
        self.sparsity = one_of("sparsity", sparsity, ("top_k", "kl"))
        self.sparsity_weight = sparsity_weight
        if sparsity == "kl" and self.active == latent_dim:
            raise UserError(
                f"sparsity=kl holds units below r = active / latent_dim, which is 1 with {active} "
                f"of {latent_dim} units: set `model.active` lower."
            )

    def code(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        z = super().code(x, training)
        return self.select(z) if self.sparsity == "top_k" else tf.sigmoid(z)

    def extra_terms(
        self, z: tf.Tensor, seeds: tf.Tensor, training: bool, label: tf.Tensor | None
    ) -> tuple[float | tf.Tensor, dict[str, tf.Tensor]]:
        if self.sparsity == "top_k":
            return 0.0, {}
        mean = tf.reduce_mean(replicas.all_rows(z, "the sparsity 'kl'"), axis=0)
        # Away from 0 and 1, where a sigmoid can round to.
        mean = tf.clip_by_value(mean, 1e-6, 1.0 - 1e-6)
        kl = divergences.bernoulli_kl(self.active / self.latent_dim, mean)
        return self.sparsity_weight * tf.reduce_sum(kl), {}

    def select(self, z: tf.Tensor) -> tf.Tensor:
        """The k largest of each row, the others 0: [B, Z] -> [B, Z]."""
        least = tf.math.top_k(z, self.active).values[:, -1:]
        return tf.where(z >= least, z, 0.0)

    def latent(self, noise: dict[str, tf.Tensor], label: tf.Tensor | None = None) -> tf.Tensor:
        """As those of images are: of k units, or in [0, 1]."""
        z = super().latent(noise)
        return self.select(z) if self.sparsity == "top_k" else tf.clip_by_value(z, 0.0, 1.0)
