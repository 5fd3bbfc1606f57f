"""Denoisers: what they know of time, condition and levels, and how large they are."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from tfgen.compiling import compiled
from tfgen.diffusion import undropped
from tfgen.layers import unet
from tfgen.models import DDPM


@pytest.mark.parametrize(
    ("sides", "count"), [((8, 8), 1), ((28, 28), 2), ((32, 32), 3), ((7, 7), 0), ((64, 32), 3)]
)
def test_sides_are_halved_while_they_are_even_and_four_pixels_are_left(sides, count):
    assert unet.halvings((*sides, 1)) == count


def test_the_default_at_28_pixels_has_some_400_thousand_weights():
    assert 350_000 < DDPM((28, 28, 1), 256, half_life=0).parameter_count() < 450_000


def test_waves_are_alike_at_all_levels_and_differ_between_them():
    layer = unet.LevelWaves(17)
    x = np.linspace(-1, 1, 33, dtype=np.float32).reshape(1, 33, 1, 1)  # levels, and halfway
    x, whole, half = np.split(layer(tf.constant(x)).numpy()[0, :, 0], [1, 3], axis=-1)
    np.testing.assert_allclose(whole[::2], [[0.0, 1.0]] * 17, atol=1e-5)
    assert (np.abs(whole[1::2] - [0.0, 1.0]).max(axis=-1) > 1).all()
    neighbours = half[::2]
    np.testing.assert_allclose(neighbours[:-1, 1], -neighbours[1:, 1], atol=1e-5)


def test_attention_is_that_of_each_pixel_over_all():
    layer = unet.Attention()
    h = np.random.default_rng(0).normal(size=(2, 2, 3, 4)).astype(np.float32)
    got = layer(tf.constant(h)).numpy()
    (into, b), (out, c) = (part.get_weights() for part in (layer.into, layer.out))
    for image, found in zip(h, got, strict=True):
        q, k, v = np.split(image.reshape(6, 4) @ into + b, 3, axis=-1)
        for i in range(6):
            score = np.exp(np.array([q[i] @ k[j] for j in range(6)]) / 2.0)
            want = (score / score.sum()) @ v @ out + c
            np.testing.assert_allclose(found.reshape(6, 4)[i], want, rtol=1e-4, atol=1e-5)


NETWORKS = {
    "unet": lambda: unet.unet((4, 4, 1), 1, 3, 17, 4, 1, 4, False, undropped, "n"),
    "dense": lambda: unet.dense((4, 4, 1), 1, 3, 4, 2, undropped, "n"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_pixel_time_and_condition_have_a_part(name):
    """In each number that the network says: gradients by them are not zero."""
    keras.utils.set_random_seed(0)
    network = NETWORKS[name]()
    random = np.random.default_rng(0)
    inputs = [tf.constant(random.normal(size=(1, *s)), tf.float32) for s in ((4, 4, 1), (1,), (3,))]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        said = network(inputs)[0, 3, 0, 0]
    for gradient in tape.gradient(said, inputs):
        assert (np.abs(gradient) > 0).all()


@pytest.mark.slow
def test_two_stages_are_the_same_on_devices():
    """What halves and doubles sides; the rows of the zoo export networks of one stage, in loops."""
    keras.utils.set_random_seed(0)
    network = unet.unet((8, 8, 1), 1, 0, 17, 4, 1, 0, False, undropped, "n")
    # Time 80, 272; in 40; blocks 380, 1080, 1336, 2064, 1736, 736, 568; down 148, up 584; out 45.
    assert network.count_params() == 9069
    specs = [tf.TensorSpec([1, 8, 8, 1]), tf.TensorSpec([1, 1])]
    function = compiled(lambda x, t: network([x, t]), input_signature=specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    file = Interpreter(model_content=converter.convert())
    file.allocate_tensors()
    random = np.random.default_rng(0)
    x, t = random.normal(size=(1, 8, 8, 1)).astype(np.float32), np.full((1, 1), 3.0, np.float32)
    for detail in file.get_input_details():
        file.set_tensor(detail["index"], x if len(detail["shape"]) == 4 else t)
    file.invoke()
    found = file.get_tensor(file.get_output_details()[0]["index"])
    np.testing.assert_allclose(found, network([x, t]), atol=1e-5)
