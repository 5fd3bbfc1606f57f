"""How an image appears, and where scores lead: of models whose answers are known."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row
from tfgen.analysis import explore
from tfgen.data.points import LEVELS, MIXTURES
from tfgen.reports import steps, table
from tfgen.reports.subject import Subject

DENSE = dict(network="dense", width=4, half_life=0)


def test_the_last_moment_is_the_sample():
    model = Row("ddpm", DENSE | dict(steps=30, sampling_steps=12, eta=1.0), None).build()
    noisy, guesses = steps.moments(model, 3)
    assert len(noisy) == len(guesses) == steps.MOMENTS
    np.testing.assert_allclose(guesses[-1], model.sample(np.arange(3)), atol=2e-6)
    z = np.reshape(model.noise(tf.range(3))["z"], noisy[0].shape)
    np.testing.assert_allclose(noisy[0], steps.stretched(z), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("edm", dict(sampling_steps=3)), ("ddpm", dict(steps=1000)), ("score_matching", {})],
)
def test_a_model_that_knows_the_mixture_has_its_score(name, arguments, monkeypatch):
    """What is told is sigma, or the nearest time to it: then its score is off by a little."""
    model = Row(name, DENSE | arguments, None, (1, 1, 2), LEVELS).build()
    mixture = MIXTURES["grid"]

    def scaled(x, sigma):
        return np.float32(sigma * mixture.score(x.numpy()[:, 0, 0], sigma))[:, None, None]

    def of_edm(self, x, sigma, label=None):
        return x + float(sigma[0]) * scaled(x, float(sigma[0]))

    def of_ddpm(self, x_t, t, label=None):
        a, s = (float(np.ravel(v)[0]) for v in model.signal_and_noise(t))
        return x_t / a + s / a * scaled(x_t / a, s / a)

    def of_score_matching(self, x, sigma, y=None, training=False):
        return scaled(x, float(sigma[0]))

    method = "scaled" if name == "score_matching" else "denoised"
    monkeypatch.setattr(type(model), method, locals()[f"of_{name}"])
    if name == "edm":
        monkeypatch.setattr(type(model), "denoised_at", of_edm)
    for sigma in steps.SIGMAS:
        assert steps.difference(model, mixture, sigma, 200) < 0.02


def test_points_have_a_path_and_a_score_to_look_into():
    model = Row("edm", DENSE | dict(sampling_steps=3), None, (1, 1, 2), LEVELS).build()
    subject = Subject(model, dict, data="ring")
    found = dict((figure.key, pixels) for figure, pixels in explore._drawn(subject))
    assert set(found) == {"path", "score"}
    for pixels in found.values():
        assert pixels.dtype == np.uint8
        assert len(np.unique(pixels)) > 5
    unknown = Subject(model, dict, data="mine")
    assert [figure.key for figure, _ in table.drawn(unknown, "explore")] == ["path"]
