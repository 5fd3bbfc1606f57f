"""Captions as numbers: each word by its place in a vocabulary.

Words are in lower case and without punctuation, and 0 stands for no word, 1 for an unknown one, 2,
3, ... for those of the vocabulary: as Keras' TextVectorization has it, which does the same within
TensorFlow. Of a caption that is too long the first words are read, in training and in sampling, and
a `Notice` says so. This file needs NumPy alone, for devices that have a LiteRT file and a
vocabulary.
"""

import re
import warnings
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from textwrap import shorten

import numpy as np

from tfgen.errors import Notice, UserError

UNKNOWN = 1
FIRST = 2
# What TextVectorization strips.
PUNCTUATION = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']")


def words(caption: str) -> list[str]:
    """ "A small, red circle." -> ["a", "small", "red", "circle"]"""
    return PUNCTUATION.sub("", caption.lower()).split()


def tokens(captions: Sequence[str], vocabulary: Sequence[str], length: int) -> np.ndarray:
    """N captions -> int32 [N, length], the first words of one that has more.

    Raises: UserError that names the words that are not in the vocabulary, and for a caption without
      a word.
    """
    place = {word: FIRST + i for i, word in enumerate(vocabulary)}
    found = np.zeros((len(captions), length), np.int32)
    say_what_is_cut(captions, length)
    for row, caption in zip(found, captions, strict=True):
        parts = words(caption)[:length]
        unknown = [word for word in parts if word not in place]
        if unknown:
            raise UserError(_unknown(caption, unknown, vocabulary))
        if not parts:
            raise UserError(f"the caption {caption!r} has no word.")
        row[: len(parts)] = [place[word] for word in parts]
    return found


def say_what_is_cut(captions: Sequence[str], length: int, advice: str = "") -> None:
    """A `Notice` of captions with more than `length` words, which names the longest."""
    lengths = {caption: len(words(caption)) for caption in set(captions)}
    too_long = sorted(caption for caption in lengths if lengths[caption] > length)
    if too_long:
        longest = max(too_long, key=lambda caption: lengths[caption])
        rest = " ".join(words(longest)[length:])
        others = f", and of {len(too_long) - 1} others," if len(too_long) > 1 else ""
        warnings.warn(
            f"the model reads {length} words of a caption: {shorten(rest, 200)!r} "
            f"of {shorten(longest, 200)!r}{others} is left out.{advice}",
            Notice,
            stacklevel=3,
        )


def _unknown(caption: str, unknown: Sequence[str], vocabulary: Sequence[str]) -> str:
    near = [match for word in unknown for match in get_close_matches(word, vocabulary, 1)]
    known = ", ".join(sorted(vocabulary)) if len(vocabulary) <= 60 else ""
    return (
        f"the model has never seen {', '.join(map(repr, unknown))} of the caption {caption!r}."
        + (f" Did you mean {' and '.join(map(repr, near))}?" if near else "")
        + (f" It knows: {known}." if known else f" It knows {len(vocabulary):,} words.")
    )


def text(row: Iterable[int], vocabulary: Sequence[str]) -> str:
    """Of a row of numbers the caption; an unknown word is "?"."""
    names = ["", "?", *vocabulary]
    return " ".join(names[i] for i in row if i)
