"""Networks that make an image of an image, and that look at patches of one.

J.-Y. Zhu, T. Park, P. Isola, A. A. Efros. Unpaired Image-to-Image Translation using
Cycle-Consistent Adversarial Networks. ICCV 2017. https://arxiv.org/abs/1703.10593
Appendix 7.2, in its letters, with w = width, n = blocks and d = depth (in the paper w = 64, d = 2):

    generator      c7s1-w, d2w, ..., d(2^d w), n times R(2^d w), ..., u2w, uw, c7s1-C
    discriminator  Cw, C2w, ..., C(2^(d-1) w), a layer of stride 1, scores of stride 1

    c7s1-k  7x7 convolution of stride 1      dk, uk  3x3 of stride 2, and 1/2
    Rk      two 3x3 convolutions and a shortcut             Ck  4x4 of stride 2, leaky ReLU 0.2

Each convolution is followed by an instance norm, but not D's first one and the last of each.
Images are padded by reflection, so that there is no border of zeros.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfgen.errors import UserError
from tfgen.layers import coders
from tfgen.layers.adversaries import normal

MOST_FEATURES = 8  # times width, in D


@keras.saving.register_keras_serializable("tfgen")
class InstanceNorm(layers.Layer):
    """Each channel of each image to mean 0 and variance 1: [B, H, W, C] -> the same.

    D. Ulyanov, A. Vedaldi, V. Lempitsky 2016, https://arxiv.org/abs/1607.08022, with a learned
    scale and shift.
    """

    def build(self, shape: Any) -> None:
        self.gamma = self.add_weight(name="gamma", shape=shape[-1:], initializer=normal(1.0))
        self.beta = self.add_weight(name="beta", shape=shape[-1:], initializer="zeros")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        exact = tf.cast(x, tf.float32)
        mean, variance = tf.nn.moments(exact, axes=[1, 2], keepdims=True)
        normal = tf.cast((exact - mean) * tf.math.rsqrt(variance + 1e-5), x.dtype)
        return normal * self.gamma + self.beta


@keras.saving.register_keras_serializable("tfgen")
class Reflect(layers.Layer):
    """A border of so many pixels, mirrored: [B, H, W, C] -> [B, H + 2n, W + 2n, C]."""

    def __init__(self, pixels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pixels = pixels

    def call(self, x: tf.Tensor) -> tf.Tensor:
        border = [self.pixels, self.pixels]
        return tf.pad(x, [[0, 0], border, border, [0, 0]], "REFLECT")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"pixels": self.pixels}


def check_generator(image_shape: Sequence[int], depth: int) -> None:
    """Raises: UserError for an image that is too small for so many halvings."""
    h, w, _ = image_shape
    if min(h, w) < 2 ** (depth + 1):
        raise UserError(
            f"a generator of depth {depth} halves the image {depth} times, and {h}x{w} to less "
            "than 2x2. Set `model.depth` lower."
        )


def check_discriminator(image_shape: Sequence[int], patch_depth: int) -> None:
    """Raises: UserError for an image that is too small for so many halvings."""
    h, w, _ = image_shape
    if min(h, w) < 2 ** (patch_depth + 2):
        raise UserError(
            f"a discriminator of depth {patch_depth} needs {2 ** (patch_depth + 2)} pixels a side, "
            f"and the images have {h}x{w}: set `model.patch_depth` lower."
        )


def convolution(
    x: keras.KerasTensor, filters: int, kernel: int, reflect: bool = True
) -> keras.KerasTensor:
    """Of stride 1; keeps height and width."""
    x = Reflect(kernel // 2)(x) if reflect else x
    padding = "valid" if reflect else "same"
    # A bias would be taken away again by the norm that follows.
    return layers.Conv2D(
        filters, kernel, padding=padding, use_bias=False, kernel_initializer=normal()
    )(x)


def normed(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.ReLU()(InstanceNorm()(x))


def residual(x: keras.KerasTensor) -> keras.KerasTensor:
    """R: [B, H, W, F] -> the same."""
    filters = x.shape[-1]
    y = normed(convolution(x, filters, 3))
    return layers.Add()([x, InstanceNorm()(convolution(y, filters, 3))])


def generator(
    image_shape: Sequence[int], width: int, depth: int, blocks: int, name: str = "G"
) -> keras.Model:
    """Images in (-1, 1) -> images in (-1, 1), [B, H, W, C], float32 under mixed precision too."""
    image = layers.Input(image_shape)
    kernel = min(7, 2 * (min(image_shape[:2]) // 2) - 1)
    x = normed(convolution(image, width, kernel))
    for i in range(1, depth + 1):
        halved = layers.Conv2D(
            width * 2**i, 3, 2, "same", use_bias=False, kernel_initializer=normal()
        )
        x = normed(halved(x))
    for _ in range(blocks):
        x = residual(x)
    for i in reversed(range(depth)):
        doubled = layers.Conv2DTranspose(
            width * 2**i, 3, 2, "same", use_bias=False, kernel_initializer=normal()
        )
        x = normed(doubled(x))
    for layer in coders.cut(x.shape[1:3], image_shape[:2]):
        x = layer(x)
    x = layers.Conv2D(image_shape[-1], kernel, kernel_initializer=normal())(Reflect(kernel // 2)(x))
    return keras.Model(image, layers.Activation("tanh", dtype="float32")(x), name=name)


def patch_discriminator(
    image_shape: Sequence[int], width: int, depth: int, name: str = "D"
) -> keras.Model:
    """Images in (-1, 1) -> scores of overlapping patches, [B, H / 2^d, W / 2^d, 1].

    A score sees patch(depth) pixels a side: 70 with depth 3, as in the paper.
    """
    image = x = layers.Input(image_shape)
    for i in range(depth + 1):
        filters, stride = width * min(2**i, MOST_FEATURES), 2 if i < depth else 1
        layer = layers.Conv2D(
            filters, 4, stride, "same", use_bias=i == 0, kernel_initializer=normal()
        )
        x = layer(x)
        x = layers.LeakyReLU(0.2)(InstanceNorm()(x) if i else x)
    scores = layers.Conv2D(1, 4, 1, "same", kernel_initializer=normal(), dtype="float32")
    return keras.Model(image, scores(x), name=name)


def shape_of_scores(image_shape: Sequence[int], depth: int) -> tuple[int, int, int]:
    """The scores of `patch_discriminator`, without the batch."""
    h, w, _ = image_shape
    return -(-h // 2**depth), -(-w // 2**depth), 1


def patch(depth: int) -> int:
    """The pixels a side that a score of `patch_discriminator` sees."""
    side = 1
    for stride in (1, 1, *([2] * depth)):
        side = (side - 1) * stride + 4
    return side


def resized(x: tf.Tensor, size: Sequence[int]) -> tf.Tensor:
    """Images of another size by TensorFlow's bicubic weights: [B, H, W, C] -> [B, *size, C].

    Each axis by a matrix: XLA has no such op, and resizing is linear.
    """
    for axis, (before, after) in enumerate(zip(x.shape[1:3], size, strict=True), start=1):
        with tf.init_scope():  # once, and not in the graph
            rows = tf.image.resize(tf.eye(before)[None, :, None, :], [after, 1], "bicubic")
            weights = rows[0, :, 0, :].numpy()
        x = tf.tensordot(x, tf.constant(weights), [[axis], [1]])
        x = tf.transpose(x, [0, 3, 1, 2] if axis == 1 else [0, 1, 3, 2])
    return x
