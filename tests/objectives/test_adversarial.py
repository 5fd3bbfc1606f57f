"""The game's parts against closed forms: losses, augmentation, what is complained of."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import GAN, Row
from tfgen.errors import UserError
from tfgen.objectives import adversarial, augmentation

REAL, FAKE = (np.random.default_rng(i).normal(0, 2, 6).astype(np.float32) for i in range(2))


P, Q = 1 / (1 + np.exp(-REAL)), 1 / (1 + np.exp(-FAKE))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def average_loss(a, b):
    """RaSGAN's of D for a = C(x), b = C(G(z)); of G with the two exchanged."""
    return -np.log(sigmoid(a - b.mean())) - np.log(1 - sigmoid(b - a.mean()))


def average_slopes(a, b):
    """Of the sum of these over the batch, in a and in b: means reach every row."""
    right, wrong = sigmoid(a - b.mean()) - 1, sigmoid(b - a.mean())
    return right - wrong.mean(), wrong - right.mean()


# objective: D's loss; its slopes in D(x) and in D(G(z)); G's loss; its slope.
LOG = (-np.log(P) - np.log(1 - Q), P - 1, Q)
# Pairs of one real and one generated image: sigmoid(C(x) - C(G(z))).
R = sigmoid(REAL - FAKE)


KNOWN = {
    "minimax": (*LOG, np.log(1 - Q), -Q),
    "non_saturating": (*LOG, -np.log(Q), Q - 1),
    "least_squares": (
        (REAL - 1) ** 2 / 2 + FAKE**2 / 2,
        REAL - 1,
        FAKE,
        (FAKE - 1) ** 2 / 2,
        FAKE - 1,
    ),
    "wasserstein": (FAKE - REAL, -np.ones(6), np.ones(6), -FAKE, -np.ones(6)),
    "hinge": (
        np.maximum(0, 1 - REAL) + np.maximum(0, 1 + FAKE),
        -1.0 * (REAL < 1),
        1.0 * (FAKE > -1),
        -FAKE,
        -np.ones(6),
    ),
    "relativistic": (-np.log(R), R - 1, 1 - R, -np.log(1 - R), -R),
    "relativistic_average": (
        average_loss(REAL, FAKE),
        *average_slopes(REAL, FAKE),
        average_loss(FAKE, REAL),
        average_slopes(FAKE, REAL)[0],
    ),
}


@pytest.mark.parametrize("objective", adversarial.OBJECTIVES)
def test_losses_and_slopes_at_known_logits(objective):
    game = adversarial.OBJECTIVES[objective]
    x, fake = tf.constant(REAL), tf.constant(FAKE)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch((x, fake))
        d, g = game.d_loss(x, fake), game.g_loss(x, fake)
    found = (d, *tape.gradient(d, (x, fake)), g, tape.gradient(g, fake))
    for value, expected in zip(found, KNOWN[objective], strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("game", adversarial.OBJECTIVES.values(), ids=lambda game: game.name)
def test_an_objective_says_what_its_losses_depend_on(game):
    """Whether a shift of all scores changes a slope, and whether G's depends on D(x)."""
    x = tf.constant(REAL)

    def slopes(shift, real=REAL):
        fake = tf.constant(FAKE + shift)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(fake)
            d, g = game.d_loss(x + shift, fake), game.g_loss(real + shift, fake)
        return np.array([tape.gradient(d, fake), tape.gradient(g, fake)])

    still = np.allclose(slopes(3.0), slopes(0.0), atol=1e-5)
    assert still == game.only_differences
    compares = not np.allclose(slopes(0.0, REAL + 1), slopes(0.0), atol=1e-5)
    assert compares == game.g_compares


def test_the_generator_still_learns_from_a_sure_discriminator():
    """Section 3 of Goodfellow et al.: minimax saturates, the non-saturating loss has slope -1."""
    fake = tf.constant([-50.0])
    slopes = []
    for game in (adversarial.minimax, adversarial.non_saturating):
        with tf.GradientTape() as tape:
            tape.watch(fake)
            value = game.g_loss(None, fake)
        slopes.append(float(tape.gradient(value, fake)[0]))
    assert abs(slopes[0]) < 1e-20
    assert slopes[1] == pytest.approx(-1.0)


@pytest.mark.slow
def test_the_best_discriminator_gives_the_jensen_shannon_divergence():
    """Proposition 1 and theorem 1: D is learnt here, by descending on the loss."""
    p, q = np.array([0.5, 0.3, 0.2, 0.0]), np.array([0.1, 0.2, 0.3, 0.4])
    logits = tf.Variable(tf.zeros(4))
    optimizer = keras.optimizers.Adam(0.3)

    def value():
        # -log D under p, and -log(1 - D) under q, term by term.
        of_real = adversarial.minimax_d(logits, tf.fill([4], -50.0))
        of_fake = adversarial.minimax_d(tf.fill([4], 50.0), logits)
        return tf.reduce_sum(p.astype("f") * of_real + q.astype("f") * of_fake)

    for _ in range(150):
        with tf.GradientTape() as tape:
            loss = value()
        optimizer.apply([tape.gradient(loss, logits)], [logits])
    m = (p + q) / 2
    jsd = (np.sum(p[p > 0] * np.log(p[p > 0] / m[p > 0])) + np.sum(q * np.log(q / m))) / 2
    assert -float(value()) == pytest.approx(2 * jsd - math.log(4), abs=2e-3)
    best = p / (p + q)
    np.testing.assert_allclose(tf.sigmoid(logits), best, atol=0.01)


def test_smoothing_lowers_the_best_output_on_real_images():
    """Salimans et al. 2016: with targets 1 - s the best D is (1 - s) p / (p + q), on one side."""
    logit = tf.constant(math.log(0.45 / 0.55))  # 0.9 p / (p + q) for p = q
    with tf.GradientTape() as tape:
        tape.watch(logit)
        loss = adversarial.minimax_d(logit, tf.constant(-50.0), 0.9) + adversarial.minimax_d(
            tf.constant(50.0), logit
        )
    assert float(tape.gradient(loss, logit)) == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(UserError, match="smoothing"):
        Row("wgan_gp", GAN | dict(smoothing=0.1), 0).build()


# --- what stabilises -----------------------------------------------------------------------------


def test_clipping_bounds_every_weight_of_the_critic():
    row = Row("wgan", GAN | dict(critic_steps=2, clip=0.02), 0)
    model = row.build()
    model.train_step(row.batch())
    assert all(float(tf.reduce_max(tf.abs(w))) <= 0.02 for w in model.D.trainable_variables)
    assert any(float(tf.reduce_max(tf.abs(w))) > 0.02 for w in model.G.trainable_variables)


def test_several_steps_of_the_critic_are_steps_one_after_another():
    """k = 2 on a batch: D as after two batches of one step each, G after one update."""
    row = Row("wgan_gp", GAN | dict(critic_steps=2), 0)
    model = row.build()
    model.train_step(row.batch())
    assert int(model.optimizers["D"].iterations) == 2
    assert int(model.optimizers["G"].iterations) == 1
    parts = list(model.parts(tf.range(8)[:, None], tf.range(8)))
    assert [p[1].numpy().tolist() for p in parts] == [[0, 2, 4, 6], [1, 3, 5, 7]]
    for _, _, seeds, noise in parts:
        np.testing.assert_array_equal(noise["z"], model.noise(seeds)["z"])
    with pytest.raises(UserError, match="divided among 2"):
        row.build().train_step(row.batch(7))


def test_minibatch_stddev_tells_a_batch_of_equals():
    from tfgen.layers.adversaries import MinibatchStddev

    layer = MinibatchStddev()
    x = np.random.default_rng(0).normal(size=(5, 3, 3, 2)).astype("f")
    found = layer(x).numpy()
    assert found.shape == (5, 3, 3, 3)
    np.testing.assert_allclose(found[..., :2], x)
    np.testing.assert_allclose(found[..., 2], x.std(axis=0).mean(), rtol=1e-4)
    assert layer(np.ones((5, 4), "f")).numpy()[:, -1].max() < 1e-3


def test_instance_noise_falls_to_nothing():
    model = Row("gan", dict(width=5, instance_noise=0.5, noise_steps=10), 0).build()
    x = tf.zeros([500, 8, 8, 1])
    sizes = []
    for step in (0, 5, 10, 20):
        model.step.assign(step)
        sizes.append(float(tf.math.reduce_std(model.augmented(x, tf.range(500), "real"))))
    np.testing.assert_allclose(sizes, [0.5, 0.25, 0.0, 0.0], atol=0.01)


def test_translation_moves_whole_images_and_lets_gradients_through():
    x = tf.constant(np.random.default_rng(0).uniform(0.1, 1, (50, 8, 8, 1)).astype("f"))
    with tf.GradientTape() as tape:
        tape.watch(x)
        moved = augmentation.augmented(x, ["translation"], tf.range(50), "t")
    shifts = set()
    for before, after in zip(x.numpy()[..., 0], moved.numpy()[..., 0], strict=True):
        padded = np.pad(before, 1)
        fits = [
            (i, j) for i in range(3) for j in range(3)
            if np.array_equal(padded[i : i + 8, j : j + 8], after)
        ]  # fmt: skip
        assert len(fits) == 1
        shifts |= set(fits)
    assert len(shifts) == 9
    # Each pixel that is still there counts once.
    slope = tape.gradient(moved, x).numpy()
    assert set(np.unique(slope)) == {0.0, 1.0}


def test_cutout_and_color():
    x = tf.ones([200, 8, 8, 3])
    cut = augmentation.augmented(x, ["cutout"], tf.range(200), "c").numpy()
    gone = (cut == 0).all(axis=-1).sum(axis=(1, 2))
    assert gone.max() == 16
    assert gone.min() >= 4
    y = np.random.default_rng(0).uniform(-1, 1, (200, 8, 8, 3)).astype("f")
    coloured = augmentation.augmented(tf.constant(y), ["color"], tf.range(200), "c").numpy()
    shift = coloured.mean(axis=(1, 2, 3)) - y.mean(axis=(1, 2, 3))
    assert -0.5 <= shift.min() < -0.4
    assert 0.4 < shift.max() <= 0.5
    contrast = coloured.mean(axis=-1).std(axis=(1, 2)) / y.mean(axis=-1).std(axis=(1, 2))
    assert 0.5 <= contrast.min() < 0.6
    assert 1.4 < contrast.max() <= 1.501


# --- is the game going on? -----------------------------------------------------------------------


FINE = dict(d_loss=1.3, g_loss=0.8, D_real=0.6, D_fake=0.4, spread=0.9)


def test_complaints():
    assert adversarial.warnings(FINE, adversarial.non_saturating) == {}
    found = adversarial.warnings(FINE | dict(spread=0.01), adversarial.non_saturating)
    assert "the generator has collapsed" in found["collapse"]
    sure = FINE | dict(D_real=0.999, D_fake=0.001)
    assert "D wins outright" in adversarial.warnings(sure, adversarial.minimax)["won"]
    assert adversarial.warnings(sure, adversarial.wasserstein) == {}
    far = FINE | dict(d_loss=-2e5)
    assert "d_loss is -2e+05" in adversarial.warnings(far, adversarial.wasserstein)["diverged"]
