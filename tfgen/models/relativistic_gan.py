"""Relativistic GAN: D says how much more real an image is than those of the other kind.

A. Jolicoeur-Martineau. The Relativistic Discriminator: a Key Element Missing from Standard GAN.
ICLR 2019. https://arxiv.org/abs/1807.00734

    RSGAN   D descends  -E log sigmoid(C(x) - C(G(z)))                      section 4
            G descends  -E log sigmoid(C(G(z)) - C(x))
    RaSGAN  D descends  -E log sigmoid(C(x) - E C(G(z))) - E log(1 - sigmoid(C(G(z)) - E C(x)))
            G descends  the same with x and G(z) exchanged

Of the images that D sees half are generated: as these come to look more real, real ones should look
less so. So C(x), of the D just updated, is in what G descends on.

The difference from the GAN is the loss: `objective` is "relativistic_average", or "relativistic".

Shapes: x, G(z) [B, H, W, C] in (-1, 1);  z [B, Z];  C [B] scores, of which only differences count.

Departures from the paper: those of the GAN; the networks are the DCGAN's, with its departures.
"""

import keras

from tfgen.models.gan import GAN
from tfgen.objectives import adversarial


@keras.saving.register_keras_serializable("tfgen")
class RelativisticGAN(GAN):
    """A GAN whose D compares; its likelihood is implicit.  Args: those of `GAN`."""

    paper = ("Jolicoeur-Martineau 2018", "https://arxiv.org/abs/1807.00734")
    objective = adversarial.relativistic_average
    network = "conv"
    normalisation = "batch"
