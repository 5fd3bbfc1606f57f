"""Captions as numbers: each word by its place in a vocabulary.

Words are in lower case and without punctuation, and 0 stands for no word, 1 for an unknown one, 2,
3, ... for those of the vocabulary: as Keras' TextVectorization has it, which does the same within
TensorFlow. This file needs NumPy alone, for devices that have a LiteRT file and a vocabulary.
"""

import re
from difflib import get_close_matches

import numpy as np

from tfgen.errors import UserError

UNKNOWN = 1
FIRST = 2
# What TextVectorization strips.
PUNCTUATION = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']")


def words(caption):
    """ "A small, red circle." -> ["a", "small", "red", "circle"]"""
    return PUNCTUATION.sub("", caption.lower()).split()


def tokens(captions, vocabulary, length):
    """N captions -> int32 [N, length].

    Raises: UserError that names the words that are not in the vocabulary, and for a caption that is
      too long or empty.
    """
    place = {word: FIRST + i for i, word in enumerate(vocabulary)}
    found = np.zeros((len(captions), length), np.int32)
    for row, caption in zip(found, captions, strict=True):
        parts = words(caption)
        unknown = [word for word in parts if word not in place]
        if unknown:
            raise UserError(_unknown(caption, unknown, vocabulary))
        if not 0 < len(parts) <= length:
            raise UserError(
                f"the caption {caption!r} has {len(parts)} words: the model takes 1 to {length}."
            )
        row[: len(parts)] = [place[word] for word in parts]
    return found


def _unknown(caption, unknown, vocabulary):
    near = [match for word in unknown for match in get_close_matches(word, vocabulary, 1)]
    known = ", ".join(sorted(vocabulary)) if len(vocabulary) <= 60 else ""
    return (
        f"the model has never seen {', '.join(map(repr, unknown))} of the caption {caption!r}."
        + (f" Did you mean {' and '.join(map(repr, near))}?" if near else "")
        + (f" It knows: {known}." if known else f" It knows {len(vocabulary):,} words.")
    )


def text(row, vocabulary):
    """Of a row of numbers the caption; an unknown word is "?"."""
    names = ["", "?", *vocabulary]
    return " ".join(names[i] for i in row if i)
