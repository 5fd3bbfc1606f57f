"""Total correlation: its estimates against Gaussians whose own is known, and who descends on it."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.support import servers
from tests.zoo import Row
from tfgen import models
from tfgen.compiling import compiled
from tfgen.objectives import divergences, losses

ARGUMENTS = dict(latent_dim=2, network="dense", width=8)


def gaussian_codes(count, correlation, noise=0.5, seed=0):
    """Posteriors N(mu, noise^2 I) whose aggregate is N(0, [[1, r], [r, 1]]): mu, logvar, z."""
    random = np.random.default_rng(seed)
    covariance = np.array([[1.0, correlation], [correlation, 1.0]])
    mu = random.multivariate_normal(np.zeros(2), covariance - noise**2 * np.eye(2), count)
    z = mu + noise * random.normal(size=mu.shape)
    return [a.astype(np.float32) for a in (mu, np.full_like(mu, 2 * math.log(noise)), z)]


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.7])
def test_total_correlation_of_a_known_gaussian(correlation):
    mu, logvar, z = gaussian_codes(4000, correlation)
    exact = -0.5 * math.log(1 - correlation**2)
    each = divergences.total_correlation(z[:2000], mu, logvar).numpy()
    # Beside the spread of the draws there is the bias of a mixture of 4,000 Gaussians.
    assert each.mean() == pytest.approx(exact, abs=0.02)


def test_total_correlation_is_that_of_the_mixture_by_brute_force():
    random = np.random.default_rng(0)
    mu, logvar = random.normal(size=(2, 5, 3))
    z = random.normal(size=(4, 3))
    p = np.exp(-0.5 * ((z[:, None] - mu) ** 2 / np.exp(logvar) + logvar + math.log(2 * math.pi)))
    joint = p.prod(axis=-1).mean(axis=1)
    units = p.mean(axis=1).prod(axis=-1)
    got = divergences.total_correlation(*(a.astype(np.float32) for a in (z, mu, logvar)))
    np.testing.assert_allclose(got, np.log(joint / units), rtol=1e-4, atol=1e-5)


def build(name, **arguments):
    return Row(name, ARGUMENTS | arguments, 0, (2, 2, 1), 3).build()


def test_beta_weighs_the_total_correlation_alone():
    model = build("beta_tcvae", beta=7.0)
    batch = Row("vae", {}, 0, (2, 2, 1), 3).batch(16)
    seeds = tf.range(16)
    found = {k: v.numpy() for k, v in model.step_terms(batch, seeds, False).items()}
    np.testing.assert_allclose(
        found["loss"], found["distortion"] + found["kl"] + 6.0 * found["tc"], rtol=1e-5
    )
    one = models.find("beta_tcvae")(**(model.get_config() | {"beta": 1.0}))
    vae = models.find("vae")(**{k: v for k, v in model.get_config().items() if k != "beta"})
    for made in (one, vae):
        made.encoder.set_weights(model.encoder.get_weights())
        made.decoder.set_weights(model.decoder.get_weights())
    terms = [m.step_terms(batch, seeds, False)["loss"].numpy() for m in (one, vae)]
    np.testing.assert_array_equal(*terms)


def test_permuted_codes_have_the_marginals_and_no_dependence():
    model = build("factor_vae", critic_width=4, critic_depth=1)
    first = np.random.default_rng(0).normal(size=2000).astype(np.float32)
    z = np.stack([first, -first], axis=1)
    permuted = model.permuted(tf.constant(z), tf.range(2000)).numpy()
    for unit in range(2):
        np.testing.assert_array_equal(np.sort(permuted[:, unit]), np.sort(z[:, unit]))
    assert np.corrcoef(z.T)[0, 1] < -0.999
    assert abs(np.corrcoef(permuted.T)[0, 1]) < 0.08
    again = model.permuted(tf.constant(z), tf.range(2000) + 5).numpy()
    assert not np.array_equal(permuted, again)


@pytest.mark.slow
def test_the_discriminator_learns_the_total_correlation():
    """Equation 3: at its best, the mean of D's logit is the total correlation."""
    model = build("factor_vae", critic_width=64, critic_depth=2)
    _, _, z = gaussian_codes(4000, 0.7)
    model.optimizers["D"].learning_rate = 3e-3

    @compiled
    def step(rows, seeds):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model.d_loss(tf.gather(z, rows), seeds))
        model.minimize("D", tape, loss)

    random = np.random.default_rng(0)
    for i in range(400):
        rows = random.integers(4000, size=500).astype(np.int32)
        step(tf.constant(rows), tf.range(500) + 500 * i)
    found = float(tf.reduce_mean(model.D(z)))
    assert found == pytest.approx(-0.5 * math.log(1 - 0.49), abs=0.08)


def test_each_network_of_the_factor_vae_is_moved_by_its_own_loss():
    """The VAE by ELBO and TC, D by telling codes apart: by gradients of the two apart."""
    model = build("factor_vae", critic_width=4, critic_depth=1, gamma=3.0)
    batch = Row("vae", {}, 0, (2, 2, 1), 3).batch(16)
    seeds = model.training_seeds(batch["image"])
    with tf.GradientTape(persistent=True) as tape:
        terms = losses.means(model.step_terms(batch, seeds, True))
        rest = terms["distortion"] + terms["kl"] + 3.0 * terms["tc"]
    for weight in model.trained()["vae"]:
        one, two = tape.gradient(terms["loss"], weight), tape.gradient(rest, weight)
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-7)
        assert tape.gradient(terms["d_loss"], weight) is None


@pytest.mark.slow
def test_replicas_estimate_from_the_rows_of_all():
    """Values and gradients of an estimate that couples rows, on two devices and on one."""
    found = servers.replicas_tell("total_correlation")
    assert np.mean(found["losses"]) == pytest.approx(found["one"], rel=1e-5)
    np.testing.assert_allclose(found["own"], found["rows"])
    # Each replica's loss is a mean over half of the rows; `minimize` halves its gradients.
    np.testing.assert_allclose(
        np.array(found["gradient"]) / 2, found["expected"], rtol=1e-4, atol=1e-6
    )
