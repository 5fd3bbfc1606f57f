"""Penalties of the slope of D: closed forms, finite differences, and where they look."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import GAN, Row
from tfgen import random
from tfgen.compiling import compiled
from tfgen.errors import UserError
from tfgen.models.gan import Part
from tfgen.objectives import adversarial, augmentation, penalties

SEEDS = tf.range(6)


def images(seed):
    return np.random.default_rng(seed).uniform(-1, 1, (6, 4, 4, 2)).astype(np.float32)


def test_the_gradient_penalty_is_at_points_between():
    """Of D(x) = |x|^2 / 2, whose gradient is x itself: each row at its own point of the way."""
    x, fake = images(0), images(1)
    found = penalties.gradient(lambda x: tf.reduce_sum(x**2, [1, 2, 3]) / 2, x, fake, SEEDS)
    e = random.uniform(SEEDS, [1, 1, 1], "gradient penalty").numpy()
    assert len(set(e.ravel())) == 6
    norms = np.linalg.norm((e * x + (1 - e) * fake).reshape(6, -1), axis=1)
    np.testing.assert_allclose(found, (norms - 1) ** 2, rtol=1e-5)


WEIGHTS = np.random.default_rng(9).normal(size=(4, 4, 2)).astype(np.float32)


LENGTH = np.linalg.norm(WEIGHTS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("gradient", (LENGTH - 1) ** 2), ("dragan", (LENGTH - 1) ** 2), ("r1", LENGTH**2 / 2)],
)
def test_the_penalty_of_a_linear_critic_is_exact(name, expected):
    def D(x):
        return tf.reduce_sum(x * WEIGHTS, axis=[1, 2, 3])

    found = penalties.PENALTIES[name](D, tf.constant(images(0)), tf.constant(images(1)), SEEDS)
    np.testing.assert_allclose(found, np.full(6, expected), rtol=1e-5)


def test_the_norm_is_of_each_image_and_where_the_penalty_looks():
    """D(x) = |x|^2 / 2 has the gradient x: the norm of each image is seen, and of none other."""

    def D(x):
        return tf.reduce_sum(tf.square(x), axis=[1, 2, 3]) / 2

    x, fake = tf.constant(images(0)), tf.constant(images(1))
    lengths = np.linalg.norm(images(0).reshape(6, -1), axis=1)
    np.testing.assert_allclose(penalties.r1(D, x, fake, SEEDS), lengths**2 / 2, rtol=1e-5)
    # Between equal images there is one point only.
    between = penalties.gradient(D, x, x, SEEDS)
    np.testing.assert_allclose(between, (lengths - 1) ** 2, rtol=1e-4)
    # Between x and -x the point is (2 e - 1) x, and e is uniform.
    seeds = tf.range(4000)
    one = tf.repeat(x[:1], 4000, axis=0)
    norms = tf.sqrt(penalties.gradient(D, one, -one, seeds))  # | |2 e - 1| l - 1 |
    share = np.mean(np.asarray(norms) > 1 - lengths[0] / 2)
    inside = np.abs(np.abs(2 * np.linspace(0, 1, 100001) - 1) * lengths[0] - 1)
    assert share == pytest.approx(np.mean(inside > 1 - lengths[0] / 2), abs=0.03)


def test_a_flat_critic_has_a_finite_slope_of_its_penalty():
    w = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        penalty = penalties.gradient(
            lambda x: w * tf.reduce_sum(x, axis=[1, 2, 3]),
            tf.constant(images(0)),
            tf.constant(images(1)),
            SEEDS,
        )
        loss = tf.reduce_mean(penalty)
    assert np.isfinite(float(tape.gradient(loss, w)))


def test_the_slope_of_the_penalty_in_the_weights_is_the_finite_difference():
    model = Row("wgan_gp", GAN | dict(critic_steps=1), 0).build()
    x = tf.constant(np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)).astype("f"))
    fake = model.G(model.noise(tf.range(4))["z"])
    weight = model.D.trainable_variables[0]

    def loss():
        return tf.reduce_mean(model.penalty_of_D(x, fake, Part(x, None, tf.range(4), {})))

    with tf.GradientTape() as tape:
        value = loss()
    slope = tape.gradient(value, weight).numpy()
    place, h = np.unravel_index(np.abs(slope).argmax(), slope.shape), 1e-3
    start, ends = weight.numpy(), []
    for sign in (1, -1):
        moved = start.copy()
        moved[place] += sign * h
        weight.assign(moved)
        ends.append(float(loss()))
    assert slope[place] == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=0.02)


# A D of one hidden layer, whose slope can be written down, and what changes the images it sees.
CHANGED = dict(width=5, depth=1, latent_dim=3, network="dense", critic_steps=1)
CHANGED |= dict(augment="color,translation,cutout", instance_noise=0.4, noise_steps=4)


def by_hand(model, x):
    """Scores of images and their slopes: [B, 8, 8, 1] -> [B], [B, 64]."""
    W, b, v, *c = (w.numpy() for w in model.D.trainable_variables)
    hidden = x.reshape(len(x), -1) @ W + b
    slope = np.where(hidden > 0, 1.0, 0.2)
    score = (slope * hidden) @ v[:, 0] + (c[0] if c else 0.0)
    return score, (slope * v[:, 0]) @ W.T


def shown(x, seeds, stream, left, augment=()):
    """Images with a part of the noise that is left, and augmented."""
    changed = augmentation.augmented(tf.constant(x), augment, seeds, f"augment {stream}")
    noise = random.normal(seeds, [8, 8, 1], f"instance noise {stream}")
    return np.asarray(changed + 0.4 * left * noise)


def paid_by_hand(model, real, fake, seeds):
    """The model's penalty at images, given as D sees them."""
    if model.penalty.name == "gradient":
        e = random.uniform(seeds, [1, 1, 1], "gradient penalty").numpy()
        at = e * real + (1 - e) * fake
    elif model.penalty.name == "dragan":
        delta = 0.5 * real.std() * random.uniform(seeds, [8, 8, 1], "delta").numpy()
        at = real + random.uniform(seeds, [1, 1, 1], "part of delta").numpy() * delta
    else:
        return (by_hand(model, real)[1] ** 2).sum(axis=1) / 2
    return (np.linalg.norm(by_hand(model, at)[1], axis=1) - 1) ** 2


@pytest.mark.parametrize("name", ["wgan_gp", "dragan", "r1_gan"])
def test_the_penalty_is_on_what_D_sees(name):
    row = Row(name, CHANGED, 0)
    model, batch = row.build(), row.batch()
    model.step.assign(1)
    x = batch["image"].astype("f") / 8 - 1
    seeds = model.training_seeds(x)
    fake = model.G(model.noise(seeds)["z"]).numpy()
    names = CHANGED["augment"].split(",")
    real, made = (
        shown(images, seeds, kind, 0.75, names) for images, kind in ((x, "real"), (fake, "fake"))
    )
    expected = paid_by_hand(model, real, made, seeds).mean()
    of_clean = paid_by_hand(model, x, fake, seeds).mean()
    assert abs(of_clean / expected - 1) > 0.01
    assert float(model.train_step(batch)["penalty"]) == pytest.approx(expected, rel=1e-4)


def test_losses_of_a_test_are_of_noisy_images_without_augmentation():
    """At the noise of the step; of clean images once it has fallen to nothing."""
    row = Row("dragan", CHANGED, 0)
    model, batch, seeds = row.build(), row.batch(), tf.range(8)
    x = batch["image"].astype("f") / 8 - 1
    fake = 2 * model.sample(seeds).numpy() - 1
    found = []
    for step in (0, 2, 4):
        model.step.assign(step)
        real, made = (
            shown(images, seeds, kind, 1 - step / 4)
            for images, kind in ((x, "real"), (fake, "fake"))
        )
        of_real, of_made = by_hand(model, real)[0], by_hand(model, made)[0]
        penalty = paid_by_hand(model, real, made, seeds).mean()
        expected = {
            "d_loss": np.logaddexp(0, -of_real).mean() + np.logaddexp(0, of_made).mean(),
            "g_loss": np.logaddexp(0, -of_made).mean(),
            "penalty": penalty,
            "D_real": (1 / (1 + np.exp(-of_real))).mean(),
            "D_fake": (1 / (1 + np.exp(-of_made))).mean(),
        }
        expected["d_loss"] += 10 * penalty
        terms = {key: float(value) for key, value in model.test_step(batch).items()}
        for key, value in expected.items():
            assert terms[key] == pytest.approx(value, rel=1e-4), (step, key)
        found.append(terms["d_loss"])
    assert len(set(found)) == 3


def test_a_penalty_and_a_norm_over_the_batch_exclude_each_other():
    with pytest.raises(UserError, match="normalisation"):
        Row("wgan_gp", GAN | dict(normalisation="batch"), 0).build()


@pytest.mark.slow
def test_the_penalty_is_computed_in_float32_under_mixed_precision():
    row = Row("wgan_gp", GAN | dict(critic_steps=1), 0)
    full = row.build()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        mixed = row.build()
        mixed.set_weights(full.get_weights())
        assert any(layer.compute_dtype == "float16" for layer in mixed.D.layers)
        found = {}
        for name, model in (("full", full), ("mixed", mixed)):
            terms = compiled(model.train_step)(row.batch())
            found[name] = {k: float(v) for k, v in terms.items()}
            assert terms["penalty"].dtype == tf.float32
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert found["mixed"]["penalty"] == pytest.approx(found["full"]["penalty"], rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("objective", adversarial.OBJECTIVES)
@pytest.mark.parametrize("penalty", penalties.PENALTIES)
def test_any_loss_goes_with_any_penalty_and_either_network(objective, penalty):
    """Of convolutions each loss and each penalty once: neither asks what D is made of."""
    once = objective == next(iter(adversarial.OBJECTIVES)) or penalty == next(
        iter(penalties.PENALTIES)
    )
    sizes = dict(width=4, depth=1, latent_dim=3, objective=objective, penalty=penalty)
    losses = set()
    networks = ("dense", "conv") if once else ("dense",)
    for network in networks:
        row = Row("gan", sizes | dict(network=network), 0, (4, 4, 1))
        terms = row.build().train_step(row.batch())
        assert all(np.isfinite(float(v)) for v in terms.values())
        losses.add(float(terms["d_loss"]))
    assert len(losses) == len(networks)
