"""Networks that grow while they train: G and D of the progressive GAN, and their layers.

T. Karras, T. Aila, S. Laine, J. Lehtinen. Progressive Growing of GANs for Improved Quality,
Stability, and Variation. ICLR 2018. https://arxiv.org/abs/1710.10196

Stage s has images of R_s = 4 * 2^s pixels a side, and filters(s) channels of features.

    G: [Z] -> [4, 4, F_0] -> ... -> [R_s, R_s, F_s] --to_rgb_s--> [R_s, R_s, C]
    D: [R_s, R_s, C] --from_rgb_s--> [R_s, R_s, F_s] -> ... -> [4, 4, F_0] -> [1]

While stage s fades in, by alpha from 0 to 1, both are a sum of two ways (figure 2):

    G: (1 - alpha) up(to_rgb_{s-1}(h)) + alpha to_rgb_s(block_s(up(h)))
    D: (1 - alpha) from_rgb_{s-1}(down(x)) + alpha down(block_s(from_rgb_s(x)))

with nearest neighbours up and means of four pixels down. So at alpha = 0 a new stage is the stage
before, exactly.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
from keras import layers

from tfgen.layers.leaky import SLOPE, leaky_relu

FIRST = 4  # pixels a side of stage 0


# --- layers --------------------------------------------------------------------------------------


if TYPE_CHECKING:
    from keras import Layer as _Layer
else:
    _Layer = object  # Keras' class comes after these


class _Equalised(_Layer):
    """Weights from N(0, 1), scaled where they are used by gain / sqrt(inputs): section 4.1.

    Adam's steps do not depend on the scale of a gradient. With He's initialiser in the place of
    that factor layers with small weights would learn faster than others.
    """

    def __init__(self, units: int, *args: Any, gain: float = 2**0.5, **kwargs: Any) -> None:
        start = keras.initializers.RandomNormal(0.0, 1.0)
        super().__init__(units, *args, kernel_initializer=start, **kwargs)
        self.gain = gain

    def scaled(self) -> tf.Tensor:
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), tf.float32)
        inputs = math.prod(kernel.shape[:-1])
        return kernel * (self.gain / math.sqrt(inputs))


class EqualisedDense(_Equalised, layers.Dense):
    """A dense layer, [B, N] -> [B, units]."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.matmul(x, tf.cast(self.scaled(), x.dtype)) + tf.cast(self.bias, x.dtype)


class EqualisedConv2D(_Equalised, layers.Conv2D):
    """A convolution of stride 1 that keeps height and width."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        y = tf.nn.conv2d(x, tf.cast(self.scaled(), x.dtype), 1, "SAME")
        return y + tf.cast(self.bias, x.dtype)


def pixel_norm(x: tf.Tensor) -> tf.Tensor:
    """Features of each pixel, or of a vector, to a mean square of 1: section 4.2.

    As a vector of length 1, for LiteRT has one operation for that, which eight bits suit.
    """
    unit = tf.math.l2_normalize(tf.cast(x, tf.float32), axis=-1, epsilon=1e-8)
    return tf.cast(unit * x.shape[-1] ** 0.5, x.dtype)


def up(x: tf.Tensor, times: int = 1) -> tf.Tensor:
    """Each pixel twice as high and wide, so many times: [B, R, R, C] -> [B, 2R, 2R, C]."""
    for _ in range(times):  # two ops, of which `tf.repeat` would make dozens
        x = tf.nn.depth_to_space(tf.concat([x] * 4, axis=-1), 2)
    return x


def down(x: tf.Tensor, times: int = 1) -> tf.Tensor:
    """Means of four pixels, so many times: [B, R, R, C] -> [B, R/2, R/2, C]."""
    return tf.nn.avg_pool2d(x, 2**times, 2**times, "VALID") if times else x


def with_deviation(x: tf.Tensor, group: int = 4) -> tf.Tensor:
    """One plane more: how much the images of a group differ, [B, R, R, F] -> [B, R, R, F + 1].

    Section 3, over groups of four as in the authors' code; all rows are one group where they are
    no multiple of four.
    """
    b, (h, w, f) = tf.shape(x)[0], x.shape[1:]
    group = tf.where(b % group == 0, group, b)
    groups = tf.cast(tf.reshape(x, [-1, group, h, w, f]), tf.float32)
    # The root is safe where all are the same.
    deviation = tf.sqrt(tf.math.reduce_variance(groups, axis=1, keepdims=True) + 1e-8)
    of_group = tf.reduce_mean(deviation, axis=[2, 3, 4], keepdims=True)
    plane = tf.reshape(of_group + tf.zeros_like(groups[..., :1]), [-1, h, w, 1])
    return tf.concat([x, tf.cast(plane, x.dtype)], axis=-1)


# --- networks ------------------------------------------------------------------------------------


class Growing(layers.Layer):
    """What G and D share: convolutions by stage, one of stage 0 and two of each later one."""

    def __init__(self, stages: int, name: str) -> None:
        super().__init__(name=name)
        self.stages = stages
        self.dense: list[keras.Layer] = []
        self.convolutions: list[keras.Layer] = []
        self.images: list[keras.Layer] = []
        self.built = True  # by the constructor: there is no `call`

    def block(self, stage: int) -> list[keras.Layer]:
        return self.convolutions[max(2 * stage - 1, 0) : 2 * stage + 1]

    def of_stage(self, stage: int) -> list[keras.Variable]:
        """The weights that a stage brings."""
        parts = [*self.block(stage), self.images[stage], *(self.dense if stage == 0 else [])]
        return [weight for part in parts for weight in part.weights]

    def add(self, to: list[keras.Layer], layer: keras.Layer, *shape: int | None) -> None:
        """Keras saves the layers of a list, and not those of lists in a list."""
        layer.build((None, *shape))
        to.append(layer)


class Generator(Growing):
    """G: `at(stage, z, alpha)`, [B, Z] -> [B, R_s, R_s, C], not bounded.

    Args:
      stages: how many; filters: of a stage, a function; channels: C.
    """

    def __init__(
        self,
        latent_dim: int,
        stages: int,
        filters: Callable[[int], int],
        channels: int,
        name: str = "G",
    ) -> None:
        super().__init__(stages, name)
        # sqrt(2) / 4 for the first layer, as in the authors' code.
        first = EqualisedDense(FIRST * FIRST * filters(0), gain=2**0.5 / 4)
        self.add(self.dense, first, latent_dim)
        for stage in range(stages):
            before, out = filters(max(stage - 1, 0)), filters(stage)
            for inputs in (before, out) if stage else (out,):
                self.add(self.convolutions, EqualisedConv2D(out, 3), None, None, inputs)
            self.add(
                self.images,
                EqualisedConv2D(channels, 1, gain=1.0, dtype="float32"),
                None,
                None,
                out,
            )

    def at(self, stage: int, z: tf.Tensor, alpha: float | tf.Tensor = 1.0) -> tf.Tensor:
        x = self.dense[0](pixel_norm(z))
        x = tf.reshape(x, [-1, FIRST, FIRST, x.shape[-1] // FIRST**2])
        # TensorFlow's own: no penalty differentiates G twice.
        x = pixel_norm(tf.nn.leaky_relu(x, SLOPE))
        for i in range(stage + 1):
            before = up(x) if i else x
            x = before
            for layer in self.block(i):
                x = pixel_norm(tf.nn.leaky_relu(layer(x), SLOPE))
        image = self.images[stage](x)
        if not stage or _is_one(alpha):
            return image
        old = self.images[stage - 1](before)
        return old + alpha * (image - old)


class Discriminator(Growing):
    """D: `at(stage, x, alpha)`, [B, R_s, R_s, C] -> [B, 1]."""

    def __init__(
        self, stages: int, filters: Callable[[int], int], channels: int, name: str = "D"
    ) -> None:
        super().__init__(stages, name)
        first = filters(0)
        self.add(self.dense, EqualisedDense(first), FIRST * FIRST * first)
        self.add(self.dense, EqualisedDense(1, gain=1.0, dtype="float32"), first)
        for stage in range(stages):
            inner, out = filters(stage), filters(max(stage - 1, 0))
            self.add(self.images, EqualisedConv2D(inner, 1), None, None, channels)
            for inputs, outputs in (
                ((inner, inner), (inner, out)) if stage else ((first + 1, first),)
            ):
                self.add(self.convolutions, EqualisedConv2D(outputs, 3), None, None, inputs)

    def at(self, stage: int, x: tf.Tensor, alpha: float | tf.Tensor = 1.0) -> tf.Tensor:
        image = x
        x = leaky_relu(self.images[stage](image))
        for i in range(stage, 0, -1):
            for layer in self.block(i):
                x = leaky_relu(layer(x))
            x = down(x)
            if i == stage and not _is_one(alpha):
                old = leaky_relu(self.images[stage - 1](down(image)))
                x = old + tf.cast(alpha, x.dtype) * (x - old)
        x = leaky_relu(self.convolutions[0](with_deviation(x)))
        x = leaky_relu(self.dense[0](tf.reshape(x, [-1, self.dense[0].kernel.shape[0]])))
        return self.dense[1](x)


def _is_one(alpha: float | tf.Tensor) -> bool:
    """Whether it is known, before there is a step, that nothing fades."""
    return isinstance(alpha, float) and alpha == 1.0
