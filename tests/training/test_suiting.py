"""Whose images are larger than those that the settings are for is told so."""

import warnings

import pytest

from tfgen import settings
from tfgen.errors import Notice
from tfgen.training import suiting


def config(model, **changes):
    found = settings.find(model)
    found.update_from_flattened_dict({"data.name": "./pictures"} | changes)
    return found


@pytest.mark.parametrize(
    ("model", "shape", "said"),
    [
        ("dcgan", (64, 48, 3), r"of 8 pixels a side, .*64x48x3.*celeb_a are .*`model.depth=4`"),
        ("dcgan", (28, 28, 1), r"28x28x1.*mnist are `steps=20000` `model.depth=3`"),
        ("vae", (16, 16, 3), "Try more steps, a larger model"),
    ],
)
def test_larger_images_are_told_and_which_settings_are_known(model, shape, said):
    with pytest.warns(Notice, match=said):
        suiting.look(model, config(model), shape)


@pytest.mark.parametrize(
    ("model", "changes", "shape"),
    [
        ("dcgan", {}, (12, 12, 1)),
        ("dcgan", {"model.depth": 3}, (64, 64, 3)),
        ("dcgan", {"data.name": "mnist"}, (28, 28, 1)),
        ("text_to_image", {}, (32, 32, 3)),
    ],
)
def test_who_has_what_settings_are_for_or_has_chosen_is_told_nothing(model, changes, shape):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        suiting.look(model, config(model, **changes), shape)
