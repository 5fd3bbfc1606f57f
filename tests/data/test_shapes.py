"""`shapes`, the procedural data set, is its grid of factors."""

import itertools
import math

import numpy as np
import pytest

from tfgen import data
from tfgen.data import shapes


@pytest.fixture(
    scope="module", params=[pytest.param("shapes", marks=pytest.mark.slow), "shapes_binary"]
)
def whole(request):
    source = data.open_source(request.param)
    split = source.load("train+validation+test", extra=("factors", "caption"))
    return source, split, data.arrays(split)


def sizes(source):
    return shapes.FACTORS if source.name == "shapes" else shapes.BINARY_FACTORS


def test_every_combination_of_factors_comes_once(whole):
    source, split, arrays = whole
    expected = set(itertools.product(*map(range, sizes(source).values())))
    assert {tuple(row) for row in arrays["factors"].tolist()} == expected
    assert len(arrays["factors"]) == len(expected)
    assert split.factors == tuple(sizes(source))


def test_no_two_images_are_equal(whole):
    """So each factor can be seen in every image, and no image is in two splits."""
    _, _, arrays = whole
    assert len({image.tobytes() for image in arrays["image"]}) == len(arrays["image"])


def test_an_image_is_a_function_of_its_factors(whole):
    source, split, arrays = whole
    draw = shapes.draw if source.name == "shapes" else shapes.draw_binary
    for i in (0, 17, len(arrays["image"]) - 1):
        np.testing.assert_array_equal(arrays["image"][i], draw(*arrays["factors"][i]))
    assert arrays["image"].max() < split.levels
    np.testing.assert_array_equal(arrays["label"], arrays["factors"][:, 0])
    assert split.classes == shapes.SHAPES


def test_each_split_is_an_even_sample_of_the_grid(whole):
    source, _, _ = whole
    for split in ("train", "validation", "test"):
        factors = data.arrays(source.load(split, extra=("factors",)))["factors"]
        for column, size in zip(factors.T, sizes(source).values(), strict=True):
            expected = len(column) / size
            counts = np.bincount(column, minlength=size)
            assert np.abs(counts - expected).max() < 4 * math.sqrt(expected)


def test_extra_features_come_only_when_asked_for(whole):
    source, _, _ = whole
    assert set(data.arrays(source.load("test"))) == {"image", "label"}


def centre(image):
    """The mean position of what is not the ground, in pixels: (x, y)."""
    light = np.abs(image.astype(int) - image[0, 0]).sum(axis=-1)
    rows, columns = np.indices(light.shape)
    return (light * (columns + 0.5)).sum() / light.sum(), (light * (rows + 0.5)).sum() / light.sum()


def test_factors_mean_what_they_are_called():
    base = dict(shape=0, colour=0, scale=1, x=2, y=2, rotation=0)
    x, y = centre(shapes.draw(**base))
    assert x == pytest.approx(16, abs=0.1)
    right_x, right_y = centre(shapes.draw(**base | {"x": 4}))
    assert (right_x - x, right_y - y) == pytest.approx((8, 0), abs=0.1)
    assert centre(shapes.draw(**base | {"y": 0}))[1] < y - 7
    areas = [(shapes.coverage(32, "circle", r, 16, 16, 0.0)[0]).sum() for r in (4.5, 5.75, 7)]
    np.testing.assert_allclose(areas, [math.pi * (0.9 * r) ** 2 for r in (4.5, 5.75, 7)], rtol=0.02)
    for i, rgb in enumerate(shapes.COLOURS.values()):
        image = shapes.draw(**base | {"colour": i})
        assert (image.reshape(-1, 3) == rgb).all(axis=1).sum() > 20
    # A quarter turn of the factor is a quarter turn of the picture, clockwise.
    turned = shapes.draw(**base | {"rotation": 2, "shape": 2})
    np.testing.assert_allclose(
        turned.astype(int), np.rot90(shapes.draw(**base | {"shape": 2}), -1).astype(int), atol=1
    )


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ((0, 0, 0, 0, 0), "a small red circle at the top left"),
        ((1, 2, 2, 2, 2), "a large blue square in the centre"),
        ((2, 3, 1, 4, 2), "a medium yellow triangle at the right"),
        ((3, 5, 0, 2, 4), "a small orange cross at the bottom"),
    ],
)
def test_captions(factors, words):
    shape, colour, scale, x, y = factors
    assert shapes.caption(shape, scale, x, y, places=5, colour=colour) == words


def test_captions_are_stored(whole):
    source, _, arrays = whole
    caption = arrays["caption"][0].decode()
    assert shapes.SHAPES[arrays["label"][0]] in caption
    names = sizes(source)
    scale = arrays["factors"][0][list(names).index("scale")]
    assert shapes.SCALES[scale] in caption
    assert (source.name == "shapes") == any(colour in caption for colour in shapes.COLOURS)


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
    told = shapes.said(held["test"]["factors"])
    for i, text in enumerate(held["test"]["caption"]):
        said = {key: int(value[i]) for key, value in told.items()}
        scale, colour, shape, *place = text.decode().removeprefix("a ").split()
        assert shape == shapes.SHAPES[said["shape"]]
        assert colour == list(shapes.COLOURS)[said["colour"]]
        assert scale == shapes.SCALES[said["scale"]]
        above, across = divmod(said["position"], 3)
        words = [w for w in (["top", "", "bottom"][above], ["left", "", "right"][across]) if w]
        assert place == (["at", "the", *words] if words else ["in", "the", "centre"])
