"""GLIDE: captions are heard, learnt with the denoiser, left out at times, and followed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import HEARD, Row
from tfgen.compiling import compiled
from tfgen.errors import UserError

SEEN = ("a red dot", "a blue dot", "dot")


def build(**arguments):
    given = HEARD | dict(network="dense", width=16, sampling_steps=8, sigma_max=5.0) | arguments
    return Row("glide", given, None, (2, 2, 3)).build()


def taught(model, steps):
    """Of red dots and blue ones, on a canvas of noise."""
    model.compile({"denoiser": keras.optimizers.Adam(1e-2)})
    step = compiled(model.train_step)
    random = np.random.default_rng(0)
    for _ in range(steps):
        which = random.integers(0, 2, 64)
        images = random.integers(6, 11, (64, 2, 2, 3), dtype=np.uint8)
        images[:, ..., 0] = np.where(which == 0, 16, 0)[:, None, None]
        images[:, ..., 2] = np.where(which == 0, 0, 16)[:, None, None]
        said = model.condition.rows([SEEN[i] for i in which], 64)
        step({"image": images, "tokens": said})
    return model


@pytest.fixture(scope="module")
def model():
    return taught(build(half_life=20), 400)


def colours(model, caption, **given):
    """Of samples, red and blue, in [0, 1]: means, and how they differ."""
    images = model.sample(range(64), caption=caption, **given)
    return np.mean(images, axis=(0, 1, 2))[[0, 2]]


def test_samples_show_what_their_captions_say(model):
    model.guidance = 0.0
    np.testing.assert_allclose(colours(model, "a red dot"), [1, 0], atol=0.1)
    np.testing.assert_allclose(colours(model, "a blue dot"), [0, 1], atol=0.1)


def test_without_a_caption_the_denoiser_has_heard_of_all_of_them(model):
    """At much noise its best guess is the mean of the data, and that of a caption its own."""
    x, sigma = 5.0 * tf.random.stateless_normal([256, 2, 2, 3], [0, 1]), tf.fill([256], 5.0)
    said = model.condition.rows("a red dot", 256)
    model.guidance = 0.0
    alone, red = model.denoised(x, sigma), model.denoised(x, sigma, said)
    assert abs(np.mean(alone[..., 0])) < 0.35
    assert np.mean(red[..., 0]) > 0.8
    model.guidance = 2.0
    pushed = model.denoised(x, sigma, said)
    np.testing.assert_allclose(pushed, 3 * red - 2 * alone, atol=1e-5)


def test_every_word_counts(model):
    codes = model.code(model.condition.rows(["a red dot", "a blue dot", "dot"], 3))
    apart = np.linalg.norm(codes[:, None] - codes[None], axis=-1)
    assert (apart + np.eye(3) > 1e-2).all()


def test_captions_are_left_out_in_training_alone():
    model = build(drop_label=0.25)
    said = {"tokens": model.condition.rows("a red dot", 2000)}
    heard = model.shown(said, tf.range(2000), training=True)
    assert abs(np.mean(np.all(heard == 0, axis=1)) - 0.25) < 0.03
    assert np.all(np.any(model.shown(said, tf.range(2000), training=False) != 0, axis=1))


def test_what_hears_nothing_is_edm():
    with pytest.raises(UserError, match="is edm"):
        build(conditional=False)


def test_what_is_not_known_is_painted_as_a_caption_says(model):
    """Beside an upper half of grey, which says nothing of the colour; and a whole image by it."""
    model.guidance = 0.0
    x = np.full((64, 2, 2, 3), 0.5, np.float32)
    known = np.zeros(x.shape, bool)
    known[:, :1] = True
    for said, want in (("a red dot", [1, 0]), ("a blue dot", [0, 1])):
        for images in (model.complete(x, known, label=said), model.edit(x, 1.0, label=said)):
            found = np.mean(images[:, 1], axis=(0, 1))[[0, 2]]
            np.testing.assert_allclose(found, want, atol=0.25)
