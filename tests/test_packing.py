"""What is packed: half the numbers' digits, none of the weights that nobody asks for."""

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import ROWS
from tfgen import packing, presets
from tfgen.errors import UserError
from tfgen.run import Run

SEEDS = tf.range(8)


def packed(name, folder):
    """(a row's model with drawn weights, the same from its packed file)."""
    model = next(row for row in ROWS if row.name == name).build()
    random = np.random.default_rng(0)
    for weight in model.trainable_variables:  # an average of weights is not the weights
        weight.assign(weight + 0.02 * random.standard_normal(weight.shape))
    model.save_networks(folder / "whole.keras")
    packing.small(model, folder / "small.keras", folder / "whole.keras")
    return model, keras.saving.load_model(folder / "small.keras", compile=False)


def test_a_gan_keeps_what_samples_and_clusters(tmp_path):
    """InfoGAN's Q, which finds classes, stands on the body of D."""
    model, small = packed("infogan", tmp_path)
    images = model.sample(SEEDS).numpy()
    np.testing.assert_allclose(small.sample(SEEDS), images, rtol=0, atol=2e-3)
    assert np.array_equal(small.cluster(images), model.cluster(images))


def test_what_no_sample_depends_on_is_zero(tmp_path):
    model, small = packed("dcgan", tmp_path)
    np.testing.assert_allclose(small.sample(SEEDS), model.sample(SEEDS), rtol=0, atol=2e-3)
    assert not any(np.any(weight) for weight in small.D.trainable_weights)


def test_a_vae_keeps_encoder_and_decoder(tmp_path):
    model, small = packed("vae", tmp_path)
    images = model.sample(SEEDS).numpy()
    codes = model.encode(images)["mean"].numpy()
    np.testing.assert_allclose(small.encode(images)["mean"], codes, rtol=0, atol=5e-3)
    np.testing.assert_allclose(small.decode(codes), model.decode(codes), rtol=0, atol=2e-3)
    sizes = [(tmp_path / f"{which}.keras").stat().st_size for which in ("small", "whole")]
    assert sizes[0] < 0.6 * sizes[1]


def test_an_unknown_licence_is_asked_for(tmp_path):
    shutil.copytree(presets.FOLDER / "dcgan/digits", tmp_path / "run")
    file = tmp_path / "run" / "config.json"
    file.write_text(file.read_text().replace('"name": "digits"', '"name": "./mine"'))
    with pytest.raises(UserError, match=r"the licence of \./mine is not known: give `licence`"):
        packing.pack(Run(tmp_path / "run"), tmp_path / "out")
