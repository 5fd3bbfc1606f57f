"""Errors of reconstructions: by hand, and against TensorFlow's."""

import numpy as np
import pytest
import tensorflow as tf

from tfgen.metrics import (
    reconstruction,
)


@pytest.mark.parametrize("shape", [(12, 16, 1), (20, 17, 3)])
def test_psnr_and_ssim_agree_with_tensorflow(random, shape):
    x = random.random((4, *shape)).astype(np.float32)
    y = np.clip(x + 0.2 * random.normal(size=x.shape), 0, 1).astype(np.float32)
    expected = float(tf.reduce_mean(tf.image.psnr(x, y, 1.0)))
    assert reconstruction.psnr(x, y) == pytest.approx(expected, rel=1e-5)
    expected = float(tf.reduce_mean(tf.image.ssim(x, y, 1.0)))
    assert reconstruction.ssim(x, y) == pytest.approx(expected, abs=1e-5)


def test_ssim_of_small_images_has_a_smaller_window(random):
    x, y = random.random((2, 3, 8, 8, 1)).astype(np.float32)
    expected = float(tf.reduce_mean(tf.image.ssim(x, y, 1.0, filter_size=7)))
    assert reconstruction.ssim(x, y) == pytest.approx(expected, abs=1e-5)
    assert reconstruction.ssim(x, x) == pytest.approx(1.0)


def test_mse_and_psnr_by_hand():
    x, y = np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.1)
    assert reconstruction.mse(x, y) == pytest.approx(0.01)
    assert reconstruction.psnr(x, y) == pytest.approx(20.0)
    assert reconstruction.psnr(x, x) == 100.0
