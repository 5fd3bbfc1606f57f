"""Densities of codes that an encoder is trained to fill: N(0, I), a mixture, a swiss roll.

Each has the members of `LatentDensity` that sampling needs: `noise`, seeds -> dict of [B, ...], and
`draw`, that dict and labels or None -> codes [B, Z]. With labels, the codes of each class come from
a part of the density of their own (Makhzani et al. 2016, figure 4).
"""

import math
from collections.abc import Callable

import tensorflow as tf

from tfgen import random
from tfgen.errors import UserError, one_of


class Normal:
    """N(0, I) in Z dimensions."""

    def __init__(self, latent_dim: int, parts: int = 0) -> None:
        self.latent_dim = latent_dim
        if parts:
            raise UserError(
                "a normal prior has no parts for labels: set `model.labels=False`, or "
                "`model.prior=mixture` or swiss_roll."
            )

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"z": random.normal(seeds, [self.latent_dim], "z")}

    def draw(self, noise: dict[str, tf.Tensor], label: tf.Tensor | None = None) -> tf.Tensor:
        return noise["z"]


class _Plane:
    """A density in the plane, of `parts` parts, from (part, two numbers)."""

    def __init__(self, latent_dim: int, parts: int = 0) -> None:
        if latent_dim != 2:
            raise UserError(
                f"this prior lies in the plane: latent_dim is {latent_dim}, but must be 2."
            )
        self.labelled, self.parts = bool(parts), parts or 10

    def _part(self, noise: dict[str, tf.Tensor], label: tf.Tensor | None) -> tf.Tensor:
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

    def draw(self, noise: dict[str, tf.Tensor], label: tf.Tensor | None = None) -> tf.Tensor:
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

    def draw(self, noise: dict[str, tf.Tensor], label: tf.Tensor | None = None) -> tf.Tensor:
        # Of a spiral r = c t the length grows with t^2, nearly: a root spreads the draws evenly.
        t = tf.sqrt((self._part(noise, label) + noise["u"][:, 0]) / self.parts)
        angle = 2.0 * math.pi * self.turns * t
        curve = tf.stack([tf.cos(angle), tf.sin(angle)], axis=1) * (self.radius * t)[:, None]
        return curve + self.across * noise["z"]


Prior = Normal | Petals | SwissRoll
KINDS: dict[str, Callable[..., Prior]]
KINDS = {"normal": Normal, "mixture": Petals, "swiss_roll": SwissRoll}


def find(name: str, latent_dim: int, parts: int = 0) -> Prior:
    """The prior of that name; parts: one for each label, 0 without labels.

    Raises: UserError for an unknown name, or one that does not suit the codes.
    """
    return KINDS[one_of("prior", name, KINDS)](latent_dim, parts)
