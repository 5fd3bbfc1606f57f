"""Conditional GAN: G makes an image of a given class, and D judges the pair of image and label.

M. Mirza and S. Osindero. Conditional Generative Adversarial Nets. 2014.
https://arxiv.org/abs/1411.1784

    min_G max_D  E log D(x|y) + E log(1 - D(G(z|y)|y))              equation 2

G sees the label beside z. How D sees it is a choice, `conditioning`:

    planes      a plane of ones for the label, of zeros for the others, beside the image: what the
                paper does with vectors, for convolutions
    projection  D(x, y) = l(phi(x)) + v_y . phi(x): the log ratio of p(y|x) under the data and
                under G is linear in the features (Miyato and Koyama 2018, equation 5,
                https://arxiv.org/abs/1802.05637)
    auxiliary   D does not see y, but a second head says which it is, log C(y|x); both D and G
                ascend it (Odena et al. 2017, section 4, https://arxiv.org/abs/1610.09585)

The difference from the GAN is the label.

Shapes: x, G(z, y) [B, H, W, C] in (-1, 1);  z [B, Z];  y [B], one-hot [B, K];  planes [B, H, W, K];
phi [B, F];  v [K, F];  D [B] logits;  C [B, K] log probabilities.

Departures from the paper: those of the GAN. The networks are the DCGAN's, with its departures and
its Adam, for dense ones of maxout and a momentum that rises while the rate falls. In the networks
of projection G has no conditional batch normalisation. C learns from real images and from generated
ones, as the paper's does.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras
import tensorflow as tf
from keras import layers

from tfgen.errors import one_of
from tfgen.layers import adversaries
from tfgen.model import GenerativeModel
from tfgen.models.gan import GAN, Part

CONDITIONINGS = ("planes", "projection", "auxiliary")


@keras.saving.register_keras_serializable("tfgen")
class ConditionalGAN(GAN):
    """A GAN of images given their labels; its likelihood is implicit.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      num_classes: K, taken from the data by `train.run`.
      conditioning: how D knows the label.
      generator: as of `GAN`, [Z + K] -> [H, W, C]: z and the one-hot label.
      discriminator: of "planes" [[H, W, C], [K]] -> [1]: images and one-hot labels; of the others
        [H, W, C] -> [1 + K]: l(phi(x)) and v_y . phi(x) of each label y, or D(x) and the logits of
        C(y|x).
      others: see `GAN`.
    """

    paper = ("Mirza and Osindero 2014", "https://arxiv.org/abs/1411.1784")
    network = "conv"

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        num_classes: int = 10,
        conditioning: Literal["planes", "projection", "auxiliary"] = "planes",
        **kwargs: Any,
    ) -> None:
        # Known before the networks are built.
        self.num_classes = num_classes
        self.conditioning = one_of("conditioning", conditioning, CONDITIONINGS)
        super().__init__(image_shape, levels, seed, **kwargs)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> GenerativeModel:
        named = {"condition": "conditioning"}  # what files of version 0.1 call it
        return super().from_config({named.get(key, key): v for key, v in config.items()})

    def shapes_of_G(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (self.latent_dim + self.num_classes,), self.image_shape

    def shapes_of_D(self) -> tuple[Any, tuple[int, ...]]:
        if self.conditioning == "planes":
            return [self.image_shape, (self.num_classes,)], (1,)
        return self.image_shape, (1 + self.num_classes,)

    def make_discriminator(self) -> keras.Model:
        if self.conditioning == "planes":
            return self.like_D(beside=self.num_classes)
        judge = self.like_D()
        phi = judge.get_layer("features").output
        # v, or the head of C: K numbers of each image's features.
        head = adversaries.dense(self.num_classes, self.normalisation, dtype="float32")
        both = layers.Concatenate(dtype="float32")([judge.outputs[0], head(phi)])
        return keras.Model(judge.inputs[0], both)

    def latent(self, noise: dict[str, tf.Tensor], label: tf.Tensor | None = None) -> tf.Tensor:
        return tf.concat([noise["z"], self.one_hot(label)], axis=-1)

    def score(
        self, x: tf.Tensor, label: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """D(x, y) [B, 1]; of `auxiliary` also log C(.|x), [B, 1 + K]."""
        if self.conditioning == "planes":
            return self.D([x, self.one_hot(label)], training=training)
        out = self.D(x, training=training)
        score, of_class = out[:, :1], out[:, 1:]
        if self.conditioning == "projection":
            return score + tf.reduce_sum(of_class * self.one_hot(label), axis=-1, keepdims=True)
        return tf.concat([score, tf.nn.log_softmax(of_class)], axis=-1)

    # --- the auxiliary classifier is in what both descend on --------------------------------------

    def missed(self, score: tf.Tensor, label: tf.Tensor | None) -> tf.Tensor:
        """-log C(y|x): [B, 1 + K], [B] -> [B]; 0 where there is no C."""
        if self.conditioning != "auxiliary":
            return tf.zeros_like(score[:, 0])
        return -tf.reduce_sum(score[:, 1:] * self.one_hot(label), axis=-1)

    def d_loss(self, D_x: tf.Tensor, D_fake: tf.Tensor, part: Part) -> tf.Tensor:
        loss = super().d_loss(D_x, D_fake, part)
        return loss + self.missed(D_x, part.label) + self.missed(D_fake, part.label)

    def g_loss(self, D_x: tf.Tensor, D_fake: tf.Tensor, part: Part) -> tf.Tensor:
        return super().g_loss(D_x, D_fake, part) + self.missed(D_fake, part.label)
