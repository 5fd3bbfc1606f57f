"""Find images of a class that a run has not seen: python -m train.anomaly --workdir=DIR

The run is one that left a class out:

    python -m train.run --model=vae --config.data.leave_out=3 --workdir=runs/vae-without-3

Scores every test image by what the model offers (reconstruction error, likelihood, distance of its
code), and by what needs no model (5 nearest neighbours, a kernel density, principal components).
With --background, a second run with a density on the same data, the ratio of the two is a score
too: log p_background(x) - log p(x) does not count what all images have in common (Ren et al. 2019,
https://arxiv.org/abs/1906.02845). A background is a weaker model, e.g. fvsbn.

AUROC is the chance that an image of the unseen class scores above one of a seen class. Writes
anomaly.json and figures/anomaly.png there.
"""

import argparse
import json
import sys

import numpy as np

from tfgen import command, figures, latents, run_dir
from tfgen.errors import UserError
from tfgen.metrics import anomaly
from train.finished import open_run

SAMPLES = 50  # of the likelihood's bound
REJECTED = 0.05  # share of validation images that a classifier by Bayes' rule may reject


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m train.anomaly",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--workdir", required=True, help="a finished run that left a class out")
    parser.add_argument("--background", default="", help="a run to compare likelihoods with")
    return command.status(_run, parser.parse_args(argv))


def _run(options):
    finished = open_run(options.workdir)
    run, name, model, split = finished.run, finished.name, finished.model, finished.test
    left_out = finished.config["data"].get("leave_out", "")
    if not left_out:
        raise UserError(
            f"the run in {run.path} has seen every class. Train one that has not, e.g. python -m "
            f"train.run --model={name} --config.data.leave_out=3 --workdir=runs/{name}-without-3."
        )
    images, labels = load(finished)
    odd = labels < 0
    if odd.all() or not odd.any():
        raise UserError(f"the split {split!r} does not hold images of {left_out!r} and of others.")
    scores = model_scores(model, images["train"], images["test"])
    if options.background:
        scores["likelihood ratio"] = likelihood_ratio(finished, options.background, images["test"])
    others = reference_scores(images["train"], images["test"], _units(model, images["train"]))
    found = {key: anomaly.auroc(values, odd) for key, values in (scores | others).items()}
    counts = {"odd": int(odd.sum()), "normal": int((~odd).sum())}
    content = {"model": name, "left_out": left_out, "split": split, **counts, "auroc": found}
    if model.can("classify"):
        content["rejection"] = rejection(model, images, labels)
    run_dir.write_text(run.anomaly, json.dumps(content, indent=2) + "\n")
    best = max(scores, key=found.get)
    order = np.argsort(-scores[best])
    shown = images["test"][np.concatenate([order[:32], order[-32:]])]
    figures.save(run.figures / "anomaly.png", figures.tile(shown, 16))
    print("\n".join(lines(content, set(scores))))
    print(
        f"\nwrote {run.anomaly}\nwrote {run.figures / 'anomaly.png'}: the 32 oddest by {best}, "
        "then the 32 most usual"
    )


def load(finished):
    """({split: images in [0, 1]}, test labels, -1 for the class that was left out)."""
    from tfgen import data

    test = finished.source.source.load(finished.test)  # with the class
    splits = {"train": finished.training, "validation": finished.validation, "test": test}
    arrays = {key: data.arrays(split) for key, split in splits.items()}
    labels, gone = arrays["test"]["label"], test.classes.index(finished.source.leave_out)
    labels = np.where(labels == gone, -1, labels - (labels > gone))
    return {key: finished.images(value) for key, value in arrays.items()}, labels


def _units(model, train):
    """As many principal components as the model has code units, and fewer than pixels."""
    units = latents.encode(model, train[:1]).shape[1] if model.can("encode") else 8
    return min(units, min(len(train), train[0].size) - 1)


def model_scores(model, train, test):
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
        found["distance of the code"] = anomaly.mahalanobis(*codes)
        found["5-NN of codes"] = anomaly.nearest_neighbours(*codes)
    if not found:
        raise UserError(f"{type(model).__name__} neither reconstructs nor encodes images.")
    return found


def log_prob(model, images):
    """[N], nats; a bound where the model has no more."""
    return latents.in_batches(lambda x: model.log_prob(x, **_draws(model)), images)


def likelihood_ratio(finished, background, images):
    """log p_background(x) - log p(x): [N], nats.

    Raises: UserError for a model without a density, or a background of other data.
    """
    other = open_run(background)
    for one in (finished, other):
        if not one.model.can("log_prob"):
            raise UserError(f"{one.name} has no density: a likelihood ratio is of two that have.")
    if other.config["data"] != finished.config["data"]:
        raise UserError(
            f"the background in {other.run.path} is a run of other data than {finished.run.path}: "
            "give both the same --config.data settings, the class that is left out too."
        )
    return log_prob(other.model, images) - log_prob(finished.model, images)


def _draws(model):
    return {"samples": SAMPLES} if model.can("elbo") else {}


def reference_scores(train, test, units):
    """{score: [N] of the test images}, of methods without a model."""
    train, test = (x.reshape(len(x), -1) for x in (train, test))
    return {
        "5-NN of pixels": anomaly.nearest_neighbours(train, test),
        "kernel density of pixels": anomaly.kernel_density(train, test),
        f"PCA of {units}": anomaly.principal_components(train, test, units),
    }


def rejection(model, images, labels):
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


def lines(content, own):
    """A table of AUROC, and in words who wins."""
    yield (
        f"{content['model']} without {content['left_out']!r}: {content['odd']} images of it among "
        f"{content['normal']} others of {content['split']!r}."
    )
    yield ""
    found = content["auroc"]
    for name, value in sorted(found.items(), key=lambda item: -item[1]):
        yield f"{name:28}{value:6.3f}  {'model' if name in own else 'no model needed'}"
    best = max(own, key=found.get)
    other = max(set(found) - own, key=found.get)
    yield ""
    if found[best] > found[other]:
        yield f"The model's {best} tells best."
    else:
        yield f"{other} tells better than all that the model offers: use that."
    for name, value in content.get("rejection", {}).items():
        yield f"classifier by Bayes' rule, {name}: {value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
