"""Conditional VAE: p(x|y), and with p(y) a classifier that knows what it has not seen.

K. Sohn, H. Lee, X. Yan. Learning Structured Output Representation using Deep Conditional Generative
Models. NeurIPS 2015.
https://papers.nips.cc/paper/2015/hash/8d55a249e6baa5c06772297520da2051-Abstract.html

    ELBO(y) = E_q(z|x,y)[log p(x|y, z)] - KL(q(z|x, y) || p(z))  <=  log p(x|y)      equation 4

The difference from the VAE is the label, which encoder and decoder both see. Codes need not tell
classes apart, and hold what is left: slant, thickness, style. With p(y), Bayes' rule gives

    log p(x)   = log sum_y p(x|y) p(y)
    log p(y|x) = log p(x|y) + log p(y) - log p(x)

so that an image is classified by the class under which it is likeliest, or by none if it is
unlikely under all: unlike a softmax, p(x) is small far from the data.

Shapes: x [B, H, W, C], to the encoder [B, H, W, C + K] with the label as planes;  y [B], one of K;
z [B, Z], to the decoder [B, Z + K].

Departures from the paper: those of the VAE. The prior p(z) does not depend on the label (the paper
has p(z|y)); p(y) is uniform.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgen import by_class
from tfgen.layers import planes
from tfgen.models.vae import VAE


@keras.saving.register_keras_serializable("tfgen")
class CVAE(VAE):
    """A VAE of images given their labels; its density p(x) is a lower bound.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      num_classes: K, taken from the data by `train.run`.
      others: see `VAE`.
    """

    paper = (
        "Sohn et al. 2015",
        "https://papers.nips.cc/paper/2015/hash/8d55a249e6baa5c06772297520da2051-Abstract.html",
    )

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        num_classes: int = 10,
        **kwargs: Any,
    ) -> None:
        self.num_classes = num_classes
        super().__init__(image_shape, levels, seed, **kwargs)

    def posterior(
        self, x: tf.Tensor, label: tf.Tensor | None = None, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """mu and logvar of q(z|x, y); without a label, of the likeliest one."""
        if label is None:
            label = self.likeliest(x)
        return super().posterior(planes.beside(x, self.one_hot(label)), training=training)

    def parameters(
        self, z: tf.Tensor, label: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        return super().parameters(tf.concat([z, self.one_hot(label)], axis=-1), training=training)

    def reconstruct(self, x: tf.Tensor) -> tf.Tensor:
        label = self.likeliest(x)
        return self.decode(self.posterior(x, label)[0], label)

    # --- the classifier --------------------------------------------------------------------------

    def likeliest(self, x: tf.Tensor) -> tf.Tensor:
        """The class of the greatest log p(x|y, mu) - KL: a guess without draws, [B]."""
        scores = by_class.joint(self._score, x, self.num_classes)
        return tf.argmax(scores, axis=1, output_type=tf.int32)

    def _score(self, x: tf.Tensor, label: tf.Tensor | None) -> tf.Tensor:
        mu, logvar = self.posterior(x, label)
        log_p = self.p.log_prob(self.to_levels(x), self.parameters(mu, label))
        return log_p - self.make_prior().kl(mu, logvar, mu[:, None])

    def class_log_prob(self, x: tf.Tensor, samples: int = 100) -> tf.Tensor:
        """log p(x, y), lower bounds by L_k with k = samples: [B, H, W, C] -> [B, K], nats."""
        return self.class_bound(x, samples)[0]

    def class_bound(self, x: tf.Tensor, samples: int = 100) -> tuple[tf.Tensor, tf.Tensor]:
        """The same, and their standard errors by the draws: two of [B, K], nats."""
        given = super().bound
        log_p, error = by_class.each(lambda x, y: given(x, samples, y), x, self.num_classes)
        return log_p - math.log(self.num_classes), error

    def bound(
        self, x: tf.Tensor, samples: int = 100, label: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """log p(x) by L_k for every class, or log p(x|y) of given labels; its error: [B], nats."""
        if label is not None:
            return super().bound(x, samples, label)
        return by_class.total(*self.class_bound(x, samples))

    def elbo(self, x: tf.Tensor, samples: int = 100, label: tf.Tensor | None = None) -> tf.Tensor:
        """The bound of `log_prob` without the importance weights: [B], nats."""
        if label is not None:
            return super().elbo(x, samples, label)
        bound = super().elbo
        each = by_class.joint(lambda x, y: bound(x, samples, y), x, self.num_classes)
        return tf.reduce_logsumexp(each, axis=1)

    def classify(
        self, x: tf.Tensor, samples: int = 100, least: float = -math.inf
    ) -> dict[str, tf.Tensor]:
        """Bayes' rule: images in [0, 1] -> {"label" [B], "probability" [B, K], "log_prob" [B]}.

        least: images of a log p(x) below this, in nats, are rejected; their label is -1.
        """
        return by_class.classified(self.class_log_prob(x, samples), least)
