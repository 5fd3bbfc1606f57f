"""What a run was trained on: other images are noticed, the same ones elsewhere are not."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image

from tfgen import data
from tfgen.data import record
from tfgen.run_dir import RunDir


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for i in range(30):
        path = tmp_path / "pictures" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (4, 4, 3), np.uint8)).save(path)
    return tmp_path / "pictures"


def splits(folder):
    return data.open_source(str(folder)).training_and_validation("train")


def remove(folder):
    (folder / "a" / "0.png").unlink()


def paint_over(folder):
    Image.new("RGB", (4, 4)).save(folder / "b" / "1.png")


def exchange(folder):
    paths = [folder / "a" / f"{i}.png" for i in (0, 2)]
    for path in paths:
        path.rename(path.with_suffix(".tmp"))
    for path, other in zip(paths, reversed(paths), strict=True):
        path.with_suffix(".tmp").rename(other)


def rename_class(folder):
    (folder / "a").rename(folder / "z")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (remove, "had 27 images when the run .* and has 26 now"),
        (paint_over, "of other names or content"),
        (exchange, "of other names or content"),
        (rename_class, "had the classes a, b when the run .* and has b, z now"),
    ],
)
def test_other_images_are_noticed(folder, tmp_path, change, said):
    run = RunDir(tmp_path / "run")
    assert record.changed(run, *splits(folder)) == ""  # an old run recorded nothing
    record.write(run, *splits(folder))
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    assert record.changed(run, *splits(moved)) == ""
    change(folder)
    found = record.changed(run, *splits(folder))
    assert re.search(said, found), found
