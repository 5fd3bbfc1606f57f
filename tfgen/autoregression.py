"""What autoregressive models share: log p(x) = sum_i log p(x_i | x_<i), exact, and the way to draw.

The order is that of reading: rows, columns, channels. A model gives its conditionals twice:

    network(x)           those of all pixels of a whole image at once, for training and `log_prob`
    next_one(state)      that of one channel of one pixel, from what is kept of those before it

The second is how images are drawn, in one loop that computes each feature once (the idea of
P. Ramachandran et al., Fast Generation for Convolutional Autoregressive Models, 2017,
https://arxiv.org/abs/1704.06001). Where `network` costs an image a pixel, a step of the loop costs
a pixel. The tests hold the two to the same numbers.

Shapes: x [B, H, W, C] in [0, 1];  parameters [B, H, W, C * n], or [B, n] of a single channel;
u [B, H, W, C], the uniforms that the conditionals are inverted at.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfgen import random
from tfgen.compiling import looping
from tfgen.declared import Likelihood
from tfgen.errors import UserError
from tfgen.model import GenerativeModel
from tfgen.objectives import likelihoods

# What is known of the pixels before: tensors of fixed shapes, nested as a model likes.
State = tuple[Any, ...]


class Autoregression(GenerativeModel):
    """An autoregressive model; its likelihood is exact.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      likelihood: of a pixel's channel given those before it (`tfgen.objectives.likelihoods`);
        "auto" fits the data's levels.

    It takes no networks of the user's own: nothing would keep one from seeing what it predicts.

    A subclass has `network`, and for drawing `begin`, `next_one`, `observe`, and `begin_row`
    where something is best computed for a whole row. The state is a tuple of tensors of fixed
    shapes.
    """

    likelihood_kind = "exact"
    by_pixels = False  # whether `next_one` may give all channels of a pixel at once
    descent = {"p": "loss"}

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        likelihood: Likelihood = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.likelihood = likelihood
        self.p = likelihoods.choose(likelihood, levels)
        self.looks = 1 if self.p.couples else self.image_shape[-1]
        self._refuse_unfit_likelihood()

    def _refuse_unfit_likelihood(self) -> None:
        others = "one of mixture, logistic, gaussian fits."
        if self.p.shared:
            raise UserError(
                f"`likelihood={self.likelihood}` has one width for all pixels, which decoders "
                f"learn (vae, vq_vae, gsn): here {others}"
            )
        if self.p.couples and not self.by_pixels:
            raise UserError(
                f"`likelihood={self.likelihood}` wants all channels of a pixel at once, and this "
                f"model gives one after the other: {others}"
            )

    def network(
        self, x: tf.Tensor, label: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """The parameters of all conditionals: [B, H, W, C] -> [B, H, W, C * n]."""
        raise NotImplementedError

    # --- training --------------------------------------------------------------------------------

    def step_terms(
        self, batch: dict[str, tf.Tensor], seeds: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """-log p(x) of each image: {"loss": [B]}, nats."""
        image = batch["image"]
        parameters = self.network(self.to_unit(image), batch.get("label"), training)
        return {"loss": -self.p.log_prob(tf.cast(image, tf.int32), parameters)}

    # --- density ---------------------------------------------------------------------------------

    def log_prob(self, x: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
        """Exact: images in [0, 1] -> [B], nats; of p(x|y) where a label is given."""
        return tf.reduce_sum(self.pixel_log_prob(x, label), axis=[1, 2, 3])

    def pixel_log_prob(self, x: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
        """log p(x_i | x_<i) of each pixel and channel: images in [0, 1] -> [B, H, W, C], nats."""
        return self.p.pixel_log_prob(self.to_levels(x), self.network(x, label))

    # --- sampling --------------------------------------------------------------------------------

    def begin(self, rows: tf.Tensor, label: tf.Tensor | None = None) -> State:
        """The state before the first pixel of so many images."""
        raise NotImplementedError

    def begin_row(self, state: State, y: tf.Tensor, above: tf.Tensor) -> State:
        """The state at the start of row y; above: the row before it [B, W, C], zeros for none."""
        return state

    def next_one(
        self, state: State, y: tf.Tensor, x: tf.Tensor, channel: int
    ) -> tuple[tf.Tensor, State]:
        """The parameters of a channel (a Python number) of the pixel y, x: ([B, n], state).

        Where the likelihood couples channels, it is asked for channel 0 alone, and gives those of
        the pixel.
        """
        raise NotImplementedError

    def observe(
        self, state: State, y: tf.Tensor, x: tf.Tensor, channel: int, value: tf.Tensor
    ) -> State:
        """The state once that channel is known: value [B] in [0, 1]."""
        raise NotImplementedError

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"u": random.uniform(seeds, self.image_shape, "u")}

    def generate(
        self, noise: dict[str, tf.Tensor], condition: tf.Tensor | None = None
    ) -> tf.Tensor:
        u = noise["u"]
        return self.fill(u, tf.zeros_like(u), tf.zeros_like(u), condition)

    def complete(
        self,
        x: tf.Tensor,
        known: tf.Tensor,
        seeds: tf.Tensor | None = None,
        label: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Draws what is not known, given the known pixels before it: images in [0, 1] -> the same.

        If the known ones come first in the order of reading, an upper part, these are draws from
        p(unknown | known). Known pixels that come later are kept, but nothing before has seen them.

        Args: known, bool like x; seeds, int32 [B], of the draws, by default 0, 1, 2, ...
        """
        seeds = tf.range(tf.shape(x)[0]) if seeds is None else seeds
        u = self.noise(tf.convert_to_tensor(seeds, tf.int32))["u"]
        return self.fill(u, tf.convert_to_tensor(x, tf.float32), tf.cast(known, tf.float32), label)

    @looping
    def fill(
        self, u: tf.Tensor, given: tf.Tensor, known: tf.Tensor, label: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Images whose pixels are `given` where `known` is 1, and draws at u elsewhere."""
        h, w, channels = self.image_shape
        rows = tf.shape(u)[0]

        def pixel(
            y: tf.Tensor,
            u: tf.Tensor,
            given: tf.Tensor,
            known: tf.Tensor,
            x: tf.Tensor,
            line: tf.Tensor,
            state: State,
        ) -> tuple[tf.Tensor, tf.Tensor, State]:
            u, given, known = (tf.gather(v, x, axis=1) for v in (u, given, known))  # [B, C]
            values: list[tf.Tensor] = []
            for c in range(channels):
                if c < self.looks:
                    parameters, state = self.next_one(state, y, x, c)
                value = self.p.draw_next(parameters, values, u[:, c])
                value = tf.where(known[:, c] > 0.5, given[:, c], value)
                state = self.observe(state, y, x, c, value)
                values.append(value)
            return x + 1, placed(line, x, tf.stack(values, axis=1)), state

        def row(y: tf.Tensor, image: tf.Tensor, state: State) -> tuple[tf.Tensor, tf.Tensor, State]:
            state = self.begin_row(state, y, tf.gather(image, tf.maximum(y - 1, 0), axis=1))
            # [B, W, C]
            row_u, row_given, row_known = (tf.gather(v, y, axis=1) for v in (u, given, known))
            _, line, state = tf.while_loop(
                lambda x, *_: x < w,
                lambda x, line, state: pixel(y, row_u, row_given, row_known, x, line, state),
                (tf.constant(0), tf.zeros_like(row_u), state),
            )
            return y + 1, placed(image, y, line), state

        start = (tf.constant(0), tf.zeros_like(u), self.begin(rows, label))
        return tf.while_loop(lambda y, *_: y < h, row, start)[1]


def placed(x: tf.Tensor, i: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """x [B, N, ...] with `value` [B, ...] in place i."""
    here = tf.range(x.shape[1]) == i
    return tf.where(tf.reshape(here, [1, -1, *[1] * (len(x.shape) - 2)]), value[:, None], x)


def place(image_shape: Sequence[int], y: tf.Tensor, x: tf.Tensor, channel: int) -> tf.Tensor:
    """The number of a pixel's channel in the order of reading."""
    _, w, c = image_shape
    return (y * w + x) * c + channel
