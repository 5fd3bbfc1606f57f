"""p(x | parameters) for images of integer levels 0 .. L - 1: log-probability, mean and sampling.

A likelihood is chosen to fit the data: Bernoulli for two levels, a categorical for few, a
discretised logistic for many. Each gives a probability to every level, so all are in nats on the
same scale and may be compared. Each samples by inverting its distribution function at a given
uniform: the number comes from the seed, not from a state.

Shapes: levels int32 [B, H, W, C];  parameters [B, H, W, C * n];  log_prob [B], nats.
"""

import tensorflow as tf

from tfgen.errors import UserError, one_of


def softplus(x):
    """log(1 + exp(x)) without overflow; LiteRT lowers Keras' to log(exp(x) + 1): inf at 89."""
    return tf.maximum(x, 0.0) + tf.math.log(1.0 + tf.exp(-tf.abs(x)))


def _sum_pixels(x):
    return tf.reduce_sum(x, axis=[1, 2, 3])


class Bernoulli:
    """Two levels:  p(x = 1) = sigmoid(logit)."""

    parameters = 1

    def __init__(self, levels=2):
        if levels != 2:
            raise UserError(f"a Bernoulli likelihood needs 2 levels, the data have {levels}.")

    def log_prob(self, x, logits):
        x = tf.cast(x, tf.float32)
        # log p = x log sigmoid(l) + (1 - x) log sigmoid(-l) = x l - softplus(l)
        return _sum_pixels(x * logits - softplus(logits))

    def mean(self, logits):
        return tf.sigmoid(logits)

    def draw(self, logits, u):
        return tf.cast(u < tf.sigmoid(logits), tf.float32)


class Categorical:
    """A free probability for each level:  p(x = k) = softmax(logits)[k]."""

    def __init__(self, levels):
        self.levels = levels
        self.parameters = levels

    def _logits(self, parameters):
        """[B, H, W, C * L] -> [B, H, W, C, L]"""
        b, (h, w, c) = tf.shape(parameters)[0], parameters.shape[1:]
        return tf.reshape(parameters, [b, h, w, c // self.levels, self.levels])

    def log_prob(self, x, parameters):
        logits = self._logits(parameters)
        return -_sum_pixels(tf.nn.sparse_softmax_cross_entropy_with_logits(x, logits))

    def mean(self, parameters):
        values = tf.range(self.levels, dtype=tf.float32) / (self.levels - 1)
        mean = tf.reduce_sum(tf.nn.softmax(self._logits(parameters)) * values, axis=-1)
        return tf.minimum(mean, 1.0)  # rounding may pass the end

    def draw(self, parameters, u):
        # The smallest k with u < P(x <= k). The last term of the sum is 1, which rounding may miss.
        cumulative = tf.cumsum(tf.nn.softmax(self._logits(parameters)), axis=-1)[..., :-1]
        k = tf.reduce_sum(tf.cast(cumulative <= u[..., None], tf.float32), axis=-1)
        return k / (self.levels - 1)


class DiscretizedLogistic:
    """A logistic density integrated over each level's bin; the outer bins take the tails.

        p(x = k) = sigmoid((k + 1/2 - m) / s) - sigmoid((k - 1/2 - m) / s),   in units of levels

    Salimans et al., PixelCNN++, ICLR 2017, equation 2 (one component).
    """

    parameters = 2

    def __init__(self, levels):
        self.levels = levels

    def _split(self, parameters):
        """-> m in levels, log s; zeros mean the middle, an eighth of the range wide."""
        m, log_s = tf.split(parameters, 2, axis=-1)
        top = float(self.levels - 1)
        # Wider or narrower than this is of no use to a bin of one level, and overflows.
        log_s = tf.clip_by_value(log_s, -7.0, 5.0) + tf.math.log(top / 8.0)
        return (m + 0.5) * top, log_s

    def log_prob(self, x, parameters):
        m, log_s = self._split(parameters)
        k = tf.cast(x, tf.float32)
        inverse_s = tf.exp(-log_s)
        upper, lower = (k + 0.5 - m) * inverse_s, (k - 0.5 - m) * inverse_s
        log_below = -softplus(-upper)  # log sigmoid(upper), the bin of level 0
        log_above = -softplus(lower)  # log (1 - sigmoid(lower)), the bin of level L - 1
        # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)):  no cancellation far
        # out.
        log_inside = log_below + log_above + tf.math.log(-tf.math.expm1(-inverse_s))
        log_p = tf.where(k < 0.5, log_below, tf.where(k > self.levels - 1.5, log_above, log_inside))
        return _sum_pixels(log_p)

    def mean(self, parameters):
        # E[clip(X, 0, T)] = int_0^T P(X > t) dt = s (softplus(m / s) - softplus((m - T) / s))
        m, log_s = self._split(parameters)
        s, top = tf.exp(log_s), float(self.levels - 1)
        mean = s * (softplus(m / s) - softplus((m - top) / s)) / top
        return tf.clip_by_value(mean, 0.0, 1.0)  # rounding may pass the ends

    def draw(self, parameters, u):
        m, log_s = self._split(parameters)
        k = tf.round(m + tf.exp(log_s) * (tf.math.log(u) - tf.math.log(1.0 - u)))
        return tf.clip_by_value(k / (self.levels - 1), 0.0, 1.0)


KINDS = {"bernoulli": Bernoulli, "categorical": Categorical, "logistic": DiscretizedLogistic}


def choose(name, levels):
    """The likelihood of that name for L levels; "auto" takes the one that fits L.

    Raises: UserError for an unknown name, or one that cannot hold L levels.
    """
    if name == "auto":
        name = "bernoulli" if levels == 2 else "categorical" if levels <= 32 else "logistic"
    return KINDS[one_of("likelihood", name, KINDS)](levels)
