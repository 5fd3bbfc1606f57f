"""Whether a DBN's weights are a better start for a classifier than random ones.

    python -m benchmarks.pretraining --workdir=runs/dbn-digits_binary

The same network (Hinton et al. 2006; Erhan et al., JMLR 11, 2010) is trained from the run's
recognition weights and from random ones, on 10 digits of each class, 30, and all. The learning rate
and the number of steps are those that do best on the validation split, each start's own; shown is
the accuracy on the test split over several draws of the labelled images.
"""

import argparse
import sys

import numpy as np

import tfgen
from tfgen import command
from tfgen.errors import UserError

FEW = (10, 30)
DRAWS = 5
RATES = (1e-3, 3e-3)
CHECKS, STEPS = 20, 40  # looks at the validation split, and steps between them


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pretraining", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--workdir", required=True, help="a finished run of dbn")
    return command.status(_run, parser.parse_args(argv))


def _run(options):
    finished = tfgen.load(options.workdir)
    if not finished.model.can("classifier"):
        raise UserError(f"{finished.name} gives no classifier; dbn does.")
    from tfgen import data

    parts = {
        "train": finished.training,
        "validation": finished.validation,
        "test": finished.source.load(finished.test),
    }
    arrays = {key: data.arrays(part) for key, part in parts.items()}
    splits = {k: (finished.images(v), v["label"]) for k, v in arrays.items()}
    classes = len(finished.training.classes)
    print(f"test accuracy, {finished.name} on {finished.training.name}:")
    print(f"{'labels':>10}{'pre-trained':>18}{'random':>18}")
    for count in (*FEW, 0):
        row = {}
        for start in ("pre-trained", "random"):
            draws = range(DRAWS if count else 2)
            found = [best(finished.model, start, few(splits, count, d), classes, d) for d in draws]
            row[start] = f"{np.mean(found):.3f} ± {np.std(found):.3f}"
        label = f"{count} a class" if count else "all"
        print(f"{label:>10}{row['pre-trained']:>18}{row['random']:>18}", flush=True)


def few(splits, count, draw):
    """The splits with so many training images of each class; 0 for all."""
    x, y = splits["train"]
    if count:
        random = np.random.default_rng(draw)
        rows = [random.choice(np.flatnonzero(y == c), count, replace=False) for c in np.unique(y)]
        x, y = x[np.concatenate(rows)], y[np.concatenate(rows)]
    return splits | {"train": (x, y)}


def best(model, start, splits, classes, seed):
    """Test accuracy at the rate and step that do best on validation."""
    runs = [accuracies(model, start, splits, classes, rate, seed) for rate in RATES]
    return max((pair for run in runs for pair in run), key=lambda pair: pair[0])[1]


def accuracies(model, start, splits, classes, rate, seed):
    """[(validation accuracy, test accuracy)] while a classifier is trained."""
    import keras

    keras.utils.set_random_seed(seed)
    network = model.classifier(classes)
    if start == "random":
        network = keras.models.clone_model(network)
    network.compile(
        keras.optimizers.Adam(rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    x, y = splits["train"]
    batch = min(50, len(x))
    found = []
    for _ in range(CHECKS):
        rows = np.random.default_rng(len(found)).integers(0, len(x), STEPS * batch)
        network.fit(x[rows], y[rows], batch_size=batch, epochs=1, verbose=0)
        logits = [network.predict_on_batch(splits[k][0]) for k in ("validation", "test")]
        labels = (splits[k][1] for k in ("validation", "test"))
        found.append(
            tuple(np.mean(o.argmax(1) == label) for o, label in zip(logits, labels, strict=True))
        )
    return found


if __name__ == "__main__":
    sys.exit(main())
