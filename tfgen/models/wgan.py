"""Wasserstein GAN: D is a critic whose scores measure how far the two distributions are apart.

M. Arjovsky, S. Chintala, L. Bottou. Wasserstein Generative Adversarial Networks. ICML 2017.
https://arxiv.org/abs/1701.07875

W(p, q) = sup over 1-Lipschitz D of E_p D(x) - E_q D(x)         equation 2

    n_critic times:  D ascends  E D(x) - E D(G(z));  D's weights <- clip(weights, -c, c)
    once:            G ascends  E D(G(z))                           algorithm 1

The distance is finite and smooth where the supports of the two do not meet, where the Jensen-
Shannon divergence is a constant. Clipping keeps D's Lipschitz constant bounded, "a clearly terrible
way" (section 3) that `wgan_gp.py` replaces.

The differences from the GAN are the loss, the clipping and more steps of the critic.

Shapes: x, G(z) [B, H, W, C] in (-1, 1);  z [B, Z];  D [B] scores.

Departures from the paper: those of the GAN. Adam without momentum (beta_1 = 0) for RMSProp, which
it is but for the correction of its start, where beta_2 is RMSProp's alpha: 0.99 in the authors'
code and on larger data, 0.999 on digits. z is uniform. The critic has no batch normalisation, for
the reasons of Gulrajani et al. 2017, section 4, and not the 100 steps for one of G that the
authors' code gives it at the start and now and then.
"""

import keras

from tfgen.models.gan import GAN
from tfgen.objectives import adversarial


@keras.saving.register_keras_serializable("tfgen")
class WGAN(GAN):
    """A GAN with a clipped critic; its likelihood is implicit.

    Args: those of `GAN`, with the paper's loss, clipping and steps as defaults.
    """

    paper = ("Arjovsky et al. 2017", "https://arxiv.org/abs/1701.07875")
    objective = adversarial.wasserstein
    clip = 0.01
    critic_steps = 5
    network = "conv"
