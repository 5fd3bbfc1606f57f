"""A folder's pictures on the disk: found again, read again after a change, right whatever comes."""

import os
import warnings

import numpy as np
import pytest
from PIL import Image

from tfgen import data, files
from tfgen.data import folder_cache, pipeline
from tfgen.data.fitting import Fitting
from tfgen.errors import Notice, UserError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Forty pictures in two classes, of which what is read is kept."""
    monkeypatch.setattr(folder_cache, "LEAST", 0)
    random = np.random.default_rng(0)
    for i in range(40):
        file = tmp_path / "data" / "ab"[i % 2] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (6, 5, 3), dtype=np.uint8)).save(file)
    return tmp_path / "data"


def opened(folder, **settings):
    return data.open_source(str(folder), str(folder.parent / "tfds"), **settings).load("train")


def forbidden(*_):
    raise AssertionError("a picture was read")


def test_the_second_start_reads_no_picture_until_the_folder_changes(folder, monkeypatch):
    first = opened(folder)
    with monkeypatch.context() as patch:
        patch.setattr(folder_cache, "read", forbidden)
        again = opened(folder)
        assert again.fingerprint == first.fingerprint
        assert np.array_equal(data.arrays(again)["image"], data.arrays(first)["image"])
        with pytest.raises(AssertionError):
            opened(folder, size=4)  # another array, beside the first
        for change in (
            lambda: os.utime(folder / "a" / "0.png", (1, 1)),
            lambda: (folder / "a" / "0.png").rename(folder / "a" / "zero.png"),
            lambda: (folder / "a" / "zero.png").unlink(),
        ):
            change()
            with pytest.raises(AssertionError):
                opened(folder)
    tables = folder.parent / "tfds" / "tfgen_folders"
    (kept,) = tables.glob("data-*/*.npy")
    theirs = kept.with_name(f"{files.UNFINISHED}1.npy")  # of a process that reads the same folder
    theirs.touch()
    changed = opened(folder)
    assert changed.size == 39
    theirs.unlink()
    assert changed.fingerprint != first.fingerprint
    # What was prepared before goes, and nothing unfinished stays.
    prepared = tables.glob("data-*/*")
    assert sorted(file.suffix for file in prepared) == [".json", ".npy"]


def test_a_fingerprint_is_of_names_and_content_alone(folder, monkeypatch):
    kept = opened(folder).fingerprint
    monkeypatch.setattr(folder_cache, "LEAST", 2**24)  # read, and not kept
    os.utime(folder / "a" / "0.png", (1, 1))
    assert opened(folder).fingerprint == kept
    Image.new("RGB", (5, 6)).save(folder / "a" / "0.png")
    assert opened(folder).fingerprint != kept


def test_greys_before_and_after_a_coloured_picture_keep_their_levels(tmp_path):
    levels = np.random.default_rng(1).integers(0, 256, (9, 4, 3), dtype=np.uint8)
    pictures = [np.asarray(Image.fromarray(levels[i])) for i in range(9)]
    pictures[4] = np.stack([pictures[4]] * 2 + [255 - pictures[4]], -1)
    paths = [tmp_path / f"{i}.png" for i in range(9)]
    for path, picture in zip(paths, pictures, strict=True):
        Image.fromarray(picture).save(path)
    read = folder_cache.Pictures(tmp_path, paths, Fitting(), "").images
    assert read.shape == (9, 4, 3, 3)
    for got, picture in zip(read, pictures, strict=True):
        assert np.array_equal(
            got, picture if picture.ndim == 3 else picture[..., None].repeat(3, 2)
        )
    greys = folder_cache.Pictures(tmp_path, paths[:4], Fitting(), "").images
    assert np.array_equal(greys[..., 0], levels[:4])


def test_data_that_cannot_be_kept_are_read_with_a_sentence(folder, tmp_path):
    (tmp_path / "tfds").write_text("no folder")
    with pytest.warns(Notice, match=r"cannot be kept in .*`data.directory`"):
        assert opened(folder).size == 40


def test_a_torn_picture_leaves_nothing_behind(folder):
    whole = (folder / "a" / "0.png").read_bytes()
    (folder / "b" / "torn.png").write_bytes(whole[:60])
    with pytest.raises(UserError, match=r"cannot read the image .*torn.png"):
        opened(folder)
    assert not list((folder.parent / "tfds").rglob("*.npy"))


def test_a_photograph_is_read_small_and_looks_the_same(tmp_path):
    """A JPEG decoded at a quarter of its size, against Pillow's own reduction of the whole."""
    low = np.random.default_rng(2).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    photo = Image.fromarray(low).resize((512, 512), Image.Resampling.BICUBIC)
    photo.save(tmp_path / "0.jpg", quality=95)
    (got,) = folder_cache.Pictures(tmp_path, [tmp_path / "0.jpg"], Fitting((32, 32)), "").images
    wanted = np.asarray(photo.resize((32, 32), Image.Resampling.BILINEAR), int)
    assert np.abs(got - wanted).mean() < 1.5


@pytest.mark.parametrize("start", [0, 3])
def test_larger_than_memory_is_the_same_stream(folder, monkeypatch, start):
    """Rows of a mapped file come in the order of those in memory, labels and all."""
    train = opened(folder)
    kept = list(data.batches(train, 16, 5, start, True).take(4).as_numpy_iterator())
    monkeypatch.setattr(pipeline, "MEMORY_LIMIT", 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = list(data.batches(train, 16, 5, start, True).take(4).as_numpy_iterator())
    for one, other in zip(kept, read, strict=True):
        assert all(np.array_equal(one[key], other[key]) for key in ("image", "label"))
    assert data.batches(train, 16, 5).element_spec["image"].shape == (16, 6, 5, 3)
