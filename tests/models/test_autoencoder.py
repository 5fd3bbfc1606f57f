"""The autoencoder: principal components at the linear end, and its errors."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tests.zoo import Row
from tfgen.compiling import compiled
from tfgen.errors import UserError


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
