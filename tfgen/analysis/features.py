"""Codes as features: those of all images of a run's data, and whether they help with few labels.

Test accuracy of a logistic regression on codes, on pixels, and on as many principal components,
from 10, 100 and all labels.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen import data, files, latents
from tfgen.errors import UserError
from tfgen.metrics import codes

if TYPE_CHECKING:
    import os

    from tfgen.evaluation.finished import FinishedRun
    from tfgen.model import GenerativeModel


DRAWS = 10  # sets of few labels, whose mean and standard deviation are shown
LABEL_COUNTS = (10, 100)


def write(
    run: "FinishedRun", out: "str | os.PathLike" = ""
) -> tuple[Path, dict[str, np.ndarray], list[str]]:
    """Writes features.npz of a `Run`: for each split its codes [N, Z], and "<split>_label" [N].

    out: the file, by default features.npz in the run directory.

    Returns: (its path, {name in it: array}, lines on accuracy from few labels; none without).
    Raises: UserError for a model without an encoder.
    """
    if not run.model.can("encode"):
        raise UserError(f"{run.name} has no encoder, so it gives no features.")
    splits = {"train": run.training, "validation": run.validation}
    if run.test != run.validation.split:
        splits["test"] = run.source.pair(run.training.split, run.test)[1]
    arrays = {key: data.arrays(split) for key, split in splits.items()}
    images = {key: run.images(value) for key, value in arrays.items()}
    found = features(run.model, arrays, images)
    path = Path(out or run.path / "features.npz").with_suffix(".npz")
    with files.atomic(path) as temporary:
        np.savez_compressed(temporary, **found)  # type: ignore[arg-type]  # `allow_pickle`
    run.dir.give()
    if "label" not in arrays["train"]:
        return path, found, []
    held_out = "test" if "test" in splits else "validation"
    sets = representations(found, images, held_out)
    labels = arrays["train"]["label"], arrays[held_out]["label"]
    return path, found, list(table(few_labels(sets, *labels), held_out))


def features(
    model: "GenerativeModel",
    arrays: Mapping[str, Mapping[str, np.ndarray]],
    images: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """{split: codes, split_label: labels}."""
    found = {key: latents.encode(model, x) for key, x in images.items()}
    return found | {f"{k}_label": a["label"] for k, a in arrays.items() if "label" in a}


def representations(
    found: Mapping[str, np.ndarray], images: Mapping[str, np.ndarray], held_out: str
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{name: (training features, held-out features)}: codes, pixels, principal components."""
    from sklearn.decomposition import PCA

    pixels = [images[key].reshape(len(images[key]), -1) for key in ("train", held_out)]
    units = min(found["train"].shape[1], min(pixels[0].shape))
    pca = PCA(units, random_state=0).fit(pixels[0])
    return {
        "codes": (found["train"], found[held_out]),
        "pixels": tuple(pixels),
        f"PCA of {units}": tuple(map(pca.transform, pixels)),
    }


def few_labels(
    sets: Mapping[str, tuple[np.ndarray, np.ndarray]],
    train_labels: np.ndarray,
    test_labels: np.ndarray,
) -> dict[str, dict[int, Any]]:
    """{name: {number of labels: accuracies, one a draw}}; the draws are the same for all."""
    counts = [n for n in LABEL_COUNTS if n < len(train_labels)]
    found = {}
    for name, (train, test) in sets.items():
        found[name] = {
            n: [
                codes.linear_probe(train[rows], train_labels[rows], test, test_labels)
                for rows in (stratified_rows(train_labels, n, seed) for seed in range(DRAWS))
            ]
            for n in counts
        }
        found[name][len(train_labels)] = [
            codes.linear_probe(train, train_labels, test, test_labels)
        ]
    return found


def stratified_rows(labels: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Rows of n labels, stratified: as evenly over the classes as n allows."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(labels))
    # The i-th image of each class comes before the (i + 1)-th of any.
    turn = np.zeros(len(labels), int)
    for c in np.unique(labels):
        own = order[labels[order] == c]
        turn[own] = np.arange(len(own))
    return order[np.argsort(turn[order], kind="stable")][:n]


def table(found: Mapping[str, Mapping[int, Any]], held_out: str) -> Iterator[str]:
    """Lines, and in words whether the codes help."""
    yield f"\n{held_out} accuracy of a logistic regression, from so many labels:"
    counts = list(next(iter(found.values())))
    yield f"{'':12}" + "".join(f"{n:>16}" for n in counts)
    for name, row in found.items():
        cells = (
            f"{np.mean(v):.3f}" + (f" ± {np.std(v):.3f}" if len(v) > 1 else "")
            for v in row.values()
        )
        yield f"{name:12}" + "".join(f"{cell:>16}" for cell in cells)
    for n in counts:
        means = {name: np.mean(row[n]) for name, row in found.items()}
        best = max(means, key=lambda name: means[name])
        yield f"With {n} labels the best are {best}." + (
            "" if best == "codes" else " The codes do not help there."
        )
