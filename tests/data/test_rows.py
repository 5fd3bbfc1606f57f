"""Arrays as examples: in portions or whole, text as well, and never as constants of a graph."""

import numpy as np
import pytest
import tensorflow as tf

from tfgen import data
from tfgen.data import pipeline, rows

N = 600
IMAGES = np.random.default_rng(0).integers(0, 256, (N, 2, 3, 1), dtype=np.uint8)
HELD = {
    "image": IMAGES,
    "label": np.arange(N, dtype=np.int32),
    "caption": [f"né {i}" for i in range(N)],
}


@pytest.mark.parametrize("whole", [2**28, 0], ids=["whole", "portions"])
def test_examples_come_in_their_order(whole, monkeypatch):
    monkeypatch.setattr(rows, "WHOLE", whole)
    made = rows.Rows(HELD)()
    assert made.element_spec["image"].shape == (2, 3, 1)
    (batch,) = made.batch(N).as_numpy_iterator()
    assert np.array_equal(batch["image"], IMAGES)
    assert np.array_equal(batch["label"], HELD["label"])
    assert [text.decode() for text in batch["caption"]] == HELD["caption"]


def test_labels_are_found_without_images():
    about = data.ImageData("x", "train", N, (2, 3, 1), 256, ("a",), (), rows.Rows(HELD))
    assert rows.labels_of(about) is about.examples.arrays["label"]
    other = data.ImageData("x", "train", N, (2, 3, 1), 256, ("a",), (), lambda: about.examples())
    assert np.array_equal(rows.labels_of(other), HELD["label"])


def test_no_data_are_constants_of_a_graph(monkeypatch):
    """Those of a set too large for memory would be, were they made where an epoch is traced."""
    eagerly = []

    def examples():
        eagerly.append(tf.executing_eagerly())
        return tf.data.Dataset.from_tensor_slices({"image": IMAGES})

    monkeypatch.setattr(pipeline, "MEMORY_LIMIT", 0)
    about = data.ImageData("x", "train", N, (2, 3, 1), 256, (), (("train", 0, N),), examples)
    (batch,) = data.batches(about, 8, 0).take(1)
    assert batch["image"].shape == (8, 2, 3, 1)
    assert eagerly
    assert all(eagerly)
