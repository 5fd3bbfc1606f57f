"""p(x | parameters) for images of integer levels 0 .. L - 1: log-probability, mean and sampling.

A likelihood is chosen to fit the data: Bernoulli for two levels, a categorical for few, a
discretised logistic for many, or a discretised Gaussian; a mixture of coupled channels for colour
that is drawn pixel by pixel; a Gaussian of one learned width for decoders. Each gives a probability
to every level, so all are in nats on the same scale and may be compared. Each samples by inverting
a distribution function at a given uniform: the number comes from the seed, not from a state.

Shapes: levels int32 [B, H, W, C];  parameters [B, H, W, N], N = C n with those of a channel side by
side, where channels are independent;  log_prob [B], nats;  pixel_log_prob [B, H, W, C], its terms.
"""

import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from tfgen.errors import UserError, one_of
from tfgen.objectives.coupled import CoupledMixture
from tfgen.objectives.levels import (
    Likelihood,
    at_level,
    bounded,
    chosen,
    clipped_logistic_mean,
    inverted,
    logistic_bin,
    logistic_draw,
    softplus,
)


class Bernoulli(Likelihood):
    """Two levels:  p(x = 1) = sigmoid(logit)."""

    parameters = 1

    def __init__(self, levels: int = 2) -> None:
        if levels != 2:
            raise UserError(f"a Bernoulli likelihood needs 2 levels, the data have {levels}.")

    def pixel_log_prob(self, x: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        # log p = x log sigmoid(l) + (1 - x) log sigmoid(-l) = x l - softplus(l)
        return tf.cast(x, tf.float32) * logits - softplus(logits)

    def mean(self, logits: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(logits)

    def draw(self, logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        return tf.cast(u < tf.sigmoid(logits), tf.float32)


class Categorical(Likelihood):
    """A free probability for each level:  p(x = k) = softmax(logits)[k]."""

    def __init__(self, levels: int) -> None:
        self.levels = levels
        self.parameters = levels

    def pixel_log_prob(self, x: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        logits = self._split_channels(parameters)
        return -tf.nn.sparse_softmax_cross_entropy_with_logits(x, logits)

    def mean(self, parameters: tf.Tensor) -> tf.Tensor:
        values = tf.range(self.levels, dtype=tf.float32) / (self.levels - 1)
        mean = tf.reduce_sum(tf.nn.softmax(self._split_channels(parameters)) * values, axis=-1)
        return tf.minimum(mean, 1.0)  # rounding may pass the end

    def draw(self, parameters: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        p = tf.nn.softmax(self._split_channels(parameters))
        return inverted(tf.cumsum(p, axis=-1), u) / (self.levels - 1)


class _LocationScale(Likelihood):
    """A density of a learned place m and width s, integrated over each level's bin.

    `mean` is that of the variable with this density, clipped to the range, and not of the levels
    that it is rounded to: where the width is under a level, up to half a level off.
    """

    parameters = 2

    def __init__(self, levels: int) -> None:
        self.levels = levels

    def _split(self, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """-> m in levels, log s; zeros mean the middle, an eighth of the range wide."""
        m, log_s = tf.unstack(self._split_channels(parameters), axis=-1)
        top = float(self.levels - 1)
        return (m + 0.5) * top, bounded(log_s) + tf.math.log(top / 8.0)


class DiscretizedLogistic(_LocationScale):
    """A logistic density integrated over each level's bin; the outer bins take the tails.

        p(x = k) = sigmoid((k + 1/2 - m) / s) - sigmoid((k - 1/2 - m) / s),   in units of levels

    Salimans et al., PixelCNN++, ICLR 2017, equation 2 (one component).
    """

    def pixel_log_prob(self, x: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        return logistic_bin(tf.cast(x, tf.float32), *self._split(parameters), self.levels)

    def mean(self, parameters: tf.Tensor) -> tf.Tensor:
        top = float(self.levels - 1)
        mean = clipped_logistic_mean(*self._split(parameters), top) / top
        return tf.clip_by_value(mean, 0.0, 1.0)  # rounding may pass the ends

    def draw(self, parameters: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        m, log_s = self._split(parameters)
        return at_level(logistic_draw(m, log_s, u), self.levels - 1)


class FixedLogistic(DiscretizedLogistic):
    """The logistic of one width for all pixels, a twelfth of the range: only its place is learned.

    As with a squared error, no pixel can be bought off by a large width, and flat ground does not
    take over by a small one: for colour pictures whose codes are what is wanted.
    """

    parameters = 1

    def _split(self, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        top = float(self.levels - 1)
        m = (self._split_channels(parameters)[..., 0] + 0.5) * top
        return m, tf.fill(tf.shape(m), math.log(top / 12.0))


class MixtureOfLogistics(Likelihood):
    """A mixture of five logistics, integrated over each level's bin.

        p(x = k) = sum_j w_j [sigmoid((k + 1/2 - m_j) / s_j) - sigmoid((k - 1/2 - m_j) / s_j)]

    Salimans et al., PixelCNN++, ICLR 2017, equation 2. A channel depends on those before it by the
    network, if at all; by coefficients of its own in `CoupledMixture`.

    Neither the mean nor a draw makes anything of the size of levels by parts: an evaluation's batch
    of 64x64x3 at 256 levels would take 16 GB. As of `_LocationScale`, the mean is of the density.
    """

    components = 5
    parameters = 3 * components

    def __init__(self, levels: int) -> None:
        self.levels = levels

    def _split(self, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """-> log w, m in levels, log s: each [B, H, W, C, J]. Zeros spread over the range."""
        logits, m, log_s = tf.split(self._split_channels(parameters), 3, axis=-1)
        top, j = float(self.levels - 1), tf.range(self.components, dtype=tf.float32)
        m = (m + (j + 0.5) / self.components) * top
        log_s = bounded(log_s) + tf.math.log(top / (2.0 * self.components))
        return tf.nn.log_softmax(logits), m, log_s

    def pixel_log_prob(self, x: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        log_w, m, log_s = self._split(parameters)
        k = tf.cast(x, tf.float32)[..., None]
        return tf.reduce_logsumexp(log_w + logistic_bin(k, m, log_s, self.levels), axis=-1)

    def mean(self, parameters: tf.Tensor) -> tf.Tensor:
        # The mean of a mixture is that of its parts' means.
        log_w, m, log_s = self._split(parameters)
        top = float(self.levels - 1)
        means = tf.exp(log_w) * clipped_logistic_mean(m, log_s, top) / top
        return tf.clip_by_value(tf.reduce_sum(means, axis=-1), 0.0, 1.0)  # as there

    def draw(self, parameters: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        log_w, m, log_s = self._split(parameters)
        here, u = chosen(tf.exp(log_w), u)
        m, log_s = (tf.reduce_sum(here * part, axis=-1) for part in (m, log_s))
        return at_level(logistic_draw(m, log_s, u), self.levels - 1)


def log_normal_cdf(x: tf.Tensor) -> tf.Tensor:
    """log Phi(x) for x <= 0, to 2e-7 and without underflow; of ops that LiteRT has.

    Press et al. 1992, Numerical Recipes, section 6.2: Chebyshev fit of log erfc.
    """
    z = x * -math.sqrt(0.5)
    t = 1.0 / (1.0 + 0.5 * z)
    terms = (
        *(0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807),
        *(-0.18628806, 0.09678418, 0.37409196, 1.00002368, -1.26551223),
    )
    return tf.math.log(0.5 * t) - tf.square(z) + _polynomial(terms, t)


def normal_cdf(x: tf.Tensor) -> tf.Tensor:
    """Phi(x)."""
    tail = tf.exp(log_normal_cdf(-tf.abs(x)))
    return tf.where(x > 0.0, 1.0 - tail, tail)


def normal_quantile(u: tf.Tensor) -> tf.Tensor:
    """The x of Phi(x) = u, to 1e-6 of it; of ops that LiteRT has (Wichura 1988, AS 241, PPND7)."""
    q = u - 0.5
    r = 0.180625 - tf.square(q)
    middle = q * _polynomial((59.109374720, 159.29113202, 50.434271938, 3.3871327179), r)
    middle /= _polynomial((67.187563600, 78.757757664, 17.895169469, 1.0), r)
    r = tf.sqrt(-tf.math.log(tf.minimum(u, 1.0 - u))) - 1.6  # uniforms of 23 bits end before 5
    outer = _polynomial((0.17023821103, 1.3067284816, 2.7568153900, 1.4234372777), r)
    outer /= _polynomial((0.12021132975, 0.73700164250, 1.0), r)
    return tf.where(tf.abs(q) <= 0.425, middle, tf.sign(q) * outer)


def _polynomial(coefficients: Sequence[float], x: tf.Tensor) -> tf.Tensor:
    """From the highest power down, by Horner's rule."""
    value = coefficients[0] + 0.0 * x
    for c in coefficients[1:]:
        value = value * x + c
    return value


def gaussian_bin(k: tf.Tensor, m: tf.Tensor, log_s: tf.Tensor, levels: int) -> tf.Tensor:
    """The log probability of levels k under a normal at m, of width s, as `logistic_bin` has it."""
    inverse_s = tf.exp(-log_s)
    # By symmetry the bin is looked at from the side where its tail is small: 0 >= upper > lower
    # or, around the middle, upper > 0 > lower.
    distance = tf.abs(k - m)
    upper, lower = (0.5 - distance) * inverse_s, (-0.5 - distance) * inverse_s
    log_below = _log_cdf((k + 0.5 - m) * inverse_s)
    log_above = _log_cdf((m - k + 0.5) * inverse_s)
    log_inside = _log_between(lower, upper, inverse_s)
    return tf.where(k < 0.5, log_below, tf.where(k > levels - 1.5, log_above, log_inside))


def _log_cdf(x: tf.Tensor) -> tf.Tensor:
    """log Phi(x) for any x; above 0 from the other tail."""
    tail = log_normal_cdf(-tf.abs(x))
    return tf.where(x > 0.0, tf.math.log1p(-tf.minimum(tf.exp(tail), 0.5)), tail)


def _log_between(lower: tf.Tensor, upper: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """log (Phi(upper) - Phi(lower)), upper - lower = width."""
    log_upper, log_lower = _log_cdf(upper), log_normal_cdf(tf.minimum(lower, 0.0))
    ratio = tf.minimum(log_lower - log_upper, -1e-6)
    by_difference = log_upper + tf.math.log(-tf.math.expm1(ratio))
    # In narrow bins the two cancel: there the density in the middle, and its curvature.
    middle = 0.5 * (lower + upper)
    narrow = width * (1.0 + tf.abs(middle)) < 0.1
    safe = tf.where(narrow, middle, 0.0)
    curvature = tf.square(tf.minimum(width, 0.1)) * (tf.square(safe) - 1.0) / 24.0
    by_density = (
        tf.math.log(width)
        - 0.5 * tf.square(safe)
        - 0.5 * math.log(2.0 * math.pi)
        + tf.math.log1p(curvature)
    )
    return tf.where(narrow, by_density, by_difference)


class DiscretizedGaussian(_LocationScale):
    """A normal density integrated over each level's bin; the outer bins take the tails.

        p(x = k) = Phi((k + 1/2 - m) / s) - Phi((k - 1/2 - m) / s),   in units of levels

    Kingma and Welling 2014, appendix C.2, has the density itself, with m and s from the decoder.
    """

    def pixel_log_prob(self, x: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        return gaussian_bin(tf.cast(x, tf.float32), *self._split(parameters), self.levels)

    def mean(self, parameters: tf.Tensor) -> tf.Tensor:
        # E[clip(X, 0, T)] = int_0^T P(X > t) dt = s (h(m / s) - h((m - T) / s)), where
        # h(a) = a Phi(a) + phi(a) is an integral of Phi.
        m, log_s = self._split(parameters)
        s, top = tf.exp(log_s), float(self.levels - 1)

        def h(a: tf.Tensor) -> tf.Tensor:
            phi = tf.exp(-0.5 * tf.square(a)) / math.sqrt(2.0 * math.pi)
            return a * normal_cdf(a) + phi

        return tf.clip_by_value(s * (h(m / s) - h((m - top) / s)) / top, 0.0, 1.0)

    def draw(self, parameters: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        m, log_s = self._split(parameters)
        return at_level(m + tf.exp(log_s) * normal_quantile(u), self.levels - 1)


class SharedGaussian(DiscretizedGaussian):
    """The Gaussian of one width for all pixels, which is learned: the last plane of parameters.

    Rybkin et al. 2021, section 3.1, has the density itself.
    """

    parameters = 1
    shared = True

    def _split(self, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        top = float(self.levels - 1)
        log_s = bounded(parameters[..., -1:]) + math.log(top / 8.0)
        return (parameters[..., :-1] + 0.5) * top, log_s


KINDS: dict[str, Callable[[int], Likelihood]] = {
    "bernoulli": Bernoulli,
    "categorical": Categorical,
    "logistic": DiscretizedLogistic,
    "fixed_logistic": FixedLogistic,
    "gaussian": DiscretizedGaussian,
    "shared_gaussian": SharedGaussian,
    "mixture": MixtureOfLogistics,
    "coupled_mixture": CoupledMixture,
}


def choose(name: str, levels: int) -> Likelihood:
    """The likelihood of that name for L levels; "auto" takes the one that fits L.

    Raises: UserError for an unknown name, or one that cannot hold L levels.
    """
    if name == "auto":
        name = "bernoulli" if levels == 2 else "categorical" if levels <= 32 else "logistic"
    return KINDS[one_of("likelihood", name, KINDS)](levels)
