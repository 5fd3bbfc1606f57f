"""Labels through every export, with a model whose images are known."""

import numpy as np
import pytest
import tensorflow as tf

from tests.support import servers
from tests.support.striped import Striped
from tfgen.errors import UserError
from tfgen.exporting import golden, saved_model, sources, tflite
from tfgen.exporting.endpoints import endpoints

SEEDS = np.arange(5, dtype=np.int32)


LABELS = np.array([0, 1, 2, 1, 0], np.int32)


@pytest.fixture(scope="module")
def model():
    tf.random.set_seed(0)
    return Striped()


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    root = tmp_path_factory.mktemp("striped")
    for precision in ("float32", "int8"):
        (root / f"{precision}.tflite").write_bytes(tflite.convert(model, precision, batch=2))
    return root, saved_model.export(model, "striped", root)


def test_classes_differ(model):
    images = model.sample(np.zeros(3, np.int32), np.arange(3, dtype=np.int32)).numpy()
    assert np.abs(images[0] - images[1]).max() > 0.1


def test_endpoints(model):
    inputs = {e.name: [spec.name for spec in e.inputs] for e in endpoints(model)}
    assert inputs == {
        "sample": ["seed", "label"],
        "noise": ["seed"],
        "decode": ["label", "z"],
    }


@pytest.mark.slow
def test_the_same_images_of_a_class_from_each(model, exported):
    root, version = exported
    keras = model.sample(SEEDS, LABELS).numpy()
    for source in (version, root / "float32.tflite"):
        images = sources.open_source(str(source))(SEEDS, LABELS)
        np.testing.assert_allclose(images, keras, rtol=0, atol=1e-5)
    images = sources.open_source(str(root / "int8.tflite"))(SEEDS, LABELS)
    assert -10 * np.log10(np.square(images - keras).mean()) > 30


@pytest.mark.slow
def test_the_same_images_of_a_class_from_a_server(model, exported):
    root, _ = exported
    grpc, rest = servers.serve("striped", root / "striped")
    keras = model.sample(SEEDS, LABELS).numpy()
    for source in (f"grpc://{grpc}/striped", f"http://{rest}/v1/models/striped"):
        sample = sources.open_source(source)
        np.testing.assert_allclose(sample(SEEDS, LABELS), keras, rtol=0, atol=1e-5)
        with pytest.raises(UserError, match=r"does not match signature"):
            sample(SEEDS)


@pytest.mark.slow
def test_labels_that_do_not_fit(exported):
    root, version = exported
    sample = sources.open_source(str(version))
    with pytest.raises(UserError, match=r"`label=3` is out of range: .* has 0 to 2"):
        sample(SEEDS, np.full(5, 3, np.int32))
    with pytest.raises(UserError, match=r"samples by class: give `label`, 0 to 2"):
        sample(SEEDS)
    with pytest.raises(UserError, match=r"from seed and label; given: 1 of these"):
        sources.open_source(str(root / "float32.tflite"))(SEEDS)


def test_golden_values_name_their_label(model):
    entries = golden.describe(model)["seeds"]
    assert [entry["label"] for entry in entries] == [0, 1, 2, 0]
    image = model.sample([entries[2]["seed"]], [2]).numpy()
    np.testing.assert_allclose(image.ravel()[:16], entries[2]["first"], atol=1e-6)
