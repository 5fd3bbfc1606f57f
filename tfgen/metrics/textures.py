"""What fixed random filters see in images: features that no data were needed for.

One layer of random filters at several scales, never trained, is enough to know a texture by
(I. Ustyuzhaninov, W. Brendel, L. Gatys, M. Bethge. What does it take to generate natural textures?
ICLR 2017). Here

    f_sk(x) = mean over a region of relu(w_sk * x_s)

with x_0 the image, x_1 and x_2 the same at a half and a quarter of its size, w_sk the k-th of 32
filters of 3x3 at scale s, and regions the image and its four quarters. Of the filters a half sums
to zero in each channel, and sees edges alone; the others see light and colour too.

The filters are made of uniforms of `tfgen.random`, which are exact: a function of channels and
scale, the same on every machine.
"""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


SIDE, FILTERS, SCALES = 3, 32, 3
LEAST = 4  # pixels a side, of the smallest scale
BATCH = 256


def scales(image_shape: Sequence[int]) -> int:
    """How often an image is looked at, once at its own size and then at half the last one."""
    least = min(image_shape[:2])
    return max(1, sum(least >> s >= LEAST for s in range(SCALES)))


def filters(image_shape: Sequence[int]) -> list[np.ndarray]:
    """Those of each scale: float32 [3, 3, C, 32] of length 1."""
    from tfgen import random

    shape = (SIDE, SIDE, image_shape[2], FILTERS)
    found = []
    for scale in range(scales(image_shape)):
        w = random.uniform([scale], shape, "textures").numpy()[0].astype(np.float64) * 2 - 1
        w[..., : FILTERS // 2] -= w[..., : FILTERS // 2].mean(axis=(0, 1))
        found.append((w / np.sqrt(np.square(w).sum(axis=(0, 1, 2)))).astype(np.float32))
    return found


def responses(images: np.ndarray) -> np.ndarray:
    """Images [N, H, W, C] in [0, 1] -> float64 [N, scales * 5 * 32]."""
    import tensorflow as tf

    images = np.asarray(images, np.float32)
    see = _compiled(images.shape[1:])
    parts, rows = [], _rows(images.shape[1:])
    for start in range(0, len(images), rows):
        part = images[start : start + rows]
        # Batches of one shape: nothing is traced again, and none rounds by its company.
        padded = np.zeros((rows, *part.shape[1:]), np.float32)
        padded[: len(part)] = part
        parts.append(see(tf.constant(padded)).numpy()[: len(part)])
    return np.concatenate(parts).astype(np.float64)


def _rows(image_shape: Sequence[int]) -> int:
    """Images at once: BATCH of 64x64, and as many pixels of others."""
    return max(1, min(BATCH, BATCH * 64 * 64 // (image_shape[0] * image_shape[1])))


@functools.lru_cache(maxsize=4)
def _compiled(image_shape: Sequence[int]) -> "Callable[[tf.Tensor], tf.Tensor]":
    import tensorflow as tf

    from tfgen.compiling import compiled

    each = [tf.constant(w) for w in filters(image_shape)]

    def see(x: "tf.Tensor") -> "tf.Tensor":
        found = []
        for i, w in enumerate(each):
            if i:
                x = tf.nn.avg_pool2d(x, 2, 2, "SAME")
            # The frame of an image is no edge: nothing is put around it where there is room.
            padding = "VALID" if min(x.shape[1:3]) > LEAST else "SAME"
            found += regions(tf.nn.relu(tf.nn.conv2d(x, w, 1, padding)))
        return tf.concat(found, axis=1)

    return compiled(see)


def regions(x: "tf.Tensor") -> "list[tf.Tensor]":
    """The means over the whole and over quarters, which share a middle row of an odd number."""
    import tensorflow as tf

    h, w = x.shape[1:3]
    halves = [[slice(0, -(-n // 2)), slice(n // 2, n)] for n in (h, w)]
    parts = [x, *(x[:, rows, columns] for rows in halves[0] for columns in halves[1])]
    return [tf.reduce_mean(part, axis=[1, 2]) for part in parts]
