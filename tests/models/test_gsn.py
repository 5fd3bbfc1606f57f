"""The GSN: its chain, and the walk that it is trained on."""

import numpy as np
import tensorflow as tf

from tests.zoo import Row
from tfgen import models, random
from tfgen.models.denoising_autoencoder import salt_and_pepper

SIZES = dict(latent_dim=3, width=5, steps=4)


def build(**arguments):
    return Row("gsn", SIZES | arguments, 0).build()


def test_salt_and_pepper_replaces_the_share_of_pixels_that_it_says():
    u = random.uniform(tf.range(50), [40, 40, 1], "test")
    x = salt_and_pepper(tf.fill(u.shape, 0.5), u, 0.3).numpy()
    shares = [np.mean(x == value) for value in (0.0, 0.5, 1.0)]
    np.testing.assert_allclose(shares, [0.15, 0.7, 0.15], atol=0.01)


def test_one_turn_of_walkback_is_a_denoising_autoencoder():
    model = build(walkback=1)
    image = Row("gsn", SIZES, 0).batch()["image"]
    seeds = tf.range(8)
    u = random.uniform(seeds, [2, 8, 8, 1], "walk 0")
    corrupted = salt_and_pepper(model.to_unit(image), u[:, 0], model.strength)
    expected = -model.p.log_prob(tf.cast(image, tf.int32), model.parameters(corrupted))
    np.testing.assert_allclose(
        model.step_terms({"image": image}, seeds, False)["loss"], expected, rtol=1e-6
    )


def test_the_walk_goes_on_from_what_the_chain_makes_of_an_image():
    """The second term, by hand: corrupt what was drawn, and ask for the image that it was."""
    model = build(walkback=2)
    image = Row("gsn", SIZES, 0).batch()["image"]
    seeds, x, total = tf.range(8), model.to_unit(image), 0.0
    for k in range(2):
        u = random.uniform(seeds, [2, 8, 8, 1], f"walk {k}")
        parameters = model.turn(x, u)
        total -= model.p.log_prob(tf.cast(image, tf.int32), parameters)
        x = model.p.draw(parameters, u[:, 1])
    np.testing.assert_allclose(
        model.step_terms({"image": image}, seeds, False)["loss"], total / 2, rtol=1e-6
    )


def test_a_sample_is_the_chain_written_out():
    model = build()
    noise = model.noise(tf.range(3))
    x, u = noise["start"], noise["u"]
    for t in range(3):
        x = model.p.draw(model.turn(x, u[:, t]), u[:, t, 1])
    expected = model.p.mean(model.turn(x, u[:, 3]))
    np.testing.assert_allclose(model.generate(noise), expected, atol=1e-6)


def test_where_the_chain_starts_and_what_it_is_corrupted_by_are_independent():
    """Of one uniform for both, half of what turn 0 replaces would be black as it is."""
    noise = build().noise(tf.range(200))
    start, first = (v.numpy().ravel() for v in (noise["start"], noise["u"][:, 0, 0]))
    assert abs(np.corrcoef(start, first)[0, 1]) < 4 / np.sqrt(start.size)


def test_completion_keeps_the_known():
    model = models.find("gsn")((8, 8, 1), 17, **SIZES)
    x = model.sample(np.arange(4)).numpy()
    known = np.zeros(x.shape, bool)
    known[:, :4] = True
    full = model.complete(x, known).numpy()
    assert np.array_equal(full[known], x[known])
    assert not np.array_equal(full, x)
