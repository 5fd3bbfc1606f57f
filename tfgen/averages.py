"""Exponential averages of weights: what samples come from, where the last weights are restless."""

import math
from collections.abc import Iterable

import keras
import tensorflow as tf

Weights = Iterable[keras.Variable]


def start(average: keras.Model, network: keras.Model) -> None:
    """The average becomes what the network is, and is not trained."""
    average.trainable = False
    average.set_weights(network.get_weights())


def rising(decay: float, step: tf.Tensor) -> tf.Tensor:
    """The decay of a step: a shorter memory at first, for the average to forget the start."""
    t = tf.cast(step, tf.float32)
    return tf.minimum(decay, (1.0 + t) / (10.0 + t))


def by_half_life(steps: int, step: tf.Tensor) -> tf.Tensor:
    """The decay of a step by which an average is half new after so many, or after a twentieth of
    all steps so far (Karras et al. 2022, table 7; the authors' code counts images)."""
    so_far = 0.05 * tf.cast(step, tf.float32)
    return tf.exp(-math.log(2.0) / tf.clip_by_value(so_far, 1e-3, float(steps)))


def follow(averages: Weights, weights: Weights, decay: tf.Tensor) -> None:
    """A step of each average: average -> decay average + (1 - decay) weight."""
    for average, now in zip(averages, weights, strict=True):
        average.assign_sub((1.0 - decay) * (average - now))
