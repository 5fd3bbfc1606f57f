"""What can be done with codes: traversals, interpolations, a map of the plane, arithmetic.

Functions that return arrays for whoever wants to measure or draw them; `train.explore` does. Images
are float32 [N, H, W, C] in [0, 1], codes [N, Z]; `decode` is a function of codes that gives images.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen.errors import UserError

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


BATCH = 500


def in_batches(function: Callable[..., Any], *arrays: np.ndarray, size: int = BATCH) -> np.ndarray:
    """function(rows of each array) -> array, over blocks of rows."""
    starts = range(0, len(arrays[0]), size)
    return np.concatenate(
        [np.asarray(function(*(a[i : i + size] for a in arrays))) for i in starts]
    )


def encode(model: "keras.Model", images: np.ndarray) -> np.ndarray:
    """The codes' means: images -> [N, Z]."""
    return in_batches(lambda x: model.encode(x)["mean"], images)


def decoder(model: "keras.Model", condition: Any = None) -> Callable[[np.ndarray], np.ndarray]:
    """A function codes [N, Z] -> images.

    condition: where the model takes one, one for each code, or one for all; by default the first
      that it shows.

    Of a model with `decode`, or of one whose noise is its code, as a GAN's is.

    Raises: UserError for a model without codes.
    """
    if model.can("decode"):
        run = model.decode
    elif model.can("noise") and set(model.noise(np.zeros(1, np.int32))) == {"z"}:

        def run(z: "tf.Tensor", condition: "tf.Tensor | None" = None) -> "tf.Tensor":
            return model.generate({"z": z}, condition)

    else:
        raise UserError(f"{type(model).__name__} has no codes to look into.")

    def decode(codes: np.ndarray) -> np.ndarray:
        codes = np.asarray(codes, np.float32)
        if model.condition is None:
            return in_batches(run, codes)
        given = model.condition.defaults([0]) if condition is None else condition
        return in_batches(run, codes, model.condition.rows(given, len(codes)))

    return decode


def by_information(model: "keras.Model", images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Units in the order of what they carry, and how much: (order [Z], amount [Z]).

    For a VAE the KL of each unit from its prior, in nats; else the variance of its codes.
    """
    if model.can("code_kl"):
        amount = in_batches(lambda x: model.code_kl(x)[1], images).mean(axis=0)
    else:
        amount = np.var(model.encode(images)["mean"], axis=0)
    return np.argsort(-amount, kind="stable"), amount


def by_change(
    decode: Callable[[np.ndarray], np.ndarray], codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Units in the order of how much images change when one goes from -1 to 1: (order, amount)."""
    amount = np.zeros(codes.shape[1])
    for unit in range(codes.shape[1]):
        low, high = codes.copy(), codes.copy()
        low[:, unit], high[:, unit] = -1.0, 1.0
        amount[unit] = np.abs(decode(high) - decode(low)).mean()
    return np.argsort(-amount, kind="stable"), amount


def traversals(
    decode: Callable[[np.ndarray], np.ndarray],
    code: np.ndarray,
    units: np.ndarray,
    reach: np.ndarray,
    steps: int = 11,
) -> np.ndarray:
    """One unit after the other is moved, the others stay: code [Z] -> [U, steps, H, W, C].

    reach: [U, 2], from where to where each of the units goes.
    """
    codes = np.tile(code, (len(units), steps, 1))
    for row, (unit, (low, high)) in enumerate(zip(units, reach, strict=True)):
        codes[row, :, unit] = np.linspace(low, high, steps)
    images = decode(codes.reshape(len(units) * steps, -1))
    return images.reshape(len(units), steps, *images.shape[1:])


def reach(codes: np.ndarray, units: np.ndarray, share: float = 0.01) -> np.ndarray:
    """How far codes of images go: [U, 2], between their quantiles `share` and 1 - share."""
    return np.quantile(codes[:, units], [share, 1.0 - share], axis=0).T


def tempered(z: np.ndarray, temperature: float = 1.0, truncation: float = 0.0) -> np.ndarray:
    """Normals nearer to their middle: each of N(0, 1) becomes one of N(0, temperature^2).

    truncation: with t > 0 each is first moved to the truncated normal on [-t, t], by the inverse of
      its distribution function, where the truncation trick of GANs draws again (Brock et al. 2019):
      z = Phi^-1(Phi(-t) + Phi(z) (Phi(t) - Phi(-t))). So a seed stays an image.
    """
    if truncation:
        from scipy.special import ndtr, ndtri

        below = ndtr(-truncation)
        z = ndtri(below + ndtr(np.asarray(z, np.float64)) * (ndtr(truncation) - below))
    return (temperature * z).astype(np.float32)


def between(start: np.ndarray, end: np.ndarray, steps: int, uniform: bool) -> np.ndarray:
    """Latents on the way from one to another: [N, Z], [N, Z] -> [N, steps, Z].

    uniform: straight lines, for a uniform prior, whose cube is convex; else great circles.
    """
    return (linear if uniform else spherical)(start, end, steps)


def linear(start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """Points on straight lines: [N, Z], [N, Z] -> [N, steps, Z]."""
    t = np.linspace(0, 1, steps)[None, :, None]
    return (1 - t) * np.asarray(start)[:, None, :] + t * np.asarray(end)[:, None, :]


def spherical(start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """Points on great circles, whose radius moves evenly: [N, Z], [N, Z] -> [N, steps, Z].

    For a normal prior, whose mass lies at one radius (White 2016, section 2.1).
    """
    t = np.linspace(0, 1, steps)[None, :, None]
    start, end = np.asarray(start)[:, None, :], np.asarray(end)[:, None, :]
    lengths = [np.linalg.norm(v, axis=-1, keepdims=True) for v in (start, end)]
    cosine = np.sum(start * end, axis=-1, keepdims=True) / (lengths[0] * lengths[1])
    angle = np.maximum(np.arccos(np.clip(cosine, -1, 1)), 1e-6)
    return (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / np.sin(angle)


def manifold(decode: Callable[[np.ndarray], np.ndarray], side: int = 20) -> np.ndarray:
    """Images over the plane of two codes, at even quantiles of N(0, 1): [side * side, H, W, C].

    Kingma and Welling 2014, appendix A. The first row is the top: the greatest second code.
    """
    from scipy.stats import norm

    places = norm.ppf((np.arange(side) + 0.5) / side)
    first, second = np.meshgrid(places, places[::-1])
    return decode(np.stack([first.ravel(), second.ravel()], axis=1))


def attribute(codes: np.ndarray, has: np.ndarray) -> np.ndarray:
    """The vector from codes without an attribute to those with it: [N, Z], bool [N] -> [Z].

    Radford et al. 2016, section 6.3.2: the difference of the means.

    Raises: ValueError if all have it, or none.
    """
    has = np.asarray(has, bool)
    if has.all() or not has.any():
        raise ValueError("an attribute is learnt from images with it and images without it.")
    return codes[has].mean(axis=0) - codes[~has].mean(axis=0)


def light(images: np.ndarray) -> np.ndarray:
    """How bright each image is, its mean: [N].

    Brightness stands for thickness, which no label of handwriting names.
    """
    return images.reshape(len(images), -1).mean(axis=1)


def brighter(light: np.ndarray) -> np.ndarray:
    """Which are brighter than half of them are: bool [N]."""
    return light > np.median(light)


def directions(
    model: "keras.Model",
    images: np.ndarray,
    labels: np.ndarray | None = None,
    names: Sequence[str] = (),
) -> dict[str, np.ndarray]:
    """Attribute vectors that data of any kind allow: {name: [Z]}.

    "brighter", learnt within each class, so that it does not change the class; and for each class
    the way from all others to it. Images that are all alike in something teach none of it.
    """
    codes = encode(model, images)
    classes = np.unique(labels) if labels is not None else ()
    sets = [labels == c for c in classes] or [np.ones(len(codes), bool)]
    halves = [(own, brighter(light(images[own]))) for own in sets]
    within = [attribute(codes[own], bright) for own, bright in halves if bright.any()]
    found = {"brighter": np.mean(within, axis=0)} if within else {}
    if len(classes) > 1 and not model.num_classes:
        for c in classes:
            name = names[c] if len(names) > c else str(c)
            found[f"towards {name}"] = attribute(codes, labels == c)
    return found
