"""Blocks that models share."""

from tfgen.layers.dropout import Dropout

__all__ = ["Dropout"]
