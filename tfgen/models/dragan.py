"""DRAGAN: D is kept smooth around real images, where its sharp gradients lead G into collapse.

N. Kodali, J. Abernethy, J. Hays, Z. Kira. On Convergence and Stability of GANs. 2017.
https://arxiv.org/abs/1705.07215

    D pays  lambda E (||grad D(x + delta)|| - k)^2,  k = 1          section 2.3

A collapse goes along with sharp gradients of D around some real images (section 2.2): G is pulled
to one of them. The penalty is local, around the data, and asks nothing of D elsewhere, as the WGAN-
GP's does.

The difference from the GAN is the penalty.

Shapes: x, delta, G(z) [B, H, W, C];  z [B, Z];  D [B] logits.

Departures from the paper: those of the GAN; the networks are the DCGAN's, with its departures.
delta is what the authors' code adds: uniform up to half the standard deviation of the batch, on a
random part of the way. No batch normalisation in D.
"""

import keras

from tfgen.models.gan import GAN
from tfgen.objectives import penalties


@keras.saving.register_keras_serializable("tfgen")
class DRAGAN(GAN):
    """A GAN whose D is smooth around the data; its likelihood is implicit.

    Args: those of `GAN`, with the paper's penalty as defaults.
    """

    paper = ("Kodali et al. 2017", "https://arxiv.org/abs/1705.07215")
    terms = (*GAN.terms, "penalty")
    penalty = penalties.dragan
    penalty_weight = 10.0
    network = "conv"
