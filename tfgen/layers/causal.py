"""Convolutions that see only pixels before: for a whole image, and for one row or pixel of it.

In the order of reading the pixels before (y, x) are the rows above and the columns to the left. Two
stacks see just these (van den Oord et al. 2016b, section 2.3): a vertical one rows, a horizontal
one columns. A single masked kernel has a blind spot to the right (figure 1).

Channels come in groups, one for each channel of the image: features of group g at a pixel may know
of that pixel the channels before g, and of other pixels all. So the mask of a tap at the pixel
itself is a matter of groups (van den Oord et al. 2016a, section 3.4):

    A   from group i to group j if i < j        of pixels, which are what is predicted
    B   from group i to group j if i <= j       of features, which are masked already

How far a stack sees is the sum of its layers' reaches. Kernels whose taps lie d pixels apart, with
d = 1, r + 1, (r + 1)^2, ... in turn, see far with few layers and leave nothing out: `dilations` (Yu
and Koltun, ICLR 2016, https://arxiv.org/abs/1511.07122).

Each layer computes a whole image, and what drawing needs of it: a row, or a pixel, from what it
keeps of the rows above and the pixels to the left. The same products in the same order, so that
both give the same numbers.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgen.errors import UserError


def masked_out(layers: Sequence[keras.Layer]) -> int:
    """How many weights of a stack of layers their masks hold at zero."""
    found = [layer for parent in layers for layer in parent._flatten_layers()]
    return sum(int(np.sum(m.mask == 0)) for m in found if isinstance(m, HorizontalConv))


def groups(features: int, count: int) -> np.ndarray:
    """The group of each feature: 0 0 .. 1 1 .. for `count` groups, of sizes one apart at most."""
    return np.arange(features) * count // features


def dilations(image_shape: Sequence[int], first: int, reach: int, layers: int) -> list[int]:
    """d of each of some layers of reach r d, after a first of reach `first`, to see a whole image.

    Powers of r + 1 in turn, up to the least that takes the sum of all reaches from one end of the
    longer side to the other; where none does, as far as they go. With first >= 1 no pixel in
    between is left out: a layer's taps are no further apart than the layers before it reach.
    """
    wanted, found = max(image_shape[:2]) - 1, []
    for powers in range(1, layers + 1):
        found = [(reach + 1) ** (i % powers) for i in range(layers)]
        if first + reach * sum(found) >= wanted:
            break
    return found


def convolved(x: tf.Tensor, kernel: tf.Tensor, dilation: int) -> tf.Tensor:
    """Without padding. By `tf.nn.convolution`: dilated, `conv2d` has no gradient on every CPU."""
    return tf.nn.convolution(x, kernel, padding="VALID", dilations=dilation)


def with_ones(x: tf.Tensor) -> tf.Tensor:
    """A channel of ones more: zeros around the image are seen to be outside."""
    return tf.concat([x, tf.ones_like(x[..., :1])], axis=-1)


class VerticalConv(keras.layers.Layer):
    """Rows above, and the row itself unless `strict`:  [B, H, W, F] -> [B, H, W, outputs].

    Args:
      reach: r, of 2 r + 1 columns and of the r rows above; dilation: d, from one to the next of
        them. With `strict` d is 1.

    Attributes: span: r d, how far it sees.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        reach: int,
        strict: bool = False,
        dilation: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dilation, self.strict = dilation, strict
        self.span = reach * dilation
        self.rows = reach + (not strict)  # of the kernel
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.rows, 2 * reach + 1, inputs, outputs),
            initializer="glorot_uniform",
        )
        self.bias = self.add_weight(name="bias", shape=(outputs,), initializer="zeros")
        self.built = True

    def call(self, x: tf.Tensor) -> tf.Tensor:
        if self.strict:
            x = x[:, :-1]
        above = [[0, 0], [self.span, 0], [self.span, self.span], [0, 0]]
        return self._valid(tf.pad(x, above))

    def row(self, x: tf.Tensor) -> tf.Tensor:
        """The row below x, or of its last row unless `strict`: [B, rows, W, F] -> [B, W, F']."""
        return self._valid(tf.pad(x, [[0, 0], [0, 0], [self.span, self.span], [0, 0]]))[:, 0]

    def _valid(self, x: tf.Tensor) -> tf.Tensor:
        return convolved(x, self.kernel, self.dilation) + self.bias


class HorizontalConv(keras.layers.Layer):
    """Columns to the left, and the pixel itself by its mask:  [B, H, W, F] -> [B, H, W, outputs].

    Args:
      of_inputs, of_outputs: the group of each feature; -1 is known to all.
      reach: r, of the columns to the left; dilation: d, from one to the next. 0 is a pointwise map.
      mask: "A" or "B".

    Attributes: span: r d, how far it sees.
    """

    def __init__(
        self,
        of_inputs: np.ndarray,
        of_outputs: np.ndarray,
        reach: int,
        mask: str,
        bias: bool = True,
        dilation: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dilation = dilation
        self.span = reach * dilation
        inputs, outputs = len(of_inputs), len(of_outputs)
        self.kernel = self.add_weight(
            name="kernel", shape=(1, reach + 1, inputs, outputs), initializer="glorot_uniform"
        )
        self.bias = None
        if bias:
            self.bias = self.add_weight(name="bias", shape=(outputs,), initializer="zeros")
        low, high = np.asarray(of_inputs)[:, None], np.asarray(of_outputs)[None]
        self.mask = np.ones(self.kernel.shape, np.float32)
        self.mask[0, -1] = low < high if mask == "A" else low <= high
        self.built = True

    def call(self, x: tf.Tensor) -> tf.Tensor:
        x = tf.pad(x, [[0, 0], [0, 0], [self.span, 0], [0, 0]])
        y = convolved(x, self.masked(), self.dilation)
        return y if self.bias is None else y + self.bias

    def masked(self) -> tf.Tensor:
        """The kernel as it acts, in the precision that its use asks for."""
        kernel = tf.convert_to_tensor(self.kernel)
        return kernel * tf.cast(self.mask, kernel.dtype)

    def pixel(self, window: tf.Tensor) -> tf.Tensor:
        """Of the last of r d + 1 columns: [B, r d + 1, F] -> [B, F']."""
        _, columns, inputs, outputs = self.kernel.shape
        kernel = tf.reshape(self.masked(), [columns * inputs, outputs])
        y = tf.matmul(tf.reshape(window[:, :: self.dilation], [-1, columns * inputs]), kernel)
        return y if self.bias is None else y + self.bias


class Head(keras.layers.Layer):
    """Features to parameters: relu, 1x1, relu, 1x1, of mask B:  [B, H, W, F] -> [B, H, W, C * n].

    Args: width: F; channels: C of the image; parameters: n.

    Raises: UserError for fewer features than channels: some would have none.
    """

    def __init__(self, width: int, channels: int, parameters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if width < channels:
            raise UserError(
                f"`model.width={width}`: the features are shared among {channels} channels; "
                f"give {channels} or more."
            )
        self.parameters = parameters
        of_feature = groups(width, channels)
        self.hidden = HorizontalConv(of_feature, of_feature, 0, "B")
        of_output = groups(channels * parameters, channels)
        self.outputs = HorizontalConv(of_feature, of_output, 0, "B", dtype="float32")
        self.built = True

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return self.outputs(tf.nn.relu(self.hidden(tf.nn.relu(x))))

    def channel(self, x: tf.Tensor, channel: int) -> tf.Tensor:
        """Those of one channel of a pixel: [B, F] -> [B, n]."""
        hidden = self.hidden.pixel(tf.nn.relu(x)[:, None])
        of_all = self.outputs.pixel(tf.nn.relu(hidden)[:, None])
        return of_all[:, channel * self.parameters : (channel + 1) * self.parameters]
