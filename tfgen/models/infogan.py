"""InfoGAN: codes that D must be able to read from the image, and so come to mean something.

X. Chen, Y. Duan, R. Houthooft, J. Schulman, I. Sutskever, P. Abbeel. InfoGAN: Interpretable
Representation Learning by Information Maximizing Generative Adversarial Nets. NeurIPS 2016.
https://arxiv.org/abs/1606.03657

    min_{G,Q} max_D  V(D, G) - lambda L_I(G, Q)                     equation 6
    L_I = E log Q(c|G(z, c)) + H(c)  <=  I(c; G(z, c))              equations 4, 5

c holds a categorical code, uniform over K values, and continuous ones, uniform in (-1, 1). Q shares
D's layers and has a head of its own: a softmax for the first, a normal of unit variance for the
others. No label is used; what the codes come to mean is whatever makes images differ most.

The difference from the GAN is the mutual information.

Shapes: x, G(z, c) [B, H, W, C];  z [B, Z];  u [B, 1], from which the categorical code comes,
one-hot [B, K];  c [B, J];  D [B] logits;  Q [B, K + J]: logits, means.

Departures from the paper: those of the GAN. Q's head is one layer, and D's trunk learns from Q too,
in D's update; a code's variance is 1 and is not learned.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any

import keras
import tensorflow as tf
from keras import layers

from tfgen import random
from tfgen.declared import Count, Range, Weight
from tfgen.layers import adversaries
from tfgen.models.gan import GAN, Part
from tfgen.objectives import divergences


@keras.saving.register_keras_serializable("tfgen")
class InfoGAN(GAN):
    """A GAN with codes that are found without labels; its likelihood is implicit.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      categories: K, values of the categorical code.
      continuous: J, continuous codes.
      info_weight: lambda, of the information in what G, Q and D descend on.
      generator: as of `GAN`, [Z + K + J] -> [H, W, C]: z, the one-hot code and the others.
      discriminator: the same, [H, W, C] -> [1 + K + J]: D(x), and Q's logits and means.
      others: see `GAN`.
    """

    paper = ("Chen et al. 2016", "https://arxiv.org/abs/1606.03657")
    terms = (*GAN.terms, "information")
    network = "conv"
    normalisation = "batch"

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        categories: Count = 10,
        continuous: Annotated[int, Range(0)] = 2,
        info_weight: Weight = 1.0,
        **kwargs: Any,
    ) -> None:
        # Known before the networks are built.
        self.categories = categories
        self.continuous = continuous
        self.info_weight = info_weight
        super().__init__(image_shape, levels, seed, **kwargs)

    @property
    def codes(self) -> int:
        """K + J."""
        return self.categories + self.continuous

    def shapes_of_G(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (self.latent_dim + self.codes,), self.image_shape

    def shapes_of_D(self) -> tuple[Any, tuple[int, ...]]:
        return self.image_shape, (1 + self.codes,)

    def make_discriminator(self) -> keras.Model:
        judge = self.like_D()
        phi = judge.get_layer("features").output
        Q = adversaries.dense(self.codes, self.normalisation, dtype="float32", name="Q")(phi)
        both = layers.Concatenate(dtype="float32")([judge.outputs[0], Q])
        return keras.Model(judge.inputs[0], both)

    # --- codes -----------------------------------------------------------------------------------

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return super().noise(seeds) | {
            "u": random.uniform(seeds, [1], "categorical code"),
            "c": 2.0 * random.uniform(seeds, [self.continuous], "continuous codes") - 1.0,
        }

    def category(self, u: tf.Tensor) -> tf.Tensor:
        """The categorical code of uniforms: [B, 1] -> one-hot [B, K]."""
        value = tf.cast(tf.floor(u[:, 0] * self.categories), tf.int32)
        return tf.gather(tf.eye(self.categories), value)

    def latent(self, noise: dict[str, tf.Tensor], label: tf.Tensor | None = None) -> tf.Tensor:
        return tf.concat([noise["z"], self.category(noise["u"]), noise["c"]], axis=-1)

    def read(self, score: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Q of a score: logits [B, K], means [B, J]."""
        return tf.split(score[:, 1:], [self.categories, self.continuous], axis=-1)

    def cluster(self, x: tf.Tensor) -> tf.Tensor:
        """The likeliest categorical code: images in [0, 1] -> int32 [B]."""
        logits, _ = self.read(self.score(self.to_range(x)))
        return tf.argmax(logits, axis=-1, output_type=tf.int32)

    def draw_prior(self, seeds: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """What samples are made of: z, the one-hot code, the others, [B, Z + K + J]."""
        return self.latent(self.noise(seeds))

    def decode(self, z: tf.Tensor, condition: tf.Tensor | None = None) -> tf.Tensor:
        """Of such a row, [B, Z + K + J], the image in [0, 1]."""
        return self.from_range(self.sampler()(z, training=False))

    def of_each_category(self, z: tf.Tensor) -> tf.Tensor:
        """Rows of `draw_prior` with each categorical code in turn: [N, Z + K + J] -> [N K, ...]."""
        rows = tf.repeat(z, self.categories, axis=0)
        codes = tf.tile(tf.eye(self.categories), [tf.shape(z)[0], 1])
        before, after = rows[:, : self.latent_dim], rows[:, self.latent_dim + self.categories :]
        return tf.concat([before, codes, after], axis=-1)

    # --- mutual information ----------------------------------------------------------------------

    def information(self, score: tf.Tensor, noise: dict[str, tf.Tensor]) -> tf.Tensor:
        """L_I less H(c) of the continuous codes: scores on G(z, c) -> [B], nats."""
        logits, means = self.read(score)
        of_category = tf.reduce_sum(tf.nn.log_softmax(logits) * self.category(noise["u"]), axis=-1)
        of_codes = divergences.normal_log_prob(noise["c"], means, tf.zeros_like(means))
        return of_category + math.log(self.categories) + of_codes

    def d_loss(self, D_x: tf.Tensor, D_fake: tf.Tensor, part: Part) -> tf.Tensor:
        loss = super().d_loss(D_x, D_fake, part)
        return loss - self.info_weight * self.information(D_fake, part.noise)

    def g_loss(self, D_x: tf.Tensor, D_fake: tf.Tensor, part: Part) -> tf.Tensor:
        loss = super().g_loss(D_x, D_fake, part)
        return loss - self.info_weight * self.information(D_fake, part.noise)

    def score_terms(self, D_x: tf.Tensor, D_fake: tf.Tensor, part: Part) -> dict[str, tf.Tensor]:
        information = tf.reduce_mean(self.information(D_fake, part.noise))
        return super().score_terms(D_x, D_fake, part) | {"information": information}
