"""Masked autoencoder for distribution estimation: an autoencoder that cannot see what it predicts.

M. Germain, K. Gregor, I. Murray, H. Larochelle. MADE: Masked Autoencoder for Distribution
Estimation. ICML 2015. https://arxiv.org/abs/1502.03509

    h^l = g(b^l + (M^l * W^l) h^{l-1})                              equations 4, 5 and 12
    M^l_{k', k} = 1 if m^l(k') >= m^{l-1}(k)                        equation 13
    M^out_{i, k} = 1 if m^in(i) > m^L(k)                            equation 14

m^in(i) is the place of pixel i in the order; each hidden unit k has a degree m(k), and sees the
pixels up to that place. With several masks (connectivities, and orders if these are random) a step
of training takes one of them (algorithm 1), and the density is the mean of theirs (section 6).

    p(x) = 1/K sum_k p_k(x)

Shapes: x [B, H, W, C], as D = H W C numbers;  masks [K, inputs, outputs] of each layer.

Departures from the paper: the masks are drawn once, from the model's seed, and not anew at each
step; degrees are dealt evenly and not drawn. Those of one hidden layer's units that could see every
pixel, or none, are left out. More than two levels by the likelihood that fits; Adam; dropout.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.autoregression import Autoregression
from tfgen.compiling import looping
from tfgen.declared import Count, Layers, Share
from tfgen.errors import one_of
from tfgen.layers import Dropout


def degrees(units: int, d: int, generator: np.random.Generator) -> np.ndarray:
    """m(k) of a hidden layer, each of 1 to D - 1 as often as others: [units].

    Fewer units than that are dealt evenly over the whole range, up to D - 1: a pixel later than
    every degree would be seen by nobody.
    """
    last = max(1, d - 1)
    different = min(units, last)
    return generator.permutation(-(-last * (1 + np.arange(units) % different) // different))


def units_of(degrees: np.ndarray, d: int) -> np.ndarray:
    """The units of degree t + 1 for t < D, -1 for none: [D, G]."""
    of_each = [np.flatnonzero(degrees == t + 1) for t in range(d)]
    most = max(map(len, of_each))
    return np.stack([np.pad(u, (0, most - len(u)), constant_values=-1) for u in of_each])


@keras.saving.register_keras_serializable("tfgen")
class MADE(Autoregression):
    """A masked autoencoder; its likelihood is exact, with several masks that of their mixture.

    Args:
      hidden: units of each hidden layer; from D - 1 on everything before a pixel is seen, with
        fewer a pixel may miss some of the nearest in the order.
      depth: hidden layers.
      masks: K, of which each step of training takes one; the density is the mean of theirs.
      orders: of the pixels: "raster", as one reads, or "random", another for each mask.
      dropout: share of hidden units dropped in training.
      others: see `Autoregression`.
    """

    paper = ("Germain et al. 2015", "https://arxiv.org/abs/1502.03509")
    # A mixture of orders has no conditionals pixel by pixel.
    pixel_log_prob = None  # type: ignore[assignment]

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        hidden: Count = 500,
        depth: Layers = 1,
        masks: Layers = 1,
        orders: Literal["raster", "random"] = "raster",
        dropout: Share = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.hidden, self.depth = hidden, depth
        self.masks = masks
        self.orders = one_of("orders", orders, ("raster", "random"))
        self.dropout = dropout
        d, n = math.prod(self.image_shape), self.p.parameters
        # Before the masks, which are as large: what does not fit is refused by its weights.
        sizes = [d, *[hidden] * depth, d * n]
        self.W = [
            self.add_weight(name=f"W{i}", shape=shape, initializer="glorot_uniform")
            for i, shape in enumerate(itertools.pairwise(sizes))
        ]
        self.b = [
            self.add_weight(name=f"b{i}", shape=(size,), initializer="zeros")
            for i, size in enumerate(sizes[1:])
        ]
        generator = np.random.default_rng(seed)
        # order[k, t] is the pixel that comes t-th.
        self.order = np.stack(
            [np.arange(d) if orders == "raster" else generator.permutation(d) for _ in range(masks)]
        )
        # Of each mask the degrees of its layers; from them what is connected, and, for drawing, the
        # units of each layer that are due when t + 1 pixels are known: [K, D, G].
        of_layers = [[degrees(hidden, d, generator) for _ in range(depth)] for _ in range(masks)]
        self.connected = [
            self._connected(order, layers)
            for order, layers in zip(self.order, of_layers, strict=True)
        ]
        self.due = [
            np.stack([units_of(layers[i], d) for layers in of_layers]) for i in range(depth)
        ]
        self.drop = [
            Dropout(dropout, f"hidden {i}", self.dropout_masks) for i in range(1, depth + 1)
        ]
        for layer in self.drop:
            layer.build((hidden,))

    def _connected(self, order: np.ndarray, layers: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The masks of all layers for one order, and degrees of the hidden ones: [inputs, outputs]
        each."""
        d, n = len(order), self.p.parameters
        of_pixel = np.empty(d, int)
        of_pixel[order] = 1 + np.arange(d)
        of_layer = [of_pixel, *layers]
        masks = [low[:, None] <= high for low, high in itertools.pairwise(of_layer)]
        last = of_layer[-1][:, None] < of_pixel
        return [m.astype(np.float32) for m in (*masks, last.repeat(n, axis=1))]

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {"p": [*self.W, *self.b]}

    def idle(self) -> int:
        """Those that no mask lets through."""
        return sum(int(np.sum(np.max(m, axis=0) == 0)) for m in zip(*self.connected, strict=True))

    def masked(
        self, x: tf.Tensor, masks: Sequence[np.ndarray], training: bool = False
    ) -> tf.Tensor:
        """The parameters with masks [inputs, outputs] of each layer: [B, H, W, C * n]."""
        h, w, c = self.image_shape
        units = tf.reshape(x, [-1, h * w * c])

        def layer(units: tf.Tensor, i: int) -> tf.Tensor:
            W = tf.cast(self.W[i] * masks[i], self.compute_dtype)
            product = tf.matmul(tf.cast(units, self.compute_dtype), W)
            return tf.cast(product, tf.float32) + self.b[i]

        for i, drop in enumerate(self.drop):
            units = drop(tf.nn.relu(layer(units, i)), training=training)
        outputs = layer(units, -1)
        return tf.reshape(outputs, [-1, h, w, c * self.p.parameters])

    def network(
        self, x: tf.Tensor, label: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """The parameters of all conditionals, of the first mask: in training of the step's."""
        if training and self.masks > 1:
            k = tf.cast(self.step % self.masks, tf.int32)
            chosen = [tf.gather(np.stack(m), k) for m in zip(*self.connected, strict=True)]
            return self.masked(x, chosen, training=True)
        return self.masked(x, self.connected[0], training)

    def log_prob(self, x: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
        """log of the mean density of all masks, exact: images in [0, 1] -> [B], nats."""
        levels = self.to_levels(x)
        log_p = [self.p.log_prob(levels, self.masked(x, masks)) for masks in self.connected]
        return tf.reduce_logsumexp(tf.stack(log_p), axis=0) - math.log(self.masks)

    def test_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {"loss": -tf.reduce_mean(self.log_prob(self.to_unit(batch["image"])))}

    # --- sampling --------------------------------------------------------------------------------

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        noise = super().noise(seeds)
        if self.masks > 1:
            noise["which"] = random.uniform(seeds, [1], "which")
        return noise

    def generate(
        self, noise: dict[str, tf.Tensor], condition: tf.Tensor | None = None
    ) -> tf.Tensor:
        u = noise["u"]
        if self.masks == 1:
            which = tf.zeros([tf.shape(u)[0]], tf.int32)
        else:
            which = tf.cast(noise["which"][:, 0] * self.masks, tf.int32)
        return self.draw(u, which, tf.zeros_like(u), tf.zeros_like(u))

    @looping
    def draw(self, u: tf.Tensor, which: tf.Tensor, given: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
        """Draws pixel after pixel, each image in the order of its mask; [B] int32 says which.

        A hidden unit of degree m is what it will be once m pixels are known, and is computed then.
        What is added to units that were computed before is not asked again: so masks, which tell
        what a unit may see, are kept by the order of things alone.
        """
        d, n = math.prod(self.image_shape), self.p.parameters
        order = tf.gather(tf.constant(self.order, tf.int32), which)  # [B, D]
        due = [tf.gather(tf.constant(units, tf.int32), which) for units in self.due]  # [B, D, G]
        u, given, known = (tf.reshape(v, [-1, d]) for v in (u, given, known))
        to_pixel = tf.transpose(tf.reshape(self.W[-1], [self.hidden, d, n]), [1, 0, 2])
        offsets = tf.reshape(self.b[-1], [d, n])

        def step(
            t: tf.Tensor, x: tf.Tensor, sums: tuple[tf.Tensor, ...], last: tf.Tensor
        ) -> tuple[Any, ...]:
            pixel = tf.gather(order, t, axis=1)  # [B]
            here = tf.one_hot(pixel, d)
            parameters = tf.matmul(last[:, None], tf.gather(to_pixel, pixel))[:, 0]
            parameters += tf.gather(offsets, pixel)
            value = self.p.draw_next(parameters, [], tf.reduce_sum(u * here, axis=1))
            is_known, held = (tf.reduce_sum(v * here, axis=1) for v in (known, given))
            value = tf.where(is_known > 0.5, held, value)

            added, after = value[:, None] * tf.gather(self.W[0], pixel), []
            for i, total in enumerate(sums):
                total += added
                after.append(total)
                units = tf.gather(due[i], t, axis=1)  # [B, G]; -1 where there are fewer
                exists, units = units >= 0, tf.maximum(units, 0)
                h = tf.nn.relu(tf.gather(total, units, batch_dims=1)) * tf.cast(exists, tf.float32)
                if i + 1 < self.depth:
                    added = tf.matmul(h[:, None], tf.gather(self.W[i + 1], units))[:, 0]
            last += tf.reduce_sum(tf.one_hot(units, self.hidden) * h[..., None], axis=1)
            return t + 1, tf.where(here > 0.5, value[:, None], x), tuple(after), last

        rows = tf.shape(u)[0]
        sums = tuple(tf.tile(b[None], [rows, 1]) for b in self.b[:-1])
        start = (tf.constant(0), tf.zeros_like(u), sums, tf.zeros([rows, self.hidden]))
        x = tf.while_loop(lambda t, *_: t < d, step, start)[1]
        return tf.reshape(x, [-1, *self.image_shape])

    def fill(
        self, u: tf.Tensor, given: tf.Tensor, known: tf.Tensor, label: tf.Tensor | None = None
    ) -> tf.Tensor:
        """As `Autoregression.fill`, in the order of the first mask."""
        which = tf.zeros([tf.shape(u)[0]], tf.int32)
        return self.draw(u, which, given, known)
