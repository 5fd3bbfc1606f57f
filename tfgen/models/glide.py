"""GLIDE: diffusion that hears a caption, and samples that are pushed towards it.

A. Nichol, P. Dhariwal, A. Ramesh, P. Shyam, P. Mishkin, B. McGrew, I. Sutskever, M. Chen. GLIDE:
Towards Photorealistic Image Generation and Editing with Text-Guided Diffusion Models. ICML 2022.
https://arxiv.org/abs/2112.10741

    y = phi(t), of the words of a caption; in training zeros now and then          section 2.3
    D'(x; sigma, t) = (1 + w) D(x; sigma, phi(t)) - w D(x; sigma, 0)

`edm` with captions where that has labels: the denoiser, its loss and its sampler are those of
`edm.py`, guidance is that of `tfgen/diffusion.py`. What is not known of an image, `complete` paints
by a caption, without the training for it of section 4.3; `edit` redraws a whole one by it.

Shapes: x, D(x; sigma, y) [B, H, W, C];  t [B, T] numbers of words (`text.py`);  y [B, P].

Departures from the paper: EDM's noise, scales and steps for those of DDPM; phi is the mean state of
a recurrent network over the words, as in `text_to_image.py`, for a Transformer, and no attention
goes to single words; captions are left out from the first step on, a tenth of them, and not a fifth
in a training of its own; no second model that enlarges.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgen import averages
from tfgen.captioned import Captioned
from tfgen.data import text
from tfgen.errors import UserError
from tfgen.models.edm import EDM


@keras.saving.register_keras_serializable("tfgen")
class GLIDE(Captioned, EDM):
    """A diffusion model of images given captions; its likelihood is implicit.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      conditional: True; what hears no captions is `edm`.
      others: see `Captioned`, `EDM` and `Diffusion`.
    """

    paper = ("Nichol et al. 2022", "https://arxiv.org/abs/2112.10741")
    conditional = True
    num_classes = 0
    guidance = 1.0

    def __init__(
        self, image_shape: Sequence[int], levels: int, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        if not self.conditional:
            raise UserError("`conditional=False`: a glide that hears nothing is edm; train that.")
        self.phi = self.text_encoder("phi")
        if self.half_life:
            self.phi_average = self.text_encoder("phi_average")
            averages.start(self.phi_average, self.phi)

    def numbers_asked(self) -> int:
        return self.text_dim

    def asked(self, batch: dict[str, tf.Tensor], seeds: tf.Tensor) -> tf.Tensor:
        return text.told(batch, seeds)

    def code(self, asked: tf.Tensor, training: bool = False) -> tf.Tensor:
        """phi(t): [B, T] -> [B, P]."""
        return (self.phi_average if self.half_life and not training else self.phi)(asked)

    def averaged(self) -> list[tuple[keras.Model, keras.Model]]:
        return [*super().averaged(), (self.phi_average, self.phi)]

    def trained(self) -> dict[str, list[keras.Variable]]:
        return {"denoiser": [*super().trained()["denoiser"], *self.phi.trainable_variables]}
