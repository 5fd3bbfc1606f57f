"""BEGAN: the balance that k keeps, and the paper's networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support import defaults
from tests.zoo import Row

BALANCED = dict(code_dim=3, latent_dim=2, width=4, depth=1)


def test_the_balance_of_began():
    row = Row("began", BALANCED | dict(gamma=0.5, k_rate=0.1), 0)
    model = row.build()
    model.k.assign(0.3)
    D_x, D_fake = tf.constant([[0.4], [0.6]]), tf.constant([[0.1], [0.2]])
    np.testing.assert_allclose(model.d_loss(D_x, D_fake, None), [0.4 - 0.03, 0.6 - 0.06], rtol=1e-6)
    model.after_D(D_x, D_fake)
    assert float(model.k) == pytest.approx(0.3 + 0.1 * (0.25 - 0.15))
    # Equation 5, for both signs of the balance.
    assert float(model.score_terms(D_x, D_fake, None)["measure"]) == pytest.approx(0.5 + 0.1)
    assert float(model.score_terms(D_x, 2 * D_x, None)["measure"]) == pytest.approx(0.5 + 0.75)
    model.after_D(tf.ones([2, 1]) * 1000, D_fake)
    assert float(model.k) == 1.0
    model.after_D(D_x, tf.ones([2, 1]) * 1000)
    assert float(model.k) == 0.0
    x = row.batch()["image"].astype(np.float32) / 8 - 1
    error = np.abs(x - model.D(x).numpy()).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(model.score(x)[:, 0], error, rtol=1e-5)


def test_k_rests_where_the_balance_is_gamma():
    """Of losses that answer to k along lines: L(x) = .4 + .2 k, L(G(z)) = .1 + .4 k.

    .7 (.4 + .2 k) = .1 + .4 k at k = .18 / .26.
    """
    model = Row("began", BALANCED | dict(gamma=0.7, k_rate=0.5), 0).build()
    for _ in range(100):
        k = float(model.k)
        model.after_D(tf.fill([2, 1], 0.4 + 0.2 * k), tf.fill([2, 1], 0.1 + 0.4 * k))
    assert float(model.k) == pytest.approx(0.18 / 0.26, abs=1e-3)


def test_the_papers_networks_of_began():
    """Figure 1 at 64 x 64: 3x3 convolutions, n, 2n, 3n, 4n filters down, n all the way up."""
    arguments = defaults.config_on("began", "celeb_a", (64, 64, 3)).model.to_dict()
    model = Row("began", arguments | dict(width=6), 0, (64, 64, 3), 256).build()
    encoder, decoder = model.D.layers
    assert not [w for w in model.weights if "batch_norm" in w.path]
    maps = {network: [layer for layer in network.layers if len(layer.output.shape) == 4]
            for network in (encoder, decoder, model.G)}  # fmt: skip
    down = [
        (layer.output.shape[1], layer.filters // 6, layer.strides[0]) for layer in maps[encoder]
    ]
    assert down == [
        *[(64, 1, 1)] * 3,
        *[(32, 2, 2), (32, 2, 1), (32, 2, 1)],
        *[(16, 3, 2), (16, 3, 1), (16, 3, 1)],
        *[(8, 4, 2), (8, 4, 1), (8, 4, 1)],
    ]
    for network in (decoder, model.G):
        convs = [layer for layer in maps[network] if isinstance(layer, keras.layers.Conv2D)]
        up = [(layer.output.shape[1], layer.filters) for layer in convs]
        assert up == [(side, 6) for side in (8, 8, 16, 16, 32, 32, 64, 64)] + [(64, 3)]
        rest = [layer for layer in maps[network] if layer not in convs]
        assert {type(layer).__name__ for layer in rest} == {"Reshape", "UpSampling2D"}
        assert {layer.interpolation for layer in rest[1:]} == {"nearest"}
    convs = [layer for layers in maps.values() for layer in layers if hasattr(layer, "kernel_size")]
    assert {layer.kernel_size for layer in convs} == {(3, 3)}
    assert [c.activation.__name__ for c in convs if c.filters == 3] == ["linear", "linear"]
    assert {c.activation.__name__ for c in convs if c.filters != 3} == {"elu"}
    # Codes are linear: nothing bounds them or cuts them off.
    assert encoder.layers[-1].activation.__name__ == "linear"
    assert (encoder.output.shape[1], model.latent_dim) == (64, 64)


def test_samples_of_began_are_images_though_its_networks_are_linear():
    model = Row("began", BALANCED, 0).build()
    bias = model.G.layers[-1].bias
    bias.assign(bias + 1.7)
    raw = model.from_range(model.G(model.noise(tf.range(4))["z"])).numpy()
    assert raw.max() > 1.01
    np.testing.assert_array_equal(model.sample(np.arange(4)), np.clip(raw, 0, 1))
