"""Networks that halve images: of any size, which comes back."""

import pytest

from tests.zoo import Row

HALVING = {
    "vae": dict(network="conv", width=2, latent_dim=2, depth=3),
    "autoencoder": dict(network="conv", width=2, latent_dim=2),
    "dcgan": dict(width=2, latent_dim=2, depth=2),
    "sngan": dict(width=2, latent_dim=2, depth=3, network="residual", kernel=3),
    "began": dict(width=2, latent_dim=2, code_dim=2, depth=2),
    "vq_vae": dict(width=2, code_dim=2, codes=4, prior_width=2),
}


@pytest.mark.parametrize("name", HALVING)
def test_images_that_cannot_be_halved_so_often_come_back_in_their_size(name):
    model = Row(name, HALVING[name], None, (9, 14, 1)).build()
    assert model.sample([1, 2]).shape == (2, 9, 14, 1)
    model.train_step({"image": model.sample([3, 4]).numpy().astype("uint8")})
