"""Sliced Wasserstein distance between patches of images, by scale.

T. Karras, T. Aila, S. Laine, J. Lehtinen. Progressive Growing of GANs for Improved Quality,
Stability, and Variation. ICLR 2018, section 5. https://arxiv.org/abs/1710.10196

A level of the Laplacian pyramid holds the details of one size: 16 pixels a side and what is coarser
in the first, then what 32, 64, ... add. Patches of 7 x 7 pixels are drawn from each image, each
channel of a level is brought to mean 0 and deviation 1, and the distance of two sets of patches is
the mean over random directions of the Wasserstein-1 distance of their projections, which sorting
gives exactly (J. Rabin et al. 2011). That of coarse levels is about large structure, that of fine
ones about edges and noise.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

COARSEST = 16
PATCH = 7
PATCHES = 32  # of an image; the paper has 128, which take four times as long
DIRECTIONS = 512
SMOOTH = np.array([1, 4, 6, 4, 1]) / 16


def sides(image_shape: Sequence[int]) -> tuple[int, ...]:
    """The levels that images [H, W, C] have, named by their pixels a side; () for others."""
    h, w, _ = image_shape
    if h != w or h < COARSEST or h & (h - 1):
        return ()
    return tuple(1 << k for k in range(COARSEST.bit_length() - 1, h.bit_length()))


def distances(real: np.ndarray, fake: np.ndarray, seed: int = 0) -> dict[int, float]:
    """{side: distance} of images [N, H, H, C] in [0, 1]; 1,000 times, as in the paper's tables.

    Of sets of unequal size the first images of the larger are taken.
    """
    n = min(len(real), len(fake))
    levels = zip(pyramid(real[:n]), pyramid(fake[:n]), strict=True)
    found = {}
    for one, other in levels:
        random = np.random.default_rng(seed)
        patches, others = (normalised(draw(images, random)) for images in (one, other))
        found[one.shape[1]] = 1000.0 * sliced(patches, others, random)
    return found


def pyramid(images: np.ndarray) -> list[np.ndarray]:
    """Details by scale, the coarsest first: [N, H, H, C] -> [[N, 16, 16, C], [N, 32, ...], ...]."""
    levels, images = [], np.asarray(images, np.float64)
    while images.shape[1] > COARSEST:
        small = smooth(images)[:, ::2, ::2]
        levels.append(images - enlarge(small))
        images = small
    return [images, *reversed(levels)]


def smooth(images: np.ndarray) -> np.ndarray:
    for axis in (1, 2):
        images = ndimage.convolve1d(images, SMOOTH, axis=axis, mode="mirror")
    return images


def enlarge(images: np.ndarray) -> np.ndarray:
    """Between pixels there are zeros at first; smoothing spreads what there is over four."""
    n, h, w, c = images.shape
    large = np.zeros((n, 2 * h, 2 * w, c))
    large[:, ::2, ::2] = images
    return 4.0 * smooth(large)


def draw(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Patches at random places: [N, H, W, C] -> [N * PATCHES, PATCH, PATCH, C]."""
    n, h, w, _ = images.shape
    row = np.arange(n).repeat(PATCHES)[:, None, None]
    y = random.integers(0, h - PATCH + 1, n * PATCHES)[:, None, None]
    x = random.integers(0, w - PATCH + 1, n * PATCHES)[:, None, None]
    within = np.arange(PATCH)
    return images[row, y + within[:, None], x + within[None, :]]


def normalised(patches: np.ndarray) -> np.ndarray:
    """Each channel to mean 0 and deviation 1, as rows [N, D]."""
    axes = (0, 1, 2)
    patches = patches - patches.mean(axis=axes)
    patches = patches / (patches.std(axis=axes) + 1e-8)
    return patches.reshape(len(patches), -1)


def sliced(
    one: np.ndarray, other: np.ndarray, random: np.random.Generator, directions: int = DIRECTIONS
) -> float:
    """Mean over directions of the Wasserstein-1 distance of projections: rows [N, D], [N, D]."""
    d = random.normal(size=(one.shape[1], directions))
    d /= np.linalg.norm(d, axis=0)
    # A few directions at a time: the projections of all are hundreds of megabytes.
    parts = np.array_split(d, max(1, directions // 64), axis=1)
    means = [
        np.abs(np.sort(one @ part, axis=0) - np.sort(other @ part, axis=0)).mean(axis=0)
        for part in parts
    ]
    return float(np.concatenate(means).mean())
