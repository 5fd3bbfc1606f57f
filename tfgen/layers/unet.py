"""Denoisers: a noisy image and how noisy it is -> an image. A small U-Net, and an MLP for points.

O. Ronneberger, P. Fischer, T. Brox. U-Net. MICCAI 2015. https://arxiv.org/abs/1505.04597
J. Ho, A. Jain, P. Abbeel. Denoising Diffusion Probabilistic Models. NeurIPS 2020, appendix B.
https://arxiv.org/abs/2006.11239

    e  = W2 silu(W1 [sin(w t), cos(w t)]) + V y     how noisy, and what of     w_k = 10000^(-k / n)
    h' = h + conv silu norm(conv silu norm(h) + W silu(e))                     a residual block
    h' = h + W softmax(q k^T / sqrt(F)) v,   q, k, v = linear of norm(h)       self-attention

Going down, a stage has `blocks` residual blocks and halves the sides; going up it has one more, and
each takes beside its features those of its counterpart on the way down. The first stage has `width`
features and the others twice as many.

Shapes: x [B, H, W, C];  t [B, 1];  y [B, K], zeros for no condition;  h [B, h, w, F];  e [B, 4 F].

Departures from the paper: fewer features; no weight of a block's last layer starts at zero.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfgen.layers.growing import up
from tfgen.layers.residual import Residual

Drop = Callable[[str], keras.Layer]
LEAST_SIDE = 4  # of the last stage, in pixels


def halvings(image_shape: Sequence[int]) -> int:
    """How often the sides are halved: while they are even, and no less than LEAST_SIDE is left."""
    height, width = image_shape[:2]
    count = 0
    while not (height % 2 or width % 2) and min(height, width) // 2 >= LEAST_SIDE:
        height, width, count = height // 2, width // 2, count + 1
    return count


@keras.saving.register_keras_serializable("tfgen")
class Sinusoids(layers.Layer):
    """sin and cos of a number at frequencies from 1 to 1/10000: [B, 1] -> [B, features]."""

    def __init__(self, features: int, **kwargs: Any) -> None:
        super().__init__(**kwargs | {"dtype": "float32"})
        self.features = features

    def call(self, t: tf.Tensor) -> tf.Tensor:
        n = self.features // 2
        angle = t * tf.constant([[1e4 ** (-k / n) for k in range(n)]], tf.float32)
        return tf.concat([tf.sin(angle), tf.cos(angle)], axis=-1)

    def compute_output_shape(self, shape: Sequence[int]) -> tuple[int | None, ...]:
        return (shape[0], 2 * (self.features // 2))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"features": self.features}


@keras.saving.register_keras_serializable("tfgen")
class LevelWaves(layers.Layer):
    """Beside an image in [-1, 1] waves that tell a level from its neighbours: C -> 5 C channels.

    D. Kingma, T. Salimans, B. Poole, J. Ho. Variational Diffusion Models. NeurIPS 2021, appendix C.
    https://arxiv.org/abs/2107.00630. One turn is as long as a level, or two.
    """

    def __init__(self, levels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs | {"dtype": "float32"})
        self.levels = levels

    def call(self, x: tf.Tensor) -> tf.Tensor:
        angle = (x + 1.0) * (math.pi * (self.levels - 1))
        waves = (wave(angle * turn) for turn in (1.0, 0.5) for wave in (tf.sin, tf.cos))
        return tf.concat([x, *waves], axis=-1)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"levels": self.levels}


@keras.saving.register_keras_serializable("tfgen")
class Attention(layers.Layer):
    """Self-attention of one head over all pixels: [B, H, W, F] -> what is added to it."""

    def build(self, shape: Any) -> None:
        features = shape[-1]
        self.into = layers.Dense(3 * features)
        self.out = layers.Dense(features)
        self.into.build(shape)
        self.out.build(shape)

    def call(self, h: tf.Tensor) -> tf.Tensor:
        height, width, features = h.shape[1:]
        pixels = tf.reshape(self.into(h), [-1, height * width, 3 * features])
        q, k, v = tf.split(pixels, 3, axis=-1)
        scores = tf.matmul(q, k, transpose_b=True) * features**-0.5
        share = tf.cast(tf.nn.softmax(tf.cast(scores, tf.float32)), v.dtype)
        return self.out(tf.reshape(tf.matmul(share, v), [-1, height, width, features]))


@keras.saving.register_keras_serializable("tfgen")
class Up(layers.Layer):
    """Each pixel twice as high and wide: [B, H, W, F] -> [B, 2 H, 2 W, F]."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return up(x)


def _norm(features: int) -> keras.Layer:
    """Of groups of eight features, or of as many as divide them."""
    return layers.GroupNormalization(features // math.gcd(features, 8), epsilon=1e-5)


def _embedded(inputs: Sequence[keras.KerasTensor], width: int) -> keras.KerasTensor:
    """e of the time, and of the condition if there is one: [B, 4 width], its silu."""
    _, time, *condition = inputs
    e = layers.Dense(4 * width, "silu")(Sinusoids(width)(time))
    e = layers.Dense(4 * width)(e)
    for y in condition:
        e = layers.Add()([e, layers.Dense(4 * width, use_bias=False)(y)])
    return layers.Activation("silu")(e)


def _told(e: keras.KerasTensor, features: Sequence[int]) -> Iterator[keras.KerasTensor]:
    """W silu(e) of each block: [B, F], one after another."""
    # All at once: a gradient that is a sum of many would be one in no certain order.
    ends = list(itertools.accumulate(features))
    shifts = layers.Dense(ends[-1])(e)
    return iter(keras.ops.split(shifts, ends[:-1], axis=-1) if len(ends) > 1 else [shifts])


def _inputs(image_shape: Sequence[int], condition: int) -> list[keras.KerasTensor]:
    shapes = [tuple(image_shape), (1,), *([(condition,)] if condition else [])]
    return [layers.Input(shape) for shape in shapes]


def unet(
    image_shape: Sequence[int],
    outputs: int,
    condition: int,
    levels: int,
    width: int,
    blocks: int,
    attention: int,
    waves: bool,
    drop: Drop,
    name: str,
) -> keras.Model:
    """[x, t] or [x, t, y] -> [B, H, W, outputs].

    Args:
      condition: K, numbers of y; 0: none.
      levels: of the data, for `waves`: whether it sees `LevelWaves` too.
      width: features of the first stage, an even number.
      blocks: of a stage on its way down.
      attention: the longest side, in pixels, at which there is self-attention; 0: nowhere.
    """
    inputs = _inputs(image_shape, condition)
    e = _embedded(inputs, width)
    stages = [width, *[2 * width] * halvings(image_shape)]
    down = [features for features in stages for _ in range(blocks)]
    up_again = [features for features in reversed(stages) for _ in range(blocks + 1)]
    told = _told(e, [*down, stages[-1], *up_again])
    number = itertools.count()

    def block(h: keras.KerasTensor, features: int) -> keras.KerasTensor:
        shortcut = h if h.shape[-1] == features else layers.Dense(features)(h)
        h = layers.Activation("silu")(_norm(h.shape[-1])(h))
        h = layers.Conv2D(features, 3, padding="same")(h)
        h = layers.Add()([h, layers.Reshape((1, 1, features))(next(told))])
        h = layers.Activation("silu")(_norm(features)(h))
        h = layers.Conv2D(features, 3, padding="same")(drop(f"block {next(number)}")(h))
        h = Residual()([shortcut, h])
        return attend(h) if max(h.shape[1:3]) <= attention else h

    def attend(h: keras.KerasTensor) -> keras.KerasTensor:
        return layers.Add()([h, Attention()(_norm(h.shape[-1])(h))])

    x = LevelWaves(levels)(inputs[0]) if waves else inputs[0]
    h = layers.Conv2D(width, 3, padding="same")(x)
    seen = [h]
    for stage, features in enumerate(stages):
        if stage:
            h = layers.Conv2D(h.shape[-1], 3, 2, padding="same")(h)
            seen.append(h)
        for _ in range(blocks):
            h = block(h, features)
            seen.append(h)
    h = block(h, stages[-1])
    for stage, features in reversed(list(enumerate(stages))):
        for _ in range(blocks + 1):
            h = block(layers.Concatenate()([h, seen.pop()]), features)
        if stage:
            h = layers.Conv2D(features, 3, padding="same")(Up()(h))
    h = layers.Activation("silu")(_norm(width)(h))
    last = layers.Conv2D(outputs, 3, padding="same", dtype="float32", name=f"{name}_out")
    return keras.Model(inputs, last(h), name=name)


def dense(
    image_shape: Sequence[int],
    outputs: int,
    condition: int,
    width: int,
    blocks: int,
    drop: Drop,
    name: str,
) -> keras.Model:
    """The same for few numbers: residual blocks of two layers, h' = h + W silu(W' h + W'' e).

    [x, t] or [x, t, y] -> [B, H, W, outputs].
    """
    inputs = _inputs(image_shape, condition)
    told = _told(_embedded(inputs, width), [width] * blocks)
    h = layers.Dense(width)(layers.Flatten()(inputs[0]))
    for i, shift in enumerate(told):
        hidden = layers.Add()([layers.Dense(width)(h), shift])
        hidden = drop(f"block {i}")(layers.Activation("silu")(hidden))
        h = layers.Add()([h, layers.Dense(width)(hidden)])
    shape = (*image_shape[:2], outputs)
    last = layers.Dense(math.prod(shape), dtype="float32", name=f"{name}_out")
    out = layers.Reshape(shape, dtype="float32")(last(layers.Activation("silu")(h)))
    return keras.Model(inputs, out, name=name)
