"""The fully visible belief network of grey pictures: a rate for 64 pixels fits 784."""

import numpy as np
import pytest

from tests.zoo import Row
from tfgen.compiling import compiled
from tfgen.training import optimizers


def smooth(count, random):
    """28x28 at 256 levels: a grey level, a slope, and noise of 8 levels."""
    y, x = np.mgrid[:28, :28] / 27 - 0.5
    grey = random.uniform(60, 195, (count, 1, 1))
    down, right = random.uniform(-60, 60, (2, count, 1, 1))
    image = grey + down * y + right * x + random.normal(0, 8, (count, 28, 28))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)[..., None]


@pytest.mark.slow
def test_the_rate_for_digits_learns_pictures_of_more_pixels():
    """A uniform has 8 bits a pixel, the noise alone 5.05."""
    model = Row("fvsbn", {}, 0, (28, 28, 1), 256).build()
    model.compile({"p": optimizers.Adam(1e-2)})
    random = np.random.default_rng(0)
    image = smooth(800, random)
    step = compiled(model.train_step)
    losses = [step({"image": image[random.integers(0, 800, 100)]})["loss"] for _ in range(100)]
    bits = np.array(losses) / (784 * np.log(2))
    assert bits.max() < 8.5
    assert bits[-10:].mean() < 6.5
