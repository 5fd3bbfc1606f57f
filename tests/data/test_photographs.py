"""Patches of photographs: of what size, apart by photograph, and what is said without them."""

import numpy as np
import pytest
from PIL import Image

from tfgen import data
from tfgen.data import photographs
from tfgen.data.fitting import Fitting
from tfgen.errors import UserError


def test_patches_of_one_photograph_stand_in_one_split(tmp_path):
    random = np.random.default_rng(0)
    for i, name in enumerate(photographs.PHOTOGRAPHS):
        noise = random.integers(0, 256, (32, 51, 3), dtype=np.uint8)
        noise[..., 0] = 20 * i  # which photograph it is
        noise[:, :26, 1:] = 0  # its left half is bare
        folder = tmp_path / name / "contents" / "images"
        folder.mkdir(parents=True)
        Image.fromarray(noise).resize((640, 400)).save(folder / "2560x1600.jpg")
    source = photographs.source(Fitting(), folder=tmp_path)
    found = {}
    for split in ("train", "validation", "test"):
        images = data.arrays(source.load(split))["image"]
        assert images.shape[1:] == (64, 64, 3)
        assert (images.std((1, 2)).max(-1) >= photographs.CONTRAST).all()
        found[split] = set(np.round(images[..., 0].mean((1, 2)) / 20).astype(int))
    assert list(map(len, found.values())) == [9, 1, 1]
    assert len(set.union(*found.values())) == 11
    # 13 rows of patches of 410 x 256, and of 22 columns those that reach the right half.
    assert 13 * 11 <= source.splits["test"].num_examples <= 13 * 15
    assert photographs.source(Fitting((32, 32)), folder=tmp_path).load("test").shape == (32, 32, 3)


def test_a_missing_package_is_named(tmp_path):
    with pytest.raises(UserError, match="apt-get install plasma-workspace-wallpapers"):
        photographs.source(Fitting(), folder=tmp_path)
