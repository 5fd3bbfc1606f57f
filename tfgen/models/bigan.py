"""BiGAN: a GAN with an encoder; D judges pairs of image and code.

J. Donahue, P. Kraehenbuehl, T. Darrell. Adversarial Feature Learning. ICLR 2017.
https://arxiv.org/abs/1605.09782. The same is ALI: V. Dumoulin et al. Adversarially Learned
Inference. ICLR 2017. https://arxiv.org/abs/1606.00704

    min_{G,E} max_D  E log D(x, E(x)) + E log(1 - D(G(z), z))       equation 2

In the optimum the pairs (x, E(x)) and (G(z), z) have one distribution, and so E inverts G almost
everywhere (theorems 1 and 2), although no reconstruction error is ever computed.

    D ascends    log D(x, E(x)) + log(1 - D(G(z), z))
    G, E ascend  log(1 - D(x, E(x))) + log D(G(z), z)               section 3.4, non-saturating

The difference from the DCGAN is E, and that D sees the code.

Shapes: x, G(z) [B, H, W, C] in (-1, 1);  z, E(x) [B, Z] in (-1, 1);  D [B] logits.

Departures from the paper: D takes the code as further planes beside the image, one for each unit.
E ends with tanh, in the range of z. Both updates are made from one pass, with D as it was.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfgen.declared import Network
from tfgen.model import GenerativeModel
from tfgen.models.dcgan import DCGAN
from tfgen.objectives import adversarial


@keras.saving.register_keras_serializable("tfgen")
class BiGAN(DCGAN):
    """A DCGAN with an encoder; its likelihood is implicit.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      generator: as of `GAN`, [Z] -> [H, W, C] in (-1, 1).
      discriminator: the same, [[H, W, C], [Z]] -> [1]: images and codes.
      encoder: the same, [H, W, C] -> [Z] in (-1, 1).
      others: see `GAN`.
    """

    paper = ("Donahue et al. 2017", "https://arxiv.org/abs/1605.09782")
    terms = ("g_loss", "d_loss", "D_real", "D_fake", "spread")
    descent = {"D": "d_loss", "G": "g_loss"}

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        latent_dim=50,
        normalisation="batch",
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
            normalisation=normalisation,
            width=width,
            depth=depth,
            kernel=kernel,
            ema=ema,
            generator=generator,
            discriminator=discriminator,
        )
        self.E = self.choose_network(
            "encoder", encoder, self.image_shape, (latent_dim,), self.make_encoder
        )

    def shapes_of_D(self) -> tuple[Any, tuple[int, ...]]:
        return [self.image_shape, (self.latent_dim,)], (1,)

    def make_discriminator(self) -> keras.Model:
        return self.like_D(beside=self.latent_dim)

    def make_encoder(self) -> keras.Model:
        E = self.like_D(outputs=self.latent_dim, name="E")
        return keras.Sequential([E, layers.Activation("tanh", dtype="float32")])

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {
            "G": self.G.trainable_variables + self.E.trainable_variables,
            "D": self.D.trainable_variables,
        }

    def pair(self, x: tf.Tensor, z: tf.Tensor, training: bool = False) -> tf.Tensor:
        """D(x, z): [B, 1]."""
        return self.D([x, z], training=training)

    def score(
        self, x: tf.Tensor, label: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """D(x, E(x))."""
        return self.pair(x, self.E(x, training=training), training)

    # Both descend in one step on what one pass gives.
    train_step, test_step = GenerativeModel.train_step, GenerativeModel.test_step

    def step_terms(
        self, batch: dict[str, tf.Tensor], seeds: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        x = self.to_range(self.to_unit(batch["image"]))
        noise = self.noise(seeds)
        fake = self.G(noise["z"], training=True) if training else self.sampled(noise)
        D_x = self.score(x, training=training)[:, 0]
        D_fake = self.pair(fake, noise["z"], training)[:, 0]
        return {
            "d_loss": self.objective.d_loss(D_x, D_fake),
            # E wants its pairs taken for generated ones.
            "g_loss": self.objective.g_loss(D_x, D_fake) + adversarial.nll_fake(D_x),
            "spread": adversarial.spread(x, fake),
            **self.objective.terms(D_x, D_fake),
        }

    # --- codes -----------------------------------------------------------------------------------

    def encode(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """Images in [0, 1] -> {"mean": [B, Z]}, in (-1, 1)."""
        return {"mean": self.E(self.to_range(x), training=False)}

    def reconstruct(self, x: tf.Tensor) -> tf.Tensor:
        """Images in [0, 1] -> images in [0, 1]."""
        return self.decode(self.encode(x)["mean"])

    def draw_posterior(self, x: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """E is a function: its code is the only one."""
        return self.encode(x)["mean"]
