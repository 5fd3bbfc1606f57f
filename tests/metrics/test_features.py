"""What images are compared in: pinned, cached, checked, and better than chance."""

import hashlib
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen import data
from tfgen.errors import UserError
from tfgen.metrics import features, kept_classifier
from tfgen.metrics.inception import load

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
# Of the weights that come with the library; results of other weights do not compare.
DIGEST = "16779e78b20a5ad5cf1b75ddf430e51f07ee8ed99f345c09ada2476f49f5b115"


@pytest.fixture(scope="module")
def arrays(digits):
    return {s: data.arrays(digits.load(s)) for s in ("train", "validation")}


@pytest.fixture(scope="module")
def found(arrays):
    return features.choose("auto", arrays["train"], arrays["validation"], 17)


def test_the_classifier_reads_digits(found, arrays):
    assert found.kind == "classifier"
    assert found.distance == "FDC"
    assert found.accuracy["label"] > 0.96
    x = arrays["validation"]["image"] / 16
    p = found.probabilities(x)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-6)
    right = p.argmax(axis=1) == arrays["validation"]["label"]
    assert right.mean() == pytest.approx(found.accuracy["label"])


def test_features_are_64_numbers_of_unit_variance(found, arrays):
    x = found.features(arrays["train"]["image"] / 16)
    assert x.shape == (1000, 64)
    assert x.dtype == np.float64
    assert x.var(axis=0).mean() == pytest.approx(1.0, rel=1e-5)


def test_features_do_not_depend_on_the_company(found, arrays):
    x = arrays["validation"]["image"][:40] / 16
    np.testing.assert_allclose(found.features(x)[7:9], found.features(x[7:9]), rtol=0, atol=1e-5)


def test_a_run_keeps_the_classifier_for_who_has_no_images(found, arrays, tmp_path):
    file, gone = tmp_path / "classifier.npz", tmp_path / "none.npz"
    assert kept_classifier.read(gone) is None
    x = arrays["validation"]["image"] / 16
    kept_classifier.keep(file, features.choose("textures", arrays["train"], {}, 17))
    assert not file.exists()  # no classifier of these
    kept_classifier.keep(file, found)
    labels = kept_classifier.read(gone, file)(x)
    np.testing.assert_array_equal(labels, found.probabilities(x).argmax(axis=1))
    kept_classifier.keep(tmp_path / "read" / "only" / "x", found)  # costs nothing else
    file.write_bytes(file.read_bytes()[:1000])
    assert kept_classifier.read(file) is None


def test_those_of_digits_come_with_the_library(found, arrays, monkeypatch, tmp_path):
    """So that every machine measures digits alike, whatever its processor rounds to."""

    def never(*_):
        raise AssertionError("trained again")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(features, "train_network", never)
    again = features.choose("auto", arrays["train"], arrays["validation"], 17)
    assert again.digest == found.digest == DIGEST
    fewer = {key: value[:500] for key, value in arrays["train"].items()}
    with pytest.raises(AssertionError, match="trained again"):
        features.choose("auto", fewer, arrays["validation"], 17)


@pytest.mark.slow
def test_those_of_sprites_with_captions_are_of_the_sprites_of_now(monkeypatch):
    """The table's: drawn otherwise, the sprites would have a classifier of each machine's own."""
    monkeypatch.setattr(features, "train_network", lambda *_: pytest.fail("trained again"))
    sprites = data.arrays(data.open_source("shapes_by_caption").load("train", ("factors",)))
    found = features.choose("auto", sprites, None, 256)
    table = json.loads((RESULTS / "shapes_by_caption.json").read_text())
    assert found.digest == table["protocol"]["features_hash"]


@pytest.mark.slow
def test_they_are_what_their_recipe_trains(arrays):
    """Anew, by the code as it is: as accurate as those that are shipped."""
    x = arrays["train"]["image"] / np.float32(16)
    model = features.train_network(x, features.targets(arrays["train"]))
    held_out = arrays["validation"]
    right = features.accuracies(model, held_out["image"] / 16, features.targets(held_out))
    assert right["label"] > 0.96


@pytest.mark.slow
def test_a_broken_cache_is_trained_anew(arrays, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    few = {key: value[:100] for key, value in arrays["train"].items()}
    trained = []

    def train(images, targets):
        trained.append(len(images))
        return original(images, targets, steps=5)

    original = features.train_network
    monkeypatch.setattr(features, "train_network", train)
    first = features.classifier_features(few, few, 17)
    (file,) = (tmp_path / "tfgen").iterdir()
    file.write_bytes(file.read_bytes()[:1000])
    second = features.classifier_features(few, few, 17)
    assert trained == [100, 100]
    assert first.digest == second.digest


@pytest.mark.slow
def test_a_seed_is_a_network(arrays):
    x, y = arrays["train"]["image"][:64] / np.float32(16), arrays["train"]["label"][:64]
    one, same, other = (
        features.train_network(x, {"label": y}, seed, steps=3).get_weights() for seed in (0, 0, 1)
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 13, 3), (28, 28, 1), (64, 64, 3)])
def test_the_network_takes_images_of_any_size(shape):
    model = features.network(shape, [10, 3])
    hidden, first, second = model(tf.zeros([2, *shape]))
    assert (hidden.shape, first.shape, second.shape) == ((2, 64), (2, 10), (2, 3))
    assert model.count_params() < 500_000


def test_shifts_move_by_whole_pixels_and_repeat_the_edge():
    image = np.arange(9.0).reshape(1, 3, 3, 1)
    moved = features._shifted(image, 1, 0)[0, ..., 0]
    np.testing.assert_array_equal(moved, [[0, 1, 2], [0, 1, 2], [3, 4, 5]])
    moved = features._shifted(image, 0, -1)[0, ..., 0]
    np.testing.assert_array_equal(moved, [[1, 2, 2], [4, 5, 5], [7, 8, 8]])


def test_without_labels_textures_are_compared(arrays):
    bare = {"image": arrays["train"]["image"]}
    found = features.choose("auto", bare, bare, 17)
    assert (found.kind, found.distance, found.probabilities) == ("textures", "FTD", None)
    # Principal components: uncorrelated, the widest first, of variance 1 in the mean.
    covariance = np.cov(found.features(bare["image"] / 16), rowvar=False)
    variances = np.diag(covariance)
    assert variances.shape == (64,)
    assert variances.mean() == pytest.approx(1.0, rel=1e-3)
    assert (np.diff(variances) < 1e-6).all()
    np.testing.assert_allclose(covariance, np.diag(variances), atol=1e-4)
    # Other images are another function, and the same ones the same.
    fewer = {"image": bare["image"][:120]}
    few = features.choose("textures", fewer, fewer, 17)
    assert few.features(fewer["image"] / 16).shape == (120, 30)
    assert few.digest != found.digest == features.choose("textures", bare, bare, 17).digest
    with pytest.raises(UserError, match=r"no labels .* `features=textures`"):
        features.choose("classifier", bare, bare, 17)


def test_points_of_the_plane_are_compared_by_their_coordinates():
    points = {"image": np.random.default_rng(0).integers(65536, size=(9, 1, 1, 2))}
    found = features.choose("auto", points, points, 65536)
    assert found.kind == "coordinates"
    x = points["image"] / 65535
    moved = found.features(x)
    np.testing.assert_allclose(moved / moved[0, 0], x.reshape(9, 2) / x[0, 0, 0, 0])
    assert moved.std(axis=0).mean() == pytest.approx(1.0)


# --- Inception: a stand-in graph of the same names, for the real weights are not ours ------------


WEIGHTS = np.random.default_rng(0).normal(size=(2048, 8)).astype(np.float32)


def colours(x):
    """What each stand-in computes: the mean colour, 2,048 times over, and logits of it."""
    return tf.tile(tf.reduce_mean(tf.cast(x, tf.float32), axis=[1, 2]), [1, 683])[:, :2048]


def the_graph_of_2015(path):
    """Of the same names, and a product that is for one image alone."""
    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, [1, None, None, 3], name="ExpandDims")
        pool = tf.reshape(colours(x), [-1, 1, 1, 2048], name="pool_3")
        tf.matmul(tf.reshape(pool, [1, 2048]), tf.constant(WEIGHTS), name="softmax/logits/MatMul")
    path = path / "classify_image_graph_def.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def a_keras_file(path):
    x = keras.Input([None, None, 3], dtype="uint8")
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1.0)(x))
    features = keras.layers.Concatenate()([mean] * 683)[:, :2048]
    logits = keras.layers.Dense(8, use_bias=False, name="logits")
    model = keras.Model(x, {"features": features, "logits": logits(features)})
    logits.set_weights([WEIGHTS])
    model.save(path / "inception.keras")
    return path / "inception.keras"


def a_saved_model(path):
    module = tf.Module()
    module.w = tf.Variable(WEIGHTS)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)])
    def call(images):
        features = colours(images)
        return {"features": features, "logits": features @ module.w}

    tf.saved_model.save(module, str(path / "saved"), signatures=call)
    return path / "saved"


@pytest.fixture
def inception(tmp_path):
    path = the_graph_of_2015(tmp_path)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("make", [the_graph_of_2015, a_keras_file, a_saved_model])
def test_features_and_logits_come_from_each_kind_of_file(make, tmp_path, arrays):
    path = make(tmp_path)
    scores, digest = load(str(path))
    assert load(str(path), digest)[1] == digest
    x = arrays["validation"]["image"][:60] / 16
    pool, logits = scores(x)
    expected = np.round(255 * x).mean(axis=(1, 2, 3))[:, None] * np.ones(2048)
    np.testing.assert_allclose(pool, expected, rtol=1e-5)
    np.testing.assert_allclose(logits, expected @ WEIGHTS, rtol=1e-3, atol=0.5)


def test_inception_takes_levels_of_255_and_three_channels(inception, arrays):
    found = features.choose("inception", arrays["train"], arrays["validation"], 17, inception)
    assert (found.kind, found.distance, found.digest) == ("inception", "FID", inception[1])
    x = arrays["validation"]["image"][:60] / 16
    expected = np.round(255 * x).mean(axis=(1, 2, 3))
    moved = found.features(x)
    assert moved.shape == (60, 2048)
    np.testing.assert_allclose(moved, expected[:, None] * np.ones(2048), rtol=1e-5)


def test_inception_refuses_other_weights(inception, arrays, tmp_path):
    path, digest = inception

    def choose(*given):
        features.choose("inception", arrays["train"], arrays["validation"], 17, given)

    with pytest.raises(UserError, match=f"has the SHA-256 {digest}, not 0000"):
        choose(path, "0" * 64)
    with pytest.raises(UserError, match="there is no file"):
        choose(tmp_path / "absent.pb", digest)
    path.write_bytes(b"not a graph")
    with pytest.raises(UserError, match="cannot be used as"):
        choose(path, hashlib.sha256(b"not a graph").hexdigest())
