"""What D is shown of images, real and generated alike: changed at random, and noisy.

Zhao et al. 2020 (https://arxiv.org/abs/2006.10738), algorithm 1: what augments real images alone is
learned by G; what augments both, with gradients through it, is not.
"""

from collections.abc import Iterable

import tensorflow as tf

from tfgen import random
from tfgen.errors import one_of

AUGMENTATIONS = ("color", "translation", "cutout")


def named(names: str) -> list[str]:
    """Of AUGMENTATIONS those that a setting names, with commas.  Raises: UserError for others."""
    return [one_of("augmentation", name, AUGMENTATIONS) for name in names.split(",") if name]


def augmented(x: tf.Tensor, names: Iterable[str], seeds: tf.Tensor, stream: str) -> tf.Tensor:
    """Images as D sees them: [B, H, W, C] -> [B, H, W, C].

    Args:
      names: of AUGMENTATIONS, in the order in which they are done.
      seeds: int32 [B]; stream: other draws for another stream.
    """
    changes = {"color": _color, "translation": _translation, "cutout": _cutout}
    for name in names:
        x = changes[name](x, seeds, f"{stream} {name}")
    return x


def _color(x: tf.Tensor, seeds: tf.Tensor, stream: str) -> tf.Tensor:
    """Brightness by up to 1/2, saturation 0 to 2 and contrast 1/2 to 3/2 times."""
    u = random.uniform(seeds, [3, 1, 1, 1], stream)
    x = x + u[:, 0] - 0.5
    grey = tf.reduce_mean(x, axis=-1, keepdims=True)
    x = grey + (x - grey) * 2.0 * u[:, 1]
    mean = tf.reduce_mean(x, axis=[1, 2, 3], keepdims=True)
    return mean + (x - mean) * (u[:, 2] + 0.5)


def _translation(x: tf.Tensor, seeds: tf.Tensor, stream: str) -> tf.Tensor:
    """By up to an eighth of height and width; what comes in is the middle of the range, 0."""
    _, h, w, _ = x.shape
    u = random.uniform(seeds, [2], stream)
    for axis, size in ((1, h), (2, w)):
        most = max(1, round(size / 8))
        shift = tf.cast(tf.floor(u[:, axis - 1] * (2 * most + 1)), tf.int32)
        edge = [[0, 0]] * axis + [[most, most]] + [[0, 0]] * (3 - axis)
        index = tf.range(size)[None, :] + shift[:, None]
        x = tf.gather(tf.pad(x, edge), index, axis=axis, batch_dims=1)
    return x


def _cutout(x: tf.Tensor, seeds: tf.Tensor, stream: str) -> tf.Tensor:
    """A square of half the height and width, wherever its middle falls, becomes 0."""
    _, h, w, _ = x.shape
    u = random.uniform(seeds, [2, 1, 1], stream)
    rows = tf.abs(tf.range(h, dtype=tf.float32)[:, None] + 0.5 - h * u[:, 0]) < h / 4
    columns = tf.abs(tf.range(w, dtype=tf.float32)[None, :] + 0.5 - w * u[:, 1]) < w / 4
    return tf.where((rows & columns)[..., None], 0.0, x)
