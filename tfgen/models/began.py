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

The difference from the GAN is D, and what both descend on. G is a decoder as D has one, with
weights of its own; the networks are in `tfgen/layers/balanced.py`.

Shapes: x in (-1, 1), G(z), D(x) [B, H, W, C];  z [B, Z];  codes [B, h];  L [B];  k a number.

Departures from the paper: the G update reuses the images of the D update, as in `gan.py`. Rates
stay as they are, or fall by a schedule, where the paper halves them when M no longer falls. Neither
of the improvements that it calls optional, vanishing residuals and skip connections. What G paints
beyond the range of images is cut off in samples, and not in training.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import keras
import tensorflow as tf

from tfgen import replicas
from tfgen.declared import Count, Network, Range, Weight
from tfgen.layers import balanced
from tfgen.models.gan import GAN, Part


@keras.saving.register_keras_serializable("tfgen")
class BEGAN(GAN):
    """A GAN whose D is an autoencoder; its likelihood is implicit.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      gamma: the equilibrium, L(G(z)) over L(x).
      k_rate: lambda, by which k follows the balance at each step.
      code_dim: h, units between D's encoder and decoder.
      width: filters at the full size.
      depth: how often the size is halved; the paper halves to 8x8.
      generator: as of `GAN`, [Z] -> [H, W, C] about (-1, 1).
      discriminator: the same, the whole autoencoder: [H, W, C] -> [H, W, C].
      others: see `GAN`.
    """

    paper = ("Berthelot et al. 2017", "https://arxiv.org/abs/1703.10717")
    terms = ("measure", "d_loss", "g_loss", "L_real", "L_fake", "k", "spread")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        gamma: Annotated[float, Range(0, 1)] = 0.5,
        k_rate: Weight = 0.001,
        code_dim: Count = 64,
        latent_dim=64,
        width=128,
        depth=3,
        ema=0.0,
        generator: Network = None,
        discriminator: Network = None,
    ) -> None:
        # Known before the networks are built.
        self.code_dim = code_dim
        super().__init__(
            image_shape,
            levels,
            seed,
            latent_dim=latent_dim,
            width=width,
            depth=depth,
            ema=ema,
            generator=generator,
            discriminator=discriminator,
        )
        self.gamma = gamma
        self.k_rate = k_rate
        self.k = self.add_weight(
            name="k", shape=(), initializer="zeros", trainable=False, aggregation="mean"
        )

    def shapes_of_D(self) -> tuple[Any, tuple[int, ...]]:
        return self.image_shape, self.image_shape

    def make_generator(self) -> keras.Model:
        return self._decoder(self.latent_dim, "G")

    def make_discriminator(self) -> keras.Model:
        encoder = balanced.encoder(self.image_shape, self.code_dim, self.width, self.depth)
        return keras.Sequential([encoder, self._decoder(self.code_dim, "decoder")], name="D")

    def _decoder(self, inputs: int, name: str) -> keras.Model:
        return balanced.decoder(inputs, self.image_shape, self.width, self.depth, name)

    def score(
        self, x: tf.Tensor, label: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """L(x), [B, 1]."""
        error = tf.abs(x - self.D(x, training=training))
        return tf.reduce_mean(error, axis=[1, 2, 3])[:, None]

    def d_loss(self, D_x: tf.Tensor, D_fake: tf.Tensor, part: Part) -> tf.Tensor:
        return D_x[:, 0] - tf.convert_to_tensor(self.k) * D_fake[:, 0]

    def g_loss(self, D_x: tf.Tensor, D_fake: tf.Tensor, part: Part) -> tf.Tensor:
        return D_fake[:, 0]

    def after_D(self, D_x: tf.Tensor, D_fake: tf.Tensor) -> None:
        L_x, L_fake = _means(D_x, D_fake)
        balance = self.gamma * L_x - L_fake
        self.k.assign(tf.clip_by_value(self.k + self.k_rate * balance, 0.0, 1.0))

    def score_terms(self, D_x: tf.Tensor, D_fake: tf.Tensor, part: Part) -> dict[str, tf.Tensor]:
        L_x, L_fake = _means(D_x, D_fake)
        return {
            "L_real": L_x,
            "L_fake": L_fake,
            "k": tf.convert_to_tensor(self.k),
            "measure": L_x + tf.abs(self.gamma * L_x - L_fake),
        }

    def generate(
        self, noise: dict[str, tf.Tensor], condition: tf.Tensor | None = None
    ) -> tf.Tensor:
        return tf.clip_by_value(super().generate(noise, condition), 0.0, 1.0)


def _means(*errors: tf.Tensor) -> list[tf.Tensor]:
    """Of all replicas: the mean of what each has clipped is not what the mean clips to."""
    return [tf.reduce_mean(replicas.all_rows(L)) for L in errors]
