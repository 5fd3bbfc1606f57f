"""Write the codes of all images of a run's data: python -m train.features --workdir=DIR

Writes DIR/features.npz: for each split "train", "validation" and "test" its codes [N, Z], and
"<split>_label" [N] where there are labels. Then says whether the codes, learnt without labels, help
where labels are few: test accuracy of a logistic regression on codes, on pixels, and on as many
principal components, from 10, 100 and all labels.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from tfgen import command, latents, run_dir
from tfgen.errors import UserError
from tfgen.metrics import codes
from train.finished import open_run

DRAWS = 10  # sets of few labels, whose mean and standard deviation are shown
FEW = (10, 100)


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m train.features",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--workdir", required=True, help="a finished run directory")
    parser.add_argument("--out", default="", help="the file (DIR/features.npz)")
    return command.status(_run, parser.parse_args(argv))


def _run(options):
    finished = open_run(options.workdir)
    if not finished.model.can("encode"):
        raise UserError(f"{finished.name} has no encoder, so it gives no features.")
    from tfgen import data

    splits = {"train": finished.training, "validation": finished.validation}
    if finished.test != finished.validation.split:
        splits["test"] = finished.source.load(finished.test)
    arrays = {key: data.arrays(split) for key, split in splits.items()}
    images = {key: finished.images(value) for key, value in arrays.items()}
    found = features(finished.model, arrays, images)
    path = Path(options.out or finished.run.path / "features.npz")
    with run_dir.atomic(path.with_suffix(".npz")) as temporary:
        np.savez_compressed(temporary, **found)
    print(
        f"wrote {path.with_suffix('.npz')}: "
        + ", ".join(f"{k} {v.shape}" for k, v in found.items())
    )
    if "label" in arrays["train"]:
        held_out = "test" if "test" in splits else "validation"
        sets = representations(found, images, held_out)
        labels = arrays["train"]["label"], arrays[held_out]["label"]
        print("\n".join(table(few_labels(sets, *labels), held_out)))


def features(model, arrays, images):
    """{split: codes, split_label: labels}."""
    found = {key: latents.encode(model, x) for key, x in images.items()}
    return found | {f"{k}_label": a["label"] for k, a in arrays.items() if "label" in a}


def representations(found, images, held_out):
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


def few_labels(sets, train_labels, test_labels):
    """{name: {number of labels: accuracies, one a draw}}; the draws are the same for all."""
    counts = [n for n in FEW if n < len(train_labels)]
    found = {}
    for name, (train, test) in sets.items():
        found[name] = {
            n: [
                codes.linear_probe(train[rows], train_labels[rows], test, test_labels)
                for rows in (draw(train_labels, n, seed) for seed in range(DRAWS))
            ]
            for n in counts
        }
        found[name][len(train_labels)] = [
            codes.linear_probe(train, train_labels, test, test_labels)
        ]
    return found


def draw(labels, n, seed):
    """Rows of n labels, as evenly over the classes as n allows."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(labels))
    # The i-th image of each class comes before the (i + 1)-th of any.
    turn = np.zeros(len(labels), int)
    for c in np.unique(labels):
        own = order[labels[order] == c]
        turn[own] = np.arange(len(own))
    return order[np.argsort(turn[order], kind="stable")][:n]


def table(found, held_out):
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
        best = max(means, key=means.get)
        yield f"With {n} labels the best are {best}." + (
            "" if best == "codes" else " The codes do not help there."
        )


if __name__ == "__main__":
    sys.exit(main())
