"""The networks of the GAN family: dense, convolutional, residual pairs of G and D.

    dense     Goodfellow et al. 2014: hidden layers of ReLU in G, leaky ReLU in D
    conv      Radford et al. 2016, the guidelines of section 3: strided and fractionally strided
              convolutions for pooling; batch normalisation in G, but not in its output; no hidden
              dense layers; ReLU in G with tanh at the end, leaky ReLU (0.2) in D; weights start at
              N(0, 0.02)
    residual  the networks for CIFAR-10 of Gulrajani et al. 2017, appendix F and the authors' code,
              and of Miyato et al. 2018, table 4: blocks that add to a shortcut; nearest neighbours
              up, means down; leaky ReLU in D, where both have ReLU

With d = depth, G of "conv": [Z] -> [H/2^d, W/2^d, 2^(d-1) width] -> ... -> [H/2, W/2, width] ->
[H, W, C] in (-1, 1), and D in a mirror; what is no multiple of 2^d is rounded up at each halving in
D, and in G cut off at the edges. Dense networks have d hidden layers of `width` units.

Residual networks have `width` features everywhere. G: [Z] -> [H/2^d, W/2^d, width], d blocks that
double the size -> [H, W, width] -> [H, W, C]. D: d - 1 blocks that halve it and two more that keep
it -> [H/2^(d-1), W/2^(d-1), width], pooled -> [width]. With d = 3, images of 32x32 go through four
blocks, the papers'. So do larger images through more blocks of the same width; for them the papers
have other networks (Miyato et al., tables 5 and 6: widths that double as the size is halved).

Each D ends with its features, flat, and a dense layer of scores; it is normalised by `batch`,
`layer`, `spectral` norms, or not at all.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfgen import replicas, sizes
from tfgen.errors import UserError, one_of
from tfgen.layers import coders, planes, spectral
from tfgen.layers.leaky import LeakyReLU
from tfgen.layers.residual import Residual

NETWORKS = ("dense", "conv", "residual")
NORMALISATIONS = ("none", "batch", "layer", "spectral")
POOLINGS = ("mean", "sum")


def normal(mean: float = 0.0) -> keras.initializers.Initializer:
    """A new initialiser for each layer: one shared instance would give equal kernels."""
    return keras.initializers.RandomNormal(mean, 0.02)


def first_weights(normalisation: str) -> keras.initializers.Initializer:
    """Weights of 0.02 are for networks that batch normalisation scales up again."""
    return normal() if normalisation == "batch" else keras.initializers.GlorotUniform()


def batch_norm() -> keras.Layer:
    # N replicas normalise by the statistics of the global batch, as one device does.
    several = tf.distribute.get_strategy().num_replicas_in_sync > 1
    return layers.BatchNormalization(gamma_initializer=normal(1.0), synchronized=several)


def check(network: str, normalisation: str, image_shape: Sequence[int], depth: int) -> None:
    """Raises: UserError for an unknown name, and for a conv network that halves nothing."""
    one_of("network", network, NETWORKS)
    one_of("normalisation", normalisation, NORMALISATIONS)
    if network == "conv" and depth < 1:
        raise UserError(f"a conv GAN of depth {depth}: set `model.depth` to 1 or more.")


def has_batch_norm(network: keras.Model) -> bool:
    """Whether a Keras model has batch normalisation, at whatever depth."""
    inner = network._flatten_layers(include_self=False)
    return any(isinstance(layer, layers.BatchNormalization) for layer in inner)


def generator(
    network: str,
    inputs: int,
    image_shape: Sequence[int],
    width: int,
    depth: int,
    kernel: int,
    normalisation: str = "batch",
) -> keras.Model:
    """G: [B, inputs] -> [B, H, W, C] in (-1, 1), float32 under mixed precision too.

    normalisation: "batch", or "none" for convolutions alone.
    """
    make = {"dense": _dense_generator, "conv": _conv_generator, "residual": _residual_generator}
    return make[network](inputs, image_shape, width, depth, kernel, normalisation)


def discriminator(
    network: str,
    image_shape: Sequence[int],
    width: int,
    depth: int,
    kernel: int,
    normalisation: str = "batch",
    outputs: int = 1,
    name: str = "D",
    minibatch_stddev: bool = False,
    bias: bool = True,
    beside: int = 0,
    pooling: str = "mean",
) -> keras.Model:
    """D: [B, H, W, C] -> scores [B, outputs]; the layer "features" gives those, [B, F].

    bias: whether the scores have one; beside: K > 0 if D takes [images, numbers [B, K]], and sees
    the numbers beside every pixel; pooling: see `features`.
    """
    image = layers.Input(image_shape)
    if beside:
        image = [image, layers.Input((beside,))]
    x = features(network, image, width, depth, kernel, normalisation, pooling)
    if minibatch_stddev:
        x = MinibatchStddev()(x)
    # The features, by name, for who wants to see them.
    x = layers.Flatten(name="features")(x)
    # Scores are float32 under mixed precision too: losses and penalties are made of them.
    start = first_weights(normalisation)
    scores = dense(
        outputs, normalisation, use_bias=bias, kernel_initializer=start, dtype="float32"
    )(x)
    return keras.Model(image, scores, name=name)


def features(
    network: str,
    image: keras.KerasTensor,
    width: int,
    depth: int,
    kernel: int,
    normalisation: str,
    pooling: str = "mean",
) -> keras.KerasTensor:
    """What D sees in images: [B, F], and of a conv network [B, H / 2^d, W / 2^d, F].

    image: or a pair, the image and what is beside each of its pixels; pooling: what a residual
    network makes of all places at last, their "mean" (Gulrajani et al.) or "sum" (Miyato et al.).
    The slope of a sum is as many times that of the mean as there are places: where spectral norms
    bound it, a mean leaves D flat.
    """
    if isinstance(image, list) and network != "conv":
        image = planes.Beside()(image)
    residual = functools.partial(_residual_features, pooling=pooling)
    make: dict[str, Callable[..., keras.KerasTensor]]
    make = {"dense": _dense_features, "conv": _conv_features, "residual": residual}
    return make[network](image, width, depth, kernel, normalisation)


# --- layers by their normalisation ---------------------------------------------------------------


def conv(filters: int, kernel: int, strides: int, normalisation: str, **kwargs: Any) -> keras.Layer:
    kind = spectral.SpectralConv2D if normalisation == "spectral" else layers.Conv2D
    return kind(filters, kernel, strides, "same", **kwargs)


def dense(units: int, normalisation: str, **kwargs: Any) -> keras.Layer:
    kind = spectral.SpectralDense if normalisation == "spectral" else layers.Dense
    return kind(units, **kwargs)


def norm(x: keras.KerasTensor, normalisation: str) -> keras.KerasTensor:
    """The norm after a layer, where there is one."""
    if normalisation == "batch":
        return batch_norm()(x)
    if normalisation == "layer":
        # Of a whole image, with a gain and a shift of each channel, and with the epsilon of
        # Gulrajani et al.'s code: all channels are one group.
        return layers.GroupNormalization(groups=1, epsilon=1e-5)(x)
    return x


@keras.saving.register_keras_serializable("tfgen")
class MinibatchStddev(layers.Layer):
    """One more feature: how much the others differ over the batch (Karras et al. 2018, section 3).

    Images [B, H, W, F] get a plane, vectors [B, F] a number. A batch whose images are alike shows
    itself to D. The batch is that of all replicas.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        everywhere = tf.cast(replicas.all_rows(x, "`model.minibatch_stddev`"), tf.float32)
        # The root is safe where all are the same.
        spread = tf.sqrt(tf.math.reduce_variance(everywhere, axis=0) + 1e-8)
        shape = tf.concat([tf.shape(x)[:-1], [1]], axis=0)
        plane = tf.fill(shape, tf.reduce_mean(spread))
        return tf.concat([x, tf.cast(plane, x.dtype)], axis=-1)

    def compute_output_shape(self, shape: Sequence[int]) -> tuple[int | None, ...]:
        return (*shape[:-1], shape[-1] + 1)


# --- dense -----------------------------------------------------------------------------------


def _dense_generator(
    inputs: int, image_shape: Sequence[int], width: int, depth: int, kernel: int, normalisation: str
) -> keras.Model:
    h, w, c = image_shape
    stack = [layers.Input((inputs,))]
    for _ in range(depth):
        stack += [layers.Dense(width), layers.ReLU()]
    image = layers.Dense(h * w * c, activation="tanh", dtype="float32")
    shaped = layers.Reshape(image_shape, dtype="float32")
    return keras.Sequential([*stack, image, shaped], name="G")


def _dense_features(
    x: keras.KerasTensor, width: int, depth: int, kernel: int, normalisation: str
) -> keras.KerasTensor:
    x = layers.Flatten()(x)
    for _ in range(depth):
        x = norm(dense(width, normalisation)(x), normalisation)
        x = LeakyReLU()(x)
    return x


# --- convolutional ---------------------------------------------------------------------------


def _conv_generator(
    inputs: int, image_shape: Sequence[int], width: int, depth: int, kernel: int, normalisation: str
) -> keras.Model:
    c, filters = image_shape[2], width << (depth - 1)
    h, w = sizes.halved(image_shape[:2], depth)

    def start() -> keras.initializers.Initializer:
        return first_weights(normalisation)

    bias = normalisation == "none"  # after a norm it would do nothing
    z = layers.Input((inputs,))
    x = layers.Dense(h * w * filters, use_bias=bias, kernel_initializer=start())(z)
    x = layers.ReLU()(norm(layers.Reshape((h, w, filters))(x), normalisation))
    for i in range(depth - 1):
        x = layers.Conv2DTranspose(
            filters >> (i + 1), kernel, 2, "same", use_bias=bias, kernel_initializer=start()
        )(x)
        x = layers.ReLU()(norm(x, normalisation))
    image = layers.Conv2DTranspose(
        c, kernel, 2, "same", activation="tanh", kernel_initializer=start(), dtype="float32"
    )(x)
    return keras.Model(z, cut(image, image_shape), name="G")


def _conv_features(
    x: keras.KerasTensor, width: int, depth: int, kernel: int, normalisation: str
) -> keras.KerasTensor:
    for i in range(depth):
        # D's input is not normalised; a norm has a shift of its own.
        here = normalisation if i or normalisation == "spectral" else "none"
        bias = here not in ("batch", "layer")
        start = first_weights(normalisation)
        layer = conv(width << i, kernel, 2, here, use_bias=bias, kernel_initializer=start)
        x = (planes.ConvBeside(layer) if isinstance(x, list) else layer)(x)
        x = LeakyReLU()(norm(x, here))
    return x


def cut(image: keras.KerasTensor, image_shape: Sequence[int]) -> keras.KerasTensor:
    """The middle of what G gives, where the image is no multiple of 2^depth."""
    for layer in coders.cut(image.shape[1:3], image_shape[:2]):
        image = layer(image)
    return image


# --- residual --------------------------------------------------------------------------------


def _residual_generator(
    inputs: int, image_shape: Sequence[int], width: int, depth: int, kernel: int, normalisation: str
) -> keras.Model:
    c = image_shape[2]
    h, w = sizes.halved(image_shape[:2], depth)
    bias = normalisation == "none"
    z = layers.Input((inputs,))
    x = layers.Reshape((h, w, width))(layers.Dense(h * w * width)(z))
    for _ in range(depth):
        shortcut = layers.Conv2D(width, 1)(layers.UpSampling2D()(x))
        x = layers.ReLU()(norm(x, normalisation))
        x = layers.Conv2D(width, kernel, 1, "same", use_bias=bias)(layers.UpSampling2D()(x))
        x = layers.ReLU()(norm(x, normalisation))
        x = Residual()([shortcut, layers.Conv2D(width, kernel, 1, "same")(x)])
    x = layers.ReLU()(norm(x, normalisation))
    image = layers.Conv2D(c, kernel, 1, "same", activation="tanh", dtype="float32")(x)
    return keras.Model(z, cut(image, image_shape), name="G")


def _residual_features(
    x: keras.KerasTensor, width: int, depth: int, kernel: int, normalisation: str, pooling: str
) -> keras.KerasTensor:
    for i in range(depth + 1):
        halves = i < depth - 1
        # The first block sees pixels, which are not rectified; nor is an image normalised.
        inner = LeakyReLU()(norm(x, normalisation)) if i else x
        inner = conv(width, kernel, 1, normalisation)(inner)
        inner = LeakyReLU()(norm(inner, normalisation))
        inner = conv(width, kernel, 1, normalisation)(inner)
        if halves:
            x, inner = (layers.AveragePooling2D(2, padding="same")(part) for part in (x, inner))
        # Where neither the size nor the number of features changes, the shortcut is x itself.
        shortcut = conv(width, 1, 1, normalisation)(x) if halves or not i else x
        x = Residual()([shortcut, inner])
    x = LeakyReLU()(x)
    mean = layers.GlobalAveragePooling2D()(x)
    return mean * float(x.shape[1] * x.shape[2]) if pooling == "sum" else mean
