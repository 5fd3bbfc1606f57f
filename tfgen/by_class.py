"""Bayes' rule over the classes of a model of p(x|y), with all classes as likely."""

import math

import tensorflow as tf


def joint(log_prob, x, classes):
    """log p(x, y) of each y: images [B, H, W, C] -> [B, K], nats.

    log_prob: (images [N, H, W, C], labels [N]) -> log p(x|y), [N].
    """
    labels = tf.tile(tf.range(classes), [tf.shape(x)[0]])
    log_p = log_prob(tf.repeat(x, classes, axis=0), labels)
    return tf.reshape(log_p, [-1, classes]) - math.log(classes)


def classified(log_p, least=-math.inf):
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
