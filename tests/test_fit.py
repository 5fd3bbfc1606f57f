"""Keras' own `compile` and `fit` train every model, or say what they want."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.mine import IMAGES, make
from tests.zoo import LOOKED_AT, ROWS
from tfgen import models
from tfgen.data import conditions
from tfgen.errors import UserError

# A row of each class.
CLASSES = [
    pytest.param(row, marks=() if row.id in LOOKED_AT else pytest.mark.slow, id=row.name)
    for row in {row.name: row for row in ROWS}.values()
]


@pytest.mark.parametrize("row", CLASSES)
def test_keras_compile_and_fit_train_every_model_or_say_what_they_want(row):
    kind = models.find(row.name)
    model = kind(row.image_shape, row.levels, **row.arguments)
    model.compile("adam", run_eagerly=True)
    batch = row.batch(8)
    if model.data_features or model.can("translate"):
        with pytest.raises(UserError, match=f"{kind.__name__} learns from more than images"):
            model.fit(batch["image"])
        return
    if model.num_classes:
        with pytest.raises(UserError, match="learns from labels: give them beside the images"):
            model.fit(batch["image"], batch_size=4)
    before = [w.numpy() for w in model.trainable_variables]
    unit = batch["image"].astype(np.float32) / (row.levels - 1)
    history = model.fit(unit, batch["label"], batch_size=4, epochs=1, verbose=0)
    assert set(history.history) >= set(model.terms)
    assert model.steps_done == 2
    moved = [
        not np.array_equal(a, b) for a, b in zip(before, model.trainable_variables, strict=True)
    ]
    assert any(moved) or not before
    assert np.isfinite(model.sample([0], conditions.defaults(model.condition, 1))).all()


def test_fit_refuses_images_of_another_shape_and_too_few():
    model = make()
    model.compile("adam")
    with pytest.raises(UserError, match=r"x holds images of \(4, 8, 1\).*image_shape=\(8, 8, 1\)"):
        model.fit(IMAGES[:, :4])
    with pytest.raises(UserError, match="x holds 5 images, less than a batch: 32"):
        model.fit(IMAGES[:5])
    with pytest.raises(UserError, match=r"needs optimizers \['vae'\], got \['G'\]"):
        model.compile({"G": keras.optimizers.Adam()})


def test_floats_are_no_levels():
    """A step would take images in [0, 1] for all but black."""
    model = make()
    model.compile("adam", run_eagerly=True)
    for given in (IMAGES, IMAGES.astype(np.float64)):
        batches = tf.data.Dataset.from_tensor_slices({"image": given}).batch(32)
        with pytest.raises(UserError, match="a step takes images as whole levels, 0 to 255"):
            model.fit(batches, verbose=0)


def test_methods_of_images_scale_levels_and_refuse_other_numbers():
    model, levels = make(), np.round(255 * IMAGES[:4]).astype(np.uint8)[..., None]
    unit = levels / np.float32(255)
    whole = model.encode(levels)["mean"]
    assert np.array_equal(whole, model.encode(unit)["mean"])
    within = tf.function(lambda x: model.encode(x)["mean"])(tf.constant(levels))
    np.testing.assert_allclose(within, whole, atol=1e-5)
    for given, said in ((unit * 2 - 1, "floats from -1 to"), (unit * 255, "floats from 0 to")):
        for method in (model.encode, model.reconstruct, model.log_prob):
            with pytest.raises(UserError, match=rf"{method.__name__} takes images .*{said}"):
                method(given)
    for given in (unit[0], unit[:, 1:], unit[..., 0]):
        with pytest.raises(UserError, match=r"takes images \[N, H, W, C\] of .* Given are"):
            model.encode(given)
