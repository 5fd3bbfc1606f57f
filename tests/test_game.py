"""What any game has: objectives and penalties of a class's own, by name and from a file."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import ROWS, Row
from tfgen import models
from tfgen.errors import UserError
from tfgen.models.gan import GAN
from tfgen.objectives import adversarial, penalties


def bound(D_x, D_fake):
    return tf.square(D_x) + tf.square(D_fake - 2.0)


@penalties.Penalty
def small_scores(D, x, fake, seeds):
    return tf.abs(D(x))


@keras.saving.register_keras_serializable("tests")
class OwnGame(GAN):
    objective = adversarial.Objective("own", bound, lambda D_x, D_fake: 3.0 * D_fake, logits=False)
    penalty = small_scores
    penalty_weight = 0.5
    width = 5


def test_a_game_of_ones_own_trains_and_is_loaded(tmp_path):
    model = OwnGame((4, 4, 1), 17, latent_dim=2)
    assert (model.get_config()["objective"], model.get_config()["penalty"]) == (
        "own",
        "small_scores",
    )
    batch = Row("gan", {}, 0, (4, 4, 1)).batch()
    terms = model.test_step(batch)
    x = tf.constant(batch["image"] / 8 - 1, tf.float32)
    D_x, D_fake = model.score(x)[:, 0], model.score(model.G(model.noise(tf.range(8))["z"]))[:, 0]
    expected = np.mean(np.square(D_x) + np.square(D_fake - 2) + 0.5 * np.abs(D_x))
    assert float(terms["d_loss"]) == pytest.approx(expected, rel=1e-5)
    assert float(terms["g_loss"]) == pytest.approx(3 * np.mean(D_fake), rel=1e-5)
    model.save_networks(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.objective is OwnGame.objective
    assert np.array_equal(loaded.sample([1, 2]), model.sample([1, 2]))
    # A config chooses another by its name.
    assert OwnGame((4, 4, 1), 17, objective="hinge").objective is adversarial.hinge
    with pytest.raises(UserError, match=r"unknown objective 'onw'.* mean 'own'"):
        OwnGame((4, 4, 1), 17, objective="onw")


@pytest.mark.slow
def test_old_files_of_text_to_image_name_settings_that_it_never_had():
    (row,) = [row for row in ROWS if row.id == "text_to_image"]
    old = dict(row.arguments, image_shape=row.image_shape, levels=row.levels)
    old |= {"critic_steps": 1, "clip": 0.0, "network": "conv", "generator": None}
    config = models.find("text_to_image").from_config(old).get_config()
    assert not set(config) & {"critic_steps", "clip", "network", "generator"}
    assert config["contrast"] == row.arguments["contrast"]
