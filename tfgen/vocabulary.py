"""Captions within TensorFlow: the words of a data set, and its captions as numbers.

The numbers are those of `captions.py`, which needs no TensorFlow.
"""

import dataclasses

import keras
import tensorflow as tf

from tfgen import captions
from tfgen.errors import UserError

EXAMPLES = 64  # captions that are kept, to sample when none are given


def learned(data, most_words, length):
    """The most frequent words of the captions of `data`, and some of the captions.

    Returns: {"vocabulary": words, "examples": captions of these, at most `length` words of each,
      evenly from those that differ}.

    Raises: UserError for data without captions.
    """
    found = list(data.examples().take(1))
    if not found or "caption" not in found[0]:
        raise UserError(
            f"text_to_image learns from captions, and {data.name} has none: it wants a set "
            "of TFDS with features image and caption, as shapes_by_caption or coco_captions."
        )
    texts = data.examples().map(lambda example: example["caption"])
    layer = keras.layers.TextVectorization(max_tokens=most_words)
    layer.adapt(texts.batch(256))
    vocabulary = [str(word) for word in layer.get_vocabulary()[captions.FIRST :]]
    known, examples = set(vocabulary), {}
    for text in texts.take(10_000).as_numpy_iterator():
        words = [word for word in captions.words(text.decode()) if word in known]
        examples[" ".join(words[:length])] = None
    examples = list(examples)[:: max(1, len(examples) // EXAMPLES)][:EXAMPLES]
    return {"vocabulary": tuple(vocabulary), "examples": tuple(examples)}


def vectorizer(vocabulary, length):
    """A layer: captions, strings [B] -> numbers, int [B, length]. It holds no weight."""
    layer = keras.layers.TextVectorization(
        vocabulary=list(vocabulary), output_sequence_length=length
    )
    layer(tf.constant([""]))  # builds it
    return layer


def numbered(data, layer):
    """The data with "tokens", numbers by the layer, in the place of "caption"."""

    def of(example):
        tokens = tf.cast(layer(example["caption"]), tf.int32)
        kept = {key: value for key, value in example.items() if key != "caption"}
        return kept | {"tokens": tokens}

    return dataclasses.replace(data, examples=lambda: data.examples().map(of))
