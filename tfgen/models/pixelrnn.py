"""PixelRNN: every pixel from the ones before it, by LSTMs that run over rows or along diagonals.

A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu. Pixel Recurrent Neural Networks. ICML 2016.
https://arxiv.org/abs/1601.06759

    [o, f, i, g] = K_ss * h' + K_is * x         sigmoid of o, f, i; tanh of g
    c = f c' + i g,   h = o tanh(c)                                 equation 3
    x <- x + W h                                                    residual, figure 5

Row LSTM (section 3.1): h' and c' are those of the row above. K_ss has three columns, K_is the pixel
and two to its left, d_i pixels apart. With r of the first convolution a pixel at column x sees

    of its own row        x - R .. x - 1,   R = r + sum_i 2 d_i
    of the k-th above     x - R - k .. x + r - 1 + k                a triangle to the right

The d_i are the least that take R from end to end of the image, as far as the depth allows. To the
right the triangle leaves out what is far along the rows just above.

Diagonal BiLSTM (section 3.2): one LSTM runs along the diagonals from the left, with c' of the pixel
to the left, and h' of that and of the one above. Another runs from the right; its states are handed
down by one row, so that they know nothing of what is still to be drawn. All that came before is
seen; but what lies at the end of the row above only as far as the features there knew of it, which
a mask kept from the last channel of their own pixel.

The first layer is a convolution of mask A, the maps to states and the last ones of mask B.

Shapes: x [B, H, W, C];  h, c [B, F] of a pixel;  parameters of p(x_i | x_<i) [B, H, W, C * n].

Departures from the paper: K_is is dilated; of an LSTM's F states all are kept for the residual map,
W of F to F; the likelihood that fits the data's levels; a plane of ones tells the border from
black; dropout; Adam.
"""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import keras
import numpy as np
import tensorflow as tf

from tfgen.autoregression import Autoregression, placed
from tfgen.declared import Count, Layers, Share
from tfgen.errors import one_of
from tfgen.layers import Dropout
from tfgen.layers.causal import (
    Head,
    HorizontalConv,
    VerticalConv,
    dilations,
    groups,
    masked_out,
    with_ones,
)

if TYPE_CHECKING:
    from tfgen.autoregression import State


def lstm(gates: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Equation 3: [.., 4 F], [.., F] -> h, c."""
    o, f, i, g = tf.split(gates, 4, axis=-1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c


class Recurrence(keras.layers.Layer):
    """What both have: x [B, H, W, F] -> x + W h.

    Args: width: F; channels: C of the image; dilation: d of the Row LSTM; stream, drop: of dropout.
    """

    # Columns to the left of K_is, but for those in between.
    reach = 0

    def __init__(
        self, width: int, channels: int, dilation: int, stream: str, drop: keras.Layer
    ) -> None:
        super().__init__(name=stream)
        self.width = width
        self.of_feature = groups(width, channels)
        self.of_gates = np.tile(self.of_feature, 4)
        self.dilation = dilation
        self.residual = HorizontalConv(self.of_feature, self.of_feature, 0, "B")
        self.drop = drop(stream)
        self.drop.build((width,))

    def weight(self, name: str, *shape: int) -> keras.Variable:
        return self.add_weight(name=name, shape=shape, initializer="glorot_uniform")

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        return x + self.residual(self.drop(self.states(x), training=training))


class RowLSTM(Recurrence):
    """Its states to draw from: of the row above what it tells [B, W, 4 F] and its c, of this row h
    and c so far, and x of the last 2 d pixels to the left."""

    reach = 2

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.K_is = HorizontalConv(
            self.of_feature, self.of_gates, self.reach, "B", dilation=self.dilation
        )
        self.K_ss = self.weight("K_ss", 1, 3, self.width, 4 * self.width)
        self.built = True

    def told(self, h: tf.Tensor) -> tf.Tensor:
        """K_ss * h of a row: [B, W, F] -> [B, W, 4 F]."""
        return tf.nn.conv2d(h[:, None], self.K_ss, 1, "SAME")[:, 0]

    def states(self, x: tf.Tensor) -> tf.Tensor:
        inputs = tf.unstack(self.K_is(x), axis=1)
        h = c = tf.zeros_like(x[:, 0])
        rows = []
        for gates in inputs:
            h, c = lstm(gates + self.told(h), c)
            rows.append(h)
        return tf.stack(rows, axis=1)

    def begin(self, rows: tf.Tensor, columns: int) -> "State":
        row = tf.zeros([rows, columns, self.width])
        left = tf.zeros([rows, self.K_is.span, self.width])
        return tf.zeros([rows, columns, 4 * self.width]), row, row, row, left

    def begin_row(self, state: "State", y: tf.Tensor) -> "State":
        _, _, h, c, left = state
        return self.told(h), c, h, c, tf.zeros_like(left)

    def pixel(
        self, state: "State", x: tf.Tensor, value: tf.Tensor, finished: tf.Tensor
    ) -> "tuple[tf.Tensor, State]":
        """Of the pixel in column x: value [B, F] -> ([B, F], state)."""
        told, above, h_row, c_row, left = state
        window = tf.concat([left, value[:, None]], axis=1)
        gates = self.K_is.pixel(window) + tf.gather(told, x, axis=1)
        h, c = lstm(gates, tf.gather(above, x, axis=1))
        if finished:
            state = told, above, placed(h_row, x, h), placed(c_row, x, c), window[:, 1:]
        return value + self.residual.pixel(h[:, None]), state


class DiagonalBiLSTM(Recurrence):
    """Its states to draw from: of this row x, h from the left, and what comes from the right of the
    row above; h from the left of the row above; and h and c of the pixel to the left."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.K_is, self.K_ss = [], []
        for side in ("left", "right"):
            self.K_is.append(HorizontalConv(self.of_feature, self.of_gates, 0, "B"))
            # From the pixel beside, and from the one above.
            self.K_ss.append(self.weight(f"K_ss_{side}", 2 * self.width, 4 * self.width))
        self.built = True

    def step(
        self, side: int, gates: tf.Tensor, beside: tf.Tensor, above: tf.Tensor, c: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return lstm(gates + tf.matmul(tf.concat([beside, above], axis=-1), self.K_ss[side]), c)

    def states(self, x: tf.Tensor) -> tf.Tensor:
        left = self.along(0, x)
        right = self.along(1, x[:, :, ::-1])[:, :, ::-1]
        return left + tf.pad(right[:, :-1], [[0, 0], [1, 0], [0, 0], [0, 0]])

    def along(self, side: int, x: tf.Tensor) -> tf.Tensor:
        """h of a direction, all pixels of a diagonal at once: the skewed map of figure 3."""
        height, width = x.shape[1:3]
        inputs = tf.reshape(self.K_is[side](x), [-1, height * width, 4 * self.width])
        rows = np.arange(height)
        h = c = tf.zeros_like(x[:, :, 0])
        diagonals = []
        for d in range(height + width - 1):
            column = d - rows
            inside = ((column >= 0) & (column < width)).astype(np.float32)[:, None]
            gates = tf.gather(inputs, rows * width + column.clip(0, width - 1), axis=1)
            above = tf.pad(h[:, :-1], [[0, 0], [1, 0], [0, 0]])
            h, c = (v * tf.cast(inside, v.dtype) for v in self.step(side, gates, h, above, c))
            diagonals.append(h)
        skewed = tf.concat(diagonals, axis=1)  # [B, diagonals * H, F]
        place = [(y + x) * height + y for y, x in itertools.product(rows, range(width))]
        return tf.reshape(tf.gather(skewed, place, axis=1), [-1, height, width, self.width])

    def begin(self, rows: tf.Tensor, columns: int) -> "State":
        row = tf.zeros([rows, columns, self.width])
        return row, row, row, row, row[:, 0], row[:, 0]

    def begin_row(self, state: "State", y: tf.Tensor) -> "State":
        inputs, h_left, right, _, *beside = state
        h = c = tf.zeros_like(inputs[:, 0])
        handed = []
        gates = tf.cast(self.K_is[1](inputs[:, None])[:, 0], inputs.dtype)
        for x in reversed(range(inputs.shape[1])):
            h, c = self.step(1, gates[:, x], h, right[:, x], c)
            handed.append(h)
        # Above the first row there is nothing that could be handed down.
        right = tf.stack(handed[::-1], axis=1) * tf.cast(y > 0, tf.float32)
        return inputs, h_left, right, h_left, *(tf.zeros_like(v) for v in beside)

    def pixel(
        self, state: "State", x: tf.Tensor, value: tf.Tensor, finished: tf.Tensor
    ) -> "tuple[tf.Tensor, State]":
        """Of the pixel in column x: value [B, F] -> ([B, F], state)."""
        inputs, h_left, right, above, h, c = state
        gates = self.K_is[0].pixel(value[:, None])
        new_h, new_c = self.step(0, gates, h, tf.gather(above, x, axis=1), c)
        if finished:
            inputs, h_left = placed(inputs, x, value), placed(h_left, x, new_h)
            state = inputs, h_left, right, above, new_h, new_c
        added = new_h + tf.gather(right, x, axis=1)
        return value + self.residual.pixel(added[:, None]), state


RECURRENCES = {"row": RowLSTM, "diagonal": DiagonalBiLSTM}


@keras.saving.register_keras_serializable("tfgen")
class PixelRNN(Autoregression):
    """A PixelRNN; its likelihood is exact.

    Args:
      recurrence: "row", the Row LSTM, or "diagonal", the Diagonal BiLSTM.
      width: F, features, a multiple of the image's channels.
      depth: LSTM layers.
      reach: r, of the first convolution: a kernel of 2 r + 1.
      dropout: share of states dropped in training.
      others: see `Autoregression`.

    Raises: UserError for a width of fewer features than channels.
    """

    by_pixels = True
    paper = ("van den Oord et al. 2016", "https://arxiv.org/abs/1601.06759")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        recurrence: Literal["row", "diagonal"] = "row",
        width: Count = 64,
        depth: Layers = 7,
        reach: Count = 3,
        dropout: Share = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.recurrence = one_of("recurrence", recurrence, RECURRENCES)
        self.width, self.depth, self.reach = width, depth, reach
        self.dropout = dropout
        channels, looks = self.image_shape[-1], self.looks
        self.head = Head(width, looks, self.p.outputs(channels) // looks, name="head")

        def drop(stream: str) -> keras.Layer:
            return Dropout(dropout, stream, self.dropout_masks)

        of_feature = groups(width, looks)
        of_pixel = np.append(groups(channels, looks), -1)  # and the plane of ones
        self.above = VerticalConv(channels + 1, width, reach, strict=True, name="above")
        self.beside = HorizontalConv(of_pixel, of_feature, reach, "A", bias=False, name="beside")
        kind = RECURRENCES[recurrence]
        self.dilations = dilations(self.image_shape, reach, kind.reach, depth)
        self.stack = [kind(width, looks, d, f"lstm{i}", drop) for i, d in enumerate(self.dilations)]

    def trained(self) -> dict[str, list[keras.Variable]]:
        layers: list[keras.Layer] = [self.above, self.beside, *self.stack, self.head]
        return {"p": [w for layer in layers for w in layer.trainable_weights]}

    def idle(self) -> int:
        return masked_out([self.beside, *self.stack, self.head])

    def network(
        self, x: tf.Tensor, label: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        x = with_ones(x)
        x = self.above(x) + self.beside(x)
        for layer in self.stack:
            x = layer(x, training=training)
        return self.head(x)

    # --- sampling --------------------------------------------------------------------------------
    # The state: the last r rows of the image, what they tell the pixels of this row, the last r
    # columns, the pixel itself as far as it is known, and that of each LSTM.

    def begin(self, rows: tf.Tensor, label: tf.Tensor | None = None) -> "State":
        w, c = self.image_shape[1:]
        last_rows = tf.zeros([rows, self.reach, w, c + 1])
        told, columns = tf.zeros([rows, w, self.width]), tf.zeros([rows, self.reach, c + 1])
        states = tuple(layer.begin(rows, w) for layer in self.stack)
        return last_rows, told, columns, tf.zeros([rows, c]), states

    def begin_row(self, state: "State", y: tf.Tensor, above: tf.Tensor) -> "State":
        last_rows, _, columns, pixel, states = state
        inside = tf.cast(y > 0, tf.float32)  # above the first row there is no plane of ones either
        above = with_ones(above) * inside
        last_rows = tf.concat([last_rows, above[:, None]], axis=1)[:, 1:]
        told = self.above.row(last_rows)
        states = (layer.begin_row(s, y) for layer, s in zip(self.stack, states, strict=True))
        return last_rows, told, tf.zeros_like(columns), pixel, tuple(states)

    def next_one(
        self, state: "State", y: tf.Tensor, x: tf.Tensor, channel: int
    ) -> "tuple[tf.Tensor, State]":
        last_rows, told, columns, pixel, states = state
        window = tf.concat([columns, with_ones(pixel)[:, None]], axis=1)
        value = tf.gather(told, x, axis=1) + self.beside.pixel(window)
        # The last look at the pixel: features know of all its channels that they ever will.
        finished = channel == self.looks - 1
        after = []
        for layer, own in zip(self.stack, states, strict=True):
            value, own = layer.pixel(own, x, value, finished)
            after.append(own)
        state = last_rows, told, columns, pixel, tuple(after)
        return self.head.channel(value, channel), state

    def observe(
        self, state: "State", y: tf.Tensor, x: tf.Tensor, channel: int, value: tf.Tensor
    ) -> "State":
        last_rows, told, columns, pixel, states = state
        pixel += value[:, None] * tf.one_hot(channel, self.image_shape[-1])
        if channel == self.image_shape[-1] - 1:
            columns = tf.concat([columns, with_ones(pixel)[:, None]], axis=1)[:, 1:]
            pixel = tf.zeros_like(pixel)
        return last_rows, told, columns, pixel, states
