"""Autoencoders: principal components at the linear end, and the density of codes."""

import math

import numpy as np
import pytest
import tensorflow as tf
from sklearn.decomposition import PCA

from tests.zoo import Row
from tfgen import data
from tfgen.compiling import compiled
from tfgen.errors import UserError
from tfgen.layers import LatentDensity


@pytest.fixture(scope="module")
def images(digits):
    return data.arrays(digits.load("train"))["image"]


@pytest.mark.slow
def test_the_linear_autoencoder_reaches_the_principal_components(images):
    """Baldi and Hornik 1989: the least squared error, and the same subspace."""
    model = Row("autoencoder", dict(latent_dim=3, network="linear", error="squared"), 0).build()
    model.optimizers["ae"].learning_rate = 0.01
    step = compiled(model.train_step)
    random = np.random.default_rng(0)
    for i in range(1200):
        if i == 900:
            model.optimizers["ae"].learning_rate = 0.001
        step({"image": images[random.integers(1000, size=200)]})
    x = images / 16
    pca = PCA(3).fit(x.reshape(1000, -1))
    best = np.mean(
        np.square(pca.inverse_transform(pca.transform(x.reshape(1000, -1))) - x.reshape(1000, -1))
    )
    found = float(model.test_step({"image": images})["mse"])
    assert best <= found < 1.02 * best
    basis = np.linalg.qr(model.decoder.layers[0].kernel.numpy().T)[0]
    cosines = np.linalg.svd(pca.components_ @ basis)[1]
    assert cosines.min() > 0.99


def test_the_errors_are_what_their_names_say():
    row = Row("autoencoder", dict(latent_dim=3, width=8), 0)
    for error in ("squared", "log"):
        made = Row("autoencoder", row.arguments | {"error": error}, 0).build()
        batch = row.batch(8)
        x = batch["image"].astype(np.float64) / 16
        y = made.reconstruct((batch["image"] / 16).astype(np.float32)).numpy().astype(np.float64)
        if error == "squared":
            expected = np.square(x - y).sum(axis=(1, 2, 3)).mean()
        else:
            expected = -(x * np.log(y) + (1 - x) * np.log(1 - y)).sum(axis=(1, 2, 3)).mean()
        terms = made.test_step(batch)
        assert float(terms["loss"]) == pytest.approx(expected, rel=1e-4)
        assert float(terms["mse"]) == pytest.approx(np.square(x - y).mean(), rel=1e-4)


def test_linear_networks_have_no_log_loss():
    with pytest.raises(UserError, match=r"`model\.error=squared"):
        Row("autoencoder", dict(network="linear", error="log"), 0).build()


# --- principal components ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def components(images):
    model = Row("pca", dict(latent_dim=8), 0).build()
    step = compiled(model.train_step)
    for i in range(10):
        step({"image": images[100 * i : 100 * i + 100]})
    return model


def test_one_pass_gives_the_principal_components(components, images):
    flat = (images / 16).reshape(1000, -1)
    pca = PCA(8).fit(flat)
    found = components.vectors.numpy()
    cosines = np.abs(np.sum(found * pca.components_.T, axis=0))
    np.testing.assert_allclose(cosines, 1.0, atol=1e-4)
    np.testing.assert_allclose(components.mean, flat.mean(axis=0), atol=1e-6)
    codes = components.encode((images / 16).astype(np.float32))["mean"].numpy()
    np.testing.assert_allclose(np.abs(codes), np.abs(pca.transform(flat)), atol=1e-3)


@pytest.mark.parametrize(("latents", "mse"), [(2, 0.0531), (8, 0.0253), (16, 0.0123)])
def test_its_error_on_held_out_digits_is_the_known_one(latents, mse, images, digits):
    model = Row("pca", dict(latent_dim=latents), 0).build()
    model.train_step({"image": images})
    test = data.arrays(digits.load("test"))["image"]
    assert float(model.test_step({"image": test})["mse"]) == pytest.approx(mse, abs=5e-5)


def test_the_density_of_probabilistic_components(components, images):
    """By the covariance matrix in full; and scikit-learn's, which divides by n - 1."""
    from scipy.stats import multivariate_normal

    flat = (images / 16).reshape(1000, -1)
    values, vectors = np.linalg.eigh(np.cov(flat.T, bias=True))
    values[:-8] = values[:-8].mean()
    full = multivariate_normal(flat.mean(axis=0), (vectors * values) @ vectors.T)
    found = components.log_density((images[:50] / 16).astype(np.float32))
    np.testing.assert_allclose(found, full.logpdf(flat[:50]), rtol=1e-3, atol=0.02)
    np.testing.assert_allclose(found, PCA(8).fit(flat).score_samples(flat[:50]), atol=0.1)


def test_more_components_than_pixels_are_refused():
    with pytest.raises(UserError, match="latent_dim 65 must be 1 to 64"):
        Row("pca", dict(latent_dim=65), 0).build()
    with pytest.raises(UserError, match="at most 4096"):
        Row("pca", dict(latent_dim=8), 0, (65, 65, 1)).build()


# --- variants ------------------------------------------------------------------------------------


def corrupted(kind, x, strength=0.3):
    model = Row(
        "denoising_autoencoder", dict(latent_dim=2, width=4, corruption=kind, strength=strength), 0
    ).build()
    return model.corrupt(tf.constant(x), tf.range(len(x))).numpy()


def test_gaussian_noise_is_that_of_the_table_of_floors(images, digits):
    """12.85 dB of the noisy test digits at sigma 0.3, measured elsewhere."""
    test = (data.arrays(digits.load("test"))["image"] / 16).astype(np.float32)
    noisy = corrupted("gaussian", test)
    mse = np.mean(np.square(noisy - test), axis=(1, 2, 3))
    assert np.mean(-10 * np.log10(mse)) == pytest.approx(12.85, abs=0.15)
    assert noisy.min() >= 0
    assert noisy.max() <= 1


def test_masking_and_salt_and_pepper_strike_their_share():
    x = np.full((500, 8, 8, 1), 0.5, np.float32)
    masked = corrupted("masking", x)
    assert set(np.unique(masked)) == {0.0, 0.5}
    assert (masked == 0).mean() == pytest.approx(0.3, abs=0.015)
    salted = corrupted("salt_and_pepper", x)
    assert (salted == 0).mean() == pytest.approx(0.15, abs=0.012)
    assert (salted == 1).mean() == pytest.approx(0.15, abs=0.012)
    assert not np.array_equal(masked[0], masked[1])


def test_the_noise_is_new_at_every_step():
    model = Row("denoising_autoencoder", dict(latent_dim=2, width=4), 0).build()
    x = tf.fill([4, 8, 8, 1], 0.5)
    first = model.corrupt(x, model.training_seeds(x)).numpy()
    assert np.array_equal(first, model.corrupt(x, model.training_seeds(x)).numpy())
    model.step.assign_add(1)
    assert not np.array_equal(first, model.corrupt(x, model.training_seeds(x)).numpy())


def test_the_contractive_penalty_is_the_jacobian_by_finite_differences():
    arguments = dict(latent_dim=3, width=6, activation="sigmoid", contraction=0.7)
    model = Row("contractive_autoencoder", arguments, 0, (3, 3, 1)).build()
    x = np.random.default_rng(0).random((4, 3, 3, 1)).astype(np.float32)
    _, penalty = model.code_and_penalty(tf.constant(x), training=False)
    total, h = np.zeros(4), 1e-2
    for i in range(9):
        step = np.zeros(9, np.float32)
        step[i] = h
        ends = [model.encode(x + s * step.reshape(3, 3, 1))["mean"].numpy() for s in (1, -1)]
        total += np.sum(((ends[0] - ends[1]) / (2 * h)) ** 2, axis=1)
    np.testing.assert_allclose(penalty, 0.7 * total, rtol=2e-3)


def test_the_penalty_of_one_layer_of_sigmoids_is_the_papers_closed_form():
    """Rifai et al., equation 4: sum_j (h_j (1 - h_j))^2 sum_i W_ij^2."""
    import keras

    model = Row(
        "contractive_autoencoder", dict(latent_dim=5, contraction=1.0), 0, (3, 3, 1)
    ).build()
    w = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    layer = keras.layers.Dense(5, "sigmoid")
    model.encoder = keras.Sequential([keras.layers.Input((3, 3, 1)), keras.layers.Flatten(), layer])
    layer.set_weights([w, np.zeros(5)])
    x = np.random.default_rng(1).random((4, 3, 3, 1)).astype(np.float32)
    h, penalty = (t.numpy() for t in model.code_and_penalty(tf.constant(x), training=False))
    expected = np.sum((h * (1 - h)) ** 2 * np.sum(w**2, axis=0), axis=1)
    np.testing.assert_allclose(penalty, expected, rtol=1e-4)


def spread(model, images):
    """E |J|^2, and the variance of all codes together."""
    x = tf.constant((images / 16).astype(np.float32))
    z, penalty = model.code_and_penalty(x, training=False)
    return float(tf.reduce_mean(penalty)) / model.contraction, z.numpy().var(axis=0).sum()


@pytest.mark.slow
def test_no_scale_of_the_codes_lowers_the_penalty():
    """Deep Learning, section 14.7: what keeps the reconstruction keeps the Jacobian.

    A layer of ReLUs or linear units may be scaled by any factor that the next one undoes. Of the
    factors, only those that leave J as it is leave y as it is.
    """
    arguments = dict(latent_dim=3, width=6, error="squared", contraction=1.0)
    for network, shape in (("dense", (3, 3, 1)), ("conv", (4, 4, 1)), ("linear", (3, 3, 1))):
        row = Row("contractive_autoencoder", arguments | {"network": network}, 0, shape)
        images = row.batch(6)["image"]
        x = tf.constant((images / 16).astype(np.float32))
        for factor in (1.0, 0.1):
            model = row.build()
            kernels = [w for w in model.encoder.trainable_variables if "kernel" in w.path]
            before, before_z = spread(model, images)
            before_y = model.decoder(model.encoder(x)).numpy()
            kernels[-1].assign(kernels[-1] * factor)
            if len(kernels) > 1:
                kernels[0].assign(kernels[0] * 2.0)
                kernels[-1].assign(kernels[-1] / 2.0)
            after, after_z = spread(model, images)
            assert after / before == pytest.approx(factor**2, rel=1e-4), network
            assert after_z / before_z == pytest.approx(factor**2, rel=1e-4), network
            y = model.decoder(model.encoder(x)).numpy()
            np.testing.assert_allclose(y, factor**2 * before_y, rtol=1e-4, atol=1e-6)


def test_the_decoder_is_the_encoder_transposed():
    """<f(x), z> = <x, g(z)> of linear maps, whatever the layers."""
    random = np.random.default_rng(0)
    for network in ("dense", "conv", "linear"):
        arguments = dict(width=2, network=network, activation="linear", error="squared")
        model = Row("contractive_autoencoder", arguments | {"latent_dim": 3}, 0, (8, 4, 2)).build()
        x = random.normal(size=(5, 8, 4, 2)).astype(np.float32)
        z = random.normal(size=(5, 3)).astype(np.float32)
        codes, images = model.encoder(x).numpy(), model.decoder(z).numpy()
        np.testing.assert_allclose((codes * z).sum(1), (x * images).sum((1, 2, 3)), rtol=1e-4)
        assert len(model.trained()["ae"]) == len(model.trainable_variables)


def test_linear_contraction_keeps_the_directions_that_are_worth_it():
    """In closed form: s_i = 1 - lambda / (2 v_i) of a component of variance v_i, or nothing.

    min v (1 - s)^2 + lambda s over s >= 0, where s = w^2 for a tied w, and the penalty is the sum
    of lambda s. Weights that are not tied have all of the reconstruction for as little as they
    like: this is no stationary point of theirs.
    """
    random = np.random.default_rng(0)
    turn = np.linalg.qr(random.normal(size=(4, 4)))[0]
    x = (random.normal(size=(500, 4)) * [0.6, 0.5, 0.2, 0.1] @ turn + 0.4).astype(np.float32)
    centre, (v, axes) = x.mean(axis=0), np.linalg.eigh(np.cov(x.T, bias=True))
    arguments = dict(latent_dim=4, network="linear", error="squared", contraction=0.2)
    model = Row("contractive_autoencoder", arguments, 0, (2, 2, 1)).build()
    kept = np.maximum(0.0, 1.0 - 0.2 / (2.0 * v))
    assert (kept > 0).tolist() == [False, False, True, True]

    def loss_and_gradients(scales):
        """With codes along the components, which the biases centre."""
        w = (axes * scales).astype(np.float32)
        model.encoder.set_weights([w, -centre @ w])
        model.decoder.layers[0].bias.assign(centre)
        with tf.GradientTape() as tape:
            errors = model.errors(tf.reshape(x, [-1, 2, 2, 1]), None, True)
            loss = tf.reduce_mean(errors["loss"])
        return float(loss), tape.gradient(loss, model.trained()["ae"])

    least, gradients = loss_and_gradients(np.sqrt(kept))
    assert least == pytest.approx(np.sum(v * (1 - kept) ** 2 + 0.2 * kept), rel=1e-4)
    for gradient in gradients:
        np.testing.assert_allclose(gradient, 0.0, atol=1e-5)
    for factor in (0.1, 0.9, 1.1, 10.0):
        assert loss_and_gradients(factor * np.sqrt(kept))[0] > least
    assert loss_and_gradients(np.sqrt(kept + 0.01))[0] > least


@pytest.mark.slow
def test_contraction_contracts():
    """A larger lambda, a smaller Jacobian after as many steps."""
    norms = []
    for contraction in (0.0, 1.0):
        row = Row(
            "contractive_autoencoder",
            dict(latent_dim=3, width=16, activation="sigmoid", contraction=contraction),
            0,
        )
        model = row.build()
        step = compiled(model.train_step)
        for i in range(300):
            step(row.batch(16, seed=i % 4))
        x = tf.constant((row.batch(32)["image"] / 16).astype(np.float32))
        model.contraction = 1.0
        norms.append(float(tf.reduce_mean(model.code_and_penalty(x, False)[1])))
    assert norms[1] < 0.5 * norms[0]


def test_k_units_are_kept_and_only_those_are_learnt_from():
    row = Row("sparse_autoencoder", dict(latent_dim=12, active=4, width=16), 0)
    model = row.build()
    x = tf.constant((row.batch(30)["image"] / 16).astype(np.float32))
    z = model.encode(x)["mean"].numpy()
    assert ((z != 0).sum(axis=1) == 4).all()
    whole = model.encoder(x).numpy()
    np.testing.assert_allclose(np.sort(z)[:, -1], np.sort(whole)[:, -1], rtol=1e-6)
    kept = np.argsort(whole, axis=1)[:, -4:]
    assert all(set(np.flatnonzero(row)) == set(k) for row, k in zip(z, kept, strict=True))
    with tf.GradientTape() as tape:
        code = model.encoder(x[:1])
        tape.watch(code)
        loss = tf.reduce_sum(model.decoder(model.select(code)))
    gradient = tape.gradient(loss, code).numpy()[0]
    assert set(np.flatnonzero(gradient)) <= set(kept[0])


@pytest.mark.parametrize("sparsity", ["top_k", "kl"])
def test_drawn_codes_are_as_sparse_as_those_of_images(sparsity, images):
    arguments = dict(latent_dim=12, active=4, width=16, sparsity=sparsity)
    model = Row("sparse_autoencoder", arguments, 0).build()
    model.settle(images[:200])
    z = model.draw_prior(tf.range(50)).numpy()
    if sparsity == "top_k":
        assert ((z != 0).sum(axis=1) == 4).all()
    assert sparsity == "top_k" or (z.min() >= 0 and z.max() <= 1)


# --- the density of the codes --------------------------------------------------------------------


def test_samples_of_the_density_are_its_mixture():
    random = np.random.default_rng(0)
    centres = np.array([[-3.0, 0.0], [2.0, 2.0]])
    shear = np.array([[0.5, 0.0], [0.4, 0.2]])
    which = (random.random(6000) < 0.3).astype(int)
    codes = centres[which] + random.normal(size=(6000, 2)) @ shear.T
    density = LatentDensity(2, 2)
    density.fit(codes)
    drawn = density.draw(density.noise(tf.range(20_000))).numpy()
    left = drawn[:, 0] < -0.5
    assert left.mean() == pytest.approx(0.7, abs=0.02)
    for part, centre in ((left, centres[0]), (~left, centres[1])):
        np.testing.assert_allclose(drawn[part].mean(axis=0), centre, atol=0.06)
        np.testing.assert_allclose(np.cov(drawn[part].T), shear @ shear.T, atol=0.03)


def test_before_it_is_fitted_it_is_standard_normal():
    density = LatentDensity(3, 4)
    drawn = density.draw(density.noise(tf.range(5000))).numpy()
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=0.06)
    np.testing.assert_allclose(np.cov(drawn.T), np.eye(3), atol=0.07)


def test_few_codes_and_dead_units_are_no_trouble():
    random = np.random.default_rng(0)
    density = LatentDensity(3, 10)
    codes = random.normal(size=(5, 3)) * [1.0, 1.0, 0.0]
    density.fit(codes)
    drawn = density.draw(density.noise(tf.range(100))).numpy()
    assert np.isfinite(drawn).all()
    assert np.abs(drawn[:, 2]).max() < 0.2
    assert density.cumulative.numpy()[-1] == pytest.approx(1.0)


def test_the_density_travels_with_the_model(images, tmp_path):
    import keras

    model = Row("autoencoder", dict(latent_dim=2, width=8, components=3), 0).build()
    before = model.sample(range(4)).numpy()
    model.settle(images[:300])
    after = model.sample(range(4)).numpy()
    assert not np.allclose(before, after)
    model.save_networks(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.sample(range(4)), after)
    # And it is that of the codes.
    codes = model.encode((images[:300] / 16).astype(np.float32))["mean"].numpy()
    drawn = model.latents.draw(model.noise(tf.range(4000))).numpy()
    error = codes.std(axis=0) / math.sqrt(300) * 4
    assert (np.abs(drawn.mean(axis=0) - codes.mean(axis=0)) < error).all()


def test_a_target_of_all_units_is_refused():
    """r = 1 has no divergence: 0 log 0 / 0."""
    with pytest.raises(UserError, match="1 with 6 of 6 units"):
        Row("sparse_autoencoder", dict(latent_dim=6, active=6, sparsity="kl"), 0).build()
