"""Finding images of a class that a run has not seen, because it left the class out.

Scores every test image by what the model offers (reconstruction error, likelihood, distance of its
code), and by what needs no model (5 nearest neighbours, a kernel density, principal components).
With a background, a second run with a density on the same data, the ratio of the two is a score
too: log p_background(x) - log p(x) does not count what all images have in common (Ren et al. 2019,
https://arxiv.org/abs/1906.02845). A background is a weaker model, e.g. fvsbn.

AUROC is the chance that an image of the unseen class scores above one of a seen class.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen import data, files, latents
from tfgen.data.without import WithoutClass
from tfgen.errors import UserError
from tfgen.metrics import novelty
from tfgen.reports import figures

if TYPE_CHECKING:
    from tfgen.evaluation.finished import FinishedRun
    from tfgen.model import GenerativeModel


SAMPLES = 50  # of the likelihood's bound
REJECTED = 0.05  # share of validation images that a classifier by Bayes' rule may reject


def find(
    run: "FinishedRun", background: "FinishedRun | None" = None
) -> tuple[dict[str, Any], list[str]]:
    """Writes anomaly.json and figures/anomaly.png of a `Run`.

    background: a second `Run`, or None.

    Returns: (what anomaly.json holds, the model's own scores by name, the best first).
    Raises: UserError for a run that has seen every class, or a split without the unseen one.
    """
    name, model, split = run.name, run.model, run.test
    left_out = run.config["data"].get("leave_out", "")
    if not left_out:
        raise UserError(
            f"the run in {run.dir.address} has seen every class. Train one that has not, e.g. with "
            f"`model={name}` `data.leave_out=3` `workdir=runs/{name}-without-3`."
        )
    images, labels = load(run)
    odd = labels < 0
    if odd.all() or not odd.any():
        raise UserError(f"the split {split!r} does not hold images of {left_out!r} and of others.")
    scores = model_scores(model, images["train"], images["test"])
    if background is not None:
        scores["likelihood ratio"] = likelihood_ratio(run, background, images["test"])
    others = reference_scores(images["train"], images["test"], _units(model, images["train"]))
    found = {key: novelty.auroc(values, odd) for key, values in (scores | others).items()}
    counts = {"odd": int(odd.sum()), "normal": int((~odd).sum())}
    content = {"model": name, "left_out": left_out, "split": split, **counts, "auroc": found}
    if model.can("classify"):
        content["rejection"] = rejection(model, images, labels)
    files.write_text(run.outputs.anomaly, json.dumps(content, indent=2) + "\n")
    own = sorted(scores, key=lambda score: -found[score])
    order = np.argsort(-scores[own[0]])
    shown = images["test"][np.concatenate([order[:32], order[-32:]])]
    figures.save(run.outputs.figures / "anomaly.png", figures.tile(shown, 16))
    run.outputs.give()
    return content, own


def load(run: "FinishedRun") -> tuple[dict[str, np.ndarray], np.ndarray]:
    """({split: images in [0, 1]}, test labels, -1 for the class that was left out)."""
    source = run.source
    assert isinstance(source, WithoutClass)
    test = source.source.load(run.test)  # with the class
    splits = {"train": run.training, "validation": run.validation, "test": test}
    arrays = {key: data.arrays(split) for key, split in splits.items()}
    labels, gone = arrays["test"]["label"], test.classes.index(source.leave_out)
    labels = np.where(labels == gone, -1, labels - (labels > gone))
    return {key: run.images(value) for key, value in arrays.items()}, labels


def _units(model: "GenerativeModel", train: np.ndarray) -> int:
    """As many principal components as the model has code units, and fewer than pixels."""
    units = latents.encode(model, train[:1]).shape[1] if model.can("encode") else 8
    return min(units, min(len(train), train[0].size) - 1)


def model_scores(
    model: "GenerativeModel", train: np.ndarray, test: np.ndarray
) -> dict[str, np.ndarray]:
    """{score: [N] of the test images}, of what the model can do.

    Raises: UserError for a model that can do nothing of this.
    """
    found = {}
    if model.can("reconstruct"):
        kept = latents.in_batches(model.reconstruct, test)
        found["reconstruction error"] = np.square(test - kept).sum(axis=(1, 2, 3))
    if model.can("log_prob"):
        found["-log p(x)"] = -log_prob(model, test)
    if model.can("encode"):
        codes = latents.encode(model, train), latents.encode(model, test)
        found["distance of the code"] = novelty.mahalanobis(*codes)
        found["5-NN of codes"] = novelty.nearest_neighbours(*codes)
    if not found:
        raise UserError(f"{type(model).__name__} neither reconstructs nor encodes images.")
    return found


def log_prob(model: "GenerativeModel", images: np.ndarray) -> np.ndarray:
    """[N], nats; a bound where the model has no more."""
    return latents.in_batches(lambda x: model.log_prob(x, **_draws(model)), images)


def likelihood_ratio(
    run: "FinishedRun", background: "FinishedRun", images: np.ndarray
) -> np.ndarray:
    """log p_background(x) - log p(x): [N], nats.

    Raises: UserError for a model without a density, or a background of other data.
    """
    for one in (run, background):
        if not one.model.can("log_prob"):
            raise UserError(f"{one.name} has no density: a likelihood ratio is of two that have.")
    if background.config["data"] != run.config["data"]:
        raise UserError(
            f"the background in {background.path} is a run of other data than {run.path}: "
            "give both the same `data` settings, the class that is left out too."
        )
    return log_prob(background.model, images) - log_prob(run.model, images)


def _draws(model: "GenerativeModel") -> dict[str, int]:
    return {"samples": SAMPLES} if model.can("elbo") else {}


def reference_scores(train: np.ndarray, test: np.ndarray, units: int) -> dict[str, np.ndarray]:
    """{score: [N] of the test images}, of methods without a model."""
    train, test = (x.reshape(len(x), -1) for x in (train, test))
    return {
        "5-NN of pixels": novelty.nearest_neighbours(train, test),
        "kernel density of pixels": novelty.kernel_density(train, test),
        f"PCA of {units}": novelty.principal_components(train, test, units),
    }


def rejection(
    model: "GenerativeModel", images: Mapping[str, np.ndarray], labels: np.ndarray
) -> dict[str, float]:
    """What a classifier by Bayes' rule does when it may say "none of these".

    It rejects what has a smaller p(x) than all but REJECTED of the validation images.
    """
    least = float(np.quantile(log_prob(model, images["validation"]), REJECTED))
    given = latents.in_batches(
        lambda x: model.classify(x, least=least, **_draws(model))["label"], images["test"]
    )
    rejected, odd = given < 0, labels < 0
    kept = ~odd & ~rejected
    return {
        "threshold": float(least),
        "unseen class rejected": float(np.mean(rejected[odd])),
        "seen classes rejected": float(np.mean(rejected[~odd])),
        "accuracy on what is kept": float(np.mean(given[kept] == labels[kept])),
    }


def lines(content: Mapping[str, Any], own: Collection[str]) -> Iterator[str]:
    """A table of AUROC, and in words who wins."""
    yield (
        f"{content['model']} without {content['left_out']!r}: {content['odd']} images of it among "
        f"{content['normal']} others of {content['split']!r}."
    )
    yield ""
    found = content["auroc"]
    for name, value in sorted(found.items(), key=lambda item: -item[1]):
        yield f"{name:28}{value:6.3f}  {'model' if name in own else 'no model needed'}"
    best = max(own, key=lambda name: found[name])
    other = max(set(found) - set(own), key=lambda name: found[name])
    yield ""
    if found[best] > found[other]:
        yield f"The model's {best} tells best."
    else:
        yield f"{other} tells better than all that the model offers: use that."
    for name, value in content.get("rejection", {}).items():
        yield f"classifier by Bayes' rule, {name}: {value:.3f}"
