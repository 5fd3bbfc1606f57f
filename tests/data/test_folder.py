"""A folder of pictures as a data set: classes, splits, and what cannot be used."""

import numpy as np
import pytest
from PIL import Image

from tfgen import data
from tfgen.errors import Notice, UserError


def picture(path, size=(6, 4), mode="RGB", value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value if mode == "L" else (value, 0, 9)).save(path)


@pytest.fixture
def folder(tmp_path):
    for i in range(20):
        picture(tmp_path / ("cats", "dogs")[i % 2] / f"{i}.png", value=i)
    return tmp_path


def test_a_folder_of_classes(folder):
    pets = data.open_source(str(folder))
    train, validation = pets.training_and_validation("train")
    assert (train.size, validation.size) == (18, 2)
    assert (train.shape, train.levels, train.classes) == ((4, 6, 3), 256, ("cats", "dogs"))
    held = data.arrays(pets.load("train"))
    assert sorted(held["image"][:, 0, 0, 0]) == list(range(20))
    assert np.array_equal(held["image"][:, 0, 0, 0] % 2, held["label"])
    # Mixed, not cats first.
    assert 0 < held["label"][:10].sum() < 10


def test_a_folder_with_splits_and_one_without_classes(folder, tmp_path):
    for split, size in (("train", 3), ("test", 2)):
        for i in range(size):
            picture(tmp_path / "flat" / split / f"{i}.png", mode="L", value=i)
    flat = data.open_source(str(tmp_path / "flat"))
    assert {k: v.num_examples for k, v in flat.splits.items()} == {"train": 3, "test": 2}
    assert flat.load("train").shape == (4, 6, 1)
    assert flat.load("train").classes == ()
    assert set(data.arrays(flat.load("test"))) == {"image"}
    # One folder for all is no class.
    picture(tmp_path / "one" / "jpg" / "0.png")
    assert data.open_source(str(tmp_path / "one")).load("train").classes == ()


def test_adding_a_picture_keeps_the_order_of_the_others(folder):
    before = data.arrays(data.open_source(str(folder)).load("train"))["image"][:, 0, 0, 0].tolist()
    picture(folder / "cats" / "new.png", value=200)
    after = data.arrays(data.open_source(str(folder)).load("train"))["image"][:, 0, 0, 0].tolist()
    after.remove(200)
    assert before == after


def test_unusable_folders(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="there is no folder"):
        data.open_source(str(tmp_path / "nothing"))
    with pytest.raises(UserError, match="holds no image"):
        data.open_source(str(tmp_path / "empty"))
    picture(folder / "cats" / "big.png", size=(9, 9))
    with pytest.raises(UserError, match=r"differ in size.*9x9.*`data.size"):
        data.open_source(str(folder)).load("train")
    assert data.open_source(str(folder), size=4).load("train").shape == (4, 4, 3)
    whole = (folder / "cats" / "0.png").read_bytes()
    (folder / "dogs" / "torn.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cannot read the image .*torn.png"):
        data.open_source(str(folder), size=4).load("train")


def test_a_local_folder_named_like_a_data_set_gets_a_hint(monkeypatch, tmp_path):
    (tmp_path / "picturez").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"write './picturez'"):
        data.open_source("picturez")


def test_classes_are_those_that_are_trained_on(tmp_path):
    for split, classes in (("train", "ac"), ("test", "abc")):
        for i, name in enumerate(4 * classes):
            picture(tmp_path / split / name / f"{i}.png", value=ord(name))
    source = data.open_source(str(tmp_path))
    with pytest.warns(Notice, match=r"4 images of 'test' are left out.* classes, b, 'train' has"):
        train, test = source.pair("train", "test")
    assert train.classes == test.classes == ("a", "c")
    assert (train.size, test.size) == (8, 8)
    for split in (train, test):
        held = data.arrays(split)
        assert [chr(v) for v in held["image"][:, 0, 0, 0]] == [
            train.classes[label] for label in held["label"]
        ]
    b = [file.parent.name for file in source.files["test"]].index("b")
    with pytest.raises(UserError, match=r"all images of the split 'test\[.* no image of: b"):
        source.pair("train", f"test[{b}:{b + 1}]")
