"""Text as numbers: each word of a caption by its place in a vocabulary.

Words are in lower case and without punctuation, and 0 stands for no word, 1 for an unknown one, 2,
3, ... for those of the vocabulary: as Keras' TextVectorization has it, which does the same within
TensorFlow. Of a caption that is too long the first words are read, in training and in sampling, and
a `Notice` says so.

`tokenize`, `encode` and `decode` need NumPy alone, for devices that have a LiteRT file and a
vocabulary; the functions below them load TensorFlow when they are called.
"""

import dataclasses
import re
import warnings
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen.errors import Notice, UserError

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

UNKNOWN = 1
FIRST_WORD = 2
# What TextVectorization strips.
PUNCTUATION = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']")
EXAMPLES = 64  # captions that are kept, to sample when none are given
MOST_LENGTH = 64  # words of a caption, unless more are asked for: the text encoder is unrolled


def tokenize(caption: str) -> list[str]:
    """ "A small, red circle." -> ["a", "small", "red", "circle"]"""
    return PUNCTUATION.sub("", caption.lower()).split()


def encode(captions: Sequence[str], vocabulary: Sequence[str], length: int) -> np.ndarray:
    """N captions -> int32 [N, length], the first words of one that has more.

    Raises: UserError that names the words that are not in the vocabulary, and for a caption without
      a word.
    """
    place = {word: FIRST_WORD + i for i, word in enumerate(vocabulary)}
    found = np.zeros((len(captions), length), np.int32)
    warn_of_truncation(captions, length)
    for row, caption in zip(found, captions, strict=True):
        words = tokenize(caption)[:length]
        unknown = [word for word in words if word not in place]
        if unknown:
            raise UserError(_unknown(caption, unknown, vocabulary))
        if not words:
            raise UserError(f"the caption {caption!r} has no word.")
        row[: len(words)] = [place[word] for word in words]
    return found


def decode(row: Iterable[int], vocabulary: Sequence[str]) -> str:
    """Of a row of numbers the caption; an unknown word is "?"."""
    names = ["", "?", *vocabulary]
    return " ".join(names[i] for i in row if i)


def warn_of_truncation(captions: Sequence[str], length: int, advice: str = "") -> None:
    """A `Notice` of captions with more than `length` words, which names the longest."""
    lengths = {caption: len(tokenize(caption)) for caption in set(captions)}
    too_long = sorted(caption for caption in lengths if lengths[caption] > length)
    if too_long:
        longest = max(too_long, key=lambda caption: lengths[caption])
        rest = " ".join(tokenize(longest)[length:])
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


# --- within TensorFlow ---------------------------------------------------------------------------


def learn_vocabulary(data: Any, most_words: int, length: int) -> dict[str, Any]:
    """The most frequent words of the captions of `data`, and some of the captions.

    length: how many words of a caption are read; 0: as many as the longest has, up to MOST_LENGTH.

    Returns: {"vocabulary": words, "length": the length, "examples": captions of these words, at
      most `length` of each, evenly from those that differ}.

    Raises: UserError for data without captions.
    """
    import keras
    import tensorflow as tf

    captions = captions_of(data)
    longest = max(len(tokenize(caption)) for caption in captions)
    length = length or min(longest, MOST_LENGTH)
    warn_of_truncation(captions, length, f" `model.length={longest}` reads the whole of each.")
    layer = keras.layers.TextVectorization(max_tokens=most_words, standardize=standardize)
    layer.adapt(tf.data.Dataset.from_tensor_slices(captions).batch(256))
    vocabulary = [str(word) for word in layer.get_vocabulary()[FIRST_WORD:]]
    known = set(vocabulary)
    said: dict[str, None] = {}  # in their order
    for caption in captions[:10_000]:
        words = [word for word in tokenize(caption) if word in known]
        if words:
            said[" ".join(words[:length])] = None
    examples = list(said)[:: max(1, len(said) // EXAMPLES)][:EXAMPLES]
    return {"vocabulary": tuple(vocabulary), "examples": tuple(examples), "length": length}


def standardize(captions: "tf.Tensor") -> "tf.Tensor":
    """What `tokenize` splits, of strings: Keras' own way lowers and splits ASCII alone."""
    import tensorflow as tf

    captions = tf.strings.lower(captions, encoding="utf-8")
    # Python's spaces.
    captions = tf.strings.regex_replace(captions, r"[\pZ\x1c-\x1f\x{85}]", " ")
    return tf.strings.regex_replace(captions, PUNCTUATION.pattern, "")


def captions_of(data: Any) -> list[str]:
    """All captions of the data that have a word, as Python has text.

    Raises: UserError for data without captions.
    """
    import tensorflow as tf

    examples = data.examples()
    if "caption" not in examples.element_spec:
        raise UserError(
            f"the model learns from captions, and {data.name} has none: it wants a set of TFDS "
            "with features image and caption, as shapes_by_caption or coco_captions, or a folder "
            "with NAME.txt beside NAME.jpg, or with metadata.jsonl or metadata.csv."
        )
    every = examples.map(
        lambda example: tf.reshape(example.get("captions", example["caption"]), [-1])
    )
    decoded = (text.decode() for texts in every.as_numpy_iterator() for text in texts)
    found = [text for text in decoded if tokenize(text)]
    if not found:
        raise UserError(f"the captions of {data.name} {data.split!r} have no word.")
    return found


def vectorizer(vocabulary: Sequence[str], length: int) -> "keras.layers.TextVectorization":
    """A layer: captions, strings [B] -> numbers, int [B, length]. It holds no weight."""
    import keras
    import tensorflow as tf

    layer = keras.layers.TextVectorization(
        vocabulary=list(vocabulary), output_sequence_length=length, standardize=standardize
    )
    layer(tf.constant([""]))  # builds it
    return layer


def encode_data(data: Any, layer: "keras.layers.TextVectorization") -> Any:
    """`ImageData` with numbers by the layer in the place of strings.

    "tokens" [T] are those of "caption"; "every_tokens" [K, T] those of "captions", where there are
    several.
    """
    import tensorflow as tf

    names = {"caption": "tokens", "captions": "every_tokens"}

    def encoded(example: "dict[str, tf.Tensor]") -> "dict[str, tf.Tensor]":
        kept = {key: value for key, value in example.items() if key not in names}
        numbers = {
            names[key]: tf.cast(layer(example[key]), tf.int32) for key in names if key in example
        }
        return kept | numbers

    return dataclasses.replace(data, examples=lambda: data.examples().map(encoded))


def choose_caption(every: "tf.Tensor", u: "tf.Tensor") -> "tf.Tensor":
    """One caption of each image: int [B, K, T], uniforms [B] -> int [B, T].

    Of those that have a word, each as likely as the others.
    """
    import tensorflow as tf

    there = tf.cast(tf.reduce_any(every > 0, axis=-1), tf.int32)
    count = tf.reduce_sum(there, axis=1)
    # Below the count: u * count may round up to it.
    place = tf.minimum(tf.cast(u * tf.cast(count, tf.float32), tf.int32), count - 1)
    which = tf.argmax(tf.cumsum(there, axis=1) > place[:, None], axis=1)
    return tf.gather(every, which, batch_dims=1)


def told(batch: "dict[str, tf.Tensor]", seeds: "tf.Tensor") -> "tf.Tensor":
    """A caption of each image, [B, T]: where it has several, any one of them."""
    from tfgen import random

    if "every_tokens" not in batch:
        return batch["tokens"]
    u = random.uniform(seeds, [1], "caption")[:, 0]
    return choose_caption(batch["every_tokens"], u)
