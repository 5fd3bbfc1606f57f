"""DDPM: guesses of x_0, the bound against the sum over all times, labels, samples of any steps."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row
from tfgen import random
from tfgen.compiling import compiled
from tfgen.errors import UserError
from tfgen.models.ddpm import repeated
from tfgen.objectives.diffusion import Schedule

DENSE = dict(network="dense", width=4, steps=8, sampling_steps=3)


def build(**changes):
    return Row("ddpm", DENSE | changes, None).build()


@pytest.fixture(scope="module")
def model():
    return build(variance="learned", eta=1.0)


@pytest.mark.parametrize("prediction", ["epsilon", "x0", "v"])
def test_who_says_the_target_guesses_the_image(prediction):
    model = build(prediction=prediction, half_life=0)
    t = tf.range(1, 9)
    x_0, eps = (random.normal(t, [8, 8, 1], stream) for stream in ("x_0", "eps"))
    a, s = model.signal_and_noise(t)
    x_t = a * x_0 + s * eps
    guess = model.guess(model.target(x_0, eps, t), x_t, t)
    np.testing.assert_allclose(guess, x_0, atol=2e-3)


def test_times_are_drawn_by_their_shares():
    model = build(loss="bound", half_life=0)
    t = model.draw_time(tf.range(20_000)).numpy()
    found = np.bincount(t, minlength=9)[1:] / len(t)
    np.testing.assert_allclose(found, model.p_t, atol=0.015)


def test_the_bound_is_the_sum_over_all_times(model):
    x = Row("ddpm", {}, None).batch(2)["image"].astype(np.float32) / 16
    bound, error = model.bound(x, samples=600)
    x_0, total, square = model.to_range(x), -model.q.prior_term(model.to_range(x)), 0.0
    draws = 200
    for t in range(1, 9):
        eps = random.normal(tf.range(2 * draws), [8, 8, 1], f"brute force {t}")
        images, times = tf.repeat(x_0, draws, axis=0), tf.fill([2 * draws], t)
        a, s = model.signal_and_noise(times)
        x_t = a * images + s * eps
        said, v = model.said(x_t, times, None)
        guess = tf.clip_by_value(model.guess(said, x_t, times), -1.0, 1.0)
        term = np.reshape(model.q.term(images, guess, times, v, 17), [2, draws])
        total, square = total - term.mean(axis=1), square + term.var(axis=1) / draws
    assert (np.abs(bound - total) < 5 * np.sqrt(error**2 + square)).all()
    assert (np.asarray(error) < 0.1 * np.abs(bound)).all()


def test_steps_may_be_chosen_after_training(model):
    """Noise of a step is the same however many there are; with one for each time it is Ho's."""
    few = model.noise(tf.range(2))
    model.sampling_steps = 5
    more = model.noise(tf.range(2))
    assert np.array_equal(few["z"], more["z"])
    assert np.array_equal(few["added"], more["added"][:, :3])
    assert model.generate(more).shape == (2, 8, 8, 1)
    model.sampling_steps = 3


def test_what_is_known_stays_and_what_is_not_follows_the_seed_and_it(model):
    complete = compiled(model.complete)
    x = Row("ddpm", {}, None).batch(2)["image"].astype(np.float32) / 16
    known, seeds = np.zeros(x.shape, bool), np.arange(2, dtype=np.int32)
    known[:, :4] = True
    images = complete(x, known, seeds).numpy()
    np.testing.assert_allclose(images[known], x[known], atol=1e-6)
    other = complete(np.where(known, 1.0 - x, 0.3).astype(np.float32), known, seeds).numpy()
    assert not np.allclose(other[~known], images[~known], atol=1e-3)
    unseen = complete(np.where(known, x, 0.3).astype(np.float32), known, seeds)
    np.testing.assert_allclose(unseen, images, atol=1e-6)
    assert not np.allclose(complete(x, known, seeds + 5)[:, 4:], images[:, 4:], atol=1e-3)
    with pytest.raises(UserError, match="resample=0"):
        model.complete(x, known, resample=0)


def test_steps_that_are_taken_again_are_stretches():
    t, s = repeated(np.array([9, 7, 4, 2, 0]), resample=2, jump=3)
    assert list(t) == [9, 7, 4, 9, 7, 4, 2, 2]
    assert list(s) == [7, 4, 2, 7, 4, 2, 0, 0]


def test_resampling_comes_nearer_to_the_conditional(monkeypatch):
    """Of two normal pixels, whose best guess is known, the one given the other is normal."""
    model = Row("ddpm", DENSE | dict(half_life=0, eta=1.0), None, (1, 2, 1)).build()
    model.sampling_steps, model.steps, model.q = 100, 400, Schedule.named("cosine", 400)
    u, rho, count = 0.04, 0.9, 2000
    covariance = u * np.array([[1, rho], [rho, 1]])

    def denoised(self, x_t, t, label=None):
        abar = tf.gather(tf.constant(self.q.abar, tf.float32), t)[0]
        gain = tf.linalg.inv(abar * covariance.astype(np.float32) + (1.0 - abar) * tf.eye(2))
        found = tf.reshape(x_t, [-1, 2]) @ (tf.sqrt(abar) * gain @ covariance.astype(np.float32))
        return tf.reshape(found, [-1, 1, 2, 1])

    monkeypatch.setattr(type(model), "denoised", denoised)
    given = np.float32(0.3)  # in (-1, 1)
    x = np.full((count, 1, 2, 1), model.from_range(given), np.float32)
    known = np.zeros(x.shape, bool)
    known[:, :, 0] = True

    def moments(resample):
        complete = compiled(lambda x: model.complete(x, known, tf.range(count), None, resample))
        drawn = model.to_range(complete(x)).numpy()[:, 0, 1, 0]
        return np.array([drawn.mean() / (rho * given), drawn.var() / (u * (1 - rho**2))])

    once, often = moments(1), moments(8)
    assert (np.abs(often - 1) < (0.15, 0.2)).all(), often
    assert (np.abs(often - 1) < 0.6 * np.abs(once - 1)).all(), (once, often)


@pytest.mark.parametrize("guidance", [0.0, 2.0])
def test_guidance_pushes_away_from_no_label(guidance, monkeypatch):
    model = build(conditional=True, guidance=guidance, half_life=0)
    seen = []

    def output(self, x, time, y=None, training=False):
        seen.append(y)
        return x * (0.0 if y is None else y[0, 1])

    monkeypatch.setattr(type(model), "output", output)
    x, t = tf.fill([1, 8, 8, 1], 0.1), tf.constant([4])
    guess = model.denoised(x, t, tf.constant([1]))
    a, s = (float(np.ravel(v)[0]) for v in model.signal_and_noise(t))
    with_label, without = (0.1 - s * 0.1) / a, 0.1 / a
    want = np.clip((1 + guidance) * with_label - guidance * without, -1, 1)
    np.testing.assert_allclose(guess[0, 0, 0, 0], want, rtol=1e-4)
    assert len(seen) == (2 if guidance else 1)


def test_a_share_of_labels_is_left_out_in_training_alone():
    model = build(conditional=True, half_life=0)
    label = tf.ones([4000], tf.int32)
    y = model.shown(label, tf.range(4000), training=True)
    assert abs(float(tf.reduce_mean(y[:, 1])) - 0.9) < 0.02
    assert float(tf.reduce_sum(y)) == float(tf.reduce_sum(y[:, 1]))
    assert float(tf.reduce_min(model.shown(label, tf.range(4000), training=False)[:, 1])) == 1


def test_samples_and_bounds_come_from_the_average():
    model = build(half_life=50)
    x, t = tf.ones([1, 8, 8, 1]), tf.constant([3])
    before = model.said(x, t, None)[0]
    for weight in model.denoiser.trainable_variables:
        weight.assign(weight + 1.0)
    assert np.array_equal(model.said(x, t, None)[0], before)
    assert not np.array_equal(model.said(x, t, None, training=True)[0], before)
    # A step in which weights stay at 1 more: by the decay of step 2,000, half of it in 50 steps.
    model.step.assign(2000)
    old = [w.numpy() for w in model.average.weights]
    model.end_step(loss=tf.constant(0.0), bound=tf.constant(0.0))
    for average, start in zip(model.average.weights, old, strict=True):
        np.testing.assert_allclose(average - start, 1 - 0.5 ** (1 / 50), rtol=1e-3)
