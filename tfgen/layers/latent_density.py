"""A density fitted to codes, so that an autoencoder without a prior can sample.

    p(z) = sum_k pi_k N(z; m_k, L_k L_k')

Fitted after training to the codes of the training images by scikit-learn (expectation maximisation;
one component is a Gaussian), and kept in weights, so that it is saved, served and exported with the
model. Ghosh et al. 2020 (From Variational to Deterministic Autoencoders, section 4) call it
ex-post density estimation.

Shapes: pi [K];  m [K, Z];  L [K, Z, Z], lower triangular;  z [B, Z].
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.layers.priors import Prior
from tfgen.objectives import divergences


class LatentDensity(Prior, keras.layers.Layer):
    """A mixture of K Gaussians with full covariances; N(0, I) until it is fitted.

    Args: latent_dim: Z; components: K.
    """

    independent = False

    def __init__(self, latent_dim: int, components: int, **kwargs: Any) -> None:
        super().__init__(**({"trainable": False, "dtype": "float32"} | kwargs))
        self.latent_dim, self.components = latent_dim, components
        k, z = components, latent_dim

        def weight(name: str, shape: Sequence[int], start: Any) -> keras.Variable:
            return self.add_weight(
                name=name, shape=shape, trainable=False, initializer=lambda *_, **__: start
            )

        self.cumulative = weight("cumulative", (k,), np.arange(1, k + 1, dtype=np.float32) / k)
        self.means = weight("means", (k, z), np.zeros((k, z), np.float32))
        self.factors = weight("factors", (k, z, z), np.tile(np.eye(z, dtype=np.float32), (k, 1, 1)))
        # Of the factors: L^-1, for densities.
        inverses = np.tile(np.eye(z, dtype=np.float32), (k, 1, 1))
        self.inverses = weight("inverses", (k, z, z), inverses)
        self.built = True

    def fit_drawn(
        self, draw: Callable[[np.ndarray, tf.Tensor], tf.Tensor], images: np.ndarray
    ) -> None:
        """To a code of each of at most 20,000 images [N, ...], by 500: draw(images, seeds)."""
        starts = range(0, min(len(images), 20_000), 500)
        blocks = [(images[i : i + 500], i) for i in starts]
        self.fit(np.concatenate([draw(x, tf.range(i, i + len(x))) for x, i in blocks]))

    def fit(self, codes: np.ndarray, seed: int = 0) -> None:
        """To codes [N, Z]; with fewer distinct codes than components, some stay at the last."""
        from sklearn.mixture import GaussianMixture

        codes = np.asarray(codes, np.float64)
        count = min(self.components, len(np.unique(codes, axis=0)) // 2 or 1)
        # A code unit that never varies leaves a covariance singular.
        floor = 1e-4 * max(codes.var(axis=0).mean(), 1e-8)
        mixture = GaussianMixture(count, reg_covar=floor, random_state=seed).fit(codes)
        rest = self.components - count
        shares = np.concatenate([mixture.weights_, np.zeros(rest)])
        factors = np.linalg.cholesky(mixture.covariances_)
        self.cumulative.assign(np.minimum(np.cumsum(shares), 1.0))
        self.means.assign(np.concatenate([mixture.means_, mixture.means_[-1:].repeat(rest, 0)]))
        factors = np.concatenate([factors, factors[-1:].repeat(rest, 0)])
        self.factors.assign(factors)
        self.inverses.assign(np.linalg.inv(factors))

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        """int32 [B] -> {"k": a uniform [B, 1] that picks the component, "z": normal [B, Z]}."""
        return {
            "k": random.uniform(seeds, [1], "k"),
            "z": random.normal(seeds, [self.latent_dim], "z"),
        }

    def draw(self, noise: Mapping[str, tf.Tensor], label: tf.Tensor | None = None) -> tf.Tensor:
        """What `noise` gives -> codes [B, Z]."""
        # The first component whose cumulative share is above the uniform.
        k = tf.reduce_sum(tf.cast(noise["k"] >= self.cumulative[:-1], tf.int32), axis=-1)
        offset = tf.reduce_sum(tf.gather(self.factors, k) * noise["z"][:, None, :], axis=-1)
        return tf.gather(self.means, k) + offset

    def log_prob(self, z: tf.Tensor) -> tf.Tensor:
        """log p(z) in nats: [..., Z] -> [...]"""
        # w = L^-1 (z - m) is standard normal under each component, of volume |det L|.
        offset = z[..., None, :] - self.means
        w = tf.reduce_sum(self.inverses * offset[..., None, :], axis=-1)
        diagonal = tf.reduce_sum(self.factors * tf.eye(self.latent_dim), axis=-1)
        log_det = tf.reduce_sum(tf.math.log(diagonal), axis=-1)
        zeros = tf.zeros_like(w)
        log_normal = divergences.normal_log_prob(w, zeros, zeros) - log_det
        return tf.reduce_logsumexp(log_normal + self._log_shares(), axis=-1)

    def unit_log_prob(self, z: tf.Tensor) -> tf.Tensor:
        logvar = tf.math.log(tf.reduce_sum(tf.square(self.factors), axis=-1))
        return divergences.unit_mixture_log_prob(z, self._log_shares(), self.means, logvar)

    def _log_shares(self) -> tf.Tensor:
        parts = [self.cumulative[:1], self.cumulative[1:] - self.cumulative[:-1]]
        return tf.math.log(tf.concat(parts, 0))
