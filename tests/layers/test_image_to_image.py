"""Layers of translation, against others."""

import keras
import numpy as np

from tfgen.layers import image_to_image


def test_layers_against_others():
    x = np.random.default_rng(0).normal(2.0, 3.0, (3, 6, 5, 4)).astype(np.float32)
    ours = image_to_image.InstanceNorm()
    ours.build(x.shape)
    ours.gamma.assign([1.0, 2.0, 3.0, 4.0])
    theirs = keras.layers.GroupNormalization(groups=-1, epsilon=1e-5)
    theirs.build(x.shape)
    theirs.gamma.assign(ours.gamma)
    np.testing.assert_allclose(ours(x), theirs(x), atol=2e-5)
    mirrored = np.pad(x, [(0, 0), (2, 2), (2, 2), (0, 0)], "reflect")
    assert np.array_equal(image_to_image.Reflect(2)(x), mirrored)
    # The paper's discriminator, and that of the config.
    assert [image_to_image.patch(depth) for depth in (3, 1)] == [70, 16]
