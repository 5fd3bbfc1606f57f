"""Deep convolutional generative adversarial network.

A. Radford, L. Metz, S. Chintala. Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks. ICLR 2016. https://arxiv.org/abs/1511.06434

The objective is that of Goodfellow et al. 2014 (`gan.py`):

    D ascends  E log D(x) + E log(1 - D(G(z)))                      algorithm 1
    G ascends  E log D(G(z))                                        section 3, non-saturating

The difference from the GAN is its networks. The guidelines for stable ones (section 3): strided and
fractionally strided convolutions for pooling; batch normalisation in both, but not in G's output
and D's input; no hidden dense layers; ReLU in G with tanh at the end, leaky ReLU (0.2) in D.
Weights start at N(0, 0.02). They are in `tfgen/layers/adversaries.py`, for the others of the family
to use. Adam with learning rate 0.0002 and beta_1 = 0.5, batches of 128 (section 4); the config
holds them.

Shapes: x, G(z) [B, H, W, C] in (-1, 1);  z [B, Z] uniform in (-1, 1);  D [B] logits. G: [Z] ->
[H/2^d, W/2^d, 2^(d-1) width] -> ... -> [H/2, W/2, width] -> [H, W, C], and D in a mirror, with d
= depth; for 64 x 64, depth 4 and width 128 this is figure 1.

Departures from the paper: the G update reuses the images that the D update has seen, and samples
come from an average of G's weights, as in `gan.py`. Batch normalisation is Keras', with an epsilon
of 0.001 and statistics for samples averaged with a decay of 0.99, where the authors' Torch has
0.00001 and 0.9; so it is in all of the family that have these networks.
"""

import keras

from tfgen.models.gan import GAN


@keras.saving.register_keras_serializable("tfgen")
class DCGAN(GAN):
    """A GAN with convolutional networks; its likelihood is implicit.

    Args: those of `GAN`, with the paper's networks as defaults.
    """

    paper = ("Radford et al. 2016", "https://arxiv.org/abs/1511.06434")
    network = "conv"
    normalisation = "batch"
    depth = 4
    kernel = 5
