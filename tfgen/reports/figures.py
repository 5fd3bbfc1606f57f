"""Pictures of what a model does: float images [N, H, W, C] in [0, 1] -> PNG files."""

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen import latents
from tfgen.data import conditions
from tfgen.files import atomic
from tfgen.images import eight_bits
from tfgen.metrics import neighbours

if TYPE_CHECKING:
    import os

    from tfgen.model import GenerativeModel


BACKGROUND = 255  # the colour of the gaps between images
GAP = 3  # pixels between images
CELL = 64  # small images are enlarged to about this many pixels


def tile(images: np.ndarray, columns: int) -> np.ndarray:
    """Rows of images with gaps between: float [N, H, W, C] -> uint8 [height, width, 3].

    Small images are enlarged by a whole factor, smoothly: the eye cannot read a digit of 64 blocks.
    """
    from PIL import Image

    images = np.asarray(images)
    n, h, w, c = images.shape
    if (h, w, c) == (1, 1, 2):
        return scatter(images[:, 0, 0])
    pixels = eight_bits(images)
    if c == 1:
        pixels = pixels.repeat(3, axis=-1)
    zoom = max(1, CELL // max(h, w))
    h, w = h * zoom + GAP, w * zoom + GAP
    rows = math.ceil(n / columns)
    canvas = np.full((rows * h + GAP, columns * w + GAP, 3), BACKGROUND, np.uint8)
    for i, image in enumerate(pixels):
        top, left = GAP + i // columns * h, GAP + i % columns * w
        image = Image.fromarray(image).resize((w - GAP, h - GAP), Image.Resampling.BICUBIC)
        canvas[top : top + h - GAP, left : left + w - GAP] = image
    return canvas


def pixels(image: np.ndarray) -> np.ndarray:
    """One image in [0, 1], [H, W, C] -> uint8 [H, W, 3] at its own size."""
    image = eight_bits(image)
    return image.repeat(3, axis=-1) if image.shape[-1] == 1 else image


def scatter(points: np.ndarray, side: int = 512) -> np.ndarray:
    """Points of the unit square [N, 2] as dots, y upwards: uint8 [side, side, 3]."""
    canvas = np.full((side, side), float(BACKGROUND))
    column, row = np.round(np.clip([points[:, 0], 1 - points[:, 1]], 0, 1) * (side - 3)).astype(int)
    for down in range(3):
        for right in range(3):
            np.multiply.at(canvas, (row + down, column + right), 0.6)
    return canvas.round().astype(np.uint8)[..., None].repeat(3, axis=-1)


def save_gif(path: "str | os.PathLike", images: np.ndarray, milliseconds: int) -> None:
    """Images in [0, 1], [N, H, W, C], as the frames of a GIF that begins again at its end."""
    from PIL import Image

    frames = [Image.fromarray(tile(image[None], 1)) for image in images]
    with atomic(path) as temporary:
        # Each frame in colours of its own, and nothing of the one before left.
        frames[0].save(
            temporary,
            save_all=True,
            append_images=frames[1:],
            duration=milliseconds,
            loop=0,
            disposal=2,
        )


def save(path: "str | os.PathLike", pixels: np.ndarray) -> None:
    """uint8 [height, width, 3] -> a PNG file."""
    from PIL import Image

    with atomic(path) as temporary:
        # Half of the time of the default, 6, for a twentieth more bytes.
        Image.fromarray(pixels).save(temporary, compress_level=3)


def sample_grid(path: "str | os.PathLike", images: np.ndarray) -> None:
    save(path, tile(images, columns=math.ceil(math.sqrt(len(images)))))


def surprise(images: np.ndarray, log_p: np.ndarray) -> np.ndarray:
    """Pairs of rows: images, and how unlikely each pixel was: -log p from 0 (black) to the most.

    log_p: [N, H, W, C], nats, of `pixel_log_prob`.
    """
    nats = -np.asarray(log_p).sum(axis=-1, keepdims=True)
    nats = np.broadcast_to(nats / max(nats.max(), 1e-6), images.shape)
    return stacked(images, nats)


def filters(weights: np.ndarray, most: int = 100) -> np.ndarray:
    """Signed weights [N, H, W, C] as tiles: grey is 0; each has its own scale, uint8 pixels."""
    weights = np.asarray(weights)[:most]
    largest = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
    return tile(0.5 + 0.5 * weights / np.maximum(largest, 1e-6), math.ceil(math.sqrt(len(weights))))


def mixing(model: "GenerativeModel", images: np.ndarray) -> np.ndarray:
    """Rows: an image, and where the model's chain goes from it, turn after turn."""
    chains = np.asarray(model.mixing(images, np.arange(len(images), dtype=np.int32)))
    return tile(chains.reshape(-1, *chains.shape[2:]), chains.shape[1])


def reconstructions(model: "GenerativeModel", images: np.ndarray) -> np.ndarray:
    """Pairs of rows: images, and under each its reconstruction."""
    return stacked(images, np.asarray(model.reconstruct(images)))


def denoising(model: "GenerativeModel", images: np.ndarray) -> np.ndarray:
    """Threes of rows: images, as the model is given them, and as it cleans them."""
    noisy = np.asarray(model.corrupt(images, np.arange(len(images), dtype=np.int32)))
    return stacked(images, noisy, np.asarray(model.denoise(noisy)))


def completion(model: "GenerativeModel", images: np.ndarray) -> np.ndarray:
    """Threes of rows: images, their upper halves alone, and those as the model completes them."""
    from tfgen.compiling import compiled

    known = np.zeros(images.shape, bool)
    known[:, : images.shape[1] // 2] = True
    # Pixel after pixel: op by op it would take minutes where this takes seconds.
    completed = np.asarray(compiled(model.complete)(images, known))
    return stacked(images, np.where(known, images, 0.0), completed)


def nearest(samples: np.ndarray, train: np.ndarray, columns: int = 16) -> np.ndarray:
    """The samples that lie nearest to training images, above those images."""
    flat = (images.reshape(len(images), -1) for images in (samples, train))
    distances, indices = neighbours.nearest(*flat)
    order = np.argsort(distances)[:columns]
    return tile(np.concatenate([samples[order], train[indices[order]]]), columns)


def translations(
    translate: Callable[[np.ndarray, str], np.ndarray], x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Rows of X, as images of Y, and back; then rows of Y, as images of X, and back.

    translate: images, domain -> images; x, y: [N, H, W, C] of each domain.
    """
    parts = []
    for images, there, back in ((x, "Y", "X"), (y, "X", "Y")):
        translated = np.asarray(translate(images, there))
        parts.append(stacked(images, translated, np.asarray(translate(translated, back))))
    return np.concatenate(parts)


def by_condition(model: "GenerativeModel", given: Any = None, seeds: int = 8) -> np.ndarray:
    """A row for each condition, whose words stand beside it, a column for each seed: uint8 pixels.

    given: the conditions, as a user gives them; by default some of those that there are.
    """
    condition = model.condition
    assert condition
    rows = condition.shown() if given is None else condition.rows(given, len(given))
    columns = np.tile(np.arange(seeds, dtype=np.int32), len(rows))
    images = np.asarray(model.sample(columns, rows.repeat(seeds, axis=0)))
    return labelled(tile(images, seeds), condition.words(rows))


def growth(grids: Mapping[int, Path], phases: Sequence[tuple[float, str]]) -> np.ndarray:
    """The first row of sample grids at each phase of a network that grows, with its name beside it.

    grids: {step: path}, of the same seeds; phases: [(step, a name)], see `ProGAN.phases`. Of two
    phases near the same grid the nearer one shows it, and the other none.
    """
    from PIL import Image

    last = max(grids)
    shown: dict[int, list[tuple[float, str]]] = {}
    for wanted, name in ((min(step, last), name) for step, name in phases):
        _, later = min((abs(saved - wanted), -saved) for saved in grids)
        nearest = -later
        shown.setdefault(nearest, []).append((abs(nearest - wanted), name))
    rows, names = [], []
    for nearest, near in shown.items():
        name = min(near, key=lambda found: found[0])[1]
        with Image.open(grids[nearest]) as picture:
            grid = np.asarray(picture.convert("RGB"))
        rows.append(grid[GAP : GAP + (len(grid) - GAP) // 8])
        names.append(f"{name}, step {nearest}")
    return labelled(np.concatenate(rows), names)


def labelled(drawn: np.ndarray, texts: Sequence[str]) -> np.ndarray:
    """Rows of pictures, uint8 [height, width, 3], with a text beside each."""
    from PIL import Image, ImageDraw

    measure = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    room = math.ceil(max(measure.textlength(text, font_size=13) for text in texts)) + 16
    canvas = np.full((drawn.shape[0], room + drawn.shape[1], 3), BACKGROUND, np.uint8)
    canvas[:, room:] = drawn
    picture = Image.fromarray(canvas)
    height = drawn.shape[0] / len(texts)
    for i, text in enumerate(texts):
        ImageDraw.Draw(picture).text(
            (8, (i + 0.5) * height), text, fill=(30, 30, 30), anchor="lm", font_size=13
        )
    return np.asarray(picture)


def stacked(*sets: np.ndarray) -> np.ndarray:
    """The first 16 images of each set under one another, then the next 16: uint8 pixels."""
    columns = min(16, len(sets[0]))
    starts = range(0, len(sets[0]) - columns + 1, columns)
    rows = [part[start : start + columns] for start in starts for part in sets]
    return tile(np.concatenate(rows), columns)


def interpolation(model: "GenerativeModel", rows: int = 6, steps: int = 12) -> np.ndarray:
    """Each row leads from the image of one seed to that of another: uint8 [height, width, 3]."""
    seeds = np.arange(2 * rows, dtype=np.int32)
    noise = {key: np.asarray(value) for key, value in model.noise(seeds).items()}
    z = latents.between(noise["z"][:rows], noise["z"][rows:], steps, model.prior == "uniform")
    # All else that a sample depends on stays as it is at the row's start.
    path_noise = {key: value[:rows].repeat(steps, axis=0) for key, value in noise.items()}
    path_noise["z"] = z.reshape(rows * steps, -1).astype(np.float32)
    asked = conditions.defaults(model.condition, rows)
    asked = None if asked is None else asked.repeat(steps, axis=0)
    return tile(np.asarray(model.generate(path_noise, asked)), steps)


def latent_scatter(
    codes: np.ndarray,
    labels: np.ndarray | None = None,
    names: Sequence[str] = (),
    prior: np.ndarray | None = None,
    title: str = "",
) -> np.ndarray:
    """Codes [N, Z] as points, coloured by class; by their two principal components if Z > 2.

    prior: codes that samples are made of, [M, Z], behind the others in grey.

    It is read at the width of a phone, where its text of 1 / 27 of the width has 11 pixels.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    codes = np.asarray(codes, np.float64)
    prior = codes[:0] if prior is None else np.asarray(prior, np.float64)
    axes_names = ["z[0]", "z[1]"]
    if codes.shape[1] > 2:
        middle = codes.mean(axis=0)
        _, s, vt = np.linalg.svd(codes - middle, full_matrices=False)
        codes, prior = (codes - middle) @ vt[:2].T, (prior - middle) @ vt[:2].T
        share = 100 * s**2 / np.sum(s**2)
        axes_names = [f"principal component {i + 1} ({share[i]:.0f} %)" for i in range(2)]
    elif codes.shape[1] == 1:
        codes, prior = (np.concatenate([c, np.zeros_like(c)], axis=1) for c in (codes, prior))

    named = {} if labels is None else {int(label): str(label) for label in np.unique(labels)}
    named = {label: names[label] if len(names) > label else name for label, name in named.items()}
    columns = max(1, 44 // (6 + max(map(len, named.values()), default=0)))
    lines = math.ceil(len(named) / columns)
    figure = Figure(figsize=(4.2, 4.4 + 0.2 * lines), dpi=200, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    size = 11  # points: 1 / 27 of the width
    axes.scatter(prior[:, 0], prior[:, 1], s=8, color="#c9c9c9", linewidths=0, zorder=0)
    if labels is None:
        axes.scatter(codes[:, 0], codes[:, 1], s=8, alpha=0.8, linewidths=0)
    else:
        for label, name in named.items():
            x, y = codes[labels == label].T
            axes.scatter(x, y, s=9, alpha=0.85, linewidths=0, color=f"C{label % 10}", label=name)
        figure.legend(
            loc="outside lower center",
            ncols=columns,
            fontsize=size,
            markerscale=2,
            frameon=False,
            handletextpad=0.1,
            columnspacing=1.0,
        )
    axes.set_xlabel(axes_names[0], fontsize=size)
    axes.set_ylabel(axes_names[1], fontsize=size)
    axes.set_title(textwrap.fill(title or "codes of held-out images", 42), fontsize=size)
    axes.tick_params(labelsize=size)
    axes.set_aspect("equal", adjustable="datalim")
    axes.spines[["top", "right"]].set_visible(False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
