"""Relativistic GAN: what a step descends on, and the D(x) of G's turn."""

from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row

SIZES = dict(latent_dim=3, width=5, depth=1, network="dense", normalisation="none")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def paper(objective, real, fake):
    """What D descends on, section 4, and, with real and fake exchanged, G."""
    if objective == "relativistic":
        return -np.mean(np.log(sigmoid(real - fake)))
    of_real, of_fake = sigmoid(real - np.mean(fake)), sigmoid(fake - np.mean(real))
    return -np.mean(np.log(of_real)) - np.mean(np.log(1 - of_fake))


@pytest.mark.parametrize("objective", ["relativistic", "relativistic_average"])
def test_a_step_is_the_papers_with_G_after_D(objective):
    """G's loss has both scores from the D that the step has updated."""
    row = Row("relativistic_gan", SIZES | dict(objective=objective), 0)
    model, batch = row.build(), row.batch()
    x = tf.constant(batch["image"] / 8 - 1, tf.float32)
    fake = model.G(model.noise(model.training_seeds(x))["z"])
    before = [model.score(images).numpy()[:, 0] for images in (x, fake)]
    terms = model.train_step(batch)
    after = [model.score(images).numpy()[:, 0] for images in (x, fake)]
    assert np.abs(after[0] - before[0]).min() > 1e-4
    assert float(terms["d_loss"]) == pytest.approx(paper(objective, *before), rel=1e-5)
    assert float(terms["g_loss"]) == pytest.approx(paper(objective, *after[::-1]), rel=1e-5)
    assert float(terms["D_real"]) == pytest.approx(before[0].mean(), rel=1e-4, abs=1e-6)


def test_other_games_do_not_pass_the_images_through_D_again():
    passes = {}
    for objective in ("relativistic", "non_saturating"):
        row = Row("gan", SIZES | dict(objective=objective), 0)
        model = row.build()
        with mock.patch.object(model, "score", wraps=model.score) as score:
            model.train_step(row.batch())
        passes[objective] = score.call_count
    assert passes == {"relativistic": 4, "non_saturating": 3}
