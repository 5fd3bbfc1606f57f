"""Files that hold many images, written here by their formats' descriptions."""

import gzip
import struct

import numpy as np
import pytest
import tensorflow as tf

from tfgen import data
from tfgen.data import array_files, opening
from tfgen.data.fitting import Fitting
from tfgen.data.source import Unreachable
from tfgen.errors import UserError

RANDOM = np.random.default_rng(0)
TRAIN, TEST = (RANDOM.integers(0, 256, (n, 28, 28), np.uint8) for n in (20, 6))
LABELS = {"train": np.arange(20) % 10, "t10k": np.arange(6) % 10}


def idx(path, array):
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    content = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def folder(tmp_path):
    """As MNIST's archive unpacks, one file of it still packed."""
    idx(tmp_path / "train-images-idx3-ubyte", TRAIN)
    idx(tmp_path / "train-labels-idx1-ubyte", LABELS["train"])
    idx(tmp_path / "t10k-images-idx3-ubyte.gz", TEST)
    idx(tmp_path / "t10k-labels-idx1-ubyte.gz", LABELS["t10k"])
    return tmp_path


def held(source, split):
    return data.arrays(source.load(split))


def test_idx_files_are_train_and_test(folder):
    source = data.open_source(str(folder))
    assert {name: split.num_examples for name, split in source.splits.items()} == {
        "train": 20, "test": 6,
    }  # fmt: skip
    for split, images, labels in (
        ("train", TRAIN, LABELS["train"]),
        ("test", TEST, LABELS["t10k"]),
    ):
        found = held(source, split)
        assert np.array_equal(found["image"][..., 0], images)
        assert np.array_equal(found["label"], labels)
    assert source.load("train").classes == tuple("0123456789")
    small = held(data.open_source(str(folder), size=8), "test")["image"]
    for one, image in zip(small, TEST, strict=True):
        assert np.array_equal(one, Fitting((8, 8)).fit(tf.constant(image[..., None])))
    # The same file beside its packed form is one; another set's is not.
    idx(folder / "train-images-idx3-ubyte.gz", TRAIN)
    assert data.open_source(str(folder)).splits["train"].num_examples == 20
    idx(folder / "emnist-letters-train-images-idx3-ubyte.gz", TRAIN)
    with pytest.raises(UserError, match="both images of 'train'"):
        data.open_source(str(folder))


def test_emnist_is_turned_upright_and_other_images_have_another_fingerprint(tmp_path):
    """Its pictures have rows and columns exchanged."""
    idx(tmp_path / "emnist-mnist-train-images-idx3-ubyte", TRAIN.transpose(0, 2, 1))
    one = data.open_source(str(tmp_path)).load("train")
    assert np.array_equal(data.arrays(one)["image"][..., 0], TRAIN)
    assert one.classes == ()
    idx(tmp_path / "emnist-mnist-train-images-idx3-ubyte", TRAIN)
    other = data.open_source(str(tmp_path)).load("train")
    assert one.fingerprint
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("train-images-idx3-ubyte", b"\0\0\x08\3" + b"\0\0\0\x09" * 3 + b"12", "cut short"),
        ("train-images-idx3-ubyte", b"\0\0\x08\1\0\0\0\1\0", "no IDX file of bytes with 3 axes"),
        ("train-labels-idx1-ubyte", b"\0\0\x08\1\0\0\0\1\0", "1 labels, and .* 20 images"),
        ("t10k-images-idx3-ubyte.gz", gzip.compress(bytes(99), mtime=0)[:20], "cannot be read: "),
    ],
    ids=["short", "other axes", "other count", "torn"],
)
def test_files_cut_short_or_of_another_set_are_named(folder, name, content, said):
    (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name}.*{said}"):
        data.open_source(str(folder))


@pytest.mark.parametrize("ten", [True, False])
def test_cifar_is_planes_after_labels(tmp_path, ten):
    images = RANDOM.integers(0, 256, (5, 32, 32, 3), np.uint8)
    labels = np.array([1, 0, 2, 1, 1], np.uint8)
    coarse = [] if ten else [np.full((5, 1), 7, np.uint8)]
    planes = images.transpose(0, 3, 1, 2).reshape(5, -1)
    rows = np.concatenate([*coarse, labels[:, None], planes], axis=1)
    parts = ("data_batch_1.bin", "data_batch_2.bin") if ten else ("train.bin",)
    for name, some in zip(parts, np.split(rows, [3]) if ten else [rows], strict=True):
        (tmp_path / name).write_bytes(some.tobytes())
    (tmp_path / ("test_batch.bin" if ten else "test.bin")).write_bytes(rows[:2].tobytes())
    names = "batches.meta.txt" if ten else "fine_label_names.txt"
    (tmp_path / names).write_text("plane\ncar\nbird\n\n")
    source = data.open_source(str(tmp_path))
    found = held(source, "train")
    assert np.array_equal(found["image"], images)
    assert np.array_equal(found["label"], labels)
    assert source.load("test").size == 2
    assert source.load("train").classes == ("plane", "car", "bird")
    (tmp_path / parts[0]).write_bytes(rows.tobytes()[:-1])
    with pytest.raises(UserError, match=f"{parts[0]}.*cut short"):
        data.open_source(str(tmp_path))


@pytest.mark.parametrize(
    "keys", [("image", "label"), ("x_train", "y_train"), ("arr_0", "arr_1"), ("images",)]
)
def test_npz_goes_by_the_names_that_people_give(tmp_path, keys):
    arrays = dict(zip(keys, (TRAIN, LABELS["train"][:, None]), strict=False))
    if keys[0] == "x_train":
        arrays |= {"x_test": TEST / np.float32(255), "y_test": LABELS["t10k"]}
    np.savez(tmp_path / "a.npz", **arrays)
    source = data.open_source(str(tmp_path / "a.npz"))
    found = held(source, "train")
    assert np.array_equal(found["image"][..., 0], TRAIN)
    assert ("label" in found) == (len(keys) == 2)
    if keys[0] == "x_train":
        assert np.array_equal(held(source, "test")["image"][..., 0], TEST)


def test_npz_of_something_else_is_refused(tmp_path):
    np.savez(tmp_path / "weights.npz", w=np.zeros(3))
    np.savez(tmp_path / "odd.npz", image=np.zeros((2, 3)))
    np.savez(tmp_path / "pickled.npz", image=np.array([{}]))
    (tmp_path / "torn.npz").write_bytes(b"PK\3\4 torn")
    for name, said in (
        ("weights", "holds w: wanted are `image`"),
        ("odd", r"`image` of .*odd.npz has the shape \(2, 3\)"),
        ("pickled", "cannot be read as .npz"),
        ("torn", "cannot be read as .npz"),
        ("none", "there is no file"),
    ):
        with pytest.raises(UserError, match=said):
            data.open_source(str(tmp_path / f"{name}.npz"))


def test_fashion_mnist_comes_from_debian_where_there_is_no_network(folder, monkeypatch):
    def unreachable(*_):
        raise Unreachable("cannot be reached.")

    monkeypatch.setattr(opening, "TfdsSource", unreachable)
    monkeypatch.setattr(array_files, "FASHION_FOLDER", folder / "none")
    with pytest.raises(UserError, match="apt-get install dataset-fashion-mnist"):
        data.open_source("fashion_mnist")
    monkeypatch.setattr(array_files, "FASHION_FOLDER", folder)
    found = data.open_source("fashion_mnist").load("train")
    assert (found.name, found.classes[9]) == ("fashion_mnist", "Ankle boot")
    with pytest.raises(UserError, match=r"^cannot be reached\.$"):
        data.open_source("mnist")
