"""Networks of a user's own: what is refused, and that a model trains, keeps and uses them."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.zoo import Row
from tfgen import models, networks
from tfgen.data import conditions
from tfgen.errors import UserError

INPUTS, OUTPUTS = (8, 8, 1), (3,)


def tiny(inputs, outputs):
    """A network of the shapes, of one matrix."""
    size = int(np.prod(outputs))
    return keras.Sequential(
        [layers.Input(inputs), layers.Flatten(), layers.Dense(size), layers.Reshape(outputs)]
    )


@keras.saving.register_keras_serializable("tests")
class Doubled(layers.Layer):
    """A layer of a user's own that Keras finds again."""

    def call(self, x):
        return 2.0 * x


class Forgotten(layers.Layer):
    """One that it would not find."""

    def call(self, x):
        return 2.0 * x


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    """Built by its first call, as many of users are."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.flat, self.dense = layers.Flatten(), layers.Dense(units)

    def call(self, x):
        return self.dense(self.flat(x))

    def get_config(self):
        return {"units": self.units}


class Unregistered(keras.Model):
    def __init__(self):
        super().__init__()
        self.flat, self.dense = layers.Flatten(), layers.Dense(3)

    def call(self, x):
        return self.dense(self.flat(x))


# --- what is taken -------------------------------------------------------------------------------


def test_a_function_is_called_once_with_the_shapes():
    calls = []

    def make(inputs, outputs):
        calls.append((inputs, outputs))
        return tiny(inputs, outputs)

    found = networks.own("encoder", make, INPUTS, OUTPUTS)
    assert calls == [(INPUTS, OUTPUTS)]
    assert found.output_shape == (None, 3)


def test_a_keras_model_is_taken_as_it_is():
    for mine in (tiny(INPUTS, OUTPUTS), Subclassed()):
        assert networks.own("encoder", mine, INPUTS, OUTPUTS) is mine
        # What is not yet built is built: optimizers ask for its weights before the first step.
        assert len(mine.trainable_variables) == 2


def test_a_network_of_two_inputs():
    def make(inputs, outputs):
        both = [layers.Input(shape) for shape in inputs]
        flat = layers.Concatenate()([layers.Flatten()(x) for x in both])
        return keras.Model(both, layers.Dense(*outputs)(flat))

    networks.own("D", make, [INPUTS, (5,)], (1,))
    with pytest.raises(UserError, match=r"does not take \(8, 8, 1\) and \(6,\)"):
        networks.own("D", make([INPUTS, (5,)], (1,)), [INPUTS, (6,)], (1,))


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("a network", "encoder is of type str: a Keras model is wanted"),
        (layers.Dense(3), "encoder is of type Dense: a Keras model is wanted"),
        (lambda inputs, outputs: 3, "encoder returned type int: a Keras model is wanted"),
        (
            tiny((8, 8, 3), OUTPUTS),
            r"does not take \(8, 8, 1\), .* \(Input 0.*Wanted: \(8, 8, 1\) -> \(3,\)",
        ),
        (tiny(INPUTS, (4,)), r"encoder gives \(4,\).*Wanted: \(8, 8, 1\) -> \(3,\)"),
        (tiny(INPUTS, (3, 1)), r"encoder gives \(3, 1\)"),
        (
            lambda inputs, _: keras.Model(x := layers.Input(inputs), [x, x]),
            "encoder gives 2 tensors",
        ),
        (
            lambda inputs, outputs: keras.Sequential(
                [layers.Input(inputs), layers.Lambda(lambda x: x), tiny(inputs, outputs)]
            ),
            "is a Lambda, which holds code",
        ),
        (
            lambda inputs, outputs: keras.Sequential(
                [layers.Input(inputs), Forgotten(), tiny(inputs, outputs)]
            ),
            "of class Forgotten again",
        ),
        (Unregistered(), "of class Unregistered again"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(given, said):
    with pytest.raises(UserError, match=said):
        networks.own("encoder", given, INPUTS, OUTPUTS)


def test_a_model_refuses_when_it_is_made():
    with pytest.raises(UserError, match=r"decoder gives \(3,\).*\(3,\) -> \(8, 8, 17\)"):
        models.find("vae")(INPUTS, 17, latent_dim=3, decoder=tiny((3,), (3,)))


def test_tied_weights_leave_no_room_for_another_network():
    for name in ("encoder", "decoder"):
        with pytest.raises(UserError, match=f"{name}: a contractive autoencoder takes no networks"):
            models.find("contractive_autoencoder")(INPUTS, 17, **{name: tiny})


# --- the models that take them -------------------------------------------------------------------

CODED = ("encoder", "decoder")
TAKE = {
    Row("autoencoder", dict(latent_dim=3, components=2), 0): CODED,
    Row("vae", dict(latent_dim=3), 0): CODED,
    Row("vq_vae", dict(codes=5, code_dim=3, depth=2, prior_width=4), 0): CODED,
    Row("gsn", dict(latent_dim=3, walkback=2, steps=2), 0): CODED,
    Row("factor_vae", dict(latent_dim=3), 0): (*CODED, "discriminator"),
    Row("adversarial_autoencoder", dict(latent_dim=2, prior="mixture", labels=True), 0): (
        *CODED,
        "discriminator",
    ),
    Row("denoising_autoencoder", dict(latent_dim=3, components=2), 0): CODED,
    Row("sparse_autoencoder", dict(latent_dim=6, active=2, components=2), 0): CODED,
    Row("wae_mmd", dict(latent_dim=3), 0): CODED,
    Row("cvae", dict(latent_dim=3), 0): CODED,
    Row("iwae", dict(latent_dim=3, samples=2), 0): CODED,
    Row("beta_vae", dict(latent_dim=3), 0): CODED,
    Row("beta_tcvae", dict(latent_dim=3), 0): CODED,
    Row("vamp_vae", dict(latent_dim=3, pseudo_inputs=4), 0): CODED,
}
SOON = ("autoencoder", "vae")
EACH = [
    pytest.param(row, names, marks=() if row.id in SOON else pytest.mark.slow, id=row.id)
    for row, names in TAKE.items()
]


def of_a_user(inputs, outputs):
    """With a layer of the user's own, and what behaves otherwise in training."""
    mine = [Doubled(), layers.BatchNormalization()]
    size = int(np.prod(outputs))
    return keras.Sequential(
        [layers.Input(inputs), layers.Flatten(), *mine, layers.Dense(size), layers.Reshape(outputs)]
    )


@pytest.mark.parametrize(("row", "names"), EACH)
def test_a_model_trains_and_keeps_them(row, names, tmp_path):
    arguments = row.arguments | dict.fromkeys(names, of_a_user)
    model = Row(row.name, arguments, 0).build()
    assert set(model.own_networks) == set(names)
    model.compile(dict(model.optimizers), run_eagerly=True)
    before = {name: mine.get_weights() for name, mine in model.own_networks.items()}
    model.fit(tf.data.Dataset.from_tensors(row.batch(8)), verbose=0)
    for name, mine in model.own_networks.items():
        for weight, old in zip(mine.weights, before[name], strict=True):
            assert not np.array_equal(weight, old), f"{name}: {weight.path}"

    seeds = np.arange(4)
    label = conditions.defaults(model.condition, 4)
    samples = model.sample(seeds, label).numpy()
    assert np.isfinite(samples).all()
    # A run's model: `from_config` makes a copy, and Keras another, by way of JSON.
    model.save_networks(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.sample(seeds, label).numpy().tobytes() == samples.tobytes()
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    assert sorted(loaded.own_networks) == sorted(names)


def test_one_of_two_networks_may_be_ours():
    mine = tiny(INPUTS, (3,))
    model = models.find("autoencoder")(INPUTS, 17, latent_dim=3, width=5, encoder=mine)
    assert model.encoder is mine
    assert model.get_config()["decoder"] is None
    assert [w.shape for w in model.decoder.weights] == [(3, 5), (5,), (5, 64), (64,)]


def test_an_own_decoder_gives_logits_where_linear_networks_give_pixels():
    """So "log" is an error that it has, and its pixels lie within (0, 1) without being cut off."""
    arguments = dict(latent_dim=3, network="linear", decoder=tiny, components=1)
    model = models.find("autoencoder")(INPUTS, 17, error="log", **arguments)
    z = 10.0 * np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    logits = model.decoder(z).numpy()
    assert logits.min() < 0 < 1 < logits.max()
    np.testing.assert_allclose(model.decode(z), 1.0 / (1.0 + np.exp(-logits)), atol=1e-6)
