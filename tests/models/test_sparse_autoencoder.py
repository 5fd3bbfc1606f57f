"""The sparse autoencoder: few units are kept, of images and of draws."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import Row
from tfgen.errors import UserError


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
    model.fit_after_training(images[:200])
    z = model.draw_prior(tf.range(50)).numpy()
    if sparsity == "top_k":
        assert ((z != 0).sum(axis=1) == 4).all()
    assert sparsity == "top_k" or (z.min() >= 0 and z.max() <= 1)


def test_a_target_of_all_units_is_refused():
    """r = 1 has no divergence: 0 log 0 / 0."""
    with pytest.raises(UserError, match="1 with 6 of 6 units"):
        Row("sparse_autoencoder", dict(latent_dim=6, active=6, sparsity="kl"), 0).build()
