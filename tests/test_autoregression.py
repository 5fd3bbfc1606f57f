"""Autoregressive models: exact densities of exactly the pixels before, and drawing by steps."""

import itertools

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tests.zoo import ROWS
from tfgen import models
from tfgen.autoregression import Autoregression
from tfgen.compiling import compiled
from tfgen.data import conditions

FOUND = [row for row in ROWS if issubclass(models.find(row.name), Autoregression)]


# Pixel by pixel in the order of reading: a mixture of orders has no conditionals of its own.
ORDERED = [row for row in FOUND if row.variant != "orders"]


STEPPED = [row for row in ORDERED if row.name != "made"]


# The root class completes, and PixelCNN where it has labels; this is what asks for pixels in turn.
COMPLETED = [
    row
    for row in ORDERED
    if row.id in ("fvsbn", "pixelcnn-colour", "pixelcnn-labels", "pixelrnn-diagonal, colour")
]


def stirred(row, scale=0.3, **changes):
    """A model of the row whose weights are no longer those of its birth: no zeros, no symmetry."""
    keys = {k: changes[k] for k in ("image_shape", "levels") if k in changes}
    arguments = {k: v for k, v in changes.items() if k not in keys}
    model = type(row)(row.name, row.arguments | arguments, 0, **keys) if keys else row
    model = model.build()
    random = np.random.default_rng(0)
    for w in model.trainable_variables:
        w.assign_add(scale * random.normal(size=w.shape))
    return model


def labels_of(model, rows):
    return conditions.defaults(model.condition, rows)


def waiting(rows):
    """The rows as parameters; all but the two quickest wait for the whole suite."""
    soon = ("fvsbn", "pixelcnn")
    marks = [() if row.id in soon else pytest.mark.slow for row in rows]
    return [pytest.param(row, marks=m, id=row.id) for row, m in zip(rows, marks, strict=True)]


@pytest.mark.parametrize("row", waiting(ORDERED))
def test_no_conditional_sees_its_pixel_or_a_later_one(row):
    """The Jacobian of all parameters by all pixels and channels, masks and all."""
    moved, later = seen(stirred(row), row)
    assert not (moved & later).any()
    # And everything before is seen, but for what a small network cannot reach.
    if row.name in ("fvsbn", "nade"):
        assert (moved | later).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pixelcnn", "pixelrnn"])
def test_channels_may_share_features_unevenly(name):
    """Three channels 32 features: each sees those of its pixel before it, and no other."""
    (row,) = [r for r in ROWS if r.name == name and r.image_shape[-1] == 3]
    changes = dict(image_shape=row.image_shape, levels=row.levels, likelihood="mixture")
    moved, later = seen(stirred(row, width=32, **changes), row)
    assert not (moved & later).any()
    pixels = len(moved) // 3
    within = np.stack([moved[3 * i : 3 * i + 3, 3 * i : 3 * i + 3] for i in range(pixels)])
    # At some pixel: where a relu is off, nothing is told.
    assert np.array_equal(within.any(axis=0), np.triu(np.ones((3, 3), bool), 1))


def seen(model, row):
    """([pixel that jumps, pixel predicted]: whether it moves, whether it may not)."""
    x = tf.constant(np.random.default_rng(1).random((1, *row.image_shape)), tf.float32)
    label = labels_of(model, 1)
    # A jump of each pixel, and not a derivative: a unit that is off has none.
    d, looks = int(np.prod(row.image_shape)), model.looks
    channels = row.image_shape[-1]
    jumped = tf.reshape(x, [1, d]) + tf.eye(d)
    batch = tf.concat([x, tf.reshape(jumped, [d, *row.image_shape])], axis=0)
    label = None if label is None else np.zeros(d + 1, np.int32)
    out = tf.reshape(model.network(batch, label), [d + 1, d // channels * looks, -1]).numpy()
    moved = (np.abs(out[1:] - out[:1]) > 1e-6).any(axis=-1)  # [pixel that jumps, pixel predicted]
    return moved, np.tril(np.ones((d, d), bool))[:, :: channels // looks]


@pytest.mark.parametrize("row", waiting(FOUND))
def test_probabilities_of_all_images_sum_to_one(row):
    """2x2 pixels of 3 levels: 81 images."""
    model = stirred(row, image_shape=(2, 2, 1), levels=3)
    x = every_image()
    label = None
    if model.num_classes:
        label = np.full(81, 3, np.int32)
    assert np.exp(model.log_prob(x, label)).sum() == pytest.approx(1, abs=1e-5)
    if model.num_classes:
        assert np.exp(model.log_prob(x)).sum() == pytest.approx(1, abs=1e-5)


def every_image():
    return (
        np.array(list(itertools.product(range(3), repeat=4)), np.float32).reshape(-1, 2, 2, 1) / 2
    )


@pytest.mark.parametrize("row", waiting(FOUND))
def test_draws_are_as_frequent_as_probable(row):
    model = stirred(row, image_shape=(2, 2, 1), levels=3)
    n = 8100
    label = np.full(n, 3, np.int32) if model.num_classes else None
    drawn = compiled(model.sample)(tf.range(n), label).numpy()
    codes = np.round(drawn.reshape(n, 4) * 2).astype(int) @ [27, 9, 3, 1]
    counts = np.bincount(codes, minlength=81)
    p = np.exp(model.log_prob(every_image(), None if label is None else label[:81])).astype(float)
    often = p * n > 5
    observed = np.append(counts[often], counts[~often].sum())
    expected = np.append(p[often], p[~often].sum()) * n
    keep = expected > 0
    test = scipy.stats.chisquare(observed[keep], expected[keep] * n / expected[keep].sum())
    assert test.pvalue > 1e-3


@pytest.mark.parametrize("row", waiting(STEPPED))
def test_a_step_gives_what_the_network_gives(row):
    """Teacher-forced: the state is fed an image, and asked for each conditional on the way."""
    expect_steps_of_the_network(stirred(row), row)


@pytest.mark.parametrize(
    ("name", "likelihood"), [("pixelcnn", "mixture"), ("pixelrnn", "coupled_mixture")]
)
def test_so_does_a_step_of_colour_by_the_other_likelihood(name, likelihood):
    (row,) = [r for r in ROWS if r.name == name and r.image_shape[-1] == 3]
    changes = dict(image_shape=row.image_shape, levels=row.levels, likelihood=likelihood)
    expect_steps_of_the_network(stirred(row, **changes), row)


def expect_steps_of_the_network(model, row):
    x = np.random.default_rng(1).random((3, *row.image_shape)).astype(np.float32)
    label = labels_of(model, 3)
    expected = tf.reshape(model.network(x, label), [3, *row.image_shape[:2], model.looks, -1])
    state = model.begin(3, label)
    h, w, channels = row.image_shape
    for y in range(h):
        above = x[:, y - 1] if y else np.zeros_like(x[:, 0])
        state = model.begin_row(state, tf.constant(y), tf.constant(above))
        for column, c in itertools.product(range(w), range(channels)):
            if c < model.looks:
                found, state = model.next_one(state, tf.constant(y), tf.constant(column), c)
                np.testing.assert_allclose(found, expected[:, y, column, c], atol=1e-5)
            value = tf.constant(x[:, y, column, c])
            state = model.observe(state, tf.constant(y), tf.constant(column), c, value)


@pytest.mark.parametrize("row", waiting(ORDERED))
def test_draws_are_those_of_the_network_asked_for_every_pixel(row):
    from benchmarks.sampling_speed import recomputing

    model = stirred(row)
    label = labels_of(model, 16)
    noise = model.noise(tf.range(16))
    drawn = compiled(model.generate)(noise, label).numpy()
    naive = compiled(lambda u: recomputing(model, u, label))(noise["u"]).numpy()
    assert np.mean(drawn == naive) >= 0.999


@pytest.mark.parametrize("row", waiting(COMPLETED))
def test_completion_keeps_what_is_known_and_draws_the_rest(row):
    model = stirred(row)
    x = np.random.default_rng(1).integers(0, row.levels, (4, *row.image_shape))
    x = x.astype(np.float32) / (row.levels - 1)
    known = np.zeros(x.shape, bool)
    known[:, : row.image_shape[0] // 2] = True
    label = labels_of(model, 4)
    seeds = np.arange(4, dtype=np.int32)
    complete = compiled(model.complete)
    full = complete(x, known, seeds, label).numpy()
    assert np.array_equal(full[known], x[known])
    # With nothing known it is a sample; with the known part that sample's, the same one.
    alone = complete(x, np.zeros_like(known), seeds, label).numpy()
    sample = compiled(model.sample)(seeds, label).numpy()
    assert np.array_equal(alone, sample)
    assert np.array_equal(complete(sample, known, seeds, label).numpy(), sample)


def test_fewer_features_than_channels_are_refused():
    from tfgen.errors import UserError

    with pytest.raises(UserError, match=r"width=2.*3 channels"):
        models.find("pixelcnn")((4, 4, 3), 256, width=2)


@pytest.mark.slow
def test_a_conditional_model_classifies_by_bayes_rule_and_completes_by_it():
    (row,) = [row for row in FOUND if row.variant == "labels"]
    model = stirred(row)
    x = model.sample(np.arange(6), np.arange(6)).numpy()
    each = np.stack([model.log_prob(x, np.full(6, y, np.int32)) for y in range(10)], axis=1)
    np.testing.assert_allclose(model.class_log_prob(x), each - np.log(10), atol=1e-3)
    found = model.classify(x)
    assert np.array_equal(found["label"], each.argmax(1))
    np.testing.assert_allclose(tf.reduce_sum(found["probability"], 1), 1, atol=1e-5)
    # All of the image known: the label of its completion is the one it is classified as.
    label = np.argmax(model._of_known(x, np.ones(x.shape, bool)), axis=1)
    assert np.array_equal(label, found["label"])
    assert not stirred(FOUND[0]).can("classify")


@pytest.mark.slow
def test_drawing_by_steps_is_faster_than_by_the_whole_network():
    """Far less than what benchmarks/sampling_speed.py measures: machines of CI are noisy."""
    import time

    from benchmarks.sampling_speed import recomputing

    model = models.find("pixelcnn")((16, 16, 1), 2, width=32, depth=4)
    u = model.noise(tf.range(8))["u"]
    ways = [
        compiled(lambda u: model.generate({"u": u})),
        compiled(lambda u: recomputing(model, u)),
    ]
    seconds = []
    for way in ways:
        way(u)
        began = time.perf_counter()
        way(u)
        seconds.append(time.perf_counter() - began)
    assert seconds[1] > 10 * seconds[0]


def test_a_label_that_there_is_not_is_refused():
    from tfgen.errors import UserError

    (row,) = [row for row in FOUND if row.variant == "labels"]
    model = row.build()
    with pytest.raises(UserError, match=r"`label=10` is out of range: .* has 0 to 9"):
        model.sample([0, 1], [3, 10])
    with pytest.raises(UserError, match="give `label`, 0 to 9"):
        model.sample([0, 1])


def test_likelihoods_of_decoders_and_of_whole_pixels_are_refused():
    from tfgen.errors import UserError

    with pytest.raises(UserError, match=r"coupled_mixture.*all channels of a pixel at once"):
        models.find("nade")((8, 8, 3), 256, likelihood="coupled_mixture")
    with pytest.raises(UserError, match=r"shared_gaussian.*one width for all pixels"):
        models.find("pixelcnn")((8, 8, 1), 256, likelihood="shared_gaussian")


def test_a_likelihood_of_two_levels_is_refused_for_more():
    from tfgen.errors import UserError

    with pytest.raises(UserError, match="needs 2 levels, the data have 17"):
        models.find("nade")((8, 8, 1), 17, likelihood="bernoulli")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("pixelcnn", dict(width=48, depth=2, first_reach=1)),
        ("pixelrnn", dict(width=48, depth=1, reach=1)),
        ("pixelrnn", dict(width=48, depth=1, reach=1, recurrence="diagonal")),
    ],
)
def test_what_comes_before_is_seen(name, arguments):
    """Of the pixel itself the channels before; and by the Diagonal BiLSTM all that came earlier."""
    keras.utils.set_random_seed(1)
    model = models.find(name)((4, 4, 3), 32, likelihood="mixture", **arguments)
    random = np.random.default_rng(0)
    for w in model.trainable_variables:
        w.assign_add(0.1 * random.normal(size=w.shape))
    x = random.random((1, 48)).astype(np.float32)
    jumped = np.concatenate([x, x + np.eye(48, dtype=np.float32)]).reshape(-1, 4, 4, 3)
    out = tf.reshape(model.network(jumped), [49, 48, -1]).numpy()
    moved = (np.abs(out[1:] - out[:1]) > 1e-6).any(axis=-1)
    for pixel in range(0, 48, 3):
        assert moved[pixel, pixel + 1]
        assert moved[pixel, pixel + 2]
        assert moved[pixel + 1, pixel + 2]
        assert moved[pixel, pixel + 3 :].all() or arguments.get("recurrence") != "diagonal"
