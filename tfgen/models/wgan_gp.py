"""Wasserstein GAN with gradient penalty: the critic is asked to have slope 1, not clipped.

I. Gulrajani, F. Ahmed, M. Arjovsky, V. Dumoulin, A. Courville. Improved Training of Wasserstein
GANs. NeurIPS 2017. https://arxiv.org/abs/1704.00028

    D descends  E D(G(z)) - E D(x) + lambda E (||grad D(x_hat)|| - 1)^2        equation 3
    x_hat = e x + (1 - e) G(z),  e uniform in (0, 1)                           algorithm 1
    G descends  -E D(G(z))

The best critic has gradients of norm 1 almost everywhere on the straight lines between coupled
points of the two distributions (proposition 1): hence the penalty there, in both directions. The
norm is of the gradient at each image, so that batch normalisation, which couples images, has no
place in the critic (section 4).

The difference from the WGAN is the penalty in the place of clipping; `network="residual"` has the
networks of the authors' code for CIFAR-10 (`tfgen/layers/adversaries.py`), at `width=128`.

Shapes: x, x_hat, G(z) [B, H, W, C] in (-1, 1);  e [B, 1, 1, 1];  z [B, Z];  D [B] scores.

Departures from the paper: those of the GAN. z is uniform; the networks are the DCGAN's, with its
departures, or residual ones. On digits the critic takes three steps of a higher rate.
"""

import keras

from tfgen.models.gan import GAN
from tfgen.objectives import adversarial, penalties


@keras.saving.register_keras_serializable("tfgen")
class WGANGP(GAN):
    """A GAN whose critic pays for its slope; its likelihood is implicit.

    Args: those of `GAN`, with the paper's loss, penalty and steps as defaults.
    """

    paper = ("Gulrajani et al. 2017", "https://arxiv.org/abs/1704.00028")
    terms = (*GAN.terms, "penalty")
    objective = adversarial.wasserstein
    penalty = penalties.gradient
    penalty_weight = 10.0
    critic_steps = 5
    network = "conv"
