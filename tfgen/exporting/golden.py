"""golden.json: what a few seeds must give in every runtime, to be tested against anywhere.

Each seed has its image's first 16 numbers, and the whole as levels: uint8 [H, W, C] in base64.
Beside an export it holds the SHA-256 of its files too (`checksums.py`).

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
    images = answer(model, inputs)
    conditions = {k: v.tolist() for k, v in inputs.items() if k not in ("seed", "image")}
    entries = []
    for i, (seed, image) in enumerate(zip(SEEDS, images, strict=True)):
        entries.append(
            {
                "seed": seed,
                **{name: values[i] for name, values in conditions.items()},
                "first": [round(float(v), 7) for v in image.ravel()[:16]],
                "sha256": hashlib.sha256(pixels(image).tobytes()).hexdigest(),
                "levels": base64.b64encode(pixels(image).tobytes()).decode(),
            }
        )
    return {**about(model), "seeds": entries}


def about(model: "GenerativeModel") -> dict[str, Any]:
    """What one has to know to ask: of classes the names, of captions the words."""
    return {"image_shape": list(model.image_shape), **conditions.metadata(model.condition)}


def write(path: Path, model: "GenerativeModel", checksums: Mapping[str, str]) -> None:
    """Writes golden.json. checksums: {name of a file: SHA-256}."""
    content = {**describe(model), "files": dict(checksums)}
    files.write_text(path, json.dumps(content, indent=1) + "\n")
