"""DDPM: guesses of x_0, the bound against the sum over all times, labels, samples of any steps."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row
from tfgen import random

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
    batch = {"label": tf.ones([4000], tf.int32)}
    y = model.shown(batch, tf.range(4000), training=True)
    assert abs(float(tf.reduce_mean(y[:, 1])) - 0.9) < 0.02
    assert float(tf.reduce_sum(y)) == float(tf.reduce_sum(y[:, 1]))
    y = model.shown(batch, tf.range(4000), training=False)
    assert float(tf.reduce_min(y[:, 1])) == 1


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
