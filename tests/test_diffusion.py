"""What all diffusion models have: steps that are taken alone, and images made of others."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row
from tfgen.compiling import compiled
from tfgen.diffusion import repeated
from tfgen.errors import UserError

DENSE = dict(network="dense", width=4)
KINDS = [
    pytest.param("ddpm", dict(steps=40, sampling_steps=4, eta=0.5), id="ddpm"),
    pytest.param("edm", dict(sampling_steps=4, churn=1.0, sigma_max=3.0), id="edm"),
    pytest.param("edm", dict(sampling_steps=3, solver="euler", sigma_max=3.0), id="edm, euler"),
    pytest.param("score_matching", dict(noises=2, each=2, sigma_max=1.0), id="score_matching"),
]


def build(name, **arguments):
    return Row(name, DENSE | arguments, None, (2, 2, 1)).build()


def path(model, noise, **given):
    """The images that steps show, one after the other."""
    x = tf.reshape(noise["z"], [-1, *model.image_shape])
    for n in range(model.steps_taken(given.get("steps"))):
        added = noise["added"][:, n] if "added" in noise else None
        found = model.denoise_step(x, tf.fill([len(x)], n), added, **given)
        x = found["x"]
        yield found["image"]


@pytest.mark.parametrize(("name", "arguments"), KINDS)
def test_steps_taken_alone_end_at_the_sample(name, arguments):
    model = build(name, **arguments)
    noise = model.noise(tf.range(3))
    *_, last = path(model, noise)
    np.testing.assert_allclose(last, model.generate(noise), atol=2e-6)


def test_each_row_takes_its_own_step():
    model = build("edm", sampling_steps=3)
    x = tf.random.stateless_normal([3, 2, 2, 1], [1, 2])
    together = model.denoise_step(x, tf.constant([2, 0, 1]))
    for i, step in enumerate((2, 0, 1)):
        alone = model.denoise_step(np.asarray(x[i : i + 1]), np.array([step], np.int32))
        for name, value in alone.items():
            np.testing.assert_allclose(together[name][i : i + 1], value, atol=1e-6)


def test_samples_of_other_steps_are_those_of_a_model_that_has_them():
    few, many = (build("ddpm", steps=40, sampling_steps=n) for n in (4, 9))
    noise = few.noise(tf.range(3))
    np.testing.assert_allclose(few.generate(noise, steps=9), many.generate(noise), atol=1e-6)
    *_, last = path(few, noise, steps=9)
    np.testing.assert_allclose(last, many.generate(noise), atol=2e-6)


@pytest.mark.parametrize(
    ("arguments", "offered"),
    [
        (dict(sampling_steps=50), (10,)),
        (dict(sampling_steps=20), (10, 50)),
        (dict(sampling_steps=20, eta=1.0), (10,)),  # the noise of 20 steps is at hand
        (dict(sampling_steps=20, steps=40), (10,)),
    ],
)
def test_steps_are_offered_that_time_and_noise_allow(arguments, offered):
    assert build("ddpm", half_life=0, **arguments).steps_offered() == offered


U = 0.04  # of data that are normal about 0, whose best guess is known


def guess_of_edm(self, x, sigma, label=None):
    return U * x / (U + tf.reshape(tf.square(sigma), [-1, 1, 1, 1]))


def guess_of_ddpm(self, x, t, label=None):
    a, s = self.signal_and_noise(t)
    return U * a * x / (U * tf.square(a) + tf.square(s))


@pytest.mark.parametrize(
    ("name", "arguments", "guess"),
    [
        ("edm", dict(sampling_steps=24, sigma_max=3.0), guess_of_edm),
        ("ddpm", dict(steps=400, sampling_steps=80), guess_of_ddpm),
    ],
)
def test_of_an_image_an_edit_keeps_what_noise_leaves(name, arguments, guess, monkeypatch):
    """Without noise on the way the flow of normal data is known: a factor, of image and noise."""
    model = build(name, half_life=0, **arguments)
    monkeypatch.setattr(type(model), "denoised", guess)
    random = np.random.default_rng(0)
    x, other = (random.uniform(0.4, 0.6, (500, 2, 2, 1)).astype(np.float32) for _ in range(2))
    kept = []
    for strength in (0.75, 0.5, 0.25):
        a, s = model.signal_at(round((1 - strength) * model.sampling_steps))
        factor = np.sqrt(U / (a**2 * U + s**2))
        edited = model.edit(x, strength)
        apart = np.ravel(edited - model.edit(other, strength)) / np.ravel(x - other)
        np.testing.assert_allclose(np.median(apart), a * factor, rtol=0.05)
        added = (model.to_range(edited) - a * factor * model.to_range(x)).numpy()
        np.testing.assert_allclose(added.std(), s * factor, rtol=0.08)
        kept.append(a * factor)
    assert kept == sorted(kept)


def test_an_edit_follows_its_seeds():
    model = build("ddpm", steps=40, sampling_steps=4, eta=0.5)
    x = np.random.default_rng(0).random((6, 2, 2, 1), np.float32)
    assert np.array_equal(model.edit(x, 0.0), x)
    once = model.edit(x, 0.5)
    assert np.array_equal(model.edit(x, 0.5, np.arange(6)), once)
    assert not np.allclose(model.edit(x, 0.5, np.arange(6) + 1), once, atol=1e-3)
    with pytest.raises(UserError, match=r"strength=1\.5"):
        model.edit(x, 1.5)


@pytest.mark.parametrize(("name", "arguments"), KINDS[:-1])
def test_what_is_known_stays_and_what_is_not_follows_the_seed_and_it(name, arguments):
    model = build(name, **arguments)
    complete = compiled(model.complete)
    x = np.random.default_rng(0).uniform(size=(2, 2, 2, 1)).astype(np.float32)
    known, seeds = np.zeros(x.shape, bool), np.arange(2, dtype=np.int32)
    known[:, :1] = True
    images = complete(x, known, seeds).numpy()
    np.testing.assert_allclose(images[known], x[known], atol=1e-6)
    other = complete(np.where(known, 1.0 - x, 0.3).astype(np.float32), known, seeds).numpy()
    assert not np.allclose(other[~known], images[~known], atol=1e-3)
    unseen = complete(np.where(known, x, 0.3).astype(np.float32), known, seeds)
    np.testing.assert_allclose(unseen, images, atol=1e-6)
    assert not np.allclose(complete(x, known, seeds + 5)[:, 1:], images[:, 1:], atol=1e-3)
    with pytest.raises(UserError, match="resample=0"):
        model.complete(x, known, resample=0)


def test_steps_that_are_taken_again_are_stretches():
    assert list(repeated(4, resample=2, jump=3)) == [0, 1, 2, 0, 1, 2, 3, 3]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("ddpm", dict(steps=400, sampling_steps=100, eta=1.0)),
        ("edm", dict(sampling_steps=50, sigma_max=3.0, churn=10.0, churn_min=0.0)),
    ],
)
def test_resampling_comes_nearer_to_the_conditional(name, arguments, monkeypatch):
    """Of two normal pixels, whose best guess is known, the one given the other is normal."""
    model = Row(name, DENSE | dict(half_life=0) | arguments, None, (1, 2, 1)).build()
    rho, count = 0.9, 2000
    covariance = np.array([[U, rho * U], [rho * U, U]], np.float32)

    def denoised(self, x, level, label=None):
        a, s = (1.0, level) if name == "edm" else self.signal_and_noise(level)
        a, s = (tf.reshape(v, [-1])[0] for v in (a, s))
        gain = tf.linalg.inv(a**2 * covariance + s**2 * tf.eye(2))
        return tf.reshape(tf.reshape(x, [-1, 2]) @ (a * gain @ covariance), [-1, 1, 2, 1])

    monkeypatch.setattr(type(model), "denoised", denoised)
    given = np.float32(0.3)  # in (-1, 1)
    x = np.full((count, 1, 2, 1), model.from_range(given), np.float32)
    known = np.zeros(x.shape, bool)
    known[:, :, 0] = True

    def moments(resample):
        complete = compiled(lambda x: model.complete(x, known, tf.range(count), None, resample))
        drawn = model.to_range(complete(x)).numpy()[:, 0, 1, 0]
        return np.array([drawn.mean() / (rho * given), drawn.var() / (U * (1 - rho**2))])

    once, often = moments(1), moments(8)
    assert (np.abs(often - 1) < (0.15, 0.2)).all(), often
    assert (np.abs(often - 1) < 0.6 * np.abs(once - 1)).all(), (once, often)
