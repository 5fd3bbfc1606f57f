"""Encoders and decoders that the autoencoders share: lists of layers, small to large.

x [B, H, W, C] -> outputs [B, n], and codes [B, Z] -> parameters of p(x|z) [B, H, W, C * n].

`dropout` is a function of a stream's name that gives a layer, `tfgen.layers.Dropout`; `activation`
is that of the hidden units.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfgen.errors import UserError, one_of
from tfgen.layers.dropout import Dropout


def dense_encoder(
    image_shape: Sequence[int],
    outputs: int,
    width: int,
    dropout: Callable[[str], keras.Layer],
    activation: str = "tanh",
) -> list[keras.Layer]:
    """One hidden layer; with tanh that of Kingma and Welling 2014, appendix C.2."""
    return [
        layers.Input(image_shape),
        layers.Flatten(),
        layers.Dense(width, activation),
        dropout("encoder 1"),
        layers.Dense(outputs),
    ]


def dense_decoder(
    latent_dim: int,
    image_shape: Sequence[int],
    width: int,
    dropout: Callable[[str], keras.Layer],
    activation: str = "tanh",
) -> list[keras.Layer]:
    """The mirror (appendix C.1). `image_shape` is that of the parameters: (H, W, C * n)."""
    return [
        layers.Input((latent_dim,)),
        layers.Dense(width, activation),
        dropout("decoder 1"),
        layers.Dense(math.prod(image_shape)),
        layers.Reshape(image_shape),
    ]


def conv_encoder(
    image_shape: Sequence[int],
    outputs: int,
    width: int,
    dropout: Callable[[str], keras.Layer],
    activation: str = "silu",
) -> list[keras.Layer]:
    """Three convolutions, two of them strided: H x W -> H/4 x W/4, then a hidden layer."""
    return [
        layers.Input(image_shape),
        layers.Conv2D(width, 3, 1, "same", activation=activation),
        dropout("encoder 1"),
        layers.Conv2D(2 * width, 3, 2, "same", activation=activation),
        dropout("encoder 2"),
        layers.Conv2D(2 * width, 3, 2, "same", activation=activation),
        dropout("encoder 3"),
        layers.Flatten(),
        layers.Dense(8 * width, activation),
        dropout("encoder 4"),
        layers.Dense(outputs),
    ]


def conv_decoder(
    latent_dim: int,
    image_shape: Sequence[int],
    width: int,
    dropout: Callable[[str], keras.Layer],
    activation: str = "silu",
) -> list[keras.Layer]:
    """The encoder in a mirror: H/4 x W/4 -> H x W by two fractionally strided convolutions."""
    h, w, channels = image_shape
    return [
        layers.Input((latent_dim,)),
        layers.Dense(8 * width, activation),
        dropout("decoder 1"),
        layers.Dense(h // 4 * (w // 4) * 2 * width, activation),
        layers.Reshape((h // 4, w // 4, 2 * width)),
        layers.Conv2DTranspose(2 * width, 3, 2, "same", activation=activation),
        dropout("decoder 2"),
        layers.Conv2DTranspose(width, 3, 2, "same", activation=activation),
        dropout("decoder 3"),
        layers.Conv2D(channels, 3, padding="same"),
    ]


def linear_encoder(
    image_shape: Sequence[int],
    outputs: int,
    width: int,
    dropout: Callable[[str], keras.Layer],
    activation: str | None = None,
) -> list[keras.Layer]:
    """A matrix and an offset; width, dropout and activation have nothing to act on."""
    return [layers.Input(image_shape), layers.Flatten(), layers.Dense(outputs)]


def linear_decoder(
    latent_dim: int,
    image_shape: Sequence[int],
    width: int,
    dropout: Callable[[str], keras.Layer],
    activation: str | None = None,
) -> list[keras.Layer]:
    """The same back."""
    size = math.prod(image_shape)
    return [layers.Input((latent_dim,)), layers.Dense(size), layers.Reshape(image_shape)]


def critic(inputs: Sequence[int], width: int, depth: int) -> keras.Model:
    """A discriminator of codes: [n] -> [1], a logit, by `depth` hidden layers."""
    hidden = [(layers.Dense(width), layers.LeakyReLU(0.2)) for _ in range(depth)]
    return keras.Sequential([layers.Input(inputs), *sum(hidden, ()), layers.Dense(1)])


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


def transposed(encoder: keras.Model, dropout: Callable[[str], keras.Layer]) -> list[keras.Layer]:
    """The layers of the decoder that mirrors an encoder and shares its kernels."""
    mirrored, activation = [], None
    for layer in encoder.layers:
        if isinstance(layer, layers.Flatten):
            mirrored.append(layers.Reshape(layer.input.shape[1:]))
        elif isinstance(layer, Dropout):
            mirrored.append(dropout(layer.stream.replace("encoder", "decoder")))
        else:
            mirrored.append(Transposed(layer, activation))
            activation = layer.activation
    return [layers.Input(encoder.outputs[0].shape[1:]), *reversed(mirrored)]


NETWORKS = {
    "dense": (dense_encoder, dense_decoder),
    "conv": (conv_encoder, conv_decoder),
    "linear": (linear_encoder, linear_decoder),
}


def find(
    network: str, image_shape: Sequence[int]
) -> tuple[Callable[..., list[keras.Layer]], Callable[..., list[keras.Layer]]]:
    """(encoder, decoder) of that name.

    Raises: UserError for an unknown name, or an image that cannot be halved twice.
    """
    h, w, _ = image_shape
    one_of("network", network, NETWORKS)
    if network == "conv" and (h % 4 or w % 4):
        raise UserError(
            f"the convolutional networks halve the image twice: {h}x{w} is not divisible by 4. "
            "Set `data.size` to a multiple of 4, or `model.network=dense`."
        )
    return NETWORKS[network]
