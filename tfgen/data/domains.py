"""Two domains without pairs: images of X, and beside them, as `other`, images of Y.

    "cycle_gan/horse2zebra"   splits trainA, trainB, testA, testB: A is X and B is Y
    "./horse2zebra"           a folder with such folders
    "mnist,fashion_mnist"     two sets (TFDS names or folders), the first X and the second Y

A split's name without the letter, "train[:90%]", is that of both; with it, "trainA", it is the set
of one domain, as any other.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfgen.data.source import Source
from tfgen.errors import UserError, one_of

if TYPE_CHECKING:
    from tfgen.data.source import ImageData


LETTERS = ("A", "B")


def is_pair(splits: Iterable[str]) -> bool:
    """Whether the splits are those of two domains."""
    return {"trainA", "trainB"} <= set(splits)


class Domains(Source):
    """X and Y, each from a source of its own or from splits of one.

    Args: name; sources: of X and of Y; letters: what their splits have after the common name.
    """

    def __init__(
        self, name: str, sources: Sequence[Source], letters: tuple[str, str] = ("", "")
    ) -> None:
        self.sources, self.letters = sources, letters
        ours = [_without(s.splits, letter) for s, letter in zip(sources, letters, strict=True)]
        common = {key: count for key, count in ours[0].items() if key in ours[1]}
        if not common:
            raise UserError(
                f"the two domains of {name} have no split in common: "
                f"{', '.join(sources[0].splits)} and {', '.join(sources[1].splits)}."
            )
        super().__init__(name, common)

    def load(self, split: str, extra: Sequence[str] = ()) -> "ImageData":
        """The split as `ImageData` with `other`.

        Raises: UserError for a bad split, or domains of different kinds of images.
        """
        if self.letters != ("", "") and re.match(r"\w+[AB]\b", split):
            return self.sources[0].load(split, extra)
        for name in re.findall(r"[A-Za-z_]\w*", split):
            one_of(f"split of {self.name}", name, self.splits)
        x, y = (
            source.load(re.sub(r"([A-Za-z_]\w*)", rf"\1{letter}", split), extra)
            for source, letter in zip(self.sources, self.letters, strict=True)
        )
        if (x.shape, x.levels) != (y.shape, y.levels):
            raise UserError(
                f"the two domains of {self.name} differ: images are {x.shape} with {x.levels} "
                f"levels in {x.name}, {y.shape} with {y.levels} in {y.name}. `data.size` "
                "makes heights and widths the same, `data.channels` channels; levels have to be."
            )
        return dataclasses.replace(x, name=self.name, split=split, other=y)


def _without(splits: Mapping[str, Any], letter: str) -> dict[str, Any]:
    """{name without the letter: split} of those that end in it."""
    return {
        key[: len(key) - len(letter)]: value
        for key, value in splits.items()
        if key.endswith(letter)
    }
