"""Gated PixelCNN: every pixel from those before it, by convolutions that see only these.

A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu. Pixel Recurrent Neural Networks. ICML 2016.
https://arxiv.org/abs/1601.06759 (2016a)
A. van den Oord et al. Conditional Image Generation with PixelCNN Decoders. NeurIPS 2016.
https://arxiv.org/abs/1606.05328 (2016b)
T. Salimans et al. PixelCNN++. ICLR 2017. https://arxiv.org/abs/1701.05517

    p(x|y) = prod_i p(x_i | x_<i, y)                                2016b, equations 1 and 3
    gate(a, b) = tanh(a) * sigmoid(b)                               equation 2; with y equation 4

    v' = gate(K_v * v + V_v y)                  rows above: the vertical stack
    h' = h + R gate(K_h * h + L (K_v * v) + V_h y)      columns to the left, and what v' knows

The first layer sees r_1 rows above and r_1 columns to either side, another r_i = r d_i of what the
one before it knows, d_i its dilation. So a pixel sees, of those before it, the ones at most

    R = r_1 + sum_{i > 1} r d_i

rows above or columns away. The d_i are the least that cover the image, R >= max(H, W) - 1, as far
as the depth allows; all are 1 where that is enough.

Rows are known only once they are drawn. So to draw, a row of the vertical stack is computed when
the row above is finished; of the horizontal stack, a pixel from the last r_i columns of each layer.

Shapes: x [B, H, W, C];  v, h [B, H, W, F];  parameters of p(x_i | x_<i) [B, H, W, C * n].

Departures from the paper: dilation, where the paper sees further by its depth; the likelihood that
fits the data's levels (a softmax, as in the paper, for few; the mixture of logistics of PixelCNN++
by choice); a plane of ones tells the border from black; dropout; Adam.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfgen import by_class
from tfgen.autoregression import Autoregression
from tfgen.declared import Count, Layers, Share
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


def gate(x: tf.Tensor) -> tf.Tensor:
    a, b = tf.split(x, 2, axis=-1)
    return tf.tanh(a) * tf.sigmoid(b)


class GatedLayer(keras.layers.Layer):
    """A layer of both stacks: (v, h) -> (v', h').

    Args:
      vertical_inputs: features of v; of_inputs: groups of h's features; width: F; count: C.
      reach: r; dilation: d; first: of pixels, and without a residual; classes: K; drop: makes
        Dropout.
    """

    def __init__(
        self,
        vertical_inputs: int,
        of_inputs: np.ndarray,
        width: int,
        count: int,
        reach: int,
        dilation: int,
        first: bool,
        classes: int,
        drop: keras.Layer,
        name: str,
    ) -> None:
        super().__init__(name=name)
        self.first, self.width = first, width
        # Both halves of a gate have the features' groups.
        of_gate = np.tile(groups(width, count), 2)
        self.vertical = VerticalConv(vertical_inputs, 2 * width, reach, first, dilation)
        mask = "A" if first else "B"
        self.horizontal = HorizontalConv(of_inputs, of_gate, reach, mask, dilation=dilation)
        everything = np.full(2 * width, -1)  # the rows above are known to all groups
        self.link = HorizontalConv(everything, of_gate, 0, "B", bias=False)
        self.residual = HorizontalConv(groups(width, count), groups(width, count), 0, "B")
        self.drop_v, self.drop_h = drop(f"{name} v"), drop(f"{name} h")
        for layer in (self.drop_v, self.drop_h):
            layer.build((width,))
        if classes:
            self.of_label = self.add_weight(
                name="of_label", shape=(classes, 4 * width), initializer="zeros"
            )
        self.built = True

    def biases(self, label: tf.Tensor | None) -> tuple[Any, Any]:
        """What a label adds to the two gates: [B, 2 F] each."""
        if label is None:
            return 0.0, 0.0
        return tf.split(tf.gather(self.of_label, label), 2, axis=-1)

    def call(
        self, v: tf.Tensor, h: tf.Tensor, label: tf.Tensor | None = None, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        of_v, of_h = (_over(b, 2) for b in self.biases(label))
        seen = self.vertical(v)
        added = gate(self.horizontal(h) + self.link(seen) + of_h)
        added = self.residual(self.drop_h(added, training=training))
        v = self.drop_v(gate(seen + of_v), training=training)
        return v, added if self.first else h + added

    def row(self, rows: tf.Tensor, label: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        """The last rows of v -> (a row of v' [B, W, F], what it tells the pixels [B, W, 2 F])."""
        of_v, of_h = (_over(b, 1) for b in self.biases(label))
        seen = self.vertical.row(rows)
        told = self.link.pixel(tf.reshape(seen, [-1, 1, seen.shape[-1]]))
        told = tf.reshape(told, tf.shape(seen)) + of_h
        return gate(seen + of_v), told

    def pixel(self, window: tf.Tensor, told: tf.Tensor) -> tf.Tensor:
        """The last columns of h, and what v tells this one [B, 2 F] -> h' [B, F]."""
        added = gate(self.horizontal.pixel(window) + told)
        added = self.residual.pixel(added[:, None])
        return added if self.first else window[:, -1] + added


def _over(bias: float | tf.Tensor, axes: int) -> float | tf.Tensor:
    """[B, F] -> [B, 1, .., F]; a number as it is."""
    return bias if isinstance(bias, float) else tf.reshape(bias, [-1, *[1] * axes, bias.shape[-1]])


@keras.saving.register_keras_serializable("tfgen")
class PixelCNN(Autoregression):
    """A gated PixelCNN; its likelihood is exact.

    Args:
      width: F, features, a multiple of the image's channels.
      depth: gated layers.
      reach: r, pixels that a layer sees to each side: kernels of 2 r + 1.
      first_reach: r_1, the same of the first layer.
      conditional: whether it is p(x|y), y the label.
      num_classes: K, taken from the data.
      dropout: share of features dropped in training.
      others: see `Autoregression`.

    Raises: UserError for a width of fewer features than channels.
    """

    by_pixels = True
    paper = ("van den Oord et al. 2016", "https://arxiv.org/abs/1606.05328")
    labels_if = "conditional"

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        width: Count = 64,
        depth: Layers = 7,
        reach: Count = 1,
        first_reach: Count = 3,
        conditional: bool = False,
        num_classes: int = 10,
        dropout: Share = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.width, self.depth = width, depth
        self.reach, self.first_reach = reach, first_reach
        self.conditional = conditional
        self.num_classes = num_classes if conditional else 0
        self.dropout = dropout
        channels, looks = self.image_shape[-1], self.looks
        self.head = Head(width, looks, self.p.outputs(channels) // looks, name="head")

        def drop(stream: str) -> keras.Layer:
            return Dropout(dropout, stream, self.dropout_masks)

        of_pixel = np.append(groups(channels, looks), -1)  # and the plane of ones
        of_feature = groups(width, looks)
        self.dilations = [1, *dilations(self.image_shape, first_reach, reach, depth - 1)]
        self.stack = [
            GatedLayer(
                len(of_pixel) if i == 0 else width,
                of_pixel if i == 0 else of_feature,
                width,
                looks,
                first_reach if i == 0 else reach,
                self.dilations[i],
                i == 0,
                self.num_classes,
                drop,
                f"gated{i}",
            )
            for i in range(depth)
        ]

    def trained(self) -> dict[str, list[keras.Variable]]:
        layers: list[keras.Layer] = [*self.stack, self.head]
        return {"p": [w for layer in layers for w in layer.trainable_weights]}

    def idle(self) -> int:
        """Those under a mask, and what labels add to the last v, which nobody reads."""
        return masked_out([*self.stack, self.head]) + self.num_classes * 2 * self.width

    def network(
        self, x: tf.Tensor, label: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        label = label if self.num_classes else None
        v = h = with_ones(x)
        for layer in self.stack:
            v, h = layer(v, h, label, training=training)
        return self.head(h)

    # --- sampling --------------------------------------------------------------------------------
    # The state: the label; of each layer the last r_i rows of v, what v tells the pixels of this
    # row, and the last r_i columns of h; and the pixel itself, as far as it is known.

    def begin(self, rows: tf.Tensor, label: tf.Tensor | None = None) -> "State":
        w, c = self.image_shape[1:]
        last_rows, told, columns = [], [], []
        for layer in self.stack:
            span = layer.vertical.span
            last_rows.append(tf.zeros([rows, span, w, layer.vertical.kernel.shape[2]]))
            told.append(tf.zeros([rows, w, 2 * self.width]))
            columns.append(tf.zeros([rows, span, layer.horizontal.kernel.shape[2]]))
        label = label if self.conditional else tf.zeros([rows], tf.int32)
        pixel = tf.zeros([rows, c])
        return label, tuple(last_rows), tuple(told), tuple(columns), pixel

    def begin_row(self, state: "State", y: tf.Tensor, above: tf.Tensor) -> "State":
        label, last_rows, told, columns, pixel = state
        label_or_none = label if self.conditional else None
        last_rows, told = list(last_rows), list(told)
        inside = tf.cast(y > 0, tf.float32)  # above the first row there is no plane of ones either
        v = with_ones(above) * inside
        for i, layer in enumerate(self.stack):
            rows = tf.concat([last_rows[i], v[:, None]], axis=1)
            last_rows[i] = rows[:, 1:]
            v, told[i] = layer.row(last_rows[i] if layer.first else rows, label_or_none)
        columns = tuple(tf.zeros_like(window) for window in columns)
        return label, tuple(last_rows), tuple(told), columns, pixel

    def next_one(
        self, state: "State", y: tf.Tensor, x: tf.Tensor, channel: int
    ) -> "tuple[tf.Tensor, State]":
        label, last_rows, told, columns, pixel = state
        columns = list(columns)
        h = with_ones(pixel)
        for i, layer in enumerate(self.stack):
            window = tf.concat([columns[i], h[:, None]], axis=1)
            # The last look at the pixel: features know of all its channels that they ever will.
            if i and channel == self.looks - 1:
                columns[i] = window[:, 1:]
            h = layer.pixel(window, tf.gather(told[i], x, axis=1))
        state = label, last_rows, told, tuple(columns), pixel
        return self.head.channel(h, channel), state

    def observe(
        self, state: "State", y: tf.Tensor, x: tf.Tensor, channel: int, value: tf.Tensor
    ) -> "State":
        label, last_rows, told, columns, pixel = state
        here = tf.one_hot(channel, self.image_shape[-1])
        pixel += value[:, None] * here
        if channel == self.image_shape[-1] - 1:
            first = tf.concat([columns[0], with_ones(pixel)[:, None]], axis=1)[:, 1:]
            columns, pixel = (first, *columns[1:]), tf.zeros_like(pixel)
        return label, last_rows, told, columns, pixel

    def complete(
        self,
        x: tf.Tensor,
        known: tf.Tensor,
        seeds: tf.Tensor | None = None,
        label: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """As `Autoregression.complete`; without a label, with that of the greatest p(known|y)."""
        if self.num_classes and label is None:
            label = tf.argmax(self._of_known(x, known), axis=1, output_type=tf.int32)
        return super().complete(x, known, seeds, label)

    def _of_known(self, x: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
        """log p(y, known pixels), exact if these come first: [B, H, W, C], bool -> [B, K]."""
        x = tf.convert_to_tensor(x, tf.float32)
        known = tf.repeat(tf.cast(known, tf.float32), self.num_classes, axis=0)

        def log_prob(x: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
            return tf.reduce_sum(self.pixel_log_prob(x, label) * known, axis=[1, 2, 3])

        return by_class.joint(log_prob, x, self.num_classes)

    # --- the classifier, of a conditional model --------------------------------------------------

    def class_log_prob(self, x: tf.Tensor) -> tf.Tensor:
        """log p(x, y), exact: [B, H, W, C] -> [B, K], nats."""
        return by_class.joint(super().log_prob, x, self.num_classes)

    def log_prob(self, x: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
        """log p(x), or log p(x|y) of given labels, exact: images in [0, 1] -> [B], nats."""
        if self.num_classes and label is None:
            return tf.reduce_logsumexp(self.class_log_prob(x), axis=1)
        return super().log_prob(x, label)

    def classify(self, x: tf.Tensor, least: float = -math.inf) -> dict[str, tf.Tensor]:
        """Bayes' rule: images in [0, 1] -> {"label" [B], "probability" [B, K], "log_prob" [B]}.

        least: images of a log p(x) below this, in nats, are rejected; their label is -1.
        """
        return by_class.classified(self.class_log_prob(x), least)

    def can(self, capability: str) -> bool:
        if capability in ("classify", "class_log_prob") and not self.num_classes:
            return False
        # Which label's conditionals a map should show, it cannot say.
        if capability == "pixel_log_prob" and self.num_classes:
            return False
        return super().can(capability)
