"""A mixture of logistics whose channels are coupled: the likelihood of colour pictures.

T. Salimans, A. Karpathy, X. Chen, D. P. Kingma. PixelCNN++. ICLR 2017.
https://arxiv.org/abs/1701.05517

    p(x) = sum_j w_j prod_c P(x_c | m_jc + sum_{i < c} a_jci (x_i - T / 2), s_jc)      equation 3

A pixel has one mixture: the component is that of all its channels, and the place of each moves
with the levels of those before it. P is the logistic of `logistic_bin`, T the highest level, a in
(-1, 1).

Shapes: levels int32 [B, H, W, C];  parameters [B, H, W, N], N = J (1 + 2 C + C (C - 1) / 2).

Departures from the paper: any number of channels; 5 components in the place of 10; widths are
bounded (`bounded`). A channel is drawn by a component of its own from p(j | x_<c): the same
probabilities, and some channels of a pixel may be known.
"""

import math
from collections.abc import Sequence

import tensorflow as tf

from tfgen.objectives.levels import (
    Likelihood,
    at_level,
    bounded,
    chosen,
    clipped_logistic_mean,
    logistic_bin,
    logistic_draw,
)


class CoupledMixture(Likelihood):
    """A mixture of five logistics for each pixel, integrated over each level's bin."""

    components = 5
    couples = True

    def __init__(self, levels: int) -> None:
        self.levels = levels
        self.top = float(levels - 1)

    def outputs(self, channels: int) -> int:
        return self.components * (1 + 2 * channels + channels * (channels - 1) // 2)

    def _split(
        self, parameters: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor], list[list[tf.Tensor]]]:
        """log w [..., J]; of each channel m, log s and of those before it a: lists of [..., J].

        m and s in levels. Zeros spread over the range, and couple nothing.
        """
        spread = tf.range(self.components, dtype=tf.float32)
        logits, *rest = tf.split(parameters, parameters.shape[-1] // self.components, axis=-1)
        channels = next(c for c in range(1, len(rest)) if self.outputs(c) == parameters.shape[-1])
        m = [(v + (spread + 0.5) / self.components) * self.top for v in rest[:channels]]
        width = math.log(self.top / (2.0 * self.components))
        log_s = [bounded(v) + width for v in rest[channels : 2 * channels]]
        a = [tf.tanh(v) for v in rest[2 * channels :]]
        first = [c * (c - 1) // 2 for c in range(channels + 1)]
        return (
            tf.nn.log_softmax(logits),
            m,
            log_s,
            [a[first[c] : first[c + 1]] for c in range(channels)],
        )

    def _place(
        self, m: tf.Tensor, a: Sequence[tf.Tensor], before: Sequence[tf.Tensor]
    ) -> tf.Tensor:
        """Of a channel, where those before it have these levels, each [..., 1] or [..., J]."""
        moved = [of_one * (x - self.top / 2.0) for of_one, x in zip(a, before, strict=True)]
        return tf.add_n([m, *moved])

    def _joint(self, levels: Sequence[tf.Tensor], parameters: tf.Tensor) -> list[tf.Tensor]:
        """log p(j, the first channels) of none, one, .. of the channels given: each [..., J]."""
        log_w, m, log_s, a = self._split(parameters)
        found, before = [log_w], [x[..., None] for x in levels]
        for c, x in enumerate(before):
            place = self._place(m[c], a[c], before[:c])
            found.append(found[-1] + logistic_bin(x, place, log_s[c], self.levels))
        return found

    def pixel_log_prob(self, x: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """log p(x_c | x_<c) of each channel: log p of the first c less that of one fewer."""
        joint = self._joint(tf.unstack(tf.cast(x, tf.float32), axis=-1), parameters)
        log_p = tf.reduce_logsumexp(tf.stack(joint, axis=-2), axis=-1)
        return log_p[..., 1:] - log_p[..., :-1]

    def mean(self, parameters: tf.Tensor) -> tf.Tensor:
        """The mean of each channel where those before it are at their component's means.

        Exact as far as no level is cut off at the ends: places move in proportion to levels.
        """
        log_w, m, log_s, a = self._split(parameters)
        of_component: list[tf.Tensor] = []
        for c in range(len(m)):
            place = self._place(m[c], a[c], of_component)
            of_component.append(clipped_logistic_mean(place, log_s[c], self.top))
        w = tf.exp(log_w)
        means = [tf.reduce_sum(w * v, axis=-1) for v in of_component]
        return tf.clip_by_value(tf.stack(means, axis=-1) / self.top, 0.0, 1.0)

    def draw_next(
        self, parameters: tf.Tensor, before: Sequence[tf.Tensor], u: tf.Tensor
    ) -> tf.Tensor:
        levels, c = [x * self.top for x in before], len(before)
        _, m, log_s, a = self._split(parameters)
        here, u = chosen(tf.nn.softmax(self._joint(levels, parameters)[-1]), u)
        place = self._place(m[c], a[c], [x[..., None] for x in levels])
        # Of the chosen component.
        place, log_s_here = (tf.reduce_sum(here * v, axis=-1) for v in (place, log_s[c]))
        return at_level(logistic_draw(place, log_s_here, u), self.top)

    def draw(self, parameters: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        drawn: list[tf.Tensor] = []
        for of_channel in tf.unstack(u, axis=-1):
            drawn.append(self.draw_next(parameters, drawn, of_channel))
        return tf.stack(drawn, axis=-1)
