"""What CycleGAN's generators would make with pairs to learn from: the upper bound of its table.

    python -m benchmarks.paired [--seeds=3] [--readme]

On `digit_styles`: the same two networks, steps, batches and rates as configs/cyclegan.py, each
trained on the mean absolute error to the true translation. Adds the row "paired network" to
benchmarks/results/digit_styles.json, which `benchmarks.table --data=digit_styles` writes.
"""

import argparse
import json
import statistics
import sys

from benchmarks import render, table
from tfgen import command, settings, startup
from tfgen.files import write_text

DATA = "digit_styles"


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paired")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--readme", action="store_true", help="write it into README.md, RESULTS.md")
    return command.status(_run, parser.parse_args(argv))


def _run(options):
    with startup.loading_tensorflow():
        import tensorflow  # noqa: F401

        from tfgen import data, evaluation

    splits = evaluation.Splits.load(data.open_source(DATA), "train", "test")
    found = []
    for seed in range(options.seeds):
        results, _, _ = evaluation.translations(train(splits, seed), splits, evaluation.Absent())
        found.append(results)
        print(f"seed {seed}: {results}", flush=True)
    content = table.read(DATA)
    content["baselines"]["paired network"] = {
        key: statistics.mean(results[key] for results in found) for key in found[0]
    }
    path = table.RESULTS / f"{DATA}.json"
    write_text(path, json.dumps(content, indent=1) + "\n")
    if options.readme:
        render.write(render.insert, content)
    print(f"wrote {path}")


def train(splits, seed):
    """A CycleGAN whose generators have learned from pairs."""
    import keras
    import numpy as np

    from tfgen import models
    from tfgen.training import optimizers

    config = settings.find("cyclegan")
    keras.utils.set_random_seed(seed)
    model = models.find("cyclegan")(splits.about.shape, splits.about.levels, seed, **config.model)
    for network, name, truth in ((model.G, "image", "truth"), (model.F, "other", "other_truth")):
        x, y = (2.0 * splits.unit(splits.train[key]) - 1.0 for key in (name, truth))
        random, n = np.random.default_rng(seed), config.batch_size * config.steps
        rows = np.concatenate([random.permutation(len(x)) for _ in range(-(-n // len(x)))])[:n]
        network.compile(optimizers.from_config(config.optimizers.G, config.steps), "mae")
        network.fit(x[rows], y[rows], config.batch_size, shuffle=False, verbose=0)
    return model


if __name__ == "__main__":
    sys.exit(main())
