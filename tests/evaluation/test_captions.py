"""What images say of their captions: readings that are known."""

from typing import ClassVar

import numpy as np
import pytest
import tensorflow as tf

from tfgen import data
from tfgen.data import shapes
from tfgen.data.conditions import Captions
from tfgen.evaluation import captions as fidelity
from tfgen.evaluation.absent import Absent


def test_fidelity_of_known_readings():
    rng = np.random.default_rng(0)
    kinds = fidelity.FACTORS
    said = {name: rng.integers(0, k, 500) for name, k in kinds.items()}
    sure = {name: np.log(np.eye(k)[said[name]] + 1e-9) for name, k in kinds.items()}
    assert set(fidelity.caption_accuracy(sure, said, 0).values()) == {1.0}
    # Wrong about the colour of every other image.
    half = sure | {"colour": np.roll(sure["colour"], 1, axis=1)}
    half["colour"][::2] = sure["colour"][::2]
    found = fidelity.caption_accuracy(half, said, 0)
    assert found["caption_colour"] == found["caption_all"] == 0.5
    assert found["caption_shape"] == 1.0
    assert 0.5 <= found["r_precision"] < 0.95
    # No better than chance: one in a hundred.
    chance = {name: rng.normal(size=(500, k)) for name, k in kinds.items()}
    found = fidelity.caption_accuracy(chance, said, 0)
    assert found["r_precision"] < 0.04
    assert abs(found["caption_shape"] - 0.25) < 0.08


def test_how_much_images_of_one_caption_differ():
    """Of three captions one has one image, one has two that differ by 1/2, one three."""
    said = {name: np.array([0, 1, 1, 2, 2, 2]) for name in fidelity.FACTORS}
    images = np.array([9.0, 0.5, 1.0, 0.0, 0.3, 0.6])[:, None, None, None] * np.ones((1, 4, 4, 3))
    assert fidelity.diversity_within_captions(images, said) == pytest.approx(
        (0.5 + (0.3 + 0.3 + 0.6) / 3) / 2
    )


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


def test_a_caption_s_picture_is_found_by_samples_that_are_like_it():
    random = np.random.default_rng(0)
    real = random.normal(size=(60, 8))
    assert set(fidelity.found_among(real + 0.01, real).values()) == {1.0}
    assert fidelity.found_among(np.roll(real, 1, axis=0), real)["picture_found"] == 0
    chance = [fidelity.found_among(random.normal(size=(60, 8)), real) for _ in range(20)]
    assert np.mean([one["picture_nearer"] for one in chance]) == pytest.approx(0.5, abs=0.03)
    # All the same: no better than a coin.
    same = fidelity.found_among(np.zeros_like(real), np.ones_like(real))
    assert same == {"picture_found": 0.0, "picture_nearer": 0.5}


def test_the_trivial_painter_takes_the_caption_that_shares_most_words():
    """0 is no word, 1 one that training does not know: it is shared with none."""
    train = np.array([[2, 3, 0], [3, 4, 5], [6, 0, 0]])
    captions = np.array([[3, 2, 0], [5, 1, 0], [6, 3, 4], [1, 6, 0]])
    np.testing.assert_array_equal(fidelity.most_shared(train, captions), [0, 1, 1, 2])


def test_captions_of_words_that_training_does_not_know_are_left_out_with_a_reason():
    class Splits:
        held_out: ClassVar = {"tokens": np.array([[2, 3], [1, 0], [1, 1]])}

    absent = Absent()
    assert fidelity.pictures_found(None, Splits, None, None, absent) == ({}, {})
    assert set(absent.reasons) == {"picture_found", "picture_nearer"}


@pytest.mark.slow
def test_one_word_changed_of_a_model_that_obeys():
    """A painter whose images are known: it obeys every word, but never changes a colour."""
    factors = data.arrays(data.open_source("shapes_by_caption").load("test", ("factors",)))
    said = {key: value[::20][:60] for key, value in shapes.said(factors["factors"]).items()}

    class Painter:
        vocabulary = ("a", "at", "the", "in", "centre", "top", "bottom", "left", "right")
        condition = Captions((*vocabulary, *shapes.SHAPES, *shapes.COLOURS, *shapes.SCALES), 8)

        def sample(self, seeds, tokens):
            return tokens

    class Reader:
        def log_probabilities(self, tokens):
            if tokens is made:
                seen = said
            else:
                found = [read(text) for text in Painter.condition.words(tokens)]
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
        found = fidelity.one_word_changed(Painter(), Splits, Reader(), said, made, 0)
    finally:
        tf.config.run_functions_eagerly(False)
    which = np.random.default_rng(0).integers(len(fidelity.FACTORS), size=60)
    assert found["word_obeyed"] == np.mean(which != list(fidelity.FACTORS).index("colour"))
    assert found["word_kept"] == 1.0
