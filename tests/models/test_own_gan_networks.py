"""Networks of a user's own in the GAN family, and what its members declare of their settings."""

import keras
import numpy as np
import pytest

from tests.conftest import ROOT
from tests.zoo import TOY_SHAPE, Row
from tfgen import declared
from tfgen.errors import UserError
from tfgen.layers import adversaries
from tfgen.models.conditional_gan import CONDITIONINGS
from tfgen.objectives import adversarial, penalties

K = 10  # classes, as many as a model is made for when no data set says how many
TINY = dict(latent_dim=3)
SMALL = dict(width=4, depth=1)  # default networks beside a user's own


class Maker:
    """A function of shapes, as a user gives it, with one hidden layer; it notes what is asked."""

    def __init__(self):
        self.asked, self.made = [], []

    def __call__(self, inputs, outputs):
        self.asked.append((inputs, outputs))
        several = isinstance(inputs[0], (list, tuple))
        given = [keras.Input(shape) for shape in (inputs if several else [inputs])]
        x = [keras.layers.Flatten()(tensor) for tensor in given]
        x = keras.layers.Concatenate()(x) if several else x[0]
        x = keras.layers.Dense(4, activation="tanh", name="features")(x)
        x = keras.layers.Dense(int(np.prod(outputs)), activation="tanh")(x)
        network = keras.Model(
            given if several else given[0], keras.layers.Reshape(tuple(outputs))(x)
        )
        self.made.append(network)
        return network


def dense(outputs, *more):
    """A network that is no function."""
    size = int(np.prod(outputs))
    stack = [keras.layers.Flatten(), *more, keras.layers.Dense(size), keras.layers.Reshape(outputs)]
    return keras.Sequential(stack)


# Of each model whose networks differ in what they take and give: its arguments, and the shapes.
IMAGE = TOY_SHAPE
CASES = {
    "gan": ({}, {"generator": ((3,), IMAGE), "discriminator": (IMAGE, (1,))}),
    "wgan_gp": (
        dict(critic_steps=1, ema=0.9),
        {"generator": ((3,), IMAGE), "discriminator": (IMAGE, (1,))},
    ),
    "conditional_gan": (
        {},
        {"generator": ((3 + K,), IMAGE), "discriminator": ([IMAGE, (K,)], (1,))},
    ),
    "conditional_gan-projection": (
        dict(conditioning="projection"),
        {"generator": ((3 + K,), IMAGE), "discriminator": (IMAGE, (1 + K,))},
    ),
    "conditional_gan-auxiliary": (
        dict(conditioning="auxiliary"),
        {"generator": ((3 + K,), IMAGE), "discriminator": (IMAGE, (1 + K,))},
    ),
    "infogan": (
        dict(categories=4, continuous=2),
        {"generator": ((9,), IMAGE), "discriminator": (IMAGE, (7,))},
    ),
    "began": ({}, {"generator": ((3,), IMAGE), "discriminator": (IMAGE, IMAGE)}),
    "bigan": (
        {},
        {
            "generator": ((3,), IMAGE),
            "discriminator": ([IMAGE, (3,)], (1,)),
            "encoder": (IMAGE, (3,)),
        },
    ),
    "vae_gan": (
        {},
        {
            "generator": ((3,), IMAGE),
            "discriminator": (IMAGE, (1,)),
            "encoder": (IMAGE, (6,)),
        },
    ),
    "cyclegan": (
        dict(patch_depth=1),
        {"generator": (IMAGE, IMAGE), "discriminator": (IMAGE, (1, 1, 1))},
    ),
}
# Those that differ from the GAN in losses, penalties and defaults alone.
LIKE_GAN = ("dcgan", "wgan", "lsgan", "r1_gan", "dragan", "sngan", "relativistic_gan")


def row(name, **arguments):
    if name != "cyclegan":
        arguments = TINY | arguments
    return Row(name, arguments, 0, TOY_SHAPE)


def images(model, batch):
    if model.can("translate"):
        return model.translate(model.to_unit(batch["image"]))
    return model.sample(np.arange(5), np.arange(5) if model.num_classes else None)


# Enough while working: a GAN, two inputs of D, an encoder, features of D, a pair of each.
SOON = ("gan", "conditional_gan", "bigan", "vae_gan", "cyclegan")


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=() if c in SOON else pytest.mark.slow) for c in CASES]
)
def test_own_networks_are_asked_for_once_train_and_are_loaded(case, tmp_path):
    """No size can be halved as often as the default networks of some would."""
    arguments, shapes = CASES[case]
    makers = {name: Maker() for name in shapes}
    built = row(case.partition("-")[0], **arguments, **makers)
    model, batch = built.build(), built.batch()
    assert {name: maker.asked for name, maker in makers.items()} == {
        name: [asked] for name, asked in shapes.items()
    }

    model.compile(model.optimizers, run_eagerly=True)
    networks = [maker.made[0] for maker in makers.values()]
    before = [network.get_weights() for network in networks]
    model.fit({name: batch[name] for name in ("image", "label", "other")}, batch_size=8, verbose=0)
    for network, old in zip(networks, before, strict=True):
        assert not np.array_equal(old[0], network.get_weights()[0])

    model.save_networks(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len({id(w) for w in loaded.weights}) == len(model.weights)
    assert np.array_equal(images(model, batch), images(loaded, batch))


@pytest.mark.parametrize("name", LIKE_GAN)
def test_variants_of_the_gan_take_a_network_as_it_is(name):
    own = dense(IMAGE)
    model = row(name, generator=own, discriminator=dense((1,))).build()
    assert model.G is own
    assert model.get_config()["discriminator"]["class_name"] == "Sequential"


def test_one_network_of_two_may_be_the_models_own():
    built = row("dcgan", **SMALL, discriminator=dense((1,)))
    model = built.build()
    assert model.G.name == "G"
    assert model.get_config()["generator"] is None
    with pytest.raises(UserError, match="a conv GAN of depth 0"):
        row("dcgan", depth=0, discriminator=dense((1,))).build()


def test_the_average_of_an_own_generator_begins_as_it_and_has_weights_of_its_own():
    own = dense(IMAGE, keras.layers.Dense(4), keras.layers.BatchNormalization())
    built = row("gan", ema=0.9, generator=own, **SMALL)
    model = built.build()
    start = own.get_weights()
    for ours, average in zip(start, model.G_average.get_weights(), strict=True):
        assert np.array_equal(ours, average)
    assert not model.G_average.trainable_variables
    model.train_step(built.batch())
    # The decay of the first step is a tenth.
    now = zip(start, own.get_weights(), model.G_average.get_weights(), strict=True)
    for old, new, average in now:
        np.testing.assert_allclose(average, 0.1 * old + 0.9 * new, rtol=1e-5, atol=1e-7)


def test_the_second_network_of_a_domain_has_weights_of_its_own():
    maker = Maker()
    model = row("cyclegan", generator=maker, discriminator=Maker()).build()
    assert len(maker.made) == 1
    assert model.G is maker.made[0]
    kinds = [[type(layer) for layer in network.layers] for network in (model.G, model.F)]
    assert kinds[0] == kinds[1]
    assert not np.array_equal(model.F.get_weights()[0], model.G.get_weights()[0])
    assert len(model.trained()["G"]) == 2 * len(model.G.trainable_variables)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("gan", lambda: dict(generator=dense((2, 2, 3))), r"gives \(2, 2, 3\).*\(2, 2, 1\)"),
        ("gan", lambda: dict(discriminator=dense((2,))), r"discriminator gives \(2,\).*\(1,\)"),
        # Made for z alone, without the label.
        ("conditional_gan", lambda: dict(generator=Maker()((3,), IMAGE), **SMALL), r"\(13,\)"),
        ("bigan", lambda: dict(encoder=dense((4,)), **SMALL), r"encoder gives \(4,\)"),
        (
            "cyclegan",
            lambda: dict(generator=Maker(), discriminator=dense((1,))),
            r"\(2, 2, 1\) -> \(1, 1, 1\)",
        ),
        ("vae_gan", lambda: dict(discriminator=dense((1,)), **SMALL), '"features"'),
        (
            "wgan_gp",
            lambda: dict(discriminator=dense((1,), keras.layers.BatchNormalization()), **SMALL),
            "take it out of a discriminator of your own",
        ),
    ],
)
def test_networks_that_do_not_fit_are_refused(name, arguments, message):
    with pytest.raises(UserError, match=message):
        row(name, **arguments()).build()


def test_scores_in_half_precision_are_refused_and_not_mixed_with_others():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        with pytest.raises(UserError, match=r'discriminator gives float16.*dtype="float32"'):
            row("gan", discriminator=dense((1,)), **SMALL).build()
    finally:
        keras.mixed_precision.set_global_policy("float32")


# --- settings ------------------------------------------------------------------------------------


def settings(name):
    return declared.of_model(ROOT / "tfgen" / "models" / f"{name}.py")


def test_the_names_that_settings_allow_are_those_that_there_are():
    found = {name: setting.choices for name, setting in settings("conditional_gan").items()}
    assert found["objective"] == tuple(adversarial.OBJECTIVES)
    assert found["penalty"] == tuple(penalties.PENALTIES)
    assert found["network"] == adversaries.NETWORKS
    assert found["normalisation"] == adversaries.NORMALISATIONS
    assert found["pooling"] == adversaries.POOLINGS
    assert found["conditioning"] == CONDITIONINGS


def test_a_variant_has_defaults_of_its_own_and_its_parents_types_and_meanings():
    """Whether the rest goes to the parent (WGAN, BiGAN's DCGAN) or not (BiGAN)."""
    gan, wgan, bigan = (settings(name) for name in ("gan", "wgan", "bigan"))
    assert set(wgan) == set(gan)
    assert (gan["clip"].default, wgan["clip"].default, wgan["ema"].default) == (0.0, 0.01, 0.0)
    assert (bigan["depth"].default, bigan["normalisation"].default) == (4, "batch")
    assert "penalty" not in bigan
    for setting in (*wgan.values(), *bigan.values()):
        above = gan[setting.name]
        assert (setting.kind, setting.range, setting.choices, setting.meaning) == (
            *(above.kind, above.range, above.choices, above.meaning),
        )
    with pytest.raises(UserError, match="clip is -1, but must be 0 or more"):
        wgan["clip"].check(-1)
