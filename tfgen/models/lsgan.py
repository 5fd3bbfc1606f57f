"""Least squares GAN: D is a regression, whose gradient does not vanish far from the border.

X. Mao, Q. Li, H. Xie, R. Y. K. Lau, Z. Wang, S. P. Smolley. Least Squares Generative Adversarial
Networks. ICCV 2017. https://arxiv.org/abs/1611.04076

    D descends  E (D(x) - b)^2 / 2 + E (D(G(z)) - a)^2 / 2          equation 2
    G descends  E (D(G(z)) - c)^2 / 2

With a = 0, b = c = 1 (equation 9). Images on the right side of D's border, but far from the data,
are still pulled in: the log loss would leave them alone. With b - c = 1 and b - a = 2 G descends
the Pearson chi^2 divergence (section 3.2.1).

The difference from the GAN is the loss.

Shapes: x, G(z) [B, H, W, C] in (-1, 1);  z [B, Z];  D [B], a number and no logit.

Departures from the paper: those of the GAN. The config has the DCGAN's networks, with its
departures, smaller than the paper's, its 100 latents for 1024, and its rate of 0.0002, which the
paper has for characters (0.001 for scenes).
"""

import keras

from tfgen.models.gan import GAN
from tfgen.objectives import adversarial


@keras.saving.register_keras_serializable("tfgen")
class LSGAN(GAN):
    """A GAN whose D regresses on 1 and 0; its likelihood is implicit.

    Args: those of `GAN`, with the paper's loss as defaults.
    """

    paper = ("Mao et al. 2017", "https://arxiv.org/abs/1611.04076")
    objective = adversarial.least_squares
    network = "conv"
    normalisation = "batch"
