"""BEGAN: D is an autoencoder, and the game is kept in balance by what it reconstructs.

D. Berthelot, T. Schumm, L. Metz. BEGAN: Boundary Equilibrium Generative Adversarial Networks. 2017.
https://arxiv.org/abs/1703.10717

    L(v) = |v - D(v)|                                               section 3.1
    D descends  L(x) - k_t L(G(z))                                  section 3.4
    G descends  L(G(z))
    k_{t+1} = k_t + lambda (gamma L(x) - L(G(z))),  in [0, 1]
    M = L(x) + |gamma L(x) - L(G(z))|, the less the better          section 3.4.1

D matches the distributions of reconstruction errors and not of images. gamma = E L(G(z)) / E L(x)
is the equilibrium asked for: below 1, D spends itself on real images; the less, the less diverse.

The difference from the GAN is D, and what both descend on.

Shapes: x, G(z), D(x) [B, H, W, C] in (-1, 1);  z [B, Z];  codes [B, Z];  L [B];  k a number.

Departures from the paper: L is the mean over pixels, in the range of the networks. D's encoder is
the convolutional D of the family, its decoder a G; ReLU for ELU, no skip connections. The
G update reuses the images of the D update, as in `gan.py`.
"""

import keras
import tensorflow as tf

from tfgen import adversarial
from tfgen.models.gan import GAN


@keras.saving.register_keras_serializable("tfgen")
class BEGAN(GAN):
    """A GAN whose D is an autoencoder; its density is implicit.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      gamma: the equilibrium, L(G(z)) over L(x).
      k_rate: lambda.
      code_dim: units between D's encoder and decoder.
      latent_dim, network, width, depth, kernel, ema: see `GAN`.
    """

    paper = ("Berthelot et al. 2017", "https://arxiv.org/abs/1703.10717")
    terms = ("measure", "d_loss", "g_loss", "L_real", "L_fake", "k", "spread")

    def __init__(
        self,
        image_shape,
        levels,
        seed=0,
        gamma=0.5,
        k_rate=0.001,
        code_dim=64,
        latent_dim=64,
        network="conv",
        width=128,
        depth=4,
        kernel=5,
        ema=0.0,
    ):
        # Known before the networks are built.
        self.code_dim = code_dim
        super().__init__(
            image_shape,
            levels,
            seed,
            latent_dim=latent_dim,
            network=network,
            width=width,
            depth=depth,
            kernel=kernel,
            ema=ema,
        )
        self.gamma = gamma
        self.k_rate = k_rate
        self.k = self.add_weight(
            name="k", shape=(), initializer="zeros", trainable=False, aggregation="mean"
        )

    def generator(self, inputs=0):
        # No normalisation in either (section 3.5).
        return super().generator(inputs, normalisation="none")

    def discriminator(self):
        encoder = super().discriminator(outputs=self.code_dim, name="encoder")
        decoder = self.generator(inputs=self.code_dim)
        return keras.Sequential([encoder, decoder], name="D")

    def verdict(self, x, label=None, training=False):
        """L(x), [B, 1]."""
        error = tf.abs(x - self.D(x, training=training))
        return tf.reduce_mean(error, axis=[1, 2, 3])[:, None]

    def d_loss(self, D_x, D_fake, noise=None, label=None):
        return D_x[:, 0] - tf.convert_to_tensor(self.k) * D_fake[:, 0]

    def g_loss(self, D_fake, noise=None, label=None):
        return D_fake[:, 0]

    def after_D(self, D_x, D_fake):
        balance = self.gamma * tf.reduce_mean(D_x) - tf.reduce_mean(D_fake)
        self.k.assign(tf.clip_by_value(self.k + self.k_rate * balance, 0.0, 1.0))

    def of_verdicts(self, D_x, D_fake, noise=None, label=None):
        L_x, L_fake = tf.reduce_mean(D_x), tf.reduce_mean(D_fake)
        return {
            "L_real": L_x,
            "L_fake": L_fake,
            "k": tf.convert_to_tensor(self.k),
            "measure": L_x + tf.abs(self.gamma * L_x - L_fake),
        }

    def complaints(self, means):
        return adversarial.complaints(means | {"D_real": 0.0, "D_fake": 0.0}, self.objective)
