"""BiGAN: pairs are judged."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import GAN, Row


def test_bigan_judges_pairs():
    model = Row("bigan", GAN, 0).build()
    x = tf.constant(np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)), tf.float32)
    z = model.noise(tf.range(4))["z"]
    assert np.abs(model.pair(x, z).numpy() - model.pair(x, z[::-1]).numpy()).max() > 1e-5
    # Images go to [0, 1] and back for it, which rounds.
    code = model.encode((x + 1) / 2)["mean"]
    np.testing.assert_allclose(model.score(x), model.pair(x, code), rtol=1e-5)
    batch = Row("bigan", GAN, 0).batch()
    before = [w.numpy() for w in model.E.trainable_variables]
    model.train_step(batch)
    assert any(
        not np.array_equal(a, w) for a, w in zip(before, model.E.trainable_variables, strict=True)
    )


def test_both_losses_of_bigan():
    """With D's outputs p on (x, E(x)) and q on (G(z), z): the two sums of logarithms."""
    model = Row("bigan", GAN, 0).build()
    batch = Row("bigan", GAN, 0).batch()
    x = tf.constant(batch["image"] / 8 - 1, tf.float32)
    z = model.noise(tf.range(8))["z"]
    p = tf.sigmoid(model.pair(x, model.E(x))).numpy()
    q = tf.sigmoid(model.pair(model.G(z), z)).numpy()
    terms = model.test_step(batch)
    d_loss = -np.log(p).mean() - np.log(1 - q).mean()
    assert float(terms["d_loss"]) == pytest.approx(d_loss, rel=1e-4)
    g_loss = -np.log(q).mean() - np.log(1 - p).mean()
    assert float(terms["g_loss"]) == pytest.approx(g_loss, rel=1e-4)
