"""Figures of a model that takes noise away: how an image appears, and where its score leads.

Functions of a `Subject` that return uint8 pixels.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfgen.compiling import compiled
from tfgen.data import conditions
from tfgen.data.points import MIXTURES, Mixture
from tfgen.reports import figures

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel
    from tfgen.reports.subject import Subject

SHOWN = 4  # seeds
MOMENTS = 9
SIGMAS = (0.5, 0.2, 0.05)  # of the noise at which scores are drawn; points lie in (-1, 1)
ARROWS = 25  # on a side


def path(subject: "Subject") -> np.ndarray:
    """Two rows for each seed: noise on its way to its sample, and what the model guesses in it."""
    count = subject.count if subject.points else SHOWN
    noisy, guesses = moments(subject.model, count)
    if subject.points:
        every_other = (noisy[::2], guesses[::2])  # of crowds, larger
        drawn = [[framed(figures.scatter(x[:, 0, 0], 256)) for x in row] for row in every_other]
        return np.concatenate([np.concatenate(row, axis=1) for row in drawn])
    rows = [row for i in range(count) for row in (noisy[:, i], guesses[:, i])]
    return figures.tile(np.concatenate(rows), len(noisy))


def framed(pixels: np.ndarray) -> np.ndarray:
    """With a line around, which tells it from its neighbours."""
    pixels = pixels.copy()
    pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1] = (200,) * 4
    return pixels


def moments(model: "GenerativeModel", count: int) -> tuple[np.ndarray, np.ndarray]:
    """x_t, its contrast stretched, and the guess of x_0, along samples: each [T, N, H, W, C]."""
    noise = {name: np.asarray(v) for name, v in model.noise(tf.range(count)).items()}
    condition = conditions.defaults(model.condition, count)
    step = compiled(
        lambda x, n, added: model.denoise_step(x, tf.fill([count], n), added, condition)
    )
    steps = model.steps_taken()
    shown = set(np.rint(np.linspace(0, steps - 1, min(MOMENTS, steps))).astype(int))
    x, found = np.reshape(noise["z"], [-1, *model.image_shape]), []
    for n in range(steps):
        added = noise["added"][:, n] if "added" in noise else None
        begun, (x, image) = x, step(x, tf.constant(n), added).values()
        if n in shown:
            found.append((stretched(np.asarray(begun)), np.asarray(image)))
    noisy, guesses = (np.stack(part) for part in zip(*found, strict=True))
    return noisy, guesses


def stretched(x: np.ndarray) -> np.ndarray:
    """Numbers around 0, multiples of whatever, as an image in [0, 1]: two deviations either way."""
    return np.clip(0.5 + 0.25 * x / (x.std() + 1e-9), 0.0, 1.0)


# --- scores ---------------------------------------------------------------------------------------


def field(subject: "Subject") -> np.ndarray:
    """Where the learnt score leads and where the true one does, at three noises."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    mixture, model = MIXTURES[subject.data], subject.model
    ticks = np.linspace(-1.2, 1.2, ARROWS)
    points = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    drawing = Figure(figsize=(7.2, 3.7 * len(SIGMAS)), dpi=110, layout="constrained")
    canvas = FigureCanvasAgg(drawing)
    rows = drawing.subplots(len(SIGMAS), 2, squeeze=False)
    for sigma, (left, right) in zip(SIGMAS, rows, strict=True):
        off = difference(model, mixture, sigma)
        true = mixture.score(points, sigma)
        titles = f"learnt, noise {sigma:g}", f"true; the learnt is off by {off:.2f}"
        fields = learnt(model, points, sigma), true
        for axes, title, score in zip((left, right), titles, fields, strict=True):
            _arrows(axes, points, sigma**2 * score, ticks[1] - ticks[0])
            axes.scatter(*(mixture.means / mixture.extent).T, s=14, color="#d1495b", zorder=3)
            axes.set_title(title, fontsize=11)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def learnt(model: "GenerativeModel", points: np.ndarray, sigma: float) -> np.ndarray:
    """The model's score of points with noise of sigma, in (-1, 1): [N, 2] -> [N, 2]."""
    x = tf.constant(points[:, None, None], tf.float32)
    return model.score(x, tf.fill([len(points)], np.float32(sigma))).numpy()[:, 0, 0]


def difference(
    model: "GenerativeModel", mixture: Mixture, sigma: float, count: int = 2000
) -> float:
    """sigma |s - s_true|, a root mean square over noisy points; of a score of 0 it is near 1.4."""
    random = np.random.default_rng(0)
    points = mixture.sample(count, random) / mixture.extent
    points = points + sigma * random.normal(size=points.shape)
    squared = np.sum((learnt(model, points, sigma) - mixture.score(points, sigma)) ** 2, axis=1)
    return float(sigma * np.sqrt(squared.mean()))


def _arrows(axes: Any, points: np.ndarray, ways: np.ndarray, longest: float) -> None:
    """Arrows of ways, the long ones cut; how long they are is their colour."""
    length = np.linalg.norm(ways, axis=1, keepdims=True)
    ways = ways * np.minimum(1.0, longest / np.maximum(length, 1e-9))
    axes.quiver(
        *(*points.T, *ways.T, np.minimum(length[:, 0], 1.0)),
        angles="xy", scale_units="xy", scale=1.0, width=0.004, cmap="viridis_r",
    )  # fmt: skip
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
