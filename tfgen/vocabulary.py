"""Captions within TensorFlow: the words of a data set, and its captions as numbers.

The numbers are those of `captions.py`, which needs no TensorFlow.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfgen import captions
from tfgen.errors import UserError

EXAMPLES = 64  # captions that are kept, to sample when none are given
MOST_LENGTH = 64  # words of a caption, unless more are asked for: the text encoder is unrolled


def learned(data: Any, most_words: int, length: int) -> dict[str, Any]:
    """The most frequent words of the captions of `data`, and some of the captions.

    length: how many words of a caption are read; 0: as many as the longest has, up to MOST_LENGTH.

    Returns: {"vocabulary": words, "length": the length, "examples": captions of these words, at
      most `length` of each, evenly from those that differ}.

    Raises: UserError for data without captions.
    """
    texts = texts_of(data)
    longest = max(len(captions.words(text)) for text in texts)
    length = length or min(longest, MOST_LENGTH)
    captions.say_what_is_cut(texts, length, f" `model.length={longest}` reads the whole of each.")
    layer = keras.layers.TextVectorization(max_tokens=most_words, standardize=plain)
    layer.adapt(tf.data.Dataset.from_tensor_slices(texts).batch(256))
    vocabulary = [str(word) for word in layer.get_vocabulary()[captions.FIRST :]]
    known = set(vocabulary)
    said: dict[str, None] = {}  # in their order
    for text in texts[:10_000]:
        words = [word for word in captions.words(text) if word in known]
        if words:
            said[" ".join(words[:length])] = None
    examples = list(said)[:: max(1, len(said) // EXAMPLES)][:EXAMPLES]
    return {"vocabulary": tuple(vocabulary), "examples": tuple(examples), "length": length}


def plain(texts: tf.Tensor) -> tf.Tensor:
    """What `captions.words` splits, of strings: Keras' own way lowers and splits ASCII alone."""
    texts = tf.strings.lower(texts, encoding="utf-8")
    texts = tf.strings.regex_replace(texts, r"[\pZ\x1c-\x1f\x{85}]", " ")  # Python's spaces
    return tf.strings.regex_replace(texts, captions.PUNCTUATION.pattern, "")


def texts_of(data: Any) -> list[str]:
    """All captions of the data that have a word, as Python has text.

    Raises: UserError for data without captions.
    """
    examples = data.examples()
    if "caption" not in examples.element_spec:
        raise UserError(
            f"text_to_image learns from captions, and {data.name} has none: it wants a set of TFDS "
            "with features image and caption, as shapes_by_caption or coco_captions, or a folder "
            "with NAME.txt beside NAME.jpg, or with metadata.jsonl or metadata.csv."
        )
    every = examples.map(
        lambda example: tf.reshape(example.get("captions", example["caption"]), [-1])
    )
    decoded = (text.decode() for texts in every.as_numpy_iterator() for text in texts)
    found = [text for text in decoded if captions.words(text)]
    if not found:
        raise UserError(f"the captions of {data.name} {data.split!r} have no word.")
    return found


def vectorizer(vocabulary: Sequence[str], length: int) -> keras.layers.TextVectorization:
    """A layer: captions, strings [B] -> numbers, int [B, length]. It holds no weight."""
    layer = keras.layers.TextVectorization(
        vocabulary=list(vocabulary), output_sequence_length=length, standardize=plain
    )
    layer(tf.constant([""]))  # builds it
    return layer


def numbered(data: Any, layer: keras.Layer) -> Any:
    """The data with numbers by the layer in the place of strings.

    "tokens" [T] are those of "caption"; "every_tokens" [K, T] those of "captions", where there are
    several.
    """
    names = {"caption": "tokens", "captions": "every_tokens"}

    def of(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        kept = {key: value for key, value in example.items() if key not in names}
        numbers = {
            names[key]: tf.cast(layer(example[key]), tf.int32) for key in names if key in example
        }
        return kept | numbers

    return dataclasses.replace(data, examples=lambda: data.examples().map(of))


def chosen(every: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """One caption of each image: int [B, K, T], uniforms [B] -> int [B, T].

    Of those that have a word, each as likely as the others.
    """
    there = tf.cast(tf.reduce_any(every > 0, axis=-1), tf.int32)
    count = tf.reduce_sum(there, axis=1)
    # Below the count: u * count may round up to it.
    place = tf.minimum(tf.cast(u * tf.cast(count, tf.float32), tf.int32), count - 1)
    which = tf.argmax(tf.cumsum(there, axis=1) > place[:, None], axis=1)
    return tf.gather(every, which, batch_dims=1)
