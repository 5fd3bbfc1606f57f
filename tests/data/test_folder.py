"""A folder of pictures as a data set: classes, splits, and what cannot be used."""

import os

import numpy as np
import pytest
from PIL import Image

from tfgen import data
from tfgen.data import listing
from tfgen.data.fitting import Fitting
from tfgen.data.folder import read_pictures
from tfgen.errors import Notice, UserError


def picture(path, size=(6, 4), mode="RGB", value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    form = "jpeg" if path.suffix == ".jfif" else None
    Image.new(mode, size, value if mode == "L" else (value, 0, 9)).save(path, form)


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


def listed(root, *files):
    for file in files:
        picture(root / file)
    return listing.listed(root)


def names(listed):
    return {split: sorted(file.name for file in files) for split, files in listed.files.items()}


@pytest.mark.parametrize(
    "folders",
    [("training", "testing"), ("Train", "Test"), ("TRAIN", "test"), ("data/train", "data/test")],
)
def test_splits_go_by_the_names_that_people_give_them(tmp_path, folders):
    train, test = folders
    found = listed(tmp_path, f"{train}/a/0.png", f"{train}/b/1.jfif", f"{test}/a/2.png")
    assert names(found) == {"train": ["0.png", "1.jfif"], "test": ["2.png"]}
    assert set(found.classes.values()) == {"a", "b"}
    assert found.notes == ()


def test_two_folders_of_one_split_are_refused_and_others_left_out(tmp_path):
    found = listed(tmp_path, "train/0.png", "valid/1.png", "raw/2.png")
    assert names(found) == {"train": ["0.png"], "validation": ["1.png"]}
    assert found.notes == ("Left out: raw (no split).",)
    with pytest.raises(UserError, match=r"valid and .*val are both the split 'validation'|val and"):
        listed(tmp_path, "val/3.png")
    # Without one to train on they are classes.
    assert set(listed(tmp_path / "b", "test/0.png", "dev/1.png").classes.values()) == {
        "test", "dev",
    }  # fmt: skip


def test_what_machines_leave_in_folders_is_left_out_and_said(tmp_path):
    found = listed(
        tmp_path,
        *(f"{c}/{i}.png" for c in "ab" for i in range(8)),
        *(".ipynb_checkpoints/0.png", "a/._0.png", "__MACOSX/a/._0.png", "overview.png"),
    )
    (tmp_path / "b" / "photo.heic").write_bytes(b"")
    (tmp_path / "b" / "notes.txt").write_text("mine")
    (tmp_path / "b" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "b" / "back").symlink_to(tmp_path)
    found = listing.listed(tmp_path)
    assert (len(found.files["train"]), set(found.classes.values())) == (16, {"a", "b"})
    (note,) = found.notes
    for part in (
        *(".ipynb_checkpoints", "__MACOSX", "._0.png", "overview.png (in no folder of a class)"),
        *("photo.heic (of a kind that is not read)", "gone.png (a link that leads nowhere)"),
        "b/back (a link to a folder that it lies in)",
    ):
        assert part in note
    assert "notes.txt" not in note
    with pytest.warns(Notice, match="Left out"):
        data.open_source(str(tmp_path))


def test_classes_are_folders_of_the_first_level_also_behind_links(tmp_path):
    nested = listed(tmp_path / "n", "all/a/x/0.png", "all/a/y/1.png", "all/b/2.png")
    assert {f.name: c for f, c in nested.classes.items()} == {
        "0.png": "a", "1.png": "a", "2.png": "b",
    }  # fmt: skip
    assert nested.notes == (
        "Classes are the folders of the first level: a/x, a/y belong to theirs.",
    )
    listed(tmp_path / "elsewhere", "a/0.png", "b/1.png")
    (tmp_path / "linked").mkdir()
    for name in "ab":
        (tmp_path / "linked" / name).symlink_to(tmp_path / "elsewhere" / name)
    assert set(listing.listed(tmp_path / "linked").classes.values()) == {"a", "b"}
    # Where many lie in none, nothing says that the folders are classes.
    many = listed(tmp_path / "m", "a/0.png", "b/1.png", "2.png")
    assert (many.classes, len(many.files["train"])) == ({}, 3)
    assert many.notes[0].startswith("No labels: 1 pictures lie in no folder of a class")


@pytest.mark.parametrize(("count", "slices"), [(1, False), (2, True)])
def test_too_few_to_hold_one_out(tmp_path, count, slices):
    """Of two the slices of the advice hold one each; of one they would leave none to train on."""
    for i in range(count):
        picture(tmp_path / f"{i}.png")
    with pytest.raises(UserError, match="Add images") as said:
        data.open_source(str(tmp_path)).training_and_validation("train")
    assert ("train[:-1]" in str(said.value)) == slices
    if slices:
        parts = data.open_source(str(tmp_path)).training_and_validation("train[:-1]", "train[-1:]")
        assert [part.size for part in parts] == [1, 1]


def test_pictures_to_be_changed_are_all_that_there_are(tmp_path):
    """Strays, folders of no split: to denoise them nobody need know what folders mean."""
    names = ["a/0.png", "a/1.png", "b/2.png", "raw/3.png", "stray.png", "train/4.png"]
    for name in (*names, ".hidden/5.png"):
        picture(tmp_path / name, size=(4, 4))
    with pytest.warns(Notice, match=r"Left out: .hidden \(hidden\)"):
        paths, images = read_pictures(tmp_path, Fitting().to((4, 4, 3)))
    assert [str(path) for path in paths] == names
    assert images.shape == (6, 4, 4, 3)


def test_folders_of_numbers_are_their_own_labels(tmp_path):
    listed(tmp_path, *(f"{i}/0.png" for i in range(12)))
    assert data.open_source(str(tmp_path)).classes == tuple(map(str, range(12)))
    assert listing.in_order({"b10", "b2"}) == ("b10", "b2")


def test_a_name_that_is_no_utf_8_is_one_all_the_same(tmp_path):
    picture(tmp_path / "a.png")
    os.rename(tmp_path / "a.png", os.fsencode(tmp_path) + b"/caf\xe9.png")
    assert data.open_source(str(tmp_path)).load("train").fingerprint
    (tmp_path / "x").mkdir()
    os.rename(tmp_path / "x", os.fsencode(tmp_path) + b"/.\xe9")
    (note,) = listing.listed(tmp_path).notes
    assert "\ufffd" in note


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
