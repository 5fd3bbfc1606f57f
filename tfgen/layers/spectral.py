"""Spectral normalisation: layers whose matrices have the largest singular value 1.

T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida. Spectral Normalization for Generative Adversarial
Networks. ICLR 2018. https://arxiv.org/abs/1802.05957

    v = W^T u / ||W^T u||,  u = W v / ||W v||,  sigma(W) = u^T W v         algorithm 1
    W_SN = W / sigma(W)                                                    equation 8

One power iteration a step suffices, for W moves little: u is kept. u and v count as constants in
the gradient (equation 10). A convolution's W is its kernel as a matrix [kh kw in, out], of which
the layer's own Lipschitz constant is a multiple of at most sqrt(kh kw).
"""

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
from keras import layers


def unit(x: tf.Tensor) -> tf.Tensor:
    return x / (tf.norm(x) + 1e-12)


def power_iteration(W: tf.Tensor, u: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """W [N, M], u [M] -> (a better u, sigma).

    sigma is differentiable in W.
    """
    v = tf.stop_gradient(unit(tf.linalg.matvec(W, u)))
    Wv = tf.linalg.matvec(W, v, transpose_a=True)
    u = tf.stop_gradient(unit(Wv))
    return u, tf.tensordot(u, Wv, 1)


if TYPE_CHECKING:
    from keras import Layer as _Layer
else:
    _Layer = object  # Keras' class comes after these


class _Spectral(_Layer):
    """What both layers add to Keras': the vector u, and the kernel that they work with."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.u = self.add_weight(
            name="u",
            shape=(self.kernel.shape[-1],),
            initializer="random_normal",
            trainable=False,
            dtype="float32",
            autocast=False,
            aggregation="only_first_replica",
        )

    def normalised(self, training: bool) -> tf.Tensor:
        """W_SN in the kernel's shape."""
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), tf.float32)
        W = tf.reshape(kernel, [-1, kernel.shape[-1]])
        u, sigma = power_iteration(W, tf.convert_to_tensor(self.u))
        if training:
            self.u.assign(u)
        return tf.cast(kernel * (1.0 / sigma), self.compute_dtype)

    def save_own_variables(self, store: Any) -> None:
        # Keras' layers save what they know of by name, which u is not.
        for i, weight in enumerate(self.weights):
            store[str(i)] = weight

    def load_own_variables(self, store: Any) -> None:
        for i, weight in enumerate(self.weights):
            weight.assign(store[str(i)])

    def finished(self, y: tf.Tensor) -> tf.Tensor:
        return y + tf.cast(self.bias, y.dtype) if self.use_bias else y


@keras.saving.register_keras_serializable("tfgen")
class SpectralDense(_Spectral, layers.Dense):
    """A dense layer without activation, of spectral norm 1."""

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.finished(tf.matmul(x, self.normalised(training)))


@keras.saving.register_keras_serializable("tfgen")
class SpectralConv2D(_Spectral, layers.Conv2D):
    """A convolution without activation, whose kernel as a matrix has spectral norm 1."""

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        W = self.normalised(training)
        return self.finished(tf.nn.conv2d(x, W, self.strides, self.padding.upper()))
