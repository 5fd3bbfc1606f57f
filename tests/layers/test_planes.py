"""Planes of labels beside an image."""

import numpy as np
import pytest

from tfgen.layers import adversaries, planes


@pytest.mark.parametrize("normalisation", ["none", "spectral"])
def test_planes_of_labels(normalisation):
    """Ones in the plane of the image's own label: the tutorial that many copy scrambles them."""
    conv = adversaries.conv(6, 4, 2, normalisation, bias_initializer="random_normal")
    layer = planes.ConvBeside(conv)
    label = np.array([3, 0, 9, 3])
    x = np.random.default_rng(0).uniform(-1, 1, (4, 8, 6, 3)).astype(np.float32)
    found = layer([x, np.eye(10, dtype="f")[label]]).numpy()
    beside = np.zeros((4, 8, 6, 10), np.float32)
    for i, k in enumerate(label):
        beside[i, :, :, k] = 1
    seen = planes.Beside()([x, np.eye(10, dtype="f")[label]])
    assert np.array_equal(seen, np.concatenate([x, beside], -1))
    assert conv.kernel.shape == (4, 4, 13, 6)
    np.testing.assert_allclose(found, conv(seen), atol=1e-6)
    again = planes.ConvBeside.from_config(layer.get_config())
    assert again.conv.get_config() == conv.get_config()
