"""Bayes' rule over the classes of a model of p(x|y), with all classes as likely."""

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf


def joint(
    log_prob: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], x: tf.Tensor, classes: int
) -> tf.Tensor:
    """log p(x, y) of each y: images [B, H, W, C] -> [B, K], nats.

    log_prob: (images [N, H, W, C], labels [N]) -> log p(x|y), [N].
    """
    return each(log_prob, x, classes) - math.log(classes)


def each(function: Callable[[tf.Tensor, tf.Tensor], Any], x: tf.Tensor, classes: int) -> Any:
    """What a function of images and labels makes of each y, [N] or several -> [B, K] or several."""
    labels = tf.tile(tf.range(classes), [tf.shape(x)[0]])
    found = function(tf.repeat(x, classes, axis=0), labels)
    return tf.nest.map_structure(lambda part: tf.reshape(part, [-1, classes]), found)


def total(log_p: tf.Tensor, error: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """log p(x) of bounds on log p(x, y) and their errors, [B, K]; and its error: two of [B].

    All classes of an image have the same draws, so the errors are added as they stand.
    """
    return tf.reduce_logsumexp(log_p, axis=1), tf.reduce_sum(tf.nn.softmax(log_p) * error, axis=1)


def classified(log_p: tf.Tensor, least: float = -math.inf) -> dict[str, tf.Tensor]:
    """log p(x, y) [B, K] -> {"label" [B], "probability" [B, K], "log_prob" [B]}.

    least: images of a log p(x) below this, in nats, are rejected; their label is -1.
    """
    total = tf.reduce_logsumexp(log_p, axis=1)
    label = tf.argmax(log_p, axis=1, output_type=tf.int32)
    return {
        "label": tf.where(total < least, -1, label),
        "probability": tf.nn.softmax(log_p),
        "log_prob": total,
    }
