"""Principal components by one pass, and their density."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tests.zoo import Row
from tfgen import data
from tfgen.compiling import compiled
from tfgen.errors import UserError


@pytest.fixture(scope="module")
def components(images):
    model = Row("pca", dict(latent_dim=8), 0).build()
    step = compiled(model.train_step)
    for i in range(10):
        step({"image": images[100 * i : 100 * i + 100]})
    model.fit_after_training(images)
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
    model.solve()
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
