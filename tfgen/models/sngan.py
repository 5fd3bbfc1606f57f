"""Spectrally normalised GAN: each layer of D has Lipschitz constant 1, without a penalty.

T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida. Spectral Normalization for Generative Adversarial
Networks. ICLR 2018. https://arxiv.org/abs/1802.05957

    W_SN = W / sigma(W), in each layer of D                         equation 8
    D descends  E max(0, 1 - D(x)) + E max(0, 1 + D(G(z)))          equation 16
    G descends  -E D(G(z))                                          equation 17

sigma(W), the largest singular value, comes of one power iteration a step (algorithm 1;
`tfgen/layers/spectral.py`): it costs next to nothing beside a penalty, which needs a second
derivative.

The differences from the GAN are D's normalisation and the hinge loss; `network="residual"` has the
paper's other networks, those of table 4 (`tfgen/layers/adversaries.py`), at `width=128` and
`generator_width=256`. There D sums its features over all places, which is no detail: its layers
have norm 1, and with the mean in the sum's place it is too flat to teach G.

Shapes: x, G(z) [B, H, W, C] in (-1, 1);  z [B, Z];  D [B] scores.

Departures from the paper: those of the GAN. z is uniform. The convolutional networks are the
DCGAN's, with its departures, not those of the paper's table 3. The rate falls to zero on
CIFAR-10 alone, in the second half; on digits it is higher, for which the config has a reason.
"""

import keras

from tfgen.models.gan import GAN
from tfgen.objectives import adversarial


@keras.saving.register_keras_serializable("tfgen")
class SNGAN(GAN):
    """A GAN whose D is 1-Lipschitz by its weights; its likelihood is implicit.

    Args: those of `GAN`, with the paper's loss and normalisation as defaults.

    A D of the user's own has the norms that it brings, and need not be 1-Lipschitz.
    """

    paper = ("Miyato et al. 2018", "https://arxiv.org/abs/1802.05957")
    objective = adversarial.hinge
    network = "conv"
    normalisation = "spectral"
    pooling = "sum"
