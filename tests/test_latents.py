"""Work with codes, on a model whose codes are known: a linear map."""

import numpy as np
import pytest
import scipy.stats

from tests.zoo import Row
from tfgen import latents
from tfgen.errors import UserError


class Linear:
    """An image of two pixels is its code; the second unit hardly varies."""

    num_classes, condition = 0, None

    def can(self, name):
        return name in ("encode", "decode")

    def encode(self, x):
        return {"mean": np.asarray(x).reshape(len(x), 2)}

    def decode(self, z):
        return np.asarray(z).reshape(len(z), 1, 2, 1)


def images(count=600, seed=0):
    return np.random.default_rng(seed).random((count, 1, 2, 1)) * np.array([1.0, 0.1])[:, None]


def test_codes_and_back_in_batches():
    x = images(1203)
    codes = latents.encode(Linear(), x)
    assert codes.shape == (1203, 2)
    np.testing.assert_allclose(latents.decoder(Linear())(codes), x, rtol=1e-6)


def test_units_by_what_they_carry():
    x = images()
    order, amount = latents.by_information(Linear(), x)
    assert order.tolist() == [0, 1]
    np.testing.assert_allclose(amount, x.reshape(-1, 2).var(axis=0))
    row = Row("vae", dict(latent_dim=3, width=5), 0)
    model = row.build()
    x = row.batch()["image"] / np.float32(16)
    order, amount = latents.by_information(model, x)
    q = model.encode(x)
    mu, log_var = q["mean"].numpy(), q["log_var"].numpy()
    kl = 0.5 * (mu**2 + np.exp(log_var) - log_var - 1).mean(axis=0)
    np.testing.assert_allclose(amount, kl, rtol=1e-4, atol=1e-7)
    assert order.tolist() == np.argsort(-kl).tolist()


def test_units_by_what_they_change():
    order, amount = latents.by_change(lambda z: z * np.array([0.1, 3.0]), np.zeros((4, 2)))
    assert order.tolist() == [1, 0]
    np.testing.assert_allclose(amount, [0.1, 3.0])  # from -1 to 1, mean over two pixels


def test_a_traversal_moves_one_unit():
    decode = latents.decoder(Linear())
    moved = latents.traversals(decode, np.array([0.3, 0.7]), [1, 0], [(-1, 1), (0, 2)], steps=5)
    assert moved.shape == (2, 5, 1, 2, 1)
    np.testing.assert_allclose(moved[0, :, 0, 0, 0], 0.3, rtol=1e-6)
    np.testing.assert_allclose(moved[0, :, 0, 1, 0], np.linspace(-1, 1, 5), atol=1e-6)
    np.testing.assert_allclose(moved[1, :, 0, 0, 0], np.linspace(0, 2, 5), atol=1e-6)


def test_reach_is_between_quantiles():
    codes = np.linspace(0, 100, 101)[:, None] * [1, 2]
    np.testing.assert_allclose(latents.reach(codes, [1, 0]), [[2, 198], [1, 99]])


def test_the_manifold_lies_at_quantiles_with_the_second_code_upwards():
    grid = latents.manifold(latents.decoder(Linear()), side=3).reshape(3, 3, 2)
    places = [-0.96742, 0, 0.96742]  # Phi^-1 of 1/6, 1/2, 5/6
    np.testing.assert_allclose(grid[1, :, 0], places, atol=1e-4)
    np.testing.assert_allclose(grid[:, 1, 1], places[::-1], atol=1e-4)


def test_an_attribute_is_a_difference_of_means():
    codes = np.array([[0.0, 1.0], [2.0, 1.0], [5.0, 0.0]])
    np.testing.assert_allclose(latents.attribute(codes, [False, False, True]), [4.0, -1.0])
    for none in ([True] * 3, [False] * 3):
        with pytest.raises(ValueError, match="with it and images without"):
            latents.attribute(codes, none)


def test_directions_of_labelled_images():
    """Brightness is learnt within classes, whose own brightness would hide it."""
    random = np.random.default_rng(0)
    labels = np.arange(400) % 2
    codes = np.stack([labels * 10.0, random.random(400)], axis=1)  # the class is bright in pixel 0
    x = codes.reshape(-1, 1, 2, 1)
    found = latents.directions(Linear(), x, labels, ("a", "b"))
    assert list(found) == ["brighter", "towards a", "towards b"]
    np.testing.assert_allclose(found["brighter"], [0.0, 0.5], atol=0.06)
    np.testing.assert_allclose(found["towards b"][0], 10.0)
    assert list(latents.directions(Linear(), x)) == ["brighter"]


def test_a_generators_noise_is_its_code():
    model = Row("dcgan", dict(latent_dim=3, width=4, depth=2, kernel=4), 0).build()
    z = np.asarray(model.noise(np.arange(4, dtype=np.int32))["z"])
    np.testing.assert_allclose(
        latents.decoder(model)(z), model.sample(np.arange(4, dtype=np.int32)), atol=1e-6
    )


def test_a_conditional_decoder_keeps_its_labels():
    model = Row("cvae", dict(latent_dim=3, width=5), 0).build()
    z = np.zeros((4, 3), np.float32)
    labels = np.array([1, 1, 2, 0])
    images = latents.decoder(model, labels)(z)
    np.testing.assert_array_equal(images[0], images[1])
    assert not np.array_equal(images[0], images[2])
    np.testing.assert_array_equal(latents.decoder(model, 2)(z)[0], images[2])


def test_what_has_no_codes_is_refused():
    class Draws:
        num_classes, condition = 0, None

        def can(self, _):
            return False

        def noise(self, _):
            return {"u": 0}

    with pytest.raises(UserError, match="no codes to look into"):
        latents.decoder(Draws())


def test_truncated_normals_are_those_of_the_truncated_density():
    z = np.random.default_rng(0).normal(size=(20_000, 1))
    moved = latents.tempered(z, truncation=1.2)
    assert (np.diff(moved[np.argsort(z, axis=0)[:, 0], 0]) >= 0).all()
    assert scipy.stats.kstest(moved[:, 0], scipy.stats.truncnorm(-1.2, 1.2).cdf).pvalue > 0.01
    np.testing.assert_allclose(latents.tempered(z, 0.5), z / 2, rtol=1e-6)
