"""VAE-GAN: who descends on what (algorithm 1), and the similarity that D has learnt."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row
from tfgen import random
from tfgen.compiling import compiled
from tfgen.objectives import divergences, losses

SIZES = dict(latent_dim=6, width=4, depth=2, kernel=4, gamma=0.3)


def build():
    row = Row("vae_gan", SIZES, 0)
    return row.build(), row.batch(8)


def test_the_terms_by_the_networks_one_by_one():
    model, batch = build()
    x = batch["image"].astype(np.float32) / 8 - 1
    seeds = tf.range(8)
    terms = {k: float(v) for k, v in model.test_step(batch).items()}
    mu, logvar = tf.split(model.E(x), 2, axis=-1)
    z = mu + tf.exp(0.5 * logvar) * random.normal(seeds, [6], "eps")
    shown = {"x": x, "z": model.G(z), "p": model.G(model.noise(seeds)["z"])}
    p = {k: tf.sigmoid(model.D(v)).numpy() for k, v in shown.items()}
    d_loss = -np.mean(np.log(p["x"])) - sum(np.mean(np.log(1 - p[k])) for k in "zp")
    np.testing.assert_allclose(terms["d_loss"], d_loss, rtol=1e-5)
    np.testing.assert_allclose(
        terms["g_loss"], -sum(np.mean(np.log(p[k])) for k in "zp"), rtol=1e-5
    )
    kl = np.mean(divergences.kl_to_standard_normal(mu, logvar))
    np.testing.assert_allclose(terms["kl"], kl, rtol=1e-5)

    features = {}
    for key in "xz":
        h = shown[key]
        for layer in model.D.layers[1:-1]:
            h = layer(h, training=False)
        features[key] = h.numpy()
    assert features["x"].shape == (8, 2 * 2 * 8)
    llike = 0.5 * np.square(features["x"] - features["z"]).sum(axis=1).mean()
    np.testing.assert_allclose(terms["llike"], llike, rtol=1e-4)


@pytest.mark.slow
def test_each_network_descends_on_its_own_loss():
    """E on KL and likeness, G on gamma times likeness and on deceiving D, D on neither."""
    model, batch = build()
    seeds = model.training_seeds(batch["image"])
    with tf.GradientTape(persistent=True) as tape:
        t = losses.means(model.step_terms(batch, seeds, True))
        expected = {
            "E": t["kl"] + t["llike"],
            "G": 0.3 * t["llike"] + t["g_loss"],
            "D": t["d_loss"],
        }
    for name, loss in ((name, t[term]) for name, term in model.descent.items()):
        for weight in model.trained()[name]:
            one, two = tape.gradient(loss, weight), tape.gradient(expected[name], weight)
            np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-7)


@pytest.mark.slow
def test_codes_lead_back_to_images_by_the_averaged_generator():
    row = Row("vae_gan", SIZES | {"ema": 0.9}, 0)
    model, batch = row.build(), row.batch(4)
    step = compiled(model.train_step)
    for i in range(3):
        step(row.batch(8, seed=i))
    x = batch["image"] / np.float32(16)
    z = model.encode(x)["mean"]
    expected = (model.G_average(z, training=False) + 1) / 2
    np.testing.assert_allclose(model.reconstruct(x), expected, atol=1e-6)
    np.testing.assert_allclose(model.decode(z), expected, atol=1e-6)
