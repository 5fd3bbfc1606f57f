"""Captions: words as numbers, splits that share none, and how it is measured what images say."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import WORDS
from tfgen import captions, data, random, vocabulary
from tfgen.data import shapes
from tfgen.errors import Notice, UserError
from tfgen.evaluation import captions as fidelity

# --- words ---------------------------------------------------------------------------------------

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
    with pytest.warns(Notice, match=r"'dot dot dot' of .*model.length=7 reads the whole"):
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


# --- data ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_caption_of_one_split_is_in_another():
    source = data.open_source("shapes_by_caption")
    held = {
        split: data.arrays(source.load(split, ("caption", "factors")))
        for split in ("train", "validation", "test")
    }
    texts = {split: {text.decode() for text in a["caption"]} for split, a in held.items()}
    assert sum(len(a["image"]) for a in held.values()) == 14_400
    assert sum(map(len, texts.values())) == len(set.union(*texts.values())) == 648
    assert (len(texts["train"]), len(texts["test"])) == (518, 65)
    # And what `said` reads from the factors is what the captions say.
    for text, factors in zip(held["test"]["caption"], held["test"]["factors"], strict=True):
        said = {key: int(value[0]) for key, value in shapes.said(factors[None]).items()}
        scale, colour, shape, *place = text.decode().removeprefix("a ").split()
        assert shape == shapes.SHAPES[said["shape"]]
        assert colour == list(shapes.COLOURS)[said["colour"]]
        assert scale == shapes.SCALES[said["scale"]]
        above, across = divmod(said["position"], 3)
        words = [w for w in (["top", "", "bottom"][above], ["left", "", "right"][across]) if w]
        assert place == (["at", "the", *words] if words else ["in", "the", "centre"])


# --- what it is worth ----------------------------------------------------------------------------


def test_fidelity_of_known_readings():
    rng = np.random.default_rng(0)
    kinds = fidelity.SAYS
    said = {name: rng.integers(0, k, 500) for name, k in kinds.items()}
    sure = {name: np.log(np.eye(k)[said[name]] + 1e-9) for name, k in kinds.items()}
    assert set(fidelity.judged(sure, said, 0).values()) == {1.0}
    # Wrong about the colour of every other image.
    half = sure | {"colour": np.roll(sure["colour"], 1, axis=1)}
    half["colour"][::2] = sure["colour"][::2]
    found = fidelity.judged(half, said, 0)
    assert found["caption_colour"] == found["caption_all"] == 0.5
    assert found["caption_shape"] == 1.0
    assert 0.5 <= found["r_precision"] < 0.95
    # No better than chance: one in a hundred.
    chance = {name: rng.normal(size=(500, k)) for name, k in kinds.items()}
    found = fidelity.judged(chance, said, 0)
    assert found["r_precision"] < 0.04
    assert abs(found["caption_shape"] - 0.25) < 0.08


def test_how_much_images_of_one_caption_differ():
    """Of three captions one has one image, one has two that differ by 1/2, one three."""
    said = {name: np.array([0, 1, 1, 2, 2, 2]) for name in fidelity.SAYS}
    images = np.array([9.0, 0.5, 1.0, 0.0, 0.3, 0.6])[:, None, None, None] * np.ones((1, 4, 4, 3))
    assert fidelity.within(images, said) == pytest.approx((0.5 + (0.3 + 0.3 + 0.6) / 3) / 2)


def test_degraded_images_can_still_be_read():
    """Flat ones get brighter or darker as a whole, and an edge no softer than by 0.8 pixels."""
    flat = fidelity.degraded(np.full((200, 16, 16, 3), 0.5, np.float32))
    moved = flat.mean(axis=(1, 2, 3)) - 0.5
    of_noise = 5 * 0.05 / np.sqrt(16 * 16 * 3)
    assert 0.07 < np.abs(moved).max() < 0.08 + of_noise
    assert 0.045 < flat.std(axis=(1, 2, 3)).max() < 0.055
    edge = np.full((200, 16, 16, 3), 0.25, np.float32)
    edge[:, :, 8:] = 0.75
    found = fidelity.degraded(edge)
    step = (found[:, :, 8] - found[:, :, 7]).mean(axis=(1, 2))
    # Of a step of 1/2 a normal of 0.8 leaves between two pixels P(|x| < 1/2), nearly.
    assert 0.5 * 0.44 < step.min() < 0.5 * 0.56
    assert 0.5 * 0.9 < step.max() < 0.5 * 1.1
    assert np.array_equal(found, fidelity.degraded(edge))


@pytest.mark.slow
def test_one_word_changed_of_a_model_that_obeys():
    """A painter whose images are known: it obeys every word, but never changes a colour."""
    factors = data.arrays(data.open_source("shapes_by_caption").load("test", ("factors",)))
    said = {key: value[::20][:60] for key, value in shapes.said(factors["factors"]).items()}

    class Painter:
        vocabulary = ("a", "at", "the", "in", "centre", "top", "bottom", "left", "right")
        vocabulary += (*shapes.SHAPES, *shapes.COLOURS, *shapes.SCALES)
        length = 8

        def sample(self, seeds, tokens):
            return tokens

    class Reader:
        def log_probabilities(self, tokens):
            if tokens is made:
                seen = said
            else:
                found = [read(captions.text(row, Painter.vocabulary)) for row in tokens]
                seen = {k: np.array([words[k] for words in found]) for k in found[0]}
                seen["colour"] = said["colour"]
            return {k: np.eye(9)[v] for k, v in seen.items()}

    class Splits:
        quantised = staticmethod(lambda images: images)

    def read(text):
        words = text.split()
        found = {"shape": next(shapes.SHAPES.index(w) for w in words if w in shapes.SHAPES)}
        found["scale"] = shapes.SCALES.index(words[1])
        above = 0 if "top" in words else 2 if "bottom" in words else 1
        across = 0 if "left" in words else 2 if "right" in words else 1
        return found | {"position": 3 * above + across}

    made = np.zeros((60, 8))
    tf.config.run_functions_eagerly(True)
    try:
        found = fidelity.one_word(Painter(), Splits, Reader(), said, made, 0)
    finally:
        tf.config.run_functions_eagerly(False)
    which = np.random.default_rng(0).integers(len(fidelity.SAYS), size=60)
    assert found["word_obeyed"] == np.mean(which != list(fidelity.SAYS).index("colour"))
    assert found["word_kept"] == 1.0
