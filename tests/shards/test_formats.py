"""Shards as files: what is read is what was written, by our reader and by others."""

import hashlib
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgen.images import eight_bits
from tfgen.shards import formats

SEEDS = np.array([-3, 0, 2**31 - 1], np.int32)
RANDOM = np.random.default_rng(0)


def images(channels):
    return RANDOM.random((3, 5, 4, channels), np.float32)


@pytest.mark.parametrize("kind", formats.FORMATS)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_what_is_written_is_read_and_has_the_same_bytes_again(kind, channels, tmp_path):
    given, path = images(channels), formats.place(tmp_path, 12, kind)
    first = formats.write(path, SEEDS, given, {"label": SEEDS % 7})
    assert np.array_equal(formats.read(path, SEEDS), eight_bits(given))
    time.sleep(0.01)
    assert formats.write(path, SEEDS, given, {"label": SEEDS % 7}) == first == formats.digest(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    changed = given.copy()
    changed[1, 0, 0, 0] = 1 - np.round(changed[1, 0, 0, 0])
    assert formats.write(path, SEEDS, changed, {"label": SEEDS % 7}) != first


def test_each_format_is_read_without_us(tmp_path):
    given, rows = images(3), {"tokens": np.arange(6, dtype=np.int32).reshape(3, 2)}
    rows["caption"] = np.array(["a", "zwölf", ""])
    for kind in formats.FORMATS:
        formats.write(formats.place(tmp_path, 0, kind), SEEDS, given, rows)
    with Image.open(tmp_path / "00000" / "-3.png") as picture:
        assert np.array_equal(picture, eight_bits(given)[0])
    with np.load(tmp_path / "00000.npz") as file:
        assert np.array_equal(file["images"], given)
        assert np.array_equal(file["seeds"], SEEDS)
        assert np.array_equal(file["tokens"], rows["tokens"])
    digest = hashlib.sha256((tmp_path / "00000.npz").read_bytes()).hexdigest()
    assert formats.digest(tmp_path / "00000.npz") == digest
    spec = {
        "image": tf.io.FixedLenFeature([], tf.string),
        "seed": tf.io.FixedLenFeature([], tf.int64),
        "tokens": tf.io.FixedLenFeature([2], tf.int64),
        "caption": tf.io.FixedLenFeature([], tf.string),
    }
    records = tf.data.TFRecordDataset(str(tmp_path / "00000.tfrecord"))
    found = [tf.io.parse_single_example(record, spec) for record in records]
    assert [int(one["seed"]) for one in found] == SEEDS.tolist()
    assert np.array_equal([one["tokens"] for one in found], rows["tokens"])
    assert [one["caption"].numpy().decode() for one in found] == rows["caption"].tolist()
    pictures = [tf.io.decode_png(one["image"]) for one in found]
    assert np.array_equal(pictures, eight_bits(given))
