"""classifier.npz: the classifier of a run's data, for who has the run and not the images.

It is kept where it is made for something else: by the first evaluation, by watching a Frechet
distance, by an export. A training that needs none trains none.
"""

import contextlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfgen import files
from tfgen.metrics import features

if TYPE_CHECKING:
    import keras


def keep(path: Path, made: features.Features) -> None:
    """Writes the classifier of labels that these features are of; of others nothing."""
    if not made.probabilities or not made.classifier:
        return
    _, *logits = made.classifier.outputs
    content = dict(zip(_names(made.classifier), made.classifier.get_weights(), strict=True))
    content["image_shape"] = np.array(made.classifier.input_shape[1:])
    content["classes"] = np.array([out.shape[-1] for out in logits])
    # Like the cache: a folder that cannot be written to costs time later, and not the result.
    with contextlib.suppress(OSError), files.atomic(path) as temporary:
        np.savez_compressed(temporary, **content)


def read(*paths: Path) -> Callable[[np.ndarray], np.ndarray] | None:
    """What gives images [N, H, W, C] in [0, 1] their labels [N]; None where none of the files holds
    a classifier.
    """
    for path in paths:
        try:
            with np.load(path, allow_pickle=False) as file:
                model = features.network(file["image_shape"].tolist(), file["classes"].tolist())
                model.set_weights([file[name] for name in _names(model)])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            continue
        return lambda images: features.predictions(model, images)[1].argmax(axis=1)
    return None


def _names(model: "keras.Model") -> list[str]:
    return [f"weights {i}" for i in range(len(model.weights))]
