"""The networks of GANs: those of the papers, and layer norms."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support import defaults
from tests.zoo import GAN, Row
from tfgen import models
from tfgen.errors import UserError
from tfgen.layers import adversaries
from tfgen.objectives import penalties


@pytest.mark.parametrize(
    ("name", "of_G", "of_D"),
    [
        # G: 129 * 16 w; 3 times 19 w^2 + 6 w: a shortcut of 1, kernels of 3, a bias but before a
        # norm; 2 w; 27 w + 3. D: 28 * 128, 4 * 128; 16,512; 7 times 147,584; 128 + 1.
        ("sngan", 528_384 + 3 * 1_246_720 + 512 + 6915, 3584 + 512 + 16_512 + 1_033_088 + 129),
        ("wgan_gp", 264_192 + 3 * 312_064 + 256 + 3459, 3584 + 512 + 16_512 + 1_033_088 + 128),
    ],
)
def test_residual_networks_for_cifar_are_the_papers(name, of_G, of_D):
    """Of Miyato et al., table 4: 256 features in G, 128 in D, four blocks, of which two halve."""
    arguments = defaults.config_on(name, "cifar10", (32, 32, 3)).model
    model = models.find(name)((32, 32, 3), 256, **arguments)
    for network, expected in ((model.G, of_G), (model.D, of_D)):
        assert sum(int(np.prod(w.shape)) for w in network.trainable_variables) == expected
    pooled = next(x for x in model.D.layers if isinstance(x, keras.layers.GlobalAveragePooling2D))
    assert pooled.input.shape == (None, 8, 8, 128)


@pytest.mark.parametrize("normalisation", ["none", "spectral"])
def test_the_slope_of_a_sum_is_that_of_the_mean_by_the_number_of_places(normalisation):
    """A rectangle of 8x12, halved once: 4x6 places. The rest of D is the same, its norms too."""
    row = Row("sngan", dict(GAN, network="residual", normalisation=normalisation), 0, (8, 12, 1))
    summed = row.build()
    mean = dataclasses.replace(row, arguments=row.arguments | dict(pooling="mean")).build()
    mean.set_weights(summed.get_weights())
    x = tf.constant(np.random.default_rng(0).uniform(-1, 1, (5, 8, 12, 1)).astype("f"))
    slopes = [penalties.norm_of_gradient(lambda v, m=m: m.D(v)[:, 0], x) for m in (summed, mean)]
    np.testing.assert_allclose(slopes[0], 24 * slopes[1], rtol=1e-4)
    with pytest.raises(UserError, match="pooling"):
        Row("sngan", GAN | dict(pooling="most"), 0).build()


@pytest.mark.parametrize("shape", [(6, 5, 4), (7,)])
def test_a_layer_norm_is_of_a_whole_image_with_a_gain_of_each_channel(shape):
    """Ba et al. 2016 as Gulrajani et al.'s code has it for images, by hand."""
    inputs = keras.layers.Input(shape)
    network = keras.Model(inputs, adversaries.norm(inputs, "layer"))
    random = np.random.default_rng(0)
    gain, shift = random.normal(size=(2, shape[-1])).astype("f")
    network.set_weights([gain, shift])
    x = random.normal(2.0, 3.0, (3, *shape)).astype("f")
    each = [(image - image.mean()) / np.sqrt(image.var() + 1e-5) for image in x]
    np.testing.assert_allclose(network(x), gain * np.array(each) + shift, atol=1e-5)
