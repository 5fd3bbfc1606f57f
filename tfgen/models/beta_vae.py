"""Beta-VAE, with the capacity schedule as an option.

I. Higgins et al. beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework.
ICLR 2017. https://openreview.net/forum?id=Sy2fzU9gl
C. P. Burgess et al. Understanding disentangling in beta-VAE. 2018. https://arxiv.org/abs/1804.03599

    L = E_q[log p(x|z)] - beta KL(q(z|x) || p(z))                   Higgins et al., equation 4
    L = E_q[log p(x|z)] - gamma |KL(q(z|x) || p(z)) - C|            Burgess et al., equation 8,
                                                                    KL the mean over the batch

The difference from the VAE is the weight of the KL term. A larger beta buys codes nearer to the
prior, whose units are independent, with reconstruction; beta = 1 is the VAE. With `capacity` > 0
the KL term is held at C nats instead, which rises linearly to `capacity` over `capacity_steps`,
and beta is gamma. Held is the mean over images: one of them may have more of it than another.

Shapes: those of the VAE.

Departures from the paper: beta multiplies the KL in nats as it is, with no division by the numbers
of pixels or latents (the "normalised beta" of Higgins et al., section 4.2, is beta Z / (H W C)).
Free bits raise the KL of each image before beta or C act on it, warm-up weighs what comes of it.
N replicas take the mean of the rows of all.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from tfgen.declared import Count, Weight
from tfgen.models.vae import VAE


@keras.saving.register_keras_serializable("tfgen")
class BetaVAE(VAE):
    """A VAE whose KL term weighs beta; its likelihood is a lower bound, and beta > 1 loosens it.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      beta: the weight of the KL term, or gamma where there is a capacity.
      capacity: C at the end, in nats; 0 for none.
      capacity_steps: the steps over which C rises from 0.
      others: see `VAE`.
    """

    paper = ("Higgins et al. 2017", "https://openreview.net/forum?id=Sy2fzU9gl")

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        beta: Weight = 4.0,
        capacity: Weight = 0.0,
        capacity_steps: Count = 10_000,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, seed, **kwargs)
        self.beta = beta
        self.capacity = capacity
        self.capacity_steps = capacity_steps
        self.kl_term = dataclasses.replace(
            self.kl_term, weight=beta, capacity=capacity, capacity_steps=capacity_steps
        )
