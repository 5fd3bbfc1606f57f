"""Codes that fill a prior: the discrepancy, the priors themselves, and who is trained to them."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp

from tests.zoo import Row
from tfgen import latents
from tfgen.compiling import compiled
from tfgen.errors import UserError
from tfgen.layers import LatentDensity, priors
from tfgen.objectives import losses


def kernel(a, b, latent_dim):
    """One pair of points, by the formula."""
    d = np.sum((a - b) ** 2)
    scales = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
    return sum(2 * latent_dim * s / (2 * latent_dim * s + d) for s in scales)


def test_mmd_is_the_unbiased_estimate_by_brute_force():
    random = np.random.default_rng(0)
    z, p = random.normal(size=(2, 6, 3))
    n = len(z)
    off = [(i, j) for i in range(n) for j in range(n) if i != j]
    expected = (
        sum(kernel(z[i], z[j], 3) + kernel(p[i], p[j], 3) for i, j in off) / (n * (n - 1))
        - 2 * sum(kernel(a, b, 3) for a in z for b in p) / n**2
    )
    z, p = (tf.constant(a, tf.float32) for a in (z, p))
    each = losses.mmd(z, p, z, p)
    assert float(tf.reduce_mean(each)) == pytest.approx(expected, rel=1e-3, abs=1e-5)
    # By halves, as two replicas have it.
    halves = [losses.mmd(z[i : i + 3], p[i : i + 3], z, p) for i in (0, 3)]
    np.testing.assert_allclose(tf.concat(halves, 0), each, atol=1e-5)


def test_mmd_is_zero_for_equal_densities_and_positive_for_others():
    random = np.random.default_rng(0)

    def estimates(shift, scale):
        for _ in range(30):
            z = tf.constant(shift + scale * random.normal(size=(200, 2)), tf.float32)
            p = tf.constant(random.normal(size=(200, 2)), tf.float32)
            yield float(tf.reduce_mean(losses.mmd(z, p, z, p)))

    same = np.array(list(estimates(0.0, 1.0)))
    assert abs(same.mean()) < 4 * same.std() / math.sqrt(30)
    assert min(estimates(1.0, 1.0)) > 10 * same.std()
    assert min(estimates(0.0, 2.0)) > 10 * same.std()


def draws(prior, count=4000, label=None):
    return prior.draw(prior.noise(tf.range(count)), label).numpy()


def test_the_petals_lie_around_a_circle():
    z = draws(priors.find("mixture", 2))
    radius = np.linalg.norm(z, axis=1)
    assert radius.mean() == pytest.approx(2.0, abs=0.05)
    angle = np.arctan2(z[:, 1], z[:, 0]) / (2 * math.pi) * 10
    off = np.abs(angle - np.round(angle))
    assert np.quantile(off, 0.9) < 0.2
    counts = np.bincount(np.round(angle).astype(int) % 10, minlength=10)
    assert counts.min() > 300


def test_the_swiss_roll_is_evenly_filled():
    z = draws(priors.find("swiss_roll", 2), 20_000)
    radius = np.linalg.norm(z, axis=1)
    assert radius.max() < 3.3
    # Length grows with the square of t, and so of the radius.
    shares = np.histogram(radius**2 / 9, bins=5, range=(0, 1))[0] / len(z)
    np.testing.assert_allclose(shares, 0.2, atol=0.03)


@pytest.mark.parametrize("name", ["mixture", "swiss_roll"])
def test_labels_choose_their_part_of_the_prior(name):
    """Each class has a part of its own; together they are the density without labels."""
    prior, free = priors.find(name, 2, parts=10), priors.find(name, 2)
    z = [draws(prior, 400, np.full(400, c, np.int32)) for c in range(10)]
    centres = np.stack([part.mean(axis=0) for part in z])
    nearest = [np.linalg.norm(part[:, None] - centres, axis=-1).argmin(axis=1) for part in z]
    right = np.mean([np.mean(n == c) for c, n in enumerate(nearest)])
    assert right > 0.85
    together, alone = np.concatenate(z), draws(free, 4000)
    np.testing.assert_allclose(together.mean(axis=0), alone.mean(axis=0), atol=0.08)
    np.testing.assert_allclose(np.cov(together.T), np.cov(alone.T), atol=0.15)


def test_priors_that_do_not_suit_are_refused():
    with pytest.raises(UserError, match="latent_dim is 3, but must be 2"):
        priors.find("swiss_roll", 3)
    with pytest.raises(UserError, match="no parts for labels"):
        priors.find("normal", 2, parts=10)
    with pytest.raises(UserError, match="unknown prior 'swiss'"):
        priors.find("swiss", 2)
    arguments = dict(latent_dim=2, width=4, prior="mixture", labels=True, components=3)
    with pytest.raises(UserError, match="knows no labels"):
        Row("adversarial_autoencoder", arguments, 0).build()
    with pytest.raises(UserError, match="components=1 or more"):
        Row("autoencoder", dict(latent_dim=2, width=4, components=0), 0).build()


def trained(name, steps=600, **arguments):
    """Codes of a toy: images of 4 pixels, two of which are independent."""
    row = Row(name, dict(latent_dim=2, width=32, error="squared") | arguments, 0, (2, 2, 1), 17)
    model = row.build()
    for optimizer in model.optimizers.values():
        optimizer.learning_rate = 3e-3
    random = np.random.default_rng(0)
    step = compiled(model.train_step)

    def batch(n):
        image = random.integers(0, 17, (n, 2, 2, 1)).astype(np.uint8)
        image[:, 1] = image[:, 0]
        return {"image": image, "label": (image[:, 0, 0, 0] // 2 % 10).astype(np.int32)}

    for _ in range(steps):
        step(batch(128))
    return model, batch(1000)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments"),
    [("wae_mmd", {"mmd_weight": 30.0}), ("adversarial_autoencoder", {"critic_width": 64})],
)
def test_codes_come_to_fill_the_prior(name, arguments):
    """Nearer than those of an autoencoder by far, in the discrepancy that WAE descends on."""

    def distance(model, batch):
        z = model.encode(batch["image"] / np.float32(16))["mean"]
        p = np.random.default_rng(1).normal(size=z.shape).astype(np.float32)
        return float(tf.reduce_mean(losses.mmd(z, p, z, p)))

    model, batch = trained(name, **arguments)
    assert distance(model, batch) < 0.1 * distance(*trained("autoencoder"))
    x = batch["image"] / np.float32(16)
    assert np.mean(np.square(model.reconstruct(x) - x)) < 0.01


@pytest.mark.slow
def test_with_labels_a_sample_is_of_its_class():
    """Half of the first pixel's levels is the label: what is drawn for a label shows it."""
    model, _ = trained(
        "adversarial_autoencoder", 1500, prior="mixture", labels=True, critic_width=64
    )
    labels = model.conditions(500)
    image = model.sample(np.arange(500), labels).numpy()
    shown = image[:, 0, 0, 0] * 16 // 2
    # Levels 0 to 16 make labels 0 to 8; none is ever 9, so that part of the prior holds nothing.
    known = labels < 9
    assert np.corrcoef(shown[known], labels[known])[0, 1] > 0.8


def test_the_density_of_a_fitted_mixture_is_scikit_learns():
    from sklearn.mixture import GaussianMixture

    random = np.random.default_rng(0)
    codes = random.normal(size=(500, 3)) @ random.normal(size=(3, 3)) + 2
    layer = LatentDensity(3, 4)
    z = random.normal(size=(7, 3)).astype(np.float32)
    exact = -0.5 * np.sum(z**2, axis=1) - 1.5 * math.log(2 * math.pi)
    np.testing.assert_allclose(layer.log_prob(z), exact, rtol=1e-4)
    layer.fit(codes)
    floor = 1e-4 * codes.var(axis=0).mean()
    mixture = GaussianMixture(4, reg_covar=floor, random_state=0).fit(codes)
    np.testing.assert_allclose(layer.log_prob(z), mixture.score_samples(z), rtol=2e-3, atol=2e-3)
    stacked = layer.log_prob(np.stack([z, z]))
    np.testing.assert_allclose(stacked[1], layer.log_prob(z), rtol=1e-4)


def coupled(name, **arguments):
    """A VAE of two codes whose prior is a mixture far from N(0, I), and four images."""
    row = Row(name, dict(latent_dim=2, width=8) | arguments, 0, (2, 2, 1), 3)
    model, random = row.build(), np.random.default_rng(0)
    kernel = model.encoder.layers[-1].kernel
    kernel.assign(kernel * 6.0)
    if name == "vamp_vae":
        model.u.assign(random.random(model.u.shape))
    else:
        codes = random.normal(size=(4000, 2)) @ [[0.8, 0.6], [0.0, 0.4]]
        model.latents.fit(codes + 2.0 * (random.random((4000, 1)) < 0.4))
    return model, row.batch(4)["image"] / np.float32(2)


PRIORS = [("vamp_vae", dict(pseudo_inputs=3)), ("vae", dict(components=2))]


@pytest.mark.parametrize(("name", "arguments"), PRIORS)
def test_the_kl_of_codes_is_to_the_models_own_prior(name, arguments):
    """By brute force over a grid of both codes: the whole, and the marginals of each."""
    model, x = coupled(name, **arguments)
    z, width = np.linspace(-30, 30, 1201, dtype=np.float32, retstep=True)
    grid = np.stack(np.meshgrid(z, z, indexing="ij"), axis=-1)
    log_p = model.density_of_codes()(grid).numpy().astype(np.float64)
    log_margins = [logsumexp(log_p, axis=1 - j) + math.log(width) for j in (0, 1)]
    dependence = log_margins[0][:, None] + log_margins[1] - log_p
    q = {key: value.numpy().astype(np.float64) for key, value in model.encode(x).items()}
    whole, units = (found.numpy() for found in model.code_kl(x))
    for i in range(4):
        mu, log_var = q["mean"][i], q["log_var"][i]
        each = -0.5 * ((z[:, None] - mu) ** 2 / np.exp(log_var) + log_var + math.log(2 * math.pi))
        log_q = each[:, None, 0] + each[None, :, 1]
        weight = np.exp(log_q) * width**2
        assert weight.sum() == pytest.approx(1.0, abs=1e-5)
        exact = np.sum(weight * (log_q - log_p))
        variance = np.sum(weight * dependence**2) - np.sum(weight * dependence) ** 2
        assert whole[i] == pytest.approx(exact, abs=4 * math.sqrt(variance / 1000))
        for j in (0, 1):
            of_unit = np.sum(np.exp(each[:, j]) * (each[:, j] - log_margins[j])) * width
            assert units[i, j] == pytest.approx(of_unit, rel=1e-4, abs=1e-3)
    normal = losses.kl_to_standard_normal(q["mean"], q["log_var"]).numpy()
    assert np.abs(whole - normal).max() > 0.5, "the prior is another than N(0, I)"
    assert np.abs(whole - units.sum(axis=1)).max() > 0.1, "its units are not independent"
    np.testing.assert_allclose(latents.by_information(model, x)[1], units.mean(axis=0), rtol=1e-5)


@pytest.mark.slow
def test_a_vae_with_a_fitted_prior_samples_and_scores_by_it():
    """The bound is that of the mixture: by brute force over a grid of its one code."""
    arguments = dict(latent_dim=1, width=8, components=2)
    model = Row("vae", arguments, 0, (2, 2, 1), 3).build()
    images = np.random.default_rng(0).integers(0, 3, (300, 2, 2, 1)).astype(np.uint8)
    step = compiled(model.train_step)
    for _ in range(300):
        step({"image": images})
    x = images[:4] / np.float32(2)
    before = model.log_prob(x, samples=500).numpy()
    model.settle(images)
    grid, width = np.linspace(-8, 8, 4001, dtype=np.float32, retstep=True)
    prior = np.exp(model.latents.log_prob(grid[:, None]).numpy().astype(np.float64))
    assert prior.sum() * width == pytest.approx(1.0, abs=1e-3)
    levels = model.to_levels(x)
    exact = []
    for i in range(4):
        log_p = model.p.log_prob(
            tf.repeat(levels[i : i + 1], 4001, 0), model.decoder(grid[:, None])
        )
        exact.append(np.log(np.sum(np.exp(log_p.numpy().astype(np.float64)) * prior) * width))
    np.testing.assert_allclose(model.log_prob(x, samples=2000), exact, atol=0.03)
    assert np.abs(before - exact).max() > 0.01, "the mixture is another density than N(0, 1)"
    codes = model.draw_prior(tf.range(3000)).numpy()
    drawn = np.histogram(codes, bins=20, range=(-4, 4))[0] / 3000
    expected = [prior[(grid >= a) & (grid < a + 0.4)].sum() * width for a in np.arange(-4, 4, 0.4)]
    np.testing.assert_allclose(drawn, expected, atol=0.03)
    with pytest.raises(UserError, match="components=0"):
        Row("vamp_vae", arguments, 0, (2, 2, 1), 3).build()
