"""golden.json: what a few seeds must give in every runtime, to be tested against anywhere.

Each seed has its image's first 16 numbers, and the whole as levels: uint8 [H, W, C] in base64.
Of a sampler of many steps it has what the first makes of each seed, and samples of fewer steps.
Beside an export it holds the SHA-256 of its files too (`tfgen/checksums.py`).

Of a model that translates images a seed stands for an image of noise (`conditions.Images`).
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen import files
from tfgen.compiling import compiled
from tfgen.data import conditions
from tfgen.exporting.levels import pixels

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel


SEEDS = (0, 1, 42, -1)


def request(model: "GenerativeModel", seeds: Sequence[int]) -> dict[str, np.ndarray]:
    """What a model is asked in every runtime: {input of its first endpoint: array}.

    Seeds, with conditions in turn; of a model between domains, noise of the seeds as images.
    """
    given = np.asarray(seeds, np.int32)
    asked = {"seed": given} if model.can("sample") else {}
    if model.condition:
        asked[model.condition.name] = model.condition.defaults(given)
    return asked


def answer(model: "GenerativeModel", inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """What Keras makes of a request: float32 [N, H, W, C]."""
    # Compiled: op by op, a picture that is drawn pixel by pixel takes minutes.
    make = compiled(model.sample if model.can("sample") else model.translate)
    return make(*inputs.values()).numpy()


def describe(model: "GenerativeModel") -> dict[str, Any]:
    """The content of golden.json, computed by Keras."""
    inputs = request(model, SEEDS)
    found = {**about(model), "seeds": _entries(inputs, answer(model, inputs))}
    return found | (_steps(model, inputs) if model.can("denoise_step") else {})


def _entries(inputs: Mapping[str, np.ndarray], images: np.ndarray) -> list[dict[str, Any]]:
    """For each image its seed, its condition, its first numbers, and its pixels."""
    conditions = {k: v.tolist() for k, v in inputs.items() if k not in ("seed", "image")}
    entries = []
    for i, (seed, image) in enumerate(zip(SEEDS, images, strict=True)):
        levels = pixels(image).tobytes()
        entries.append(
            {
                "seed": seed,
                **{name: values[i] for name, values in conditions.items()},
                "first": _first(image),
                "sha256": hashlib.sha256(levels).hexdigest(),
                "levels": base64.b64encode(levels).decode(),
            }
        )
    return entries


def _first(image: np.ndarray) -> list[float]:
    return [round(float(v), 7) for v in np.ravel(image)[:16]]


def _steps(model: "GenerativeModel", inputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Of a sampler of steps their number, what the first makes of each seed, and `sample_N`."""
    seed = inputs["seed"]
    condition = inputs[model.condition.name] if model.condition else None
    noise = model.noise(seed)
    added = {"added": noise["added"][:, 0]} if "added" in noise else {}
    x = np.reshape(noise["z"], [-1, *model.image_shape])
    step = model.denoise_step(x, np.zeros(len(seed), np.int32), condition=condition, **added)
    first = [
        {"seed": name, "x": _first(x), "image": _first(image)}
        for name, x, image in zip(SEEDS, step["x"].numpy(), step["image"].numpy(), strict=True)
    ]
    generate = compiled(model.generate)
    fewer = {
        f"sample_{n}": _entries(inputs, generate(noise, condition, steps=n).numpy())
        for n in model.steps_offered()
    }
    return {"steps": model.steps_taken(), "denoise_step": first, **fewer}


def about(model: "GenerativeModel") -> dict[str, Any]:
    """What one has to know to ask: of classes the names, of captions the words."""
    return {"image_shape": list(model.image_shape), **conditions.metadata(model.condition)}


def write(
    path: Path,
    model: "GenerativeModel",
    checksums: Mapping[str, str],
    apart: Mapping[str, int] | None = None,
) -> None:
    """Writes golden.json.

    checksums: {name of a file: SHA-256}; apart: {name of a file that rounds otherwise: the most
    levels of 255 that its images were from Keras' when it was written}.
    """
    content = {**describe(model), "files": dict(checksums)}
    if apart:
        content["apart"] = dict(apart)
    files.write_text(path, json.dumps(content, indent=1) + "\n")
