"""Adversarial autoencoder: a discriminator holds the codes to any density that can be drawn from.

A. Makhzani, J. Shlens, N. Jaitly, I. Goodfellow, B. Frey. Adversarial Autoencoders. 2016.
https://arxiv.org/abs/1511.05644

    D ascends  E_p(z) log D(z) + E_x log(1 - D(f(x)))               section 2.1, regularisation
    f descends L(x, g(f(x))) - lambda E_x log D(f(x))               and reconstruction
    g descends L(x, g(f(x)))

The difference from the WAE with MMD is how codes and prior are compared, and that the prior needs
no kernel that suits it: N(0, I), ten Gaussians around a circle, or a swiss roll (section 2.3). With
labels, D sees them beside the code, and every class has its own part of the prior (figure 3): then
samples have labels too.

Shapes: x [B, H, W, C];  z [B, Z];  D [B, 1] logits, of [B, Z] or, with labels, [B, Z + K].

Departures from the paper: those of the autoencoder; f has one optimizer for both of its terms,
where the paper alternates. N(0, I) takes the place of the paper's N(0, 25 I).
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import keras
import tensorflow as tf

from tfgen.declared import Count, Network, Range, Weight
from tfgen.errors import UserError
from tfgen.layers import coders, priors
from tfgen.models.autoencoder import Autoencoder
from tfgen.objectives import adversarial


@keras.saving.register_keras_serializable("tfgen")
class AdversarialAutoencoder(Autoencoder):
    """An autoencoder whose codes fill a given density; it has no density of images.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      prior: "normal", "mixture" or "swiss_roll"; the latter two in the plane.
      labels: whether each class gets a part of the prior ("mixture" and "swiss_roll").
      num_classes: K, taken from the data by `train.run`.
      adversarial_weight: lambda, the weight of what D says of the codes.
      critic_width: units of each of D's two hidden layers.
      components: of a mixture that is fitted to the codes and takes the prior's place; 0 for none.
      discriminator: D, a network of the user's own (`tfgen/networks.py`), [Z], with labels [Z + K],
        -> [1], a logit.
      others: see `Autoencoder`.
    """

    paper = ("Makhzani et al. 2016", "https://arxiv.org/abs/1511.05644")
    labels_if = "labels"
    terms = ("loss", "mse", "d_loss", "g_loss")
    descent = {"D": "d_loss", "ae": "loss"}

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        prior: Literal["normal", "mixture", "swiss_roll"] = "normal",
        labels: bool = False,
        num_classes: int = 10,
        adversarial_weight: Weight = 1.0,
        critic_width: Count = 200,
        components: Annotated[int, Range(0)] = 0,
        latent_dim: Count = 8,
        discriminator: Network = None,
        **kwargs: Any,
    ) -> None:
        if labels and components:
            raise UserError(
                "a mixture fitted to the codes knows no labels: set `model.components=0` or "
                "`model.labels=False`."
            )
        self.prior = prior
        self.labels = labels
        self.num_classes = num_classes if labels else 0
        super().__init__(
            image_shape, levels, seed, components=components, latent_dim=latent_dim, **kwargs
        )
        self.adversarial_weight = adversarial_weight
        self.critic_width = critic_width
        judged = (latent_dim + self.num_classes,)

        self.D = self.choose_network(
            *("discriminator", discriminator, judged, (1,)),
            lambda: coders.critic(judged, critic_width, depth=2),
        )

    def make_prior(self) -> priors.Prior:
        return priors.find(self.prior, self.latent_dim, self.num_classes)

    def trained(self) -> dict[str, list[keras.Variable]]:
        return super().trained() | {"D": self.D.trainable_variables}

    def logit(self, z: tf.Tensor, label: tf.Tensor | None, training: bool) -> tf.Tensor:
        """D's: [B]."""
        if self.labels:
            z = tf.concat([z, self.one_hot(label)], axis=-1)
        return self.D(z, training=training)[:, 0]

    def extra_terms(
        self, z: tf.Tensor, seeds: tf.Tensor, training: bool, label: tf.Tensor | None
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        g_loss = adversarial.nll_real(self.logit(z, label, training))
        d_loss = self.d_loss(z, seeds, label, training)
        return self.adversarial_weight * g_loss, {"d_loss": d_loss, "g_loss": g_loss}

    def d_loss(
        self, z: tf.Tensor, seeds: tf.Tensor, label: tf.Tensor | None, training: bool
    ) -> tf.Tensor:
        """What D descends on, for each row: [B, Z] -> [B]."""
        prior = self.make_prior()
        p = prior.draw(prior.noise(seeds), label)
        z = tf.stop_gradient(z)
        real, coded = self.logit(p, label, training), self.logit(z, label, training)
        return adversarial.minimax_d(real, coded)
