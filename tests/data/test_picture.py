"""A picture is read as a viewer shows it."""

import numpy as np
import pytest
from PIL import Image

from tfgen import data
from tfgen.data import picture
from tfgen.data.fitting import Fitting
from tfgen.data.folder import read_pictures
from tfgen.errors import Notice, UserError


def saved(path, array, mode=None, **how):
    Image.fromarray(np.asarray(array), mode=mode).save(path, **how)
    return path


def test_what_is_transparent_lies_on_the_background(tmp_path):
    """A black square on a transparent ground whose hidden colour is black too."""
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[1:3, 1:3, 3] = 255
    rgba[0, 0] = 0, 0, 0, 128
    file = saved(tmp_path / "a.png", rgba)
    white, red = picture.read(file), picture.read(file, "red")
    assert white.shape == (4, 4, 3)
    assert (white[1:3, 1:3] == 0).all()
    assert (white[3] == 255).all()
    assert (red[3] == (255, 0, 0)).all()
    assert abs(int(white[0, 0, 0]) - 127) <= 1
    # A grey one stays grey, but on a coloured ground.
    grey = saved(tmp_path / "grey.png", rgba[..., 2:], mode="LA")
    assert picture.read(grey).shape == (4, 4)
    assert picture.read(grey, "#ff0000").shape == (4, 4, 3)
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([9, 8, 7, 1, 2, 3])
    palette.putpixel((1, 0), 1)
    palette.save(tmp_path / "p.gif", transparency=0)
    assert picture.read(tmp_path / "p.gif").tolist() == [[[255, 255, 255], [1, 2, 3]]]
    # Pictures to be changed lie on the ground of those that were trained on.
    _, images = read_pictures(file, Fitting(background="red").to((4, 4, 3)))
    assert images[0, 3].tolist() == [[1, 0, 0]] * 4
    with pytest.raises(UserError, match=r"`data.background` is 'whit'.*#rrggbb"):
        data.open_source(str(tmp_path), background="whit")


def test_it_is_turned_as_its_exif_says(tmp_path):
    upright = np.zeros((4, 6, 3), np.uint8)
    upright[:2] = 255
    tag = Image.Exif()
    tag[0x0112] = 6  # a viewer turns it clockwise
    file = saved(tmp_path / "a.png", np.rot90(upright), exif=tag)
    assert np.array_equal(picture.read(file), upright)
    file = saved(tmp_path / "b.jpg", np.rot90(upright), exif=tag, quality=100)
    _, images = read_pictures(file, Fitting().to((4, 6, 3)))
    assert images[0, :2].min() > 0.9 > 0.1 > images[0, 2:].max()


def test_of_an_animation_the_first_frame_in_its_colours(tmp_path):
    frames = [Image.new("RGB", (3, 2), colour) for colour in ("#00ff00", "#ff0000")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (picture.read(tmp_path / "a.gif") == (0, 255, 0)).all()
    Image.new("CMYK", (3, 2), (0, 255, 255, 0)).save(tmp_path / "c.tif")
    assert (picture.read(tmp_path / "c.tif") == (255, 0, 0)).all()


@pytest.mark.parametrize(
    ("numbers", "limits"),
    [
        (np.linspace(0, 65535, 256).astype(np.uint16), (0, 65535)),
        (np.linspace(0, 4000, 256).astype(np.uint16), (0, 4095)),  # 12 bits, as of scanners
        (np.linspace(0, 1, 256).astype(np.float32), (0, 1)),
        (np.linspace(0, 200, 256).astype(np.float32), (0, 255)),
        (np.linspace(-3, 5, 256).astype(np.float32), (-3, 5)),
        (np.full(256, -2.0, np.float32), (-2, -1)),
    ],
)
def test_deep_greys_are_scaled_by_one_range(tmp_path, numbers, limits):
    """Of all pictures of a folder, one of which is darker."""
    numbers = numbers.reshape(16, 16)
    darker = (numbers // 2).astype(numbers.dtype) if numbers.min() >= 0 else numbers
    for name, array in (("a", numbers), ("b", darker)):
        saved(tmp_path / f"{name}.tif", array)
    with pytest.warns(Notice, match=f"{limits[0]:g} becomes black and {limits[1]:g} white"):
        found = data.arrays(data.open_source(str(tmp_path)).load("train"))["image"]
    low, high = limits
    expected = {
        np.round(255 * (array.astype(np.float64) - low) / (high - low)).astype(np.uint8).tobytes()
        for array in (numbers, darker)
    }
    assert {image.tobytes() for image in found} == expected


def test_what_cannot_be_read_is_named(tmp_path, monkeypatch):
    saved(tmp_path / "nan.tif", np.full((2, 2), np.nan, np.float32))
    with pytest.raises(UserError, match=r"nan\.tif: it holds numbers that are not finite"):
        picture.read(tmp_path / "nan.tif")
    saved(tmp_path / "poster.png", np.zeros((40, 40), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(UserError, match=r"poster.png has more than .* million pixels"):
        picture.read(tmp_path / "poster.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1500)
    (found,) = picture.read_all([tmp_path / "poster.png"])  # large, and no warning
    assert found.shape == (40, 40)
