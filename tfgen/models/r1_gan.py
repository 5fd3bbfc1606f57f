"""R1: a GAN whose discriminator pays for its gradient on real images, and so converges.

L. Mescheder, A. Geiger, S. Nowozin. Which Training Methods for GANs do actually Converge? ICML
2018. https://arxiv.org/abs/1801.04406

    D pays  gamma / 2 E ||grad D(x)||^2                             equation 9

In the equilibrium G makes the data and D is flat. On data of less than full dimension the GAN, the
WGAN and the WGAN-GP do not go there but circle around it (sections 2 and 3); a D that pays for any
slope on the data does (theorem 4.1).

The difference from the GAN is the penalty.

Shapes: x, G(z) [B, H, W, C] in (-1, 1);  z [B, Z];  D [B] logits.

Departures from the paper: those of the GAN. The networks are convolutional (the DCGAN's, with its
departures) and not residual, z is uniform and not normal. The config has Adam without momentum
(beta_1 = 0, beta_2 = 0.99) for RMSProp with alpha = 0.99, which it is but for the correction of its
start; on digits other settings, with their reasons. The authors' code has gamma for gamma / 2; here
it is as in the paper.
"""

import keras

from tfgen.models.gan import GAN
from tfgen.objectives import penalties


@keras.saving.register_keras_serializable("tfgen")
class R1GAN(GAN):
    """A GAN whose D is flat on the data; its likelihood is implicit.

    Args: those of `GAN`, with the paper's penalty and latents as defaults.
    """

    paper = ("Mescheder et al. 2018", "https://arxiv.org/abs/1801.04406")
    terms = (*GAN.terms, "penalty")
    penalty = penalties.r1
    penalty_weight = 10.0
    network = "conv"
    latent_dim = 256
