"""Principal components: the linear autoencoder in closed form.

I. T. Jolliffe and J. Cadima. Principal Component Analysis: a Review and Recent Developments. Phil.
Trans. R. Soc. A 374, 2016. https://doi.org/10.1098/rsta.2015.0202
P. Baldi and K. Hornik. Neural Networks and Principal Component Analysis. Neural Networks 2, 1989.

    m = mean of x,  S = covariance of x,  S v_j = l_j v_j,  l_1 >= l_2 >= ...
    z_j = v_j' (x - m),   y = m + sum_{j <= Z} z_j v_j

As a density (M. E. Tipping and C. M. Bishop. Probabilistic Principal Component Analysis. J. R.
Statist. Soc. B 61, 1999), fitted by greatest likelihood:

    p(x) = N(m, C),  C v_j = l_j v_j for j <= Z, else s^2 v_j       equations 7 and 8
    s^2  = mean of the l_j for j > Z

No other linear map to Z numbers and back has a smaller squared error. There is nothing to descend
on: a step adds its batch to the sums of x and x x', and turns v towards the eigenvectors by one
orthogonal iteration, v <- qr(S v). They are solved for before the model samples: after one pass
over the data the components are exact.

Shapes: x, y [B, H, W, C] in [0, 1], D = H W C;  z [B, Z];  v [D, Z].

Departures from the paper: samples come from a mixture of Gaussians that is fitted to the codes
(`tfgen.layers.LatentDensity`); with one component that is the Gaussian of principal components. The
loss of a step is that of its batch under the components before it.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import scipy.linalg
import tensorflow as tf

from tfgen.declared import Count
from tfgen.errors import UserError
from tfgen.layers import LatentDensity
from tfgen.model import GenerativeModel

LARGEST = 4096


@keras.saving.register_keras_serializable("tfgen")
class PCA(GenerativeModel):
    """Principal components as a model of the zoo; it has no density of images.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      latent_dim: Z, the components that are kept; at most as many as there are pixels.
      components: of the mixture that is fitted to the codes.

    It takes no networks of the user's own, for it has none.
    """

    paper = ("Jolliffe and Cadima 2016", "https://doi.org/10.1098/rsta.2015.0202")
    always_float32 = True
    likelihood_kind = "implicit"
    terms = ("loss", "mse")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        latent_dim: Count = 8,
        components: Count = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.size = math.prod(self.image_shape)
        if not 1 <= latent_dim <= self.size <= LARGEST:
            raise UserError(
                f"principal components: latent_dim {latent_dim} must be 1 to {self.size}, the "
                f"number of pixels, and that at most {LARGEST} (`data.size`)."
            )
        self.latent_dim = latent_dim
        self.components = components

        def sums(name: str, shape: Sequence[int]) -> keras.Variable:
            # Of all replicas; in double precision, for differences of large numbers are taken.
            return self.add_weight(
                name=name, shape=shape, dtype="float64", initializer="zeros", trainable=False,
                aggregation="mean",
            )  # fmt: skip

        def result(name: str, start: np.ndarray) -> keras.Variable:
            return self.add_weight(
                name=name, shape=start.shape, initializer=lambda *_, **__: start, trainable=False,
                aggregation="only_first_replica",
            )  # fmt: skip

        self.count = sums("count", ())
        self.total = sums("total", (self.size,))
        self.products = sums("products", (self.size, self.size))
        # Before the first step: the first pixels of a grey image.
        self.mean = result("mean", np.full(self.size, 0.5, np.float32))
        self.vectors = result("vectors", np.eye(self.size, latent_dim, dtype=np.float32))
        self.variances = result("variances", np.ones(latent_dim, np.float32))
        self.rest = result("rest", np.ones((), np.float32))
        self.latents = LatentDensity(latent_dim, components)

    # --- training --------------------------------------------------------------------------------

    def training_only(self) -> list[keras.Variable]:
        return [*super().training_only(), self.count, self.total, self.products]

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {}

    def errors(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """The means of the squared error, summed over pixels and of a pixel."""
        x = self.to_unit(image)
        squares = tf.square(x - self.decode(self.encode(x)["mean"]))
        mse = tf.reduce_mean(squares)
        return {"loss": mse * self.size, "mse": mse}

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        terms = self.errors(batch["image"])
        x = tf.cast(tf.reshape(self.to_unit(batch["image"]), [-1, self.size]), tf.float64)
        # Keras assigns the old value plus the new, and replicas take the mean of what they assign.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        self.count.assign_add(tf.cast(replicas * tf.shape(x)[0], tf.float64))
        self.total.assign_add(replicas * tf.reduce_sum(x, axis=0))
        self.products.assign_add(replicas * tf.matmul(x, x, transpose_a=True))

        m, covariance = self.moments()
        turned, _ = tf.linalg.qr(tf.matmul(covariance, tf.cast(self.vectors, tf.float64)))
        self.mean.assign(tf.cast(m, tf.float32))
        self.vectors.assign(tf.cast(turned, tf.float32))
        return self.end_step(**terms)

    def moments(self) -> tuple[tf.Tensor, tf.Tensor]:
        """m and S of the images so far: [D], [D, D], in double precision."""
        m = self.total / self.count
        return m, self.products / self.count - m[:, None] * m[None, :]

    def solve(self) -> None:
        """Sets the components to the eigenvectors of S, the first Z of them."""
        m, S = (part.numpy() for part in self.moments())
        z, d = self.latent_dim, self.size
        values, v = scipy.linalg.eigh(S, subset_by_index=[d - z, d - 1])  # the largest last
        self.mean.assign(m.astype(np.float32))
        self.vectors.assign(v[:, ::-1].astype(np.float32))
        self.variances.assign(values[::-1].astype(np.float32))
        # With as many components as pixels nothing is left, and the least one stands for it.
        left = (np.trace(S) - values.sum()) / (d - z) if z < d else values[0]
        self.rest.assign(np.float32(left))

    def test_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return self.errors(batch["image"])

    def fit_after_training(self, images: np.ndarray) -> None:
        """Solves for the components, and fits the density of the codes of the images.

        images: uint8 levels [N, H, W, C]. Called before it samples.
        """
        if float(self.count):
            self.solve()
        self.latents.fit(np.asarray(self.encode(self.to_unit(images[:20_000]))["mean"]))

    # --- codes and samples -----------------------------------------------------------------------

    def encode(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """Images in [0, 1] -> {"mean": [B, Z]}."""
        flat = tf.reshape(x, [-1, self.size])
        return {"mean": tf.matmul(flat - self.mean, self.vectors)}

    def decode(self, z: tf.Tensor) -> tf.Tensor:
        """Codes [B, Z] -> what they keep of the images, which may leave [0, 1] a little."""
        flat = self.mean + tf.matmul(z, self.vectors, transpose_b=True)
        return tf.reshape(flat, [-1, *self.image_shape])

    def reconstruct(self, x: tf.Tensor) -> tf.Tensor:
        """Images in [0, 1] -> images in [0, 1]."""
        return tf.clip_by_value(self.decode(self.encode(x)["mean"]), 0.0, 1.0)

    def log_density(self, x: tf.Tensor) -> tf.Tensor:
        """log p(x) of probabilistic components, of images in [0, 1]: [B], nats.

        A density of real numbers, and no probability of levels as `log_prob` of others is.
        """
        centred = tf.reshape(x, [-1, self.size]) - self.mean
        z = tf.matmul(centred, self.vectors)
        within = tf.reduce_sum(tf.square(z) / self.variances, axis=1)
        outside = tf.reduce_sum(tf.square(centred), axis=1) - tf.reduce_sum(tf.square(z), axis=1)
        log_det = tf.reduce_sum(tf.math.log(self.variances))
        log_det += (self.size - self.latent_dim) * tf.math.log(self.rest)
        constant = self.size * math.log(2.0 * math.pi)
        return -0.5 * (within + outside / self.rest + log_det + constant)

    def noise(self, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        return self.latents.noise(seeds)

    def generate(
        self, noise: dict[str, tf.Tensor], condition: tf.Tensor | None = None
    ) -> tf.Tensor:
        return tf.clip_by_value(self.decode(self.latents.draw(noise)), 0.0, 1.0)
