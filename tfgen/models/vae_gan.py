"""VAE-GAN: a VAE whose reconstructions are judged by what a discriminator sees in them.

A. B. L. Larsen, S. K. Soenderby, H. Larochelle, O. Winther. Autoencoding beyond Pixels using a
Learned Similarity Metric. ICML 2016. https://arxiv.org/abs/1512.09300

    L_prior = KL(q(z|x) || p(z))                                    equation 4
    L_llike = -E_q log N(D_l(x) | D_l(G(z)), I)                     equation 8
    L_GAN   = log D(x) + log(1 - D(G(z))) + log(1 - D(G(z_p)))      equation 9, algorithm 1

    E descends  L_prior + L_llike                                   algorithm 1
    G descends  gamma L_llike - L_GAN
    D ascends   L_GAN

The difference from the DCGAN is the encoder: G learns from reconstructions as well, by the features
D_l of D's last hidden layer, which do not punish an edge for lying a pixel off.

Shapes: x, G(z) [B, H, W, C] in (-1, 1);  mu, logvar, z, z_p [B, Z];  D [B, 1] logits, D_l [B, F].

Departures from the paper: networks, with their departures, and optimizers are the DCGAN's (Adam at
0.0002, where the paper has RMSProp at 0.0003); G's part of L_GAN is the non-saturating one. E is D
with 2 Z outputs. gamma is 0.1, of features of another size, for the 0.00001 of the authors' code.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tfgen import random
from tfgen.declared import Network, Weight
from tfgen.errors import UserError
from tfgen.model import GenerativeModel
from tfgen.models.dcgan import DCGAN
from tfgen.objectives import adversarial, divergences


@keras.saving.register_keras_serializable("tfgen")
class VAEGAN(DCGAN):
    """A DCGAN with an encoder; its likelihood is implicit.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      gamma: how much G heeds reconstructions beside D.
      generator: as of `GAN`, [Z] -> [H, W, C] in (-1, 1).
      discriminator: the same, [H, W, C] -> [1], a `keras.Sequential` or a functional model; its
        layer named "features" gives D_l, of whatever shape.
      encoder: the same, [H, W, C] -> [2 Z]: mu, logvar.
      others: see `GAN`.

    Raises: UserError for a discriminator without such a layer.
    """

    paper = ("Larsen et al. 2016", "https://arxiv.org/abs/1512.09300")
    prior = "normal"
    terms = ("d_loss", "g_loss", "llike", "kl", "D_real", "D_fake", "spread")
    descent = {"E": "L_E", "G": "L_G", "D": "d_loss"}

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        gamma: Weight = 0.1,
        latent_dim=128,
        width=128,
        depth=4,
        kernel=5,
        ema=0.0,
        generator: Network = None,
        discriminator: Network = None,
        encoder: Network = None,
    ) -> None:
        super().__init__(
            image_shape,
            levels,
            seed,
            latent_dim=latent_dim,
            width=width,
            depth=depth,
            kernel=kernel,
            ema=ema,
            generator=generator,
            discriminator=discriminator,
        )
        self.gamma = gamma
        self.E = self.choose_network(
            "encoder", encoder, self.image_shape, (2 * latent_dim,), self.make_encoder
        )
        self.D_and_features = self.with_features()

    def make_encoder(self) -> keras.Model:
        return self.like_D(outputs=2 * self.latent_dim, name="E")

    def with_features(self) -> keras.Model:
        """D with two outputs, D(x) and D_l(x)."""
        try:
            D_l = self.D.get_layer("features").output
            return keras.Model(self.D.inputs[0], [self.D.outputs[0], D_l])
        except (ValueError, AttributeError) as error:
            raise UserError(
                "vae_gan compares images by what D sees in them, and this discriminator has no "
                'layer "features" to ask: give one of its layers name="features", in a '
                "keras.Sequential or a functional keras.Model, and call it once."
            ) from error

    def trained(self) -> dict[str, list[keras.Variable]]:
        return super().trained() | {"E": self.E.trainable_variables}

    # Algorithm 1: all three from one pass.
    train_step, test_step = GenerativeModel.train_step, GenerativeModel.test_step

    def step_terms(
        self, batch: dict[str, tf.Tensor], seeds: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        x = self.to_range(self.to_unit(batch["image"]))
        mu, logvar = tf.split(self.E(x, training=training), 2, axis=-1)
        z = mu + tf.exp(0.5 * logvar) * random.normal(seeds, [self.latent_dim], "eps")
        G_z = self.G(z, training=training)
        G_zp = self.G(self.noise(seeds)["z"], training=training)
        D_x, features = self.D_and_features(x, training=training)
        D_z, features_z = self.D_and_features(G_z, training=training)
        D_zp = self.D(G_zp, training=training)
        D_x, D_z, D_zp = (scores[:, 0] for scores in (D_x, D_z, D_zp))

        kl = tf.reduce_mean(divergences.kl_to_standard_normal(mu, logvar))
        features, features_z = (tf.cast(f, tf.float32) for f in (features, features_z))
        apart = tf.reshape(tf.square(features - features_z), [tf.shape(x)[0], -1])
        llike = 0.5 * tf.reduce_mean(tf.reduce_sum(apart, axis=-1))
        g_loss = tf.reduce_mean(self.objective.g_loss(D_x, D_z) + self.objective.g_loss(D_x, D_zp))
        return {
            "L_E": kl + llike,
            "L_G": self.gamma * llike + g_loss,
            "d_loss": self.objective.d_loss(D_x, D_z) + adversarial.nll_fake(D_zp),
            "g_loss": g_loss,
            "llike": llike,
            "kl": kl,
            **self.objective.terms(D_x, D_zp),
            "spread": adversarial.spread(x, G_zp),
        }

    # --- codes and samples -----------------------------------------------------------------------

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"z": random.normal(seeds, [self.latent_dim], "z")}

    def encode(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """q(z|x): images in [0, 1] -> {"mean": [B, Z], "log_var": [B, Z]}."""
        mu, logvar = tf.split(self.E(self.to_range(x), training=False), 2, axis=-1)
        return {"mean": mu, "log_var": logvar}

    def code_kl(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """KL(q(z|x) || p(z)), and of each unit: images in [0, 1] -> ([B], [B, Z]), nats."""
        q = self.encode(x)
        units = divergences.unit_kl_to_standard_normal(q["mean"], q["log_var"])
        return tf.reduce_sum(units, axis=-1), units

    def reconstruct(self, x: tf.Tensor) -> tf.Tensor:
        """Images in [0, 1] -> images in [0, 1]."""
        return self.decode(self.encode(x)["mean"])

    def draw_posterior(self, x: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        q = self.encode(x)
        eps = random.normal(seeds, [self.latent_dim], "posterior eps")
        return q["mean"] + tf.exp(0.5 * q["log_var"]) * eps
