"""What D pays for its gradient, with x and G(z) as D sees them, augmented and noisy.

    gradient        (||grad D(x_hat)|| - 1)^2,  x_hat = e x + (1 - e) G(z)
                    Gulrajani et al. 2017, equation 3
    dragan          (||grad D(x + delta)|| - 1)^2
                    Kodali et al. 2017, section 2.3
    r1              ||grad D(x)||^2 / 2
                    Mescheder et al. 2018, equation 9

Each goes with any objective, and is called with D, a function of images [B, H, W, C] -> scores [B],
the real and the generated images, and seeds int32 [B]; it gives a number for each row, [B].
"""

from collections.abc import Callable

import tensorflow as tf

from tfgen import random, replicas

Critic = Callable[[tf.Tensor], tf.Tensor]


class Penalty:
    """A penalty, as a decorator: it goes by the name of its function."""

    def __init__(
        self, paid: Callable[[Critic, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
    ) -> None:
        self.name, self.paid, self.__doc__ = paid.__name__, paid, paid.__doc__

    def __call__(self, D: Critic, x: tf.Tensor, fake: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        return self.paid(D, x, fake, seeds)


def norm_of_gradient(D: Critic, x: tf.Tensor) -> tf.Tensor:
    """||grad_x D(x)|| of each row: images [B, H, W, C] -> [B].

    The root is safe at 0, where its own gradient would be infinite; the norm is of each image, not
    of the batch.
    """
    return tf.sqrt(squared_norm_of_gradient(D, x) + 1e-12)


def squared_norm_of_gradient(D: Critic, x: tf.Tensor) -> tf.Tensor:
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = D(x)
    gradient = tf.cast(tape.gradient(score, x), tf.float32)
    return tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3])


@Penalty
def gradient(D: Critic, x: tf.Tensor, fake: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    """On straight lines between real and generated images, e uniform in (0, 1) for each line."""
    e = random.uniform(seeds, [1, 1, 1], "gradient penalty")
    return tf.square(norm_of_gradient(D, e * x + (1.0 - e) * fake) - 1.0)


@Penalty
def dragan(D: Critic, x: tf.Tensor, fake: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    """Around real images: delta is uniform up to half of the images' standard deviation, on a
    random part of the way there, as in the authors' code."""
    everywhere = replicas.all_rows(x, "the penalty 'dragan'")
    delta = 0.5 * tf.math.reduce_std(everywhere) * random.uniform(seeds, x.shape[1:], "delta")
    part = random.uniform(seeds, [1, 1, 1], "part of delta")
    return tf.square(norm_of_gradient(D, x + part * delta) - 1.0)


@Penalty
def r1(D: Critic, x: tf.Tensor, fake: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    """At real images."""
    return 0.5 * squared_norm_of_gradient(D, x)


@Penalty
def none(D: Critic, x: tf.Tensor, fake: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    """Nothing."""
    return tf.zeros_like(x[:, 0, 0, 0])


PENALTIES = {penalty.name: penalty for penalty in (none, gradient, dragan, r1)}
