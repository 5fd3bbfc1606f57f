"""Captions: words as numbers, and what is not read of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import WORDS
from tfgen import captions, data, random, vocabulary
from tfgen.errors import Notice, UserError

ODD = ["A small, RED circle.", "  two\twords ", "it's (not) a-dash", "red", "blue! dot?"]


def test_numbers_are_those_of_text_vectorization():
    known = (
        "a",
        "red",
        "small",
        "circle",
        "its",
        "adash",
        "not",
        "blue",
        "dot",
        "two",
        "words",
    )
    layer = keras.layers.TextVectorization(vocabulary=list(known), output_sequence_length=6)
    assert np.array_equal(captions.tokens(ODD, known, 6), layer(tf.constant(ODD)))
    numbers = captions.tokens(ODD[:1], known, 6)[0]
    assert captions.text(numbers, known) == "a small red circle"


def test_words_beyond_ascii_are_the_same_in_training_and_in_sampling():
    odd = [
        "\u00c4rger ROT",
        "\u00c9lan",
        "rot\u00a0blau",
        "\u041a\u0420\u0410\u0421\u041d\u042b\u0419\u3000\u03a9",
    ]
    every = {word for text in odd for word in captions.words(text)}
    learned = vocabulary.learned(told(odd), most_words=50, length=0)
    assert set(learned["vocabulary"]) == every
    assert "" not in learned["examples"]
    asked = captions.tokens(odd, learned["vocabulary"], 2)
    assert np.array_equal(vocabulary.vectorizer(learned["vocabulary"], 2)(tf.constant(odd)), asked)


def test_captions_of_rare_words_alone_are_no_examples():
    learned = vocabulary.learned(told(["red dot", "red dot", "rare"]), most_words=4, length=0)
    assert learned["examples"] == ("red dot",)


def test_words_that_are_not_known_are_said():
    with pytest.raises(UserError, match=r"never seen 'bleu' of .* Did you mean 'blue'\? It knows"):
        captions.tokens(["a bleu dot"], WORDS["vocabulary"], 4)
    with pytest.raises(UserError, match=r"' \. ' has no word"):
        captions.tokens([" . "], WORDS["vocabulary"], 4)


LONG = ["a red dot a blue dot", "a red red red", "a red dot", "dot dot dot dot, dot, dot dot"]


def test_of_a_caption_that_is_too_long_the_first_words_are_read_and_it_is_said():
    """In training, where TensorFlow reads, as in sampling; each names the longest one."""
    with pytest.warns(Notice, match=r"reads 4 words .*'dot dot dot' of .* and of 1 others"):
        asked = captions.tokens(LONG, WORDS["vocabulary"], 4)
    trained = vocabulary.vectorizer(WORDS["vocabulary"], 4)(tf.constant(LONG))
    assert np.array_equal(asked, trained)
    with pytest.warns(Notice, match=r"'dot dot dot' of .*`model.length=7` reads the whole"):
        known = vocabulary.learned(told(LONG), most_words=50, length=4)
    assert max(len(text.split()) for text in known["examples"]) == 4
    # Words that are not read may be any.
    with pytest.warns(Notice):
        captions.tokens(["a red dot a bleu dot"], WORDS["vocabulary"], 4)


@pytest.mark.filterwarnings("error")
def test_by_default_captions_are_read_to_their_end(monkeypatch):
    data = told(LONG)
    known = vocabulary.learned(data, most_words=50, length=0)
    assert known["length"] == 7
    assert "dot dot dot dot dot dot dot" in known["examples"]
    numbers = vocabulary.vectorizer(known["vocabulary"], 7)(tf.constant(LONG))
    assert (np.count_nonzero(numbers, axis=1) == [6, 4, 3, 7]).all()
    # As far as an unrolled network goes.
    monkeypatch.setattr(vocabulary, "MOST_LENGTH", 5)
    with pytest.raises(Notice, match=r"reads 5 words .*`model.length=7"):
        vocabulary.learned(data, most_words=50, length=0)


def told(texts):
    """Data of a caption each."""
    images = np.zeros((len(texts), 2, 2, 1), np.uint8)
    held = tf.data.Dataset.from_tensor_slices({"image": images, "caption": texts})
    return data.ImageData("told", "train", len(texts), (2, 2, 1), 256, (), (), lambda: held)


def test_each_caption_of_an_image_is_as_likely_as_the_others():
    """Four captions, and one between two that has no word; of another image two, of one none."""
    every = np.zeros((3, 6, 2), np.int32)
    every[0, [0, 1, 3, 5], 0] = [3, 4, 5, 6]
    every[1, :2, 1] = [7, 8]
    seeds = tf.range(4000)
    u = random.uniform(seeds, [1], "caption")[:, 0]
    for image, wanted in zip(every, ((3, 4, 5, 6), (7, 8), (0,)), strict=True):
        rows = vocabulary.chosen(tf.repeat(image[None], 4000, axis=0), u).numpy().sum(axis=1)
        found, count = np.unique(rows, return_counts=True)
        assert tuple(found) == wanted
        p = 1 / len(wanted)
        assert np.abs(count / 4000 - p).max() <= 4 * np.sqrt(p * (1 - p) / 4000)
    # At both ends of the interval.
    ends = tf.constant([0.0, 1.0 - 2.0**-24])
    assert vocabulary.chosen(tf.constant(every[[0, 0]]), ends).numpy()[:, 0].tolist() == [3, 6]
