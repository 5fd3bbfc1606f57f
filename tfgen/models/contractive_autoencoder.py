"""Contractive autoencoder: codes that change little when the image does.

S. Rifai, P. Vincent, X. Muller, X. Glorot, Y. Bengio. Contractive Auto-Encoders: Explicit
Invariance During Feature Extraction. ICML 2011. https://icml.cc/2011/papers/455_icmlpaper.pdf

    minimise  L(x, g(f(x))) + lambda |J_f(x)|_F^2                   equation 2
    J_f(x)    = df(x) / dx,  |J|_F^2 = sum_ij (df_j / dx_i)^2       equation 1

The differences from the autoencoder are the penalty and a decoder whose weights are the encoder's,
transposed. The penalty pulls all directions together; the reconstruction holds on to those along
which the data vary. With weights of its own a decoder lets the penalty be scaled away: for any
eps, eps f(x) and g(z / eps) reconstruct as f and g do, at eps^2 of the penalty (Goodfellow,
Bengio, Courville. Deep Learning. 2016, section 14.7). With tied ones, a factor a of a layer of
linear units or ReLUs is a of the Jacobian and a^2 of the reconstruction, so that factors which keep
the one keep the other. Linear networks with the squared error have a closed form: of a principal
component of variance v, g(f(x)) has 1 - lambda / (2 v), or nothing if that is negative.

Shapes: those of the autoencoder;  J [B, Z, H, W, C].

Departures from the paper: those of the autoencoder. f has a hidden layer or more, all of them tied
and trained at once, below codes without a nonlinearity, and its Jacobian comes by automatic
differentiation; the paper has one layer of sigmoids, with a closed form, and stacks such layers one
after the other. Hidden sigmoids can still be flat in f and steep in g, by biases, which are not
tied; ReLUs cannot.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tfgen.declared import Weight
from tfgen.errors import UserError
from tfgen.layers import coders
from tfgen.models.autoencoder import Autoencoder

if TYPE_CHECKING:
    from tfgen.declared import Network


@keras.saving.register_keras_serializable("tfgen")
class ContractiveAutoencoder(Autoencoder):
    """A tied autoencoder with a penalty on its encoder's Jacobian; it has no density of images.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      contraction: lambda, the weight of the penalty on the encoder's Jacobian.
      others: see `Autoencoder`; no networks of the user's own, for g is f transposed.
    """

    paper = ("Rifai et al. 2011", "https://icml.cc/2011/papers/455_icmlpaper.pdf")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        contraction: Weight = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.contraction = contraction

    def choose_network(
        self,
        name: str,
        given: "Network",
        inputs: Sequence[Any],
        outputs: Sequence[int],
        default: Callable[[], keras.Model],
    ) -> keras.Model:
        if given is not None:
            raise UserError(
                f"{name}: a contractive autoencoder takes no networks of your own, for its decoder "
                "is its encoder transposed: set network, width and activation, or take autoencoder."
            )
        return default()

    def make_decoder(self, drop: coders.Drop) -> keras.Model:
        """g: the layers of f transposed, from the last to the first."""
        return coders.transposed(self.encoder, drop)

    def trained(self) -> dict[str, list[keras.Variable]]:
        # The decoder's, among which are those of the encoder's layers that it transposes.
        return {"ae": self.decoder.trainable_variables}

    def code_and_penalty(self, x: tf.Tensor, training: bool) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            z = self.code(x, training)
        jacobian = tape.batch_jacobian(z, x)
        return z, self.contraction * tf.reduce_sum(tf.square(jacobian), axis=[1, 2, 3, 4])
