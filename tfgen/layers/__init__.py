"""Blocks that models share."""

from tfgen.layers.dropout import Dropout
from tfgen.layers.latent_density import LatentDensity

__all__ = ["Dropout", "LatentDensity"]
