"""Priors of codes: N(0, I), mixtures, a swiss roll.

A new one says how it is drawn from, `noise` and `draw`, and for a VAE its density: `unit_log_prob`,
where units are independent, else `log_prob` too. Bounds, samples and what is said of codes follow.
With labels, the codes of each class come from a part of the density of their own (Makhzani et al.
2016, figure 4).
"""

import math
from collections.abc import Callable, Mapping

import tensorflow as tf

from tfgen import random
from tfgen.errors import UserError, one_of
from tfgen.objectives import bounds, divergences


class Prior:
    """A density p(z) of codes of Z units; an encoder is trained towards it.

    q(z|x) = N(mu, diag exp(logvar)) wherever it is compared with; all in nats.
    """

    latent_dim: int
    # Whether p(z) = prod_j p(z_j).
    independent = True

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        """What a draw is made of, by `tfgen.random`: int32 [B] -> dict of [B, ...].

        "z" is what figures interpolate, as normals; "u" is not free, a VAE draws images by it.
        """
        raise NotImplementedError(f"{type(self).__name__} must say what it is drawn from")

    def draw(self, noise: Mapping[str, tf.Tensor], label: tf.Tensor | None = None) -> tf.Tensor:
        """What `noise` gives, and labels [B] if it has parts for them -> codes [B, Z]."""
        raise NotImplementedError(f"{type(self).__name__} must say how it is drawn from")

    def unit_log_prob(self, z: tf.Tensor) -> tf.Tensor:
        """log p(z_j) of each unit, the marginals: [..., Z] -> [..., Z]."""
        raise NotImplementedError(f"{type(self).__name__} has no density")

    def log_prob(self, z: tf.Tensor) -> tf.Tensor:
        """log p(z): [..., Z] -> [...]."""
        return tf.reduce_sum(self.unit_log_prob(z), axis=-1)

    def kl(self, mu: tf.Tensor, logvar: tf.Tensor, z: tf.Tensor) -> tf.Tensor:
        """KL(q(z|x) || p(z)), here by the draws z of q(z|x): [B, Z], [B, Z], [B, L, Z] -> [B]."""
        return divergences.kl_by_draws(z, mu, logvar, self.log_prob(z))

    def unit_kl(self, mu: tf.Tensor, logvar: tf.Tensor) -> tf.Tensor:
        """KL(q(z_j|x) || p(z_j)) of each unit: [B, Z], [B, Z] -> [B, Z]."""
        return divergences.unit_kl_by_quadrature(mu, logvar, self.unit_log_prob)

    def code_kl(
        self, mu: tf.Tensor, logvar: tf.Tensor, samples: int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """KL(q(z|x) || p(z)) and of each unit: [B, Z], [B, Z] -> ([B], [B, Z]).

        Where units depend on each other, the whole is their sum and E_q log prod_j p(z_j) / p(z),
        by twice `samples` draws of eps, the same for every image and balanced: under a single
        Gaussian there is no error.
        """
        units = self.unit_kl(mu, logvar)
        whole = tf.reduce_sum(units, axis=-1)
        if self.independent:
            return whole, units
        eps = random.normal(tf.range(samples), [mu.shape[-1]], "importance eps")
        eps = bounds.balanced(eps)

        def dependence(i: tf.Tensor) -> tf.Tensor:
            z = mu + tf.exp(0.5 * logvar) * eps[i]
            return tf.reduce_sum(self.unit_log_prob(z), axis=-1) - self.log_prob(z)

        return whole + bounds.mean(dependence, 2 * samples), units


class Normal(Prior):
    """N(0, I) in Z dimensions; its KL has a closed form."""

    def __init__(self, latent_dim: int, parts: int = 0) -> None:
        self.latent_dim = latent_dim
        if parts:
            raise UserError(
                "a normal prior has no parts for labels: set `model.labels=False`, or "
                "`model.prior=mixture` or swiss_roll."
            )

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"z": random.normal(seeds, [self.latent_dim], "z")}

    def draw(self, noise: Mapping[str, tf.Tensor], label: tf.Tensor | None = None) -> tf.Tensor:
        return noise["z"]

    def unit_log_prob(self, z: tf.Tensor) -> tf.Tensor:
        return divergences.unit_normal_log_prob(z, tf.zeros_like(z), tf.zeros_like(z))

    def kl(self, mu: tf.Tensor, logvar: tf.Tensor, z: tf.Tensor) -> tf.Tensor:
        return divergences.kl_to_standard_normal(mu, logvar)

    def unit_kl(self, mu: tf.Tensor, logvar: tf.Tensor) -> tf.Tensor:
        return divergences.unit_kl_to_standard_normal(mu, logvar)


class Mixture(Prior):
    """1/K sum_k N(mu_k, diag exp(logvar_k)), of mu, logvar [K, Z]."""

    independent = False

    def __init__(self, mu: tf.Tensor, logvar: tf.Tensor) -> None:
        self.mu, self.logvar = mu, logvar
        self.parts, self.latent_dim = mu.shape

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            "k": random.uniform(seeds, [1], "k"),
            "z": random.normal(seeds, [self.latent_dim], "z"),
        }

    def draw(self, noise: Mapping[str, tf.Tensor], label: tf.Tensor | None = None) -> tf.Tensor:
        k = tf.cast(noise["k"][:, 0] * self.parts, tf.int32)
        return tf.gather(self.mu, k) + tf.exp(0.5 * tf.gather(self.logvar, k)) * noise["z"]

    def log_prob(self, z: tf.Tensor) -> tf.Tensor:
        each = divergences.normal_log_prob(z[..., None, :], self.mu, self.logvar)
        return tf.reduce_logsumexp(each, axis=-1) - math.log(self.parts)

    def unit_log_prob(self, z: tf.Tensor) -> tf.Tensor:
        shares = tf.fill([self.parts], -math.log(self.parts))
        return divergences.unit_mixture_log_prob(z, shares, self.mu, self.logvar)


class _Plane(Prior):
    """A density in the plane, of `parts` parts, from (part, two numbers)."""

    def __init__(self, latent_dim: int, parts: int = 0) -> None:
        if latent_dim != 2:
            raise UserError(
                f"this prior lies in the plane: latent_dim is {latent_dim}, but must be 2."
            )
        self.labelled, self.parts = bool(parts), parts or 10

    def _part(self, noise: Mapping[str, tf.Tensor], label: tf.Tensor | None) -> tf.Tensor:
        """The part of each draw, [B]: its label, or by the uniform "k"."""
        if self.labelled:
            return tf.cast(label, tf.float32)
        return tf.floor(noise["k"][:, 0] * self.parts)

    def _with_part(self, noise: dict[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return noise if self.labelled else {"k": random.uniform(seeds, [1], "k"), **noise}


class Petals(_Plane):
    """Gaussians around a circle, long ones that point outwards: Makhzani et al., figure 4a."""

    radius, along, across = 2.0, 0.5, 0.1

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._with_part({"z": random.normal(seeds, [2], "z")}, seeds)

    def draw(self, noise: Mapping[str, tf.Tensor], label: tf.Tensor | None = None) -> tf.Tensor:
        angle = 2.0 * math.pi * self._part(noise, label) / self.parts
        out = self.radius + self.along * noise["z"][:, 0]
        aside = self.across * noise["z"][:, 1]
        x = out * tf.cos(angle) - aside * tf.sin(angle)
        y = out * tf.sin(angle) + aside * tf.cos(angle)
        return tf.stack([x, y], axis=1)


class SwissRoll(_Plane):
    """A spiral of two turns, evenly filled along its length: Makhzani et al., figure 4b."""

    turns, radius, across = 2.0, 3.0, 0.05

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        noise = {"u": random.uniform(seeds, [1], "u"), "z": random.normal(seeds, [2], "z")}
        return self._with_part(noise, seeds)

    def draw(self, noise: Mapping[str, tf.Tensor], label: tf.Tensor | None = None) -> tf.Tensor:
        # Of a spiral r = c t the length grows with t^2, nearly: a root spreads the draws evenly.
        t = tf.sqrt((self._part(noise, label) + noise["u"][:, 0]) / self.parts)
        angle = 2.0 * math.pi * self.turns * t
        curve = tf.stack([tf.cos(angle), tf.sin(angle)], axis=1) * (self.radius * t)[:, None]
        return curve + self.across * noise["z"]


KINDS: dict[str, Callable[..., Prior]]
KINDS = {"normal": Normal, "mixture": Petals, "swiss_roll": SwissRoll}


def find(name: str, latent_dim: int, parts: int = 0) -> Prior:
    """The prior of that name; parts: one for each label, 0 without labels.

    Raises: UserError for an unknown name, or one that does not suit the codes.
    """
    return KINDS[one_of("prior", name, KINDS)](latent_dim, parts)
