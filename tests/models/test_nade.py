"""NADE: the sums before each pixel, in blocks."""

import numpy as np
import pytest
import tensorflow as tf

from tfgen.models.nade import BLOCK, NADE, sums_before


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


def test_units_are_dropped_of_an_image_and_not_of_a_pixel():
    """All units alike and saturated: an output is the share of them that its image has left."""
    model = NADE((3, 3, 1), levels=2, hidden=40, dropout=0.5)
    for weight, value in ((model.W, 0.0), (model.c, 50.0), (model.V, 1 / 40), (model.b, 0.0)):
        weight.assign(tf.fill(weight.shape, value))
    x = tf.zeros([6, 3, 3, 1])
    found = model.network(x, training=True).numpy().reshape(6, 9)
    np.testing.assert_allclose(found, found[:, :1].repeat(9, axis=1), rtol=1e-5)
    assert len(np.unique(found[:, 0].round(3))) > 2
    # By row, whatever the batch: so replicas and parts of a batch see the masks that they should.
    np.testing.assert_array_equal(
        model.network(x[:2], training=True).numpy().reshape(2, 9), found[:2]
    )
    np.testing.assert_allclose(model.network(x), 1.0, rtol=1e-5)
