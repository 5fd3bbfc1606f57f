"""Random filters tell images from what only resembles them, in numbers that validation has."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.signal import correlate
from sklearn.datasets import load_sample_images

from tfgen import data
from tfgen.metrics import distances, features, textures

# Of the filters for one and for three channels, as they are for ever.
DIGESTS = {
    1: "b51c98157cd3d7a91e405029d6f479bab8ad7f483576baaf2b2219fd0aafe558",
    3: "97f22b918ad5fcaa92dcffb9d0a446f675921316ca0b90062e2a66b433a10ef1",
}


@pytest.mark.parametrize("channels", DIGESTS)
def test_the_filters_are_fixed(channels):
    found = textures.filters((32, 40, channels))
    assert [w.shape for w in found] == [(3, 3, channels, 32)] * 3
    assert features._digest(*found) == DIGESTS[channels]
    for w in found:
        np.testing.assert_allclose(np.square(w).sum(axis=(0, 1, 2)), 1.0, rtol=1e-5)
        sums = np.abs(w.sum(axis=(0, 1)))
        assert sums[:, :16].max() < 1e-6 < 1e-2 < sums[:, 16:].max(axis=0).min()


def seen(x, kernel):
    """relu of the correlation, where the kernel lies within the image."""
    return np.maximum(correlate(x, kernel, mode="valid")[..., 0], 0.0)


def test_responses_by_hand():
    """A 10x14 image: twice looked at, for a third of its size is too small; quarters of both."""
    random = np.random.default_rng(0)
    x = random.random((2, 10, 14, 3))
    whole, half = textures.filters(x.shape[1:])
    small = x.reshape(2, 5, 2, 7, 2, 3).mean(axis=(2, 4))
    found = textures.responses(x).reshape(2, 2, 5, 32)
    for i, k in np.ndindex(2, 32):
        r = seen(x[i], whole[..., k])  # 8x12
        quarters = (r[:4, :6], r[:4, 6:], r[4:, :6], r[4:, 6:])
        np.testing.assert_allclose(found[i, 0, :, k], [p.mean() for p in (r, *quarters)], rtol=1e-4)
        r = seen(small[i], half[..., k])  # 3x5, whose quarters share the middle
        quarters = (r[:2, :3], r[:2, 2:], r[1:, :3], r[1:, 2:])
        np.testing.assert_allclose(found[i, 1, :, k], [p.mean() for p in (r, *quarters)], rtol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 2), (4, 4, 1), (8, 8, 1), (9, 33, 3), (64, 64, 3)])
def test_images_of_any_size_are_taken(shape):
    images = np.random.default_rng(0).random((300, *shape))
    found = textures.responses(images)
    assert found.shape == (300, textures.scales(shape) * 5 * 32)
    np.testing.assert_array_equal(found[280:290], textures.responses(images[280:290]))


def photographs():
    """A folder's kind of data: 520 pieces of two photographs, 32x32 in colour, no labels."""
    found = []
    for image in load_sample_images().images:
        h, w = (n // 32 for n in image.shape[:2])
        pieces = image[: 32 * h, : 32 * w].reshape(h, 32, w, 32, 3).swapaxes(1, 2)
        found.append(pieces.reshape(-1, 32, 32, 3))
    found = np.random.default_rng(0).permutation(np.concatenate(found))
    return found[:320], found[320:], 256


def embedded(name):
    source = data.open_source(name)
    train, held_out = source.load("train[:4000]" if name == "shapes" else "train"), "validation"
    return *(
        d["image"] for d in (data.arrays(train), data.arrays(source.load(held_out)))
    ), train.levels


def imitations(train, n, levels):
    """{name: images [n, H, W, C] in [0, 1]}, from real ones to noise."""
    random = np.random.default_rng(0)
    x = train / (levels - 1)

    def some():
        return x[random.permutation(len(x))[:n]]

    sigma = 0.5 if x.shape[1] == 8 else 1.0
    return {
        "real": some(),
        "blurred": gaussian_filter(some(), (0, sigma, sigma, 0)),
        "blend": sum(some() for _ in range(4)) / 4,
        "average": np.repeat(x.mean(axis=0)[None], n, axis=0),
        "noise": random.random((n, *x.shape[1:])),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "shapes", "photographs"])
def test_the_kernel_distance_knows_images_from_imitations(name):
    """As many as a validation split has: real < blurred < blends < the average < noise."""
    train, held_out, levels = photographs() if name == "photographs" else embedded(name)
    held_out = held_out[:350]
    found = features.choose("auto", {"image": train}, {"image": held_out}, levels)
    real = found.features(held_out / (levels - 1))
    kid = {
        key: distances.unbiased_mmd(real, found.features(images))
        for key, images in imitations(train, len(held_out), levels).items()
    }
    assert abs(kid["real"]) < kid["blurred"] / 4
    assert kid["blurred"] * 1.5 < kid["blend"]
    assert kid["blend"] * 1.5 < kid["average"]
    assert kid["average"] * 3 < kid["noise"]
