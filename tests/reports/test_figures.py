"""Figures: what is drawn where."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import ROWS
from tfgen import latents
from tfgen.reports import figures


def test_tiles_lie_in_reading_order_with_gaps_between():
    shades = np.linspace(0, 1, 6)
    images = np.ones((6, 64, 64, 1)) * shades[:, None, None, None]
    canvas = figures.tile(images, columns=3)
    assert canvas.shape == (2 * 67 + 3, 3 * 67 + 3, 3)
    assert (canvas[:3] == 255).all()
    assert (canvas[:, :3] == 255).all()
    for i, shade in enumerate(shades):
        centre = canvas[35 + i // 3 * 67, 35 + i % 3 * 67]
        assert (centre == round(shade * 255)).all()


def test_colour_stays_and_small_images_are_enlarged():
    red = np.zeros((1, 8, 8, 3))
    red[..., 0] = 1
    canvas = figures.tile(red, 1)
    assert canvas.shape[0] >= 64
    assert canvas[35, 35].tolist() == [255, 0, 0]


def test_paths_between_codes():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 5, 64))
    sphere = latents.spherical(a, b, 9)
    np.testing.assert_allclose(sphere[:, 0], a)
    np.testing.assert_allclose(sphere[:, -1], b)
    lengths = np.linalg.norm(sphere, axis=-1)
    ends = np.stack([lengths[:, 0], lengths[:, -1]])
    # Great circles stay at the radius where the prior's mass is; a line would fall to 0.7 of it.
    assert (lengths > 0.93 * ends.min(0)[:, None]).all()
    line = latents.linear(a, b, 3)
    np.testing.assert_allclose(line[:, 1], (a + b) / 2)
    assert np.isfinite(latents.spherical(a, a, 4)).all()


def test_interpolations_begin_and_end_at_samples():
    model = next(row for row in ROWS if row.name == "dcgan").build()
    drawn = figures.interpolation(model, rows=2, steps=4)
    assert figures.interpolation(model).shape == (6 * 67 + 3, 12 * 67 + 3, 3)
    ends = figures.tile(model.sample(range(4)).numpy()[[0, 2, 1, 3]], 2)
    assert np.array_equal(drawn[:, :67], ends[:, :67])
    assert np.array_equal(drawn[:, -67:], ends[:, -67:])


def test_points_of_the_plane_are_dots(tmp_path):
    points = np.array([[0.0, 0.0], [1.0, 1.0], [0.5, 0.25]]).reshape(3, 1, 1, 2)
    drawn = figures.tile(points, 8)[..., 0]
    dark = np.argwhere(drawn < 255)
    assert drawn.shape == (512, 512)
    assert len(dark) == 27  # three dots of 3 x 3, y upwards
    assert (drawn[509:, :3] < 255).all()
    assert (drawn[:3, 509:] < 255).all()
    assert (drawn[382:385, 254:257] < 255).all()


def test_reconstructions_stand_under_their_images():
    x = np.random.default_rng(0).random((20, 8, 8, 1))
    assert np.array_equal(
        figures.stacked(x, 1 - x), figures.tile(np.concatenate([x[:16], 1 - x[:16]]), 16)
    )


def test_images_are_completed_by_a_graph():
    """Op by op a model of one pixel after another takes minutes."""

    class Model:
        def complete(self, x, known):
            assert not tf.executing_eagerly()
            return tf.where(known, x, 1.0)

    x = np.random.default_rng(0).random((16, 8, 8, 1), np.float32)
    lower = np.arange(8)[:, None, None] >= 4
    rows = [x, np.where(lower, 0.0, x), np.where(lower, 1.0, x)]
    assert np.array_equal(figures.completion(Model(), x), figures.tile(np.concatenate(rows), 16))


def test_scatters_of_any_number_of_latents():
    for size in (1, 2, 5):
        codes = np.random.default_rng(size).normal(size=(30, size))
        labels = np.arange(30) % 3
        assert figures.latent_scatter(codes, labels, ("a", "b", "c")).std() > 5


def test_a_scatter_is_as_wide_with_any_names():
    """A phone shows it whole: names stand below."""
    codes, labels = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 15
    short, long = ([f"{name}{i}" for i in range(15)] for name in ("", "a class of a long name, "))
    one, other = (figures.latent_scatter(codes, labels, names) for names in (short, long))
    assert one.shape[1] == other.shape[1] < 900
    assert one.shape[0] < other.shape[0]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "grid.png"
    figures.save(path, np.zeros((4, 4, 3), np.uint8))
    before = path.read_bytes()
    with pytest.raises(TypeError):
        figures.save(path, np.zeros((4, 4, 7), np.uint8))
    assert path.read_bytes() == before
    assert [f.name for f in tmp_path.iterdir()] == ["grid.png"]


def test_surprise_is_brightest_where_a_pixel_was_least_expected():
    images = np.zeros((16, 4, 4, 1), np.float32)
    log_p = np.full(images.shape, -0.1)
    log_p[3, 2, 1] = -5.0
    brightness = np.full(images.shape, 0.1 / 5.0)
    brightness[3, 2, 1] = 1.0
    expected = figures.stacked(images, brightness)
    assert np.array_equal(figures.surprise(images, log_p), expected)


def test_filters_are_grey_where_they_are_zero_and_have_each_its_own_scale():
    weights = np.zeros((4, 4, 4, 1), np.float32)
    weights[0, 0, 0], weights[1, 0, 0] = 1e-3, -7.0
    pixels = figures.filters(weights)
    assert set(np.unique(pixels)) >= {0, 255}
    assert ((pixels == 127) | (pixels == 128)).mean() > 0.5


def test_mixing_has_a_row_for_each_image():
    class Chain:
        def mixing(self, x, seeds):
            return np.stack([x, 1 - x, x], axis=1)

    images = np.random.default_rng(0).random((2, 4, 4, 1)).astype(np.float32)
    pixels = figures.mixing(Chain(), images)
    plain = figures.tile(np.stack([images[0], 1 - images[0], images[0]]), 3)
    assert pixels.shape[1] == plain.shape[1]
    assert pixels.shape[0] > 1.5 * plain.shape[0]
