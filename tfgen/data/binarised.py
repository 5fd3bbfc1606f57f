"""Images of two levels made of greyer ones, as the tables of the literature have them.

threshold   1 where a pixel is brighter than half of the range
dynamic     a draw, 1 with the pixel's share of the range (Salakhutdinov and Murray, ICML 2008); for
            training another at each step (Burda et al., ICLR 2016, section 5), for all else one
            that stays: a function of the image's own levels
"""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfgen import sizes
from tfgen.data.source import Source
from tfgen.errors import UserError, one_of

if TYPE_CHECKING:
    import tensorflow as tf

    from tfgen.data.source import ImageData


def binarised(source: Source, how: str) -> Source:
    """The source in two levels, unless `how` is "none" or it is so already.

    Raises: UserError for an unknown word.
    """
    one_of("`data.binarise`", how, sizes.BINARISE)
    return source if how == "none" or isinstance(source, Binarised) else Binarised(source, how)


class Binarised(Source):
    """The splits of another source, in two levels."""

    def __init__(self, source: Source, how: str) -> None:
        super().__init__(source.name, source.splits)
        self.source, self.how = source, how
        self.labels = source.labels

    def load(self, split: str, extra: Sequence[str] = ()) -> "ImageData":
        """The split as `ImageData`; with "dynamic" it has "grey" too, of `drawn_of` levels.

        Raises: UserError for a bad split, and for data of two levels or of two domains.
        """
        data = self.source.load(split, extra)
        if data.levels == 2 or data.other:
            has = "has two levels as it is" if data.levels == 2 else "has two domains"
            raise UserError(f"{self.name} {has}: leave `data.binarise` at none.")
        levels = data.levels

        def threshold(example: "dict[str, tf.Tensor]") -> "dict[str, tf.Tensor]":
            import tensorflow as tf

            return example | {"image": tf.cast(example["image"] > (levels - 1) // 2, tf.uint8)}

        def dynamic(example: "dict[str, tf.Tensor]") -> "dict[str, tf.Tensor]":
            import tensorflow as tf

            from tfgen import random

            grey = example["image"][None]
            seeds = random.of_levels(tf.cast(grey, tf.int32))
            return example | {"image": drawn(grey, seeds, levels)[0], "grey": grey[0]}

        change = threshold if self.how == "threshold" else dynamic
        return dataclasses.replace(
            data,
            levels=2,
            drawn_of=levels if self.how == "dynamic" else 0,
            examples=lambda: data.examples().map(change),
        )


def drawn(grey: "tf.Tensor", seeds: "tf.Tensor", levels: int) -> "tf.Tensor":
    """Pixels that are 1 with the share of the range that the grey ones have.

    uint8 [B, H, W, C] of so many levels, int32 [B] -> uint8 [B, H, W, C] of two.
    """
    import tensorflow as tf

    from tfgen import random

    u = random.uniform(seeds, grey.shape[1:], "binarise")
    return tf.cast(u * (levels - 1.0) < tf.cast(grey, tf.float32), tf.uint8)
