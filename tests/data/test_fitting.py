"""Images of other sizes, shapes and channels: what becomes of them."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgen import data, settings
from tfgen.data.fitting import Fitting
from tfgen.errors import UserError
from tfgen.run_dir import RunDir
from tfgen.sizes import size_of


@pytest.mark.parametrize(
    ("given", "size"),
    [("0", None), (0, None), ("64", (64, 64)), (64, (64, 64)), ("48x64", (48, 64))],
)
def test_a_size_is_a_side_or_height_by_width(given, size):
    assert size_of(given) == size


@pytest.mark.parametrize("given", ["", "-3", "4.5", "48x", "x64", "0x64", "48X64", "48,64", "9e9"])
def test_what_is_no_size_is_refused(given):
    with pytest.raises(UserError, match=r"`data.size` is .*height x width, as 48x64"):
        size_of(given)


def stripes(h, w):
    """[h, w, 1]: as bright as the column's number."""
    return tf.constant(np.broadcast_to(np.arange(w, dtype=np.uint8)[None, :, None], (h, w, 1)))


def test_a_crop_takes_the_middle_of_the_wanted_shape():
    cropped = Fitting((4, 4)).fit(stripes(4, 10))
    assert np.array_equal(cropped[0, :, 0], [3, 4, 5, 6])
    wide = Fitting((2, 8)).fit(stripes(8, 8))  # rows are cropped: 2 of 8
    assert np.array_equal(wide[0, :, 0], np.arange(8))


def test_padding_keeps_all_of_the_image_in_the_middle():
    padded = Fitting((10, 10), "pad", background="#646464").fit(stripes(4, 10)).numpy()
    assert np.array_equal(padded[3:7, :, 0], stripes(4, 10)[..., 0])
    assert (padded[:3] == 100).all()
    assert (padded[7:] == 100).all()
    blue = Fitting((4, 8), "pad", "3", "blue").fit(stripes(4, 4))
    assert np.array_equal(blue[0, 0], [0, 0, 255])
    assert np.array_equal(blue[0, 2:6, 0], [0, 1, 2, 3])


def test_padding_is_in_the_levels_of_the_data():
    assert Fitting((8, 4), "pad").fit(stripes(4, 4), levels=17)[0, 0, 0] == 16


def test_stretching_shows_all_and_keeps_no_shape():
    stretched = Fitting((2, 20), "stretch").fit(stripes(4, 10)).numpy()[..., 0]
    assert stretched.shape == (2, 20)
    assert (np.diff(stretched[0].astype(int)) >= 0).all()
    assert (stretched[0, 0], stretched[0, -1]) == (0, 9)


def test_grey_is_as_bright_as_pillow_says():
    colours = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    grey = Fitting(channels="1").fit(tf.constant(colours)).numpy()[..., 0]
    wanted = np.asarray(Image.fromarray(colours).convert("L"))
    assert np.abs(grey.astype(int) - wanted).max() <= 1  # Pillow's weights are of 16 bits
    back = Fitting(channels="3").fit(tf.constant(grey[..., None])).numpy()
    assert (back == grey[..., None]).all()


def test_nothing_is_changed_where_nothing_is_asked_for():
    image = stripes(3, 5)
    assert Fitting().fit(image) is image
    assert Fitting(channels="3").fit(tf.repeat(image, 3, -1)).shape == (3, 5, 3)


def test_a_folder_of_all_shapes_and_colours_by_these_settings(tmp_path):
    for i, (w, h, mode) in enumerate([(9, 5, "RGB"), (6, 12, "L"), (7, 7, "RGBA")]):
        Image.new(mode, (w, h), 200 if mode == "L" else (200,) * len(mode)).save(
            tmp_path / f"{i}.png"
        )
    for size, channels, shape in (("6x8", "1", (6, 8, 1)), ("4", "3", (4, 4, 3))):
        source = data.open_source(str(tmp_path), "", size, "black", "pad", channels)
        assert source.load("train").shape == shape


def test_a_set_by_name_by_these_settings():
    train = data.open_source("digits", "", "12x10", "black", "pad", "3").load("train[:20]")
    held = data.arrays(train)["image"]
    assert (train.shape, train.levels, held.shape) == ((12, 10, 3), 17, (20, 12, 10, 3))
    plain = data.arrays(data.open_source("digits").load("train[:20]"))["image"]
    assert held.max() == plain.max() == 16
    assert (held[:, 0] == 0).all()  # 10 x 10 of 12 x 10 are the digit


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("data.resize", "squash", "crop, pad, stretch"),
        ("data.channels", "2", "auto, 1, 3"),
        ("data.size", "big", "height x width"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_anything_is_read(key, value, wanted):
    config = settings.find("vae")
    config.update_from_flattened_dict({key: value})
    with pytest.raises(UserError, match=f"`{key}` is '{value}'.*{wanted}"):
        settings.check(config)


def test_a_run_of_before_has_its_size_as_text(tmp_path):
    run = RunDir(tmp_path)
    config = settings.find("vae").to_dict()
    run.write_config("vae", config | {"data": config["data"] | {"size": 32}})
    assert run.read_config()[1]["data"]["size"] == "32"
