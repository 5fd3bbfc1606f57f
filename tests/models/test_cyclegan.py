"""CycleGAN: the pool of earlier images, jitter, the losses by hand."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.zoo import Row
from tfgen import random, settings
from tfgen.errors import UserError
from tfgen.models.cyclegan import CycleGAN
from tfgen.training import optimizers
from tfgen.training.checkpoints import Checkpoints

TINY = dict(width=2, depth=1, blocks=1, patch_width=3, patch_depth=1, pool=12)


def build(**arguments):
    return Row("cyclegan", TINY | arguments, 0).build()


# --- the pool ------------------------------------------------------------------------------------


def numbered(first, count):
    """Images that are told apart by their value."""
    return (
        tf.ones([count, 8, 8, 1])
        * tf.range(first, first + count, dtype=tf.float32)[:, None, None, None]
    )


@pytest.mark.slow
def test_the_pool_fills_in_order_and_then_swaps_half_of_the_time():
    model = build()
    kept, swapped = [], 0
    for step in range(200):
        model.step.assign(step)
        new = numbered(1 + 4 * step, 4)
        shown = model.from_pool(model.pool_x, new, model.training_seeds(new))[:, 0, 0, 0].numpy()
        pool = model.pool_x.numpy()[:, 0, 0, 0].tolist()
        values = new[:, 0, 0, 0].numpy()
        if step < 3:
            assert np.array_equal(shown, values)
            kept += values.tolist()
            assert pool[: len(kept)] == kept
            continue
        # An earlier image is shown once and then gone; the new one has its place.
        earlier = set(shown) - set(values)
        assert earlier == set(kept) - set(pool)
        assert set(pool) - set(kept) == set(values) - set(shown)
        assert len(set(pool)) == 12
        swapped += len(earlier)
        kept = pool
    # 788 throws of a coin: five standard deviations.
    assert abs(swapped / 788 - 0.5) < 0.09


def test_a_pool_smaller_than_a_batch_lets_the_rest_pass():
    model = build(pool=3)
    new = numbered(1, 5)
    for step in range(4):
        model.step.assign(step)
        shown = model.from_pool(model.pool_x, new + 10.0 * step, model.training_seeds(new))
        assert np.array_equal(shown[3:], (new + 10.0 * step)[3:])
    without = build(pool=0)
    assert np.array_equal(without.from_pool(without.pool_x, new, without.training_seeds(new)), new)


@pytest.mark.slow
def test_the_pool_is_in_checkpoints_and_not_in_files(tmp_path):
    model = build()
    model.pool_x.assign(tf.ones_like(model.pool_x))
    Checkpoints(tmp_path, model).save(1)
    another = build()
    Checkpoints(tmp_path, another).restore(print)
    assert np.array_equal(another.pool_x, model.pool_x)
    larger = build(pool=12 * 50)
    sizes = []
    for each in (model, larger):
        each.save_networks(tmp_path / "model.keras")
        sizes.append((tmp_path / "model.keras").stat().st_size)
    assert sizes[0] == pytest.approx(sizes[1], abs=8)  # of which digits of the config are
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert not loaded.pool_x.numpy().any()
    assert loaded.pool_x.shape == larger.pool_x.shape


# --- jitter --------------------------------------------------------------------------------------


def in_bytes(x):
    return np.round((np.asarray(x) + 1.0) * 127.5).astype(np.uint8)


def test_jitter_is_the_authors_crop_of_an_enlarged_image():
    """By Pillow, as their code does it: every image is one of the 49 crops, mirrored or not."""
    # Not of all levels: Pillow cuts off between rows and columns what a cubic overshoots.
    image = np.random.default_rng(0).integers(60, 196, (8, 8, 3), dtype=np.uint8)
    large = np.asarray(Image.fromarray(image).resize((14, 14), Image.Resampling.BICUBIC))
    crops = {(i, j): large[i : i + 8, j : j + 8] for i in range(7) for j in range(7)}
    model = Row("cyclegan", TINY | dict(enlarge=1.75), 0, (8, 8, 3), 256).build()
    x = tf.tile(image[None] / np.float32(127.5) - 1.0, [600, 1, 1, 1])
    seen = []
    for made in in_bytes(model.jittered(x, tf.range(600), "jitter")).astype(int):
        near = [
            (place, way)
            for place, crop in crops.items()
            for way in (1, -1)
            if np.abs(made - crop[:, ::way]).max() <= 2  # Pillow rounds in between
        ]
        seen += near
        assert len(near) == 1
    mirrored = np.mean([way == -1 for _, way in seen])
    assert abs(mirrored - 0.5) < 0.1  # five standard deviations
    counts = [sum(place == found for found, _ in seen) for place in crops]
    assert min(counts) > 0  # of 12 expected
    assert max(counts) < 32


def test_the_papers_sizes_and_what_is_off():
    paper = inspect.signature(CycleGAN).parameters
    assert (round(paper["enlarge"].default * 256), paper["mirror"].default) == (286, True)
    on_photographs = settings.find("cyclegan", "cycle_gan/horse2zebra").model
    assert (round(on_photographs.enlarge * 256), on_photographs.mirror) == (286, True)
    digits = settings.find("cyclegan", "digit_styles").model
    model = build(enlarge=digits.enlarge, mirror=digits.mirror)
    x = tf.cast(model.to_unit(Row("cyclegan", TINY, 0).batch()["image"]), tf.float32)
    assert np.array_equal(model.jittered(x, tf.range(8), "jitter"), x)
    with pytest.raises(UserError, match=r"enlarge is 0.5"):
        build(enlarge=0.5)


@pytest.mark.slow
def test_training_sees_jittered_images_and_held_out_ones_stay():
    """A function of seed, step and row, of its own in each domain."""
    model, batch = build(enlarge=1.5), Row("cyclegan", TINY, 0).batch()
    seen = {}
    jittered = model.jittered

    def recorded(x, seeds, stream):
        seen[stream] = jittered(x, seeds, stream)
        return seen[stream]

    model.jittered = recorded
    model.test_step(batch)
    assert not seen
    same = {"image": batch["image"], "other": batch["image"]}
    model.train_step(same)
    x, y = seen.values()
    assert not np.array_equal(x, y)
    seeds = random.training_seeds(3, tf.constant(0), 8)
    of_rows = [jittered(model.to_range(model.to_unit(batch["image"])), seeds, s) for s in seen]
    assert np.array_equal(x, of_rows[0])
    assert np.array_equal(y, of_rows[1])
    model.train_step(same)
    assert not np.array_equal(x, seen["jitter of X"])


# --- the objective -------------------------------------------------------------------------------


def test_the_losses_by_hand():
    model = build(cycle_weight=7.0, identity_weight=0.3)
    rng = np.random.default_rng(0)
    x, y, fake_x, fake_y = (rng.normal(size=(4, 8, 8, 1)).astype(np.float32) for _ in range(4))
    found = model.of_generators(x, y, fake_x, fake_y)

    def mean(values):
        return float(np.mean(np.asarray(values, np.float64)))

    adversarial = mean((model.D_Y(fake_y) - 1) ** 2) + mean((model.D_X(fake_x) - 1) ** 2)
    cycle = mean(abs(model.F(fake_y) - x)) + mean(abs(model.G(fake_x) - y))
    identity = mean(abs(model.G(y) - y)) + mean(abs(model.F(x) - x))
    expected = adversarial + 7.0 * cycle + 7.0 * 0.3 * identity
    assert float(found["loss"]) == pytest.approx(expected, rel=1e-5)
    of_d = model.of_discriminators(x, y, fake_x, fake_y)
    d_loss = sum(
        mean((D(real) - 1) ** 2) / 2 + mean(D(fake) ** 2) / 2
        for D, real, fake in ((model.D_X, x, fake_x), (model.D_Y, y, fake_y))
    )
    assert float(of_d["d_loss"]) == pytest.approx(d_loss, rel=1e-4)


def test_a_rate_that_falls_in_the_second_half():
    rate = optimizers.LinearInTheEnd(2e-4, 100)
    found = [float(rate(step)) / 2e-4 for step in (0, 49, 50, 75, 99, 100, 120)]
    np.testing.assert_allclose(found, [1, 1, 1, 0.5, 0.02, 0, 0], atol=1e-6)


def test_images_that_are_too_small_are_refused():
    with pytest.raises(UserError, match=r"depth 2 halves the image 2 times, and 6x7"):
        CycleGAN((6, 7, 1), 17)
    with pytest.raises(UserError, match=r"discriminator of depth 3 needs 32 pixels"):
        CycleGAN((16, 16, 3), 256, depth=1)
    with pytest.raises(UserError, match=r"unknown domain 'Z'"):
        build().translate(tf.zeros([1, 8, 8, 1]), "Z")
