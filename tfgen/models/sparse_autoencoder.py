"""Sparse autoencoder: many code units, of which an image may use k.

A. Makhzani and B. Frey. k-Sparse Autoencoders. ICLR 2014. https://arxiv.org/abs/1312.5663

    z = f(x);  all but the k largest z_j are set to 0;  y = g(z)    section 2.1
    minimise  L(x, y);  only the k units that are kept are learnt from

The difference from the autoencoder is the selection: with it more units than pixels are no identity
but a dictionary, of which each image picks a few entries.

Shapes: those of the autoencoder.

Departures from the paper: those of the autoencoder. The same k is used in training and after it
(alpha = 1 in the paper's terms); sampled codes are cut to k units as well.
"""

import keras
import tensorflow as tf

from tfgen.models.autoencoder import Autoencoder


@keras.saving.register_keras_serializable("tfgen")
class SparseAutoencoder(Autoencoder):
    """An autoencoder with k active code units an image; it has no density of images.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      active: k.
      others: see `Autoencoder`.
    """

    paper = ("Makhzani and Frey 2014", "https://arxiv.org/abs/1312.5663")

    def __init__(self, image_shape, levels, seed=0, active=10, latent_dim=100, **kwargs):
        super().__init__(image_shape, levels, seed, latent_dim=latent_dim, **kwargs)
        self.active = min(active, latent_dim)

    def code(self, x, training):
        return self.select(super().code(x, training))

    def select(self, z):
        """The k largest of each row, the others 0: [B, Z] -> [B, Z]."""
        least = tf.math.top_k(z, self.active).values[:, -1:]
        return tf.where(z >= least, z, 0.0)

    def generate(self, noise, label=None):
        z = self.select(self.latents.draw(noise))
        return self.decoded(self.decoder(z, training=False))
