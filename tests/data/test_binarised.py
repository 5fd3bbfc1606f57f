"""Two levels of many: at half of the range, or by a draw for each step."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfgen import data
from tfgen.data import binarised, pipeline
from tfgen.errors import UserError

SETTINGS = {"name": "digits", "directory": "", "size": 0}


def binary(how):
    return data.of_run(SETTINGS | {"binarise": how})


def batches(how, start=0, count=3):
    made = data.batches(binary(how).load("train"), 100, seed=5, start=start)
    return [batch["image"].numpy() for batch in itertools.islice(made, count)]


def test_half_of_the_range_is_the_threshold(digits):
    grey = data.arrays(digits.load("test"))["image"]  # of 17 levels
    about = binary("threshold").load("test")
    assert about.levels == 2
    np.testing.assert_array_equal(data.arrays(about)["image"], (grey / 16 > 0.5).astype(np.uint8))


def test_a_pixel_is_one_as_often_as_it_is_bright():
    grey = np.tile(np.arange(17, dtype=np.uint8).reshape(1, 17, 1, 1), (20_000, 1, 1, 1))
    images = binarised.drawn(tf.constant(grey), tf.range(20_000), 17).numpy()
    share = np.arange(17) / 16
    error = np.sqrt(share * (1 - share) / 20_000)
    assert (np.abs(images.mean(0)[:, 0, 0] - share) <= 4 * error).all()


def test_each_step_draws_anew_and_held_out_images_stay(monkeypatch):
    source = binary("dynamic")
    twice = [data.arrays(source.load("test"))["image"] for _ in range(2)]
    np.testing.assert_array_equal(*twice)
    assert set(np.unique(twice[0])) == {0, 1}

    # A batch of the whole split: each step sees every image, in another order and another draw.
    few = source.load("train[:100]")
    grey = data.arrays(few)["grey"].reshape(100, -1)
    made = [batch["image"].numpy() for batch in itertools.islice(data.batches(few, 100, 5), 2)]
    one, other = (np.unique(images.reshape(100, -1), axis=0) for images in made)
    assert not np.array_equal(one, other)
    sure = (grey == 0).all(0) | (grey == 16).all(0)
    assert sure.any()
    for images in made:
        np.testing.assert_array_equal(images.reshape(100, -1)[0, sure], grey[0, sure] // 16)

    # A run that goes on sees the batches that it would have seen; so does one whose images are
    # streamed draw, though in another order.
    np.testing.assert_array_equal(batches("dynamic")[2], batches("dynamic", start=2, count=1)[0])
    monkeypatch.setattr(pipeline, "MEMORY_LIMIT", 0)
    np.testing.assert_array_equal(batches("dynamic")[2], batches("dynamic", start=2, count=1)[0])


def test_what_cannot_be_binarised_is_refused():
    with pytest.raises(UserError, match=r"unknown `data.binarise` 'treshold'.*Did you mean"):
        binary("treshold")
    with pytest.raises(UserError, match="two levels as it is"):
        data.of_run(SETTINGS | {"name": "digits_binary", "binarise": "dynamic"}).load("train")
