"""The networks of BEGAN: an encoder that widens linearly, and a decoder that is a generator too.

D. Berthelot, T. Schumm, L. Metz. BEGAN: Boundary Equilibrium Generative Adversarial Networks. 2017.
https://arxiv.org/abs/1703.10717, section 3.5 and figure 1, with n = width and d = depth:

    encoder  [H, W, C] -> [H, W, n] -> [H/2, W/2, 2n] -> ... -> [H/2^d, W/2^d, (d + 1) n] -> [h]
    decoder  [h] -> [H/2^d, W/2^d, n] -> ... -> [H/2, W/2, n] -> [H, W, n] -> [H, W, C]

Two 3x3 convolutions at every size, each with an exponential linear unit; convolutions of stride 2
down, nearest neighbours up; no normalisation, and none of these units at the code and the image.
"""

from collections.abc import Sequence

import keras
from keras import layers

from tfgen import sizes
from tfgen.layers import coders

REPEATS = 2


def _conv(filters: int, strides: int = 1) -> keras.Layer:
    return layers.Conv2D(filters, 3, strides, "same", activation="elu")


def encoder(image_shape: Sequence[int], outputs: int, width: int, depth: int) -> keras.Model:
    """Images [B, H, W, C] -> codes [B, outputs]."""
    stack = [layers.Input(image_shape), _conv(width)]
    for i in range(1, depth + 2):
        stack += [_conv(i * width) for _ in range(REPEATS)]
        if i <= depth:
            stack.append(_conv((i + 1) * width, strides=2))
    code = layers.Dense(outputs, dtype="float32")
    return keras.Sequential([*stack, layers.Flatten(), code], name="encoder")


def decoder(
    inputs: int, image_shape: Sequence[int], width: int, depth: int, name: str
) -> keras.Model:
    """Codes [B, inputs] -> images [B, H, W, C], of any real numbers, float32."""
    h, w = sizes.halved(image_shape[:2], depth)
    stack = [layers.Input((inputs,)), layers.Dense(h * w * width), layers.Reshape((h, w, width))]
    for i in range(depth + 1):
        stack += [layers.UpSampling2D()] * bool(i) + [_conv(width) for _ in range(REPEATS)]
    image = layers.Conv2D(image_shape[2], 3, padding="same", dtype="float32")
    cut = coders.cut((h << depth, w << depth), image_shape[:2])
    return keras.Sequential([*stack, image, *cut], name=name)
