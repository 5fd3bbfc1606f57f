"""NADE: the sums before each pixel, in blocks."""

import numpy as np
import pytest
import tensorflow as tf

from tfgen.models.nade import BLOCK, sums_before


@pytest.mark.parametrize("d", [1, BLOCK, 2 * BLOCK + 3])
def test_sums_in_blocks_are_the_plain_ones(d):
    """And so are their gradients, of both sides."""
    random = np.random.default_rng(d)
    x, W, weights = (
        tf.constant(random.normal(size=shape), tf.float64) for shape in ((3, d), (d, 4), (d, 3, 4))
    )

    def plain(x, W):
        terms = tf.transpose(x)[:, :, None] * W[:, None]
        return tf.cumsum(terms, axis=0, exclusive=True)

    found = []
    for function in (sums_before, plain):
        with tf.GradientTape() as tape:
            tape.watch([x, W])
            sums = function(x, W)
            total = tf.reduce_sum(weights * sums)
        found.append([sums, *tape.gradient(total, [x, W])])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
