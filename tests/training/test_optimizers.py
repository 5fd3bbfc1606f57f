"""Optimizers of a config: Adam against Keras' own, rates, weight decay, the clip, resume."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support import small, trained
from tfgen import settings
from tfgen.compiling import compiled
from tfgen.training import optimizers
from tfgen.training.checkpoints import Checkpoints

# Of each kind all that it reads.
EACH = {
    kind: settings.optimizer(
        kind=kind,
        learning_rate=1e-2,
        clip=0.1,
        warmup=2,
        decay="cosine",
        **{part: 0.5 for part in parts},
    )
    for kind, parts in settings.KINDS.items()
}


def descended(kind, start, gradients):
    """Where a weight ends that the optimizer moves along given gradients."""
    weight = keras.Variable(start)
    rates = keras.optimizers.schedules.CosineDecay(0.1, len(gradients))
    optimizer = kind(rates, beta_1=0.5, beta_2=0.9)
    optimizer.build([weight])

    @compiled
    def step(gradient):
        optimizer.apply([gradient], [weight])

    for gradient in gradients:
        step(tf.constant(gradient))
    return weight.numpy()


def test_adam_is_the_adam_of_keras():
    """Of several replicas too: `tests/test_replicas.py` holds updates of all models to one's."""
    start, rng = np.float32([[1.0, -2.0], [3.0, 0.5]]), np.random.default_rng(0)
    gradients = rng.normal(size=(20, 2, 2)) * 10.0 ** rng.integers(-6, 3, (20, 2, 2))
    own, theirs = (
        descended(kind, start, gradients.astype("f"))
        for kind in (optimizers.Adam, keras.optimizers.Adam)
    )
    assert np.abs(own - start).min() > 1e-3
    np.testing.assert_allclose(own, theirs, rtol=2e-6)


def test_adam_takes_the_gradient_of_looked_up_rows():
    """As if it were dense; Keras' squares the parts of a row that is looked up twice one by one."""
    found = []
    for dense in (True, False):
        table = keras.Variable(np.arange(8, dtype="f").reshape(4, 2))
        optimizer = optimizers.Adam(0.1)
        optimizer.build([table])
        for _ in range(3):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.square(tf.gather(table.value, [1, 1, 3])))
            gradient = tape.gradient(loss, table.value)
            assert isinstance(gradient, tf.IndexedSlices)
            optimizer.apply([tf.convert_to_tensor(gradient) if dense else gradient], [table])
        found.append(table.numpy())
    np.testing.assert_array_equal(*found)


def rates(**given):
    """The rate at each of eight steps, and at their end."""
    rate = optimizers.from_config(settings.optimizer(learning_rate=1.0, **given), 8)._learning_rate
    return [float(rate(step)) if callable(rate) else rate for step in range(9)]


def test_a_rate_rises_along_a_line_and_then_decays_over_the_steps_left():
    half = 0.5 * np.cos(np.pi * np.arange(5) / 4) + 0.5
    for decay, after in (("none", np.ones(5)), ("linear", [1, 1, 1, 0.5, 0]), ("cosine", half)):
        found = rates(warmup=4, decay=decay)
        np.testing.assert_allclose(found, [0, 0.25, 0.5, 0.75, *after], atol=1e-6)


def test_the_rate_of_what_a_step_updates_twice_rises_and_falls_over_the_same_steps():
    one, two = (optimizers.from_config(EACH["sgd"], 8, n)._learning_rate for n in (1, 2))
    for step in range(8):
        assert float(two(2 * step)) == pytest.approx(float(one(step)))


def test_a_warm_up_survives_its_config():
    made = optimizers.from_config(EACH["lion"], 8)
    again = type(made).from_config(made.get_config())
    assert again.clip == made.clip == 0.1
    for step in range(9):
        assert float(again._learning_rate(step)) == float(made._learning_rate(step))


def applied(gradients, start=1.0, **given):
    """Weights of a kernel and a bias after one step."""
    weights = [keras.Variable(tf.fill([2, 2], start)), keras.Variable(tf.fill([2], start))]
    optimizer = optimizers.from_config(settings.optimizer(learning_rate=0.1, **given), 8)
    optimizer.build(weights)
    optimizer.apply([tf.constant(g) if g is not None else None for g in gradients], weights)
    return [weight.numpy() for weight in weights]


@pytest.mark.parametrize(
    "kind", [k for k, parts in settings.KINDS.items() if "weight_decay" in parts]
)
def test_weight_decay_is_apart_from_the_gradient_and_leaves_vectors_alone(kind):
    gradients = np.ones((2, 2), "f"), np.ones(2, "f")
    plain = applied(gradients, kind=kind)
    kernel, bias = applied(gradients, kind=kind, weight_decay=0.5)
    np.testing.assert_allclose(plain[0] - kernel, 0.1 * 0.5 * np.ones((2, 2)), rtol=1e-5)
    np.testing.assert_array_equal(bias, plain[1])


def test_the_gradient_is_clipped_by_its_norm_over_all_weights():
    gradients = np.full((2, 2), 3.0, "f"), np.full(2, 4.0, "f")
    norm = np.sqrt(4 * 9 + 2 * 16)
    for clip, share in ((0.0, 1.0), (2 * norm, 1.0), (0.5, 0.5 / norm)):
        found = applied(gradients, start=0.0, kind="sgd", clip=clip)
        for weight, gradient in zip(found, gradients, strict=True):
            np.testing.assert_allclose(weight, -0.1 * share * gradient, rtol=1e-6)
    kernel, bias = applied((None, gradients[1]), start=0.0, kind="sgd", clip=1.0)
    assert not kernel.any()
    assert np.linalg.norm(bias) == pytest.approx(0.1)


@pytest.mark.parametrize("kind", settings.KINDS)
def test_a_restored_optimizer_goes_on_bit_for_bit(kind, tmp_path):
    def made():
        model = small.make()
        model.accumulate = 2
        model.compile({"G": optimizers.from_config(EACH[kind], 8)})
        return model

    images = np.random.default_rng(0).integers(0, 256, (4, 4, 8, 8, 1), np.uint8)
    model, again = made(), made()
    for step, batch in enumerate(images):
        model.train_step({"image": batch})
        if step == 1:
            Checkpoints(tmp_path, model).save(2)
    assert Checkpoints(tmp_path, again).restore(print) == 2
    for batch in images[2:]:
        again.train_step({"image": batch})
    for one, two in zip(trained.state(model), trained.state(again), strict=True):
        np.testing.assert_array_equal(one, two)
