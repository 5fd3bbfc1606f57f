"""The embedded `shapes`: procedural sprites of known factors, with captions.

`shapes`: 32x32 RGB, 256 levels, every combination of the factors once (14,400 images). Four shapes
in six colours, three scales, 5 x 5 positions and eight rotations, on a dark ground. Each carries a
white dot that points to where its top is, so that even the rotation of a circle can be seen.
`shapes_binary`: 16x16, two levels: shape, scale and 7 x 7 positions (588 images). Colour has no
room in two levels, and rotation none in so few pixels.
`shapes_by_caption`: the images of `shapes`, dealt by their captions: those of the splits
"validation" and "test" name combinations that no image of "train" shows.

For disentanglement (factors), text-to-image (captions), and growing (32x32). The whole grid is
"train+validation+test"; a fixed permutation deals eight tenths, one and one to the splits, so that
every split is an even sample of the grid. No randomness but that: the images are a function of the
factors.
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

SHAPES = ("circle", "square", "triangle", "cross")
COLOURS = {
    "red": (230, 50, 50),
    "green": (50, 190, 70),
    "blue": (60, 100, 240),
    "yellow": (240, 210, 50),
    "purple": (170, 70, 200),
    "orange": (245, 140, 40),
}
SCALES = ("small", "medium", "large")
GROUND = 24
TURNS = 8
FACTORS = {"shape": 4, "colour": 6, "scale": 3, "x": 5, "y": 5, "rotation": TURNS}
BINARY_FACTORS = {"shape": 4, "scale": 3, "x": 7, "y": 7}
FINE = 4  # each pixel is the mean of FINE x FINE points


def inside(shape: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Whether points are inside a shape of radius 1 around the origin, its top at v = -1."""
    if shape == "circle":
        return u**2 + v**2 <= 0.9**2
    if shape == "square":
        return np.maximum(np.abs(u), np.abs(v)) <= 0.78
    if shape == "triangle":
        # Equilateral, its corners on the circle of radius 1.1.
        return (v <= 0.55) & (np.sqrt(3.0) * np.abs(u) - v <= 1.1)
    bar = (np.abs(u) <= 0.34) & (np.abs(v) <= 1.0)
    return bar | ((np.abs(v) <= 0.34) & (np.abs(u) <= 1.0))


@functools.cache
def coverage(
    size: int, shape: str, radius: float, x: float, y: float, angle: float
) -> list[np.ndarray]:
    """The shares of each pixel that the shape at (x, y), in pixels, and its dot cover."""
    ticks = (np.arange(size * FINE) + 0.5) / FINE
    right, down = np.meshgrid((ticks - x) / radius, (ticks - y) / radius)
    u = np.cos(angle) * right + np.sin(angle) * down
    v = np.cos(angle) * down - np.sin(angle) * right
    dot = u**2 + (v + 0.4) ** 2 <= 0.3**2
    return [
        share.reshape(size, FINE, size, FINE).mean(axis=(1, 3))
        for share in (inside(shape, u, v), dot)
    ]


def draw(shape: int, colour: int, scale: int, x: float, y: float, rotation: int) -> np.ndarray:
    """The image of the factors: uint8 [32, 32, 3]."""
    body, dot = coverage(
        32, SHAPES[shape], (4.5, 5.75, 7)[scale], 8 + 4 * x, 8 + 4 * y, 2 * np.pi * rotation / TURNS
    )
    body, dot = body[..., None], dot[..., None]
    image = GROUND + body * (np.array(list(COLOURS.values())[colour]) - GROUND)
    return np.round(image + dot * (255 - image)).astype(np.uint8)


def draw_binary(shape: int, scale: int, x: float, y: float) -> np.ndarray:
    """The image of the factors: uint8 [16, 16, 1], levels 0 and 1."""
    body, _ = coverage(16, SHAPES[shape], (3, 4, 5)[scale], 5 + x, 5 + y, 0.0)
    return (body >= 0.5).astype(np.uint8)[..., None]


def caption(shape: int, scale: int, x: int, y: int, places: int, colour: int | None = None) -> str:
    """In words: "a small red circle at the top left"; x and y are among `places` from 0."""
    across = _third(x, places, ("left", "", "right"))
    above = _third(y, places, ("top", "", "bottom"))
    place = f"at the {above} {across}".replace("  ", " ").rstrip()
    coloured = [] if colour is None else [list(COLOURS)[colour]]
    words = " ".join([SCALES[scale], *coloured, SHAPES[shape]])
    return f"a {words} {place if above or across else 'in the centre'}"


def _third(i: int, places: int, names: Sequence[str]) -> str:
    return names[int(np.sign(i - places // 2)) + 1]


def said(factors: np.ndarray) -> dict[str, np.ndarray]:
    """What a caption says of images: factors of `shapes` [N, 6] -> {what: int [N]}."""
    shape, colour, scale, x, y, _ = np.transpose(factors)
    across, above = (np.sign(i - FACTORS["x"] // 2) + 1 for i in (x, y))
    return {"shape": shape, "colour": colour, "scale": scale, "position": 3 * above + across}


def splits(count: int) -> dict[str, np.ndarray]:
    """{split: rows of the grid}, dealt by a fixed permutation."""
    order = np.random.default_rng(0).permutation(count)
    first, second = count * 8 // 10, count * 9 // 10
    return {"train": order[:first], "validation": order[first:second], "test": order[second:]}


class Shapes(tfds.core.GeneratorBasedBuilder):
    """Sprites of six factors in colour, with captions; the label is the shape."""

    VERSION = tfds.core.Version("1.0.0")
    sizes = FACTORS
    size, channels, levels = 32, 3, 256

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(self.size, self.size, self.channels)),
                    "label": tfds.features.ClassLabel(names=SHAPES),
                    "factors": tfds.features.Tensor(shape=(len(self.sizes),), dtype=np.int32),
                    "caption": tfds.features.Text(),
                }
            ),
            metadata=tfds.core.MetadataDict(levels=self.levels, factors=list(self.sizes)),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        grid = list(itertools.product(*map(range, self.sizes.values())))
        return {
            name: self._generate_examples([grid[i] for i in rows])
            for name, rows in self.splits(grid).items()
        }

    def splits(self, grid: Sequence[tuple[int, ...]]) -> dict[str, np.ndarray]:
        """{split: rows of the grid}"""
        return splits(len(grid))

    def _generate_examples(
        self, combinations: Sequence[tuple[int, ...]]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        for i, values in enumerate(combinations):
            factors = dict(zip(self.sizes, values, strict=True))
            words = {key: factors[key] for key in ("shape", "scale", "x", "y")}
            yield (
                i,
                {
                    "image": self.draw(**factors),
                    "label": factors["shape"],
                    "factors": np.array(values, np.int32),
                    "caption": caption(
                        **words, places=self.sizes["x"], colour=factors.get("colour")
                    ),
                },
            )

    draw: Callable[..., np.ndarray] = staticmethod(draw)


class ShapesByCaption(Shapes):
    """The same sprites; no caption of one split is in another."""

    def splits(self, grid: Sequence[tuple[int, ...]]) -> dict[str, np.ndarray]:
        values = said(np.array(grid))
        _, which = np.unique(np.stack(list(values.values())), axis=1, return_inverse=True)
        which = which.ravel()
        dealt = splits(which.max() + 1)
        return {name: np.flatnonzero(np.isin(which, rows)) for name, rows in dealt.items()}


class ShapesBinary(Shapes):
    """Sprites of four factors, 16x16 in two levels; the label is the shape."""

    sizes = BINARY_FACTORS
    size, channels, levels = 16, 1, 2
    draw = staticmethod(draw_binary)
