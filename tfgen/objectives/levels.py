"""What likelihoods of integer levels 0 .. L - 1 are made of: their interface, and logistic bins.

Shapes: levels int32 [B, H, W, C];  parameters [B, H, W, N], N those of a pixel;
log_prob [B], nats;  pixel_log_prob [B, H, W, C], its terms.
"""

from collections.abc import Sequence

import tensorflow as tf


def softplus(x: tf.Tensor) -> tf.Tensor:
    """log(1 + exp(x)) without overflow; LiteRT lowers Keras' to log(exp(x) + 1): inf at 89."""
    return tf.maximum(x, 0.0) + tf.math.log(1.0 + tf.exp(-tf.abs(x)))


def inverted(cumulative: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """The least k with u < P(x <= k), float32:  [..., L], [...] -> [...]."""
    # The last term of the sum is 1, which rounding may miss.
    return tf.reduce_sum(tf.cast(cumulative[..., :-1] <= u[..., None], tf.float32), axis=-1)


def chosen(p: tf.Tensor, u: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """A component drawn by p, and a uniform for what it draws itself.

    Where u falls among the cumulative probabilities says which; how far it lies between the two of
    this one is uniform again. [..., J], [...] -> (one-hot float32 [..., J], [...] in (0, 1)).
    """
    cumulative = tf.cumsum(p, axis=-1)
    j = inverted(cumulative, u)
    here = tf.cast(j[..., None] == tf.range(p.shape[-1], dtype=tf.float32), tf.float32)
    left = u - tf.reduce_sum(here * (cumulative - p), axis=-1)
    left /= tf.reduce_sum(here * p, axis=-1)
    return here, tf.clip_by_value(left, 2.0**-24, 1.0 - 2.0**-24)


class Likelihood:
    """Given its parameters, each pixel is independent of the others, and so is each channel.

    Where `couples` says so, the channels of a pixel have parameters in common, and each depends on
    those before it; where `shared` does, all pixels have their width in common, which no network
    gives: it comes as a last plane of the parameters (`tfgen.layers.shared_width`).
    """

    parameters: int  # n, of each pixel and channel
    couples = False
    shared = False

    def outputs(self, channels: int) -> int:
        """N, how many parameters a network gives a pixel of so many channels."""
        return channels * self.parameters

    def pixel_log_prob(self, x: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """Levels [B, H, W, C], [B, H, W, C * n] -> [B, H, W, C], nats."""
        raise NotImplementedError

    def mean(self, parameters: tf.Tensor) -> tf.Tensor:
        """[B, H, W, C * n] -> [B, H, W, C] in [0, 1]."""
        raise NotImplementedError

    def draw(self, parameters: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        """A draw by uniforms u [B, H, W, C]: a level in [0, 1]."""
        raise NotImplementedError

    def draw_next(
        self, parameters: tf.Tensor, before: Sequence[tf.Tensor], u: tf.Tensor
    ) -> tf.Tensor:
        """A draw of one channel of a pixel, given those before it.

        Args: parameters, of this channel [B, n], or of the pixel [B, N] where channels are coupled;
          before: the values of the channels before, each [B] in [0, 1]; u [B], uniform.

        Returns: [B] in [0, 1].
        """
        parameters = tf.reshape(parameters, [-1, 1, 1, self.parameters])
        return tf.reshape(self.draw(parameters, u[:, None, None, None]), [-1])

    def log_prob(self, x: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(self.pixel_log_prob(x, parameters), axis=[1, 2, 3])

    def _split_channels(self, parameters: tf.Tensor) -> tf.Tensor:
        """[B, H, W, C * n] -> [B, H, W, C, n]"""
        b, (h, w, c) = tf.shape(parameters)[0], parameters.shape[1:]
        return tf.reshape(parameters, [b, h, w, c // self.parameters, self.parameters])


def bounded(log_s: tf.Tensor) -> tf.Tensor:
    """log s of a width, as it is from -6 to 4, and beyond ever more slowly towards -7 and 5.

    Narrower or wider is of no use to a bin of one level, and overflows. Nowhere is the slope 0, so
    what has once been driven out there comes back.
    """
    inside = tf.clip_by_value(log_s, -6.0, 4.0)
    beyond = log_s - inside
    return inside + tf.sign(beyond) * (1.0 - 1.0 / (1.0 + tf.abs(beyond)))


def logistic_bin(k: tf.Tensor, m: tf.Tensor, log_s: tf.Tensor, levels: int) -> tf.Tensor:
    """The log probability of levels k under a logistic at m, of width s: shapes that broadcast.

    In units of levels; the bins of the first and the last level take the tails.
    """
    inverse_s = tf.exp(-log_s)
    upper, lower = (k + 0.5 - m) * inverse_s, (k - 0.5 - m) * inverse_s
    log_below = -softplus(-upper)  # log sigmoid(upper), the bin of level 0
    log_above = -softplus(lower)  # log (1 - sigmoid(lower)), the bin of level L - 1
    # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)):  no cancellation far out.
    log_inside = log_below + log_above + tf.math.log(-tf.math.expm1(-inverse_s))
    return tf.where(k < 0.5, log_below, tf.where(k > levels - 1.5, log_above, log_inside))


def logistic_draw(m: tf.Tensor, log_s: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """What a logistic at m, of width s, has below it with the probability u."""
    return m + tf.exp(log_s) * (tf.math.log(u) - tf.math.log(1.0 - u))


def at_level(x: tf.Tensor, top: float) -> tf.Tensor:
    """x in levels 0 .. T -> the nearest that there is, in [0, 1]."""
    return tf.clip_by_value(tf.round(x) / top, 0.0, 1.0)


def clipped_logistic_mean(m: tf.Tensor, log_s: tf.Tensor, top: float) -> tf.Tensor:
    """E[clip(X, 0, T)] of a logistic X at m, of width s: shapes that broadcast, in units of T.

    It is int_0^T P(X > t) dt = s (softplus(m / s) - softplus((m - T) / s)).
    """
    s = tf.exp(log_s)
    return s * (softplus(m / s) - softplus((m - top) / s))
