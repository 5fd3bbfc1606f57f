"""How far the convolutions of pixelcnn and pixelrnn see: their formulas, against gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen import models, settings
from tfgen.layers.causal import dilations


def seen(model, y, x):
    """Which pixels of an image the parameters at (y, x) depend on: bool [H, W], by gradients."""
    image = tf.constant(np.random.default_rng(0).random((1, *model.image_shape)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(image)
        found = tf.reduce_sum(model.network(image)[0, y, x])
    return tape.gradient(found, image).numpy()[0, :, :, 0] != 0


def build(name, side, **arguments):
    keras.utils.set_random_seed(1)
    return models.find(name)((side, side, 1), 256, **arguments)


def earlier(side, y, x):
    return (np.arange(side**2) < y * side + x).reshape(side, side)


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("reach", [1, 2])
def test_pixelcnn_reaches_what_its_formula_says(depth, reach):
    """A window of R rows above and R columns to each side."""
    side, y, x = 16, 13, 6
    model = build("pixelcnn", side, width=8, depth=depth, reach=reach, first_reach=1)
    far = 1 + reach * sum(model.dilations[1:])
    rows, columns = np.mgrid[:side, :side]
    window = (rows >= y - far) & (np.abs(columns - x) <= far)
    np.testing.assert_array_equal(seen(model, y, x), window & earlier(side, y, x))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_row_lstms_reach_what_their_formula_says(depth):
    side, y, x = 12, 8, 4
    model = build("pixelrnn", side, width=8, depth=depth, reach=1)
    for w in model.trainable_variables:
        w.assign(3.0 * w)  # what has come a long way is still a number
    far = 1 + 2 * sum(model.dilations)
    rows, columns = np.mgrid[:side, :side]
    above = y - rows
    triangle = (columns >= x - far - above) & (columns <= x + above)
    np.testing.assert_array_equal(seen(model, y, x), triangle & earlier(side, y, x))


@pytest.mark.parametrize("data", ["digits", "mnist"])
@pytest.mark.parametrize("name", ["pixelcnn", "pixelrnn"])
def test_the_configs_reach_over_the_picture(name, data):
    """To the start of the row, and, but for the Row LSTM's triangle, of everything above it."""
    side = {"digits": 8, "mnist": 28}[data]
    model = build(name, side, **settings.find(name, data).model)
    found = seen(model, side - 1, side - 1)
    assert found[-1, :-1].all()
    if name == "pixelcnn":
        assert np.array_equal(found, earlier(side, side - 1, side - 1))
        corner = seen(model, side - 1, 0)
        assert np.array_equal(corner, earlier(side, side - 1, 0))


def test_dilation_is_the_least_that_sees_the_picture():
    assert dilations((8, 8, 1), 2, 1, 5) == [1] * 5
    assert dilations((28, 28, 1), 3, 1, 5) == [1, 2, 4, 8, 16]
    assert dilations((32, 32, 3), 3, 1, 11) == [1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4]
    assert dilations((28, 28, 1), 3, 2, 3) == [1, 3, 9]
    # Too few layers go as far as they can without a gap.
    assert dilations((64, 64, 3), 1, 1, 3) == [1, 2, 4]
    assert dilations((8, 8, 1), 3, 1, 0) == []
