"""RealNVP: NICE whose couplings also scale, on images with convolutions and several scales.

L. Dinh, J. Sohl-Dickstein, S. Bengio. Density Estimation Using Real NVP. ICLR 2017.
https://arxiv.org/abs/1605.08803

    y_a' = y_a,   y_b' = y_b exp(s(y_a)) + t(y_a)                   equations 4 and 5
    log |det| = sum of s(y_a)                                       equation 6
    s = limit tanh(.),   y' = exp(g) y + b of each channel

The difference from NICE is s, by which a coupling changes volume. The limit is learnt, up to where
all couplings that change a number could scale it by exp(+-SPAN) together: the inverse divides by
what the map has multiplied by, and its rounding errors grow as these scales do.

What is kept and what is changed are a checkerboard's fields; and, once 2x2 pixels are squeezed into
the channels of one, half of the channels (figure 3). After these, half of the numbers go to the
prior as they are, and couplings on half the scale change the others (section 3.6).

network="dense" has NICE's halves and networks instead, for points of the plane and tiny images.

Shapes: those of NICE; at scale k [B, H / 2^k, W / 2^k, 2^k C].

Departures from the paper: after each coupling a learnt affine map of each channel (of each number,
where the network is dense) in the place of batch normalisation, as in Glow (Kingma and Dhariwal
2018, section 3.1) but from the identity on, so that a density depends on no batch; small residual
networks, without weight normalisation; Adam.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfgen.declared import Layers
from tfgen.errors import UserError, one_of
from tfgen.layers.residual import Residual
from tfgen.models.nice import NICE, alternating, small

SPAN = 6.0  # nats: with 8 the inverse can be off by 2e-2, with 6 by 4e-4, on 16 couplings


def checkerboard(shape: Sequence[int], start: int) -> np.ndarray:
    """1 on every other field of an image of `shape` (H, W, C)."""
    h, w, c = shape
    board = (np.add.outer(np.arange(h), np.arange(w)) + start) % 2
    return np.repeat(board[..., None], c, axis=-1).astype(np.float32)


def half_of_channels(shape: Sequence[int], start: int) -> np.ndarray:
    h, w, c = shape
    return np.broadcast_to(alternating(c, start), (h, w, c))


def residual(inputs: keras.KerasTensor, drop: Callable[[str], keras.Layer]) -> keras.KerasTensor:
    """A residual block: x + convolutions of relu(x)."""
    width = inputs.shape[-1]
    x = layers.Conv2D(width, 3, padding="same")(layers.Activation("relu")(inputs))
    x = layers.Conv2D(width, 1)(drop(layers.Activation("relu")(x)))
    return Residual()([inputs, x])


@keras.saving.register_keras_serializable("tfgen")
class RealNVP(NICE):
    """A flow of affine couplings; its likelihood of levels is a lower bound.

    Args:
      network: "conv" (height and width even at every scale) or "dense".
      scales: of "conv": how often the image is squeezed, and one more.
      width: units of each hidden layer of a coupling, of "conv" filters.
      depth: hidden layers of a coupling, of "conv" residual blocks.
      couplings: of "dense" all of them, of "conv" those between two squeezings.
      others: see `NICE`.

    Raises: UserError for an image that cannot be squeezed so often.
    """

    paper = ("Dinh et al. 2017", "https://arxiv.org/abs/1605.08803")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        network: Literal["conv", "dense"] = "conv",
        scales: Layers = 2,
        **kwargs: Any,
    ) -> None:
        self.network = one_of("network", network, ("conv", "dense"))
        self.scales = scales
        h, w, _ = image_shape
        if network == "conv" and (h % 2 ** (scales - 1) or w % 2 ** (scales - 1)):
            raise UserError(
                f"RealNVP of {scales} scales squeezes the image {scales - 1} times: {h}x{w} is not "
                f"divisible by {2 ** (scales - 1)}. Set `model.scales` lower, or "
                "`model.network=dense`."
            )
        super().__init__(image_shape, levels, seed, **kwargs)

    def build_couplings(self) -> list[keras.Model]:
        # Of a scale: masks of its couplings before the squeezing, and after it.
        self.plan, nets = [], []
        if self.network == "dense":
            self.add_scaling([self.kept()])
            return [self.dense(2 * self.size, i) for i in range(self.couplings)]
        shape = self.image_shape
        for k in range(self.scales):
            last = k == self.scales - 1
            before = [checkerboard(shape, i) for i in range(self.couplings + last)]
            h, w, c = shape
            squeezed = (h // 2, w // 2, 4 * c)
            after = [] if last else [half_of_channels(squeezed, i) for i in range(self.couplings)]
            self.plan.append((before, after))
            nets += [self.conv(mask.shape, f"{k} {i}") for i, mask in enumerate([*before, *after])]
            shape = (h // 2, w // 2, 2 * c)
        self.add_scaling([masks for scale in self.plan for masks in scale])
        return nets

    def kept(self) -> list[np.ndarray]:
        if self.network == "dense":
            return super().kept()
        return [mask for before, after in self.plan for mask in (*before, *after)]

    def add_scaling(self, blocks: Sequence[Any]) -> None:
        """The limits of each coupling's s, and the affine maps; blocks: lists of masks in turn."""
        # Every other coupling of a block changes a number.
        self.most = min(1.0, SPAN / sum((len(masks) + 1) // 2 for masks in blocks))
        masks = list(itertools.chain.from_iterable(blocks))
        self.limits = self.add_weight(name="limits", shape=(len(masks),), initializer="ones")
        self.g, self.b = (
            [
                self.add_weight(name=f"{name}{i}", shape=mask.shape[-1:], initializer="zeros")
                for i, mask in enumerate(masks)
            ]
            for name in ("g", "b")
        )

    def conv(self, shape: Sequence[int], stream: str) -> keras.Model:
        """(s, t) of a coupling: [B, H, W, C] -> [B, H, W, 2 C]."""
        inputs = layers.Input(shape)
        x = layers.Conv2D(self.width, 3, padding="same")(inputs)
        for j in range(self.depth):
            x = residual(x, self.drop(f"coupling {stream}, {j}"))
        x = layers.Activation("relu")(x)
        last = layers.Conv2D(
            2 * shape[-1], 3, padding="same", kernel_initializer=small(), dtype="float32"
        )
        return keras.Model(inputs, last(x))

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {"flow": [self.limits, *self.g, *self.b, *super().trained()["flow"]]}

    def scale_and_shift(
        self, i: int, mask: np.ndarray, y: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """s and t of coupling i, zero where y is kept."""
        s, t = tf.split(self.nets[i](y * mask, training=training), 2, axis=-1)
        limit = self.most * tf.tanh(self.limits[i])
        return (1.0 - mask) * limit * tf.tanh(s), (1.0 - mask) * t

    def to_prior(self, y: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        log_det = tf.reduce_sum(self.s) + tf.zeros_like(y[:, 0])

        def couple(
            y: tf.Tensor, log_det: tf.Tensor, i: int, mask: np.ndarray
        ) -> tuple[tf.Tensor, tf.Tensor]:
            s, t = self.scale_and_shift(i, mask, y, training)
            y = tf.exp(self.g[i]) * (y * tf.exp(s) + t) + self.b[i]
            return y, log_det + tf.reduce_sum(s + self.g[i], axis=list(range(1, len(y.shape))))

        if self.network == "dense":
            for i, mask in enumerate(self.kept()):
                y, log_det = couple(y, log_det, i, mask)
            return y * tf.exp(self.s), log_det
        y, done, i = tf.reshape(y, [-1, *self.image_shape]), [], 0
        for before, after in self.plan:
            for mask in before:
                y, log_det = couple(y, log_det, i, mask)
                i += 1
            if after:
                y = tf.nn.space_to_depth(y, 2)
                for mask in after:
                    y, log_det = couple(y, log_det, i, mask)
                    i += 1
                finished, y = tf.split(y, 2, axis=-1)
                done.append(_flat(finished))
        return tf.concat([*done, _flat(y)], axis=1) * tf.exp(self.s), log_det

    def from_prior(self, z: tf.Tensor) -> tf.Tensor:
        z = z * tf.exp(-self.s)

        def uncouple(y: tf.Tensor, i: int, mask: np.ndarray) -> tf.Tensor:
            y = (y - self.b[i]) * tf.exp(-self.g[i])
            s, t = self.scale_and_shift(i, mask, y)
            return (y - t) * tf.exp(-s)

        if self.network == "dense":
            for i, mask in reversed(list(enumerate(self.kept()))):
                z = uncouple(z, i, mask)
            return z
        shapes = [before[0].shape for before, _ in self.plan]
        *done, y = tf.split(z, self._sizes(), axis=1)
        y, i = tf.reshape(y, [-1, *shapes[-1]]), len(self.nets)
        for k in reversed(range(self.scales)):
            before, after = self.plan[k]
            if after:
                y = tf.concat([tf.reshape(done[k], [-1, *y.shape[1:]]), y], axis=-1)
                for mask in reversed(after):
                    i -= 1
                    y = uncouple(y, i, mask)
                y = tf.nn.depth_to_space(y, 2)
            for mask in reversed(before):
                i -= 1
                y = uncouple(y, i, mask)
        return _flat(y)

    def _sizes(self) -> tf.Tensor:
        """How many numbers each scale hands to the prior."""
        halves = [self.size >> (k + 1) for k in range(self.scales - 1)]
        return [*halves, self.size - sum(halves)]


def _flat(x: tf.Tensor) -> tf.Tensor:
    return tf.reshape(x, [-1, int(np.prod(x.shape[1:]))])
