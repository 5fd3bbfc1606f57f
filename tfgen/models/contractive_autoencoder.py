"""Contractive autoencoder: codes that change little when the image does.

S. Rifai, P. Vincent, X. Muller, X. Glorot, Y. Bengio. Contractive Auto-Encoders: Explicit
Invariance During Feature Extraction. ICML 2011. https://icml.cc/2011/papers/455_icmlpaper.pdf

    minimise  L(x, g(f(x))) + lambda |J_f(x)|_F^2                   equation 2
    J_f(x)    = df(x) / dx,  |J|_F^2 = sum_ij (df_j / dx_i)^2       equation 1

The difference from the autoencoder is the penalty. It pulls all directions together; the
reconstruction holds on to those along which the data vary.

Shapes: those of the autoencoder;  J [B, Z, H, W, C].

Departures from the paper: those of the autoencoder. The Jacobian is that of the whole encoder, by
automatic differentiation, where the paper's closed form is for one layer of sigmoids. Encoder and
decoder do not share weights.
"""

import keras
import tensorflow as tf

from tfgen.models.autoencoder import Autoencoder


@keras.saving.register_keras_serializable("tfgen")
class ContractiveAutoencoder(Autoencoder):
    """An autoencoder with a penalty on its encoder's Jacobian; it has no density of images.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      contraction: lambda.
      others: see `Autoencoder`.
    """

    paper = ("Rifai et al. 2011", "https://icml.cc/2011/papers/455_icmlpaper.pdf")

    def __init__(self, image_shape, levels, seed=0, contraction=0.1, **kwargs):
        super().__init__(image_shape, levels, seed, **kwargs)
        self.contraction = contraction

    def code_and_penalty(self, x, training):
        with tf.GradientTape() as tape:
            tape.watch(x)
            z = self.code(x, training)
        jacobian = tape.batch_jacobian(z, x)
        return z, self.contraction * tf.reduce_sum(tf.square(jacobian), axis=[1, 2, 3, 4])
