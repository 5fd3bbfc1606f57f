"""Losses that compare images, against the formula by hand."""

import numpy as np

from tfgen.objectives import losses


def test_sameness_is_twenty_of_equal_images_and_less_the_more_latents_move_them():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 3, 4, 4, 1)).astype(np.float32)
    z, other = rng.normal(size=(2, 3, 6)).astype(np.float32)
    ratios = [
        np.abs(a - b).mean() / np.abs(p - q).mean()
        for a, b, p, q in zip(x, y, z, other, strict=True)
    ]
    expected = [1 / (r + 0.05) for r in ratios]
    np.testing.assert_allclose(losses.sameness(x, y, z, other), expected, rtol=1e-5)
    np.testing.assert_allclose(losses.sameness(x, x, z, other), [20.0] * 3, rtol=1e-5)
