"""Data: order and content as functions of (seed, step); TFDS sets on disk; bad input."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from sklearn.datasets import load_digits

from tests.conftest import ROOT
from tfgen import data
from tfgen.data import pipeline, source
from tfgen.data.fitting import Fitting
from tfgen.errors import UserError


class TinyColour(tfds.core.GeneratorBasedBuilder):
    """Stands for any TFDS set that comes from the network: colour, 256 levels, text beside it."""

    VERSION = tfds.core.Version("1.0.0")
    SHAPE = (12, 10, 3)

    def _info(self):
        features = {
            "id": tfds.features.Text(),
            "image": tfds.features.Image(shape=self.SHAPE),
            "label": tfds.features.ClassLabel(names=["cat", "dog"]),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(0, 30), "test": self._generate_examples(30, 36)}

    def _generate_examples(self, start, stop):
        for i in range(start, stop):
            yield i, {"id": f"n{i}", "image": self.picture(i), "label": i % 2}

    @staticmethod
    def picture(i):
        return np.random.default_rng(i).integers(0, 256, (12, 10, 3), dtype=np.uint8)


class TinyVarying(TinyColour):
    """Images of several sizes."""

    SHAPE = (None, None, 3)

    @staticmethod
    def picture(i):
        return np.full((8 + i % 3, 9, 3), i, np.uint8)


def stream(split, batch_size, steps, seed=0, start=0, flip=False):
    batches = data.batches(split, batch_size, seed, start, flip)
    return list(batches.take(steps).as_numpy_iterator())


def same(a, b):
    return len(a) == len(b) and all(
        np.array_equal(x[k], y[k]) for x, y in zip(a, b, strict=True) for k in x
    )


# --- digits ---------------------------------------------------------------------------------------


def test_digits_are_scikit_learns_in_file_order(digits):
    real = load_digits()
    start = 0
    for split, size in (("train", 1000), ("validation", 350), ("test", 447)):
        images = digits.load(split)
        held = data.arrays(images)
        assert (images.size, images.shape, images.levels) == (size, (8, 8, 1), 17)
        rows = slice(start, start + size)
        assert np.array_equal(held["image"][..., 0], real.images[rows])
        assert np.array_equal(held["label"], real.target[rows])
        assert held["image"].dtype == np.uint8
        assert held["label"].dtype == np.int32
        start += size


def test_slices(digits):
    whole = data.arrays(digits.load("train"))["image"]
    part = digits.load("train[10%:30%]")
    assert part.size == 200
    assert np.array_equal(data.arrays(part)["image"], whole[100:300])
    assert digits.load("train[:5]+test").size == 452


def test_validation_is_disjoint(digits):
    train, validation = digits.training_and_validation("train")
    assert (train.split, validation.split) == ("train", "validation")
    with pytest.raises(UserError, match="share images"):
        digits.training_and_validation("train[:60%]", "train[50%:]")
    assert not digits.load("train[:50%]").overlaps(digits.load("train[50%:]"))


# --- order ----------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "stream"])
def kind(request, monkeypatch):
    if request.param == "stream":
        monkeypatch.setattr(pipeline, "MEMORY_LIMIT", 0)
    return request.param


def test_batches_are_a_function_of_seed_and_step(digits, kind):
    split = digits.load("validation")
    whole = stream(split, 60, 15)
    assert same(whole, stream(split, 60, 15))
    for start in (1, 5, 6, 11):
        assert same(whole[start:], stream(split, 60, 15 - start, start=start))
    assert not same(whole, stream(split, 60, 15, seed=1))


def test_half_of_the_images_are_mirrored_by_seed_and_step(digits, kind):
    split = digits.load("validation")
    plain, flipped = stream(split, 60, 6), stream(split, 60, 6, flip=True)
    assert same(flipped[2:], stream(split, 60, 4, start=2, flip=True))
    turned = []
    for a, b in zip(plain, flipped, strict=True):
        assert np.array_equal(a["label"], b["label"])
        for one, other in zip(a["image"], b["image"], strict=True):
            assert np.array_equal(other, one) or np.array_equal(other, one[:, ::-1])
            turned.append(not np.array_equal(other, one))
    assert 0.4 < np.mean(turned) < 0.6
    assert turned[:60] != turned[60:120]


def test_the_shares_of_workers_are_the_batch(digits, kind):
    split = digits.load("validation")
    shares = [
        data.batches(split, 60, 0, 2, True, share=(i, 3)).take(4).as_numpy_iterator()
        for i in range(3)
    ]
    joined = [
        {key: np.concatenate([share[key] for share in step]) for key in step[0]}
        for step in zip(*shares, strict=True)
    ]
    assert same(joined, stream(split, 60, 4, start=2, flip=True))


def test_the_order_does_not_depend_on_the_global_seed(digits, kind):
    split = digits.load("validation")
    runs = []
    for seed in (0, 7):
        tf.random.set_seed(seed)
        runs.append(stream(split, 60, 8))
    assert same(*runs)


def test_every_image_comes_once_an_epoch_in_another_order(digits, kind):
    split = digits.load("validation[:96]")
    rows = np.concatenate([b["image"] for b in stream(split, 32, 9)]).reshape(3, 96, -1)
    held = sorted(map(bytes, data.arrays(split)["image"].reshape(96, -1)))
    epochs = [list(map(bytes, epoch)) for epoch in rows]
    assert all(sorted(epoch) == held for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]


def test_an_epoch_may_end_within_a_batch(digits, kind):
    split = digits.load("validation[:50]")
    rows = np.concatenate([b["image"] for b in stream(split, 30, 5)]).reshape(3, 50, -1)
    held = sorted(map(bytes, data.arrays(split)["image"].reshape(50, -1)))
    assert all(sorted(map(bytes, epoch)) == held for epoch in rows)


def test_labels_travel_with_their_images(digits, kind):
    real = load_digits()
    label_of = dict(
        zip(map(bytes, real.images.astype(np.uint8).reshape(1797, -1)), real.target, strict=True)
    )
    for batch in stream(digits.load("train"), 100, 3):
        for image, label in zip(batch["image"], batch["label"], strict=True):
            assert label_of[bytes(image.ravel())] == label


def test_evaluation_takes_every_image_once(digits):
    batches = list(data.evaluation_batches(digits.load("test"), 100))
    assert [len(b["image"]) for b in batches] == [100, 100, 100, 100, 47]


def test_a_batch_larger_than_the_data_is_refused(digits):
    with pytest.raises(UserError, match="batch_size 6 is larger than the 5 images"):
        data.batches(digits.load("train[:5]"), 6, seed=0)


# --- TFDS names -----------------------------------------------------------------------------------


def test_any_tfds_name(kind):
    colour = data.open_source("tiny_colour")
    train, validation = colour.training_and_validation("train")
    assert (train.split, validation.split) == ("train[:90%]", "train[90%:]")
    assert (train.size, train.shape, train.levels, train.classes) == (
        27,
        (12, 10, 3),
        256,
        ("cat", "dog"),
    )
    pictures = {TinyColour.picture(i).tobytes(): i for i in range(36)}
    for batch in stream(train, 9, 3):
        assert set(batch) == {"image", "label"}
        for image, label in zip(batch["image"], batch["label"], strict=True):
            assert pictures[image.tobytes()] % 2 == label


def test_resizing_crops_the_centre():
    small = data.open_source("tiny_colour", size=5).load("test")
    assert small.shape == (5, 5, 3)
    image = data.arrays(small)["image"][0]
    # 10 to 5 with antialiasing keeps the mean of the central square.
    originals = [TinyColour.picture(i)[1:11].mean() for i in range(30, 36)]
    assert min(abs(image.mean() - o) for o in originals) < 4


def test_resizing_keeps_levels():
    image = np.random.default_rng(0).integers(0, 17, (8, 8, 1), dtype=np.uint8)
    assert np.array_equal(Fitting((8, 8)).fit(tf.constant(image), 17), image)
    large = Fitting((16, 16)).fit(tf.constant(image), 17).numpy()
    assert large.shape == (16, 16, 1)
    assert large.max() <= 16


def test_images_of_varying_size_need_a_size():
    with pytest.raises(UserError, match=r"vary in size.*`data.size"):
        data.open_source("tiny_varying").load("train")
    assert data.open_source("tiny_varying", size=8).load("train").shape == (8, 8, 3)


def test_a_slice_without_validation_asks_for_one():
    with pytest.raises(UserError, match=r"`data.validation"):
        data.open_source("tiny_colour").training_and_validation("train[:50%]")


@pytest.mark.parametrize(
    "split", ["tran", "train[:x%]", "train[", "valid", "train[5:5]", "train[90%:10%]"]
)
def test_an_unknown_split_names_those_there_are(digits, split):
    with pytest.raises(UserError, match=r"train \(1000\)|the data set has"):
        digits.load(split)


def test_an_unknown_name_is_refused_with_a_suggestion():
    with pytest.raises(UserError, match=r"unknown data set 'digit'.*'digits'.*Embedded"):
        data.open_source("digit")


def test_a_set_that_needs_the_network_says_so_at_once(monkeypatch, tmp_path):
    def no_network(*args):
        raise OSError("Name or service not known")

    monkeypatch.setattr(source.socket, "getaddrinfo", no_network)
    monkeypatch.setattr(source.urllib.request, "getproxies", dict)
    with pytest.raises(UserError, match=r"'mnist' has to be downloaded.*digits"):
        data.open_source("mnist", directory=str(tmp_path))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot prepare.*`data.directory"):
        data.open_source("digits", directory=str(tmp_path / "file" / "data"))


@pytest.mark.parametrize(
    ("file", "damage", "said"),
    [
        ("digits-train.*", lambda file: os.truncate(file, 1000), "cut short or changed"),
        ("digits-train.*", lambda file: os.truncate(file, 0), "holds 0 records"),
        ("digits-train.*", lambda file: file.unlink(), "is not there"),
        ("dataset_info.json", lambda file: file.unlink(), "is not there"),
        ("dataset_info.json", lambda file: file.write_text("{"), "is broken"),
    ],
    ids=["cut", "empty", "gone", "undescribed", "broken"],
)
def test_a_damaged_file_of_a_prepared_set_is_named(file, damage, said, digits, tmp_path):
    prepared = shutil.copytree(digits.builder.data_path, tmp_path / "digits" / "1.0.0")
    (broken,) = prepared.glob(file)
    damage(broken)
    with pytest.raises(UserError, match=rf"{broken} .*{said}.* Take {prepared} away"):
        data.open_source("digits", directory=str(tmp_path)).load("train")


@pytest.mark.slow
def test_processes_may_prepare_the_same_data_at_once(tmp_path):
    code = (
        "import sys; from tfgen import data\n"
        "train = data.open_source('digits', directory=sys.argv[1]).load('train')\n"
        "assert len(data.arrays(train)['image']) == 1000"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
