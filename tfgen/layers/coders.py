"""Encoders and decoders that the autoencoders share, small to large: "linear", "dense", "conv".

x [B, H, W, C] -> outputs [B, n], and codes [B, Z] -> parameters of p(x|z) [B, H, W, C * n].

`dropout` is a function of a stream's name that gives a layer, `tfgen.layers.Dropout`; `activation`
is that of the hidden units, by default the network's own.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfgen import sizes
from tfgen.errors import one_of
from tfgen.layers.dropout import Dropout

# {name: activation}. "dense" has one hidden layer; with tanh those of Kingma and Welling 2014,
# appendices C.1 and C.2.
NETWORKS = {"linear": None, "dense": "tanh", "conv": "silu"}
Drop = Callable[[str], keras.Layer]


def encoder(
    network: str,
    image_shape: Sequence[int],
    outputs: int,
    width: int,
    dropout: Drop,
    activation: str | None = None,
    depth: int = 2,
) -> keras.Sequential:
    """[B, H, W, C] -> [B, outputs]; "conv" by `depth` strides of 2, then a hidden layer.

    What is no multiple of 2^depth is rounded up on the way: 30 -> 15 -> 8.

    Raises: UserError for an unknown name.
    """
    one_of("network", network, NETWORKS)
    act = activation or NETWORKS[network]
    hidden = [layers.Flatten()]
    if network == "dense":
        hidden += [layers.Dense(width, act), dropout("encoder 1")]
    if network == "conv":
        hidden = [
            layers.Conv2D(width, 3, 1, "same", activation=act),
            dropout("encoder 1"),
        ]
        for i in range(depth):
            filters = _filters(width, i)
            hidden += [
                layers.Conv2D(filters, 3, 2, "same", activation=act),
                dropout(f"encoder {i + 2}"),
            ]
        hidden += [
            layers.Flatten(),
            layers.Dense(8 * width, act),
            dropout(f"encoder {depth + 2}"),
        ]
    last = layers.Dense(outputs, dtype="float32")
    return keras.Sequential([layers.Input(image_shape), *hidden, last])


def decoder(
    network: str,
    latent_dim: int,
    image_shape: Sequence[int],
    width: int,
    dropout: Drop,
    activation: str | None = None,
    depth: int = 2,
) -> keras.Sequential:
    """The mirror: [B, Z] -> [B, *image_shape], which is that of the parameters, (H, W, C * n).

    What it gives beyond H x W is cut off at the edges.

    Raises: UserError as `encoder`.
    """
    one_of("network", network, NETWORKS)
    act = activation or NETWORKS[network]
    h, w, channels = image_shape
    if network == "conv":
        rows, columns = sizes.halved((h, w), depth)
        filters = _filters(width, depth - 1)
        stack = [
            layers.Dense(8 * width, act),
            dropout("decoder 1"),
            layers.Dense(rows * columns * filters, act),
            layers.Reshape((rows, columns, filters)),
        ]
        for i in range(depth):
            filters = _filters(width, depth - 2 - i) if i < depth - 1 else width
            stack += [
                layers.Conv2DTranspose(filters, 3, 2, "same", activation=act),
                dropout(f"decoder {i + 2}"),
            ]
        stack += [
            layers.Conv2D(channels, 3, padding="same", dtype="float32"),
            *cut((rows << depth, columns << depth), (h, w)),
        ]
    else:
        stack = [layers.Dense(width, act), dropout("decoder 1")] if network == "dense" else []
        stack += [
            layers.Dense(math.prod(image_shape), dtype="float32"),
            layers.Reshape(image_shape, dtype="float32"),
        ]
    return keras.Sequential([layers.Input((latent_dim,)), *stack])


def _filters(width: int, i: int) -> int:
    """Of the layer that halves the image for the i-th time: twice as many every other time."""
    return 2 * width << i // 2


def cut(made: Sequence[int], wanted: Sequence[int]) -> list[keras.Layer]:
    """The layer that takes the middle of images of `made` pixels; none where they are as wanted."""
    over = [m - w for m, w in zip(made, wanted, strict=True)]
    edges = tuple((n // 2, n - n // 2) for n in over)
    return [layers.Cropping2D(edges, dtype="float32")] if any(over) else []


def critic(inputs: Sequence[int], width: int, depth: int) -> keras.Model:
    """A discriminator of codes: [n] -> [1], a logit, by `depth` hidden layers."""
    hidden = [(layers.Dense(width), layers.LeakyReLU(0.2)) for _ in range(depth)]
    logit = layers.Dense(1, dtype="float32")
    return keras.Sequential([layers.Input(inputs), *sum(hidden, ()), logit])


class Transposed(layers.Layer):
    """The transpose of a dense or convolutional layer, from its outputs to its inputs.

    Args:
      layer: whose kernel it shares; the bias is its own.
      activation: of what it gives.
    """

    def __init__(self, layer: keras.Layer, activation: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layer = layer
        self.activation = keras.activations.get(activation)
        self.bias = self.add_weight(
            name="bias", shape=(layer.input.shape[-1],), initializer="zeros"
        )
        self.built = True

    def call(self, y: tf.Tensor) -> tf.Tensor:
        if isinstance(self.layer, layers.Dense):
            x = tf.matmul(y, self.layer.kernel, transpose_b=True)
        else:
            shape = [tf.shape(y)[0], *self.layer.input.shape[1:]]
            x = tf.nn.conv2d_transpose(y, self.layer.kernel, shape, self.layer.strides, "SAME")
        return self.activation(x + self.bias)

    def compute_output_shape(self, _: Any) -> tuple[int | None, ...]:
        return self.layer.input.shape


def transposed(encoder: keras.Model, dropout: Drop) -> keras.Sequential:
    """The decoder that mirrors an encoder and shares its kernels."""
    mirrored, activation = [], None
    for layer in encoder.layers:
        # What the network ends with is float32.
        dtype = "float32" if activation is None else None
        if isinstance(layer, layers.Flatten):
            mirrored.append(layers.Reshape(layer.input.shape[1:], dtype=dtype))
        elif isinstance(layer, Dropout):
            mirrored.append(dropout(layer.stream.replace("encoder", "decoder")))
        else:
            mirrored.append(Transposed(layer, activation, dtype=dtype))
            activation = layer.activation
    return keras.Sequential([layers.Input(encoder.outputs[0].shape[1:]), *reversed(mirrored)])
