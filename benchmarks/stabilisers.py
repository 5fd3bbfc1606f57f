"""What each habit that is said to stabilise GANs does to a DCGAN, one at a time.

    python -m benchmarks.stabilisers [--data=digits] [--steps=2000] [--seeds=3] [--readme]

Measured on the validation split, for these are choices: the Frechet distance in the evaluation's
features, and coverage. The last weights count, not the best. Writes
benchmarks/results/stabilisers-<data>.json after each habit, and goes on from there; take the file
away to measure anew.
"""

import argparse
import json
import statistics
import sys

from benchmarks import render
from benchmarks.table import RESULTS
from tfgen import command, settings, startup
from tfgen.files import write_text

PLAIN = {"model.ema": 0.0}
# habit: (source, settings)
HABITS = {
    "none of them": ("", {}),
    "average of G": ("Karras et al. 2018", {"model.ema": 0.99}),
    "two rates": (
        "Heusel et al. 2017",
        {"optimizers.D.learning_rate": 4e-4, "optimizers.G.learning_rate": 1e-4},
    ),
    "label smoothing 0.1": ("Salimans et al. 2016", {"model.smoothing": 0.1}),
    "instance noise 0.2": ("Soenderby et al. 2017", {"model.instance_noise": 0.2}),
    "minibatch deviation": ("Karras et al. 2018", {"model.minibatch_stddev": True}),
    "three steps of D": ("Goodfellow et al. 2014", {"model.critic_steps": 3, "batch_size": 192}),
    "augmentation": ("Zhao et al. 2020", {"model.augment": "translation"}),
    "penalty R1, no norm in D": (
        "Mescheder et al. 2018",
        {"model.penalty": "r1", "model.penalty_weight": 1.0, "model.normalisation": "none"},
    ),
}


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stabilisers")
    parser.add_argument("--data", default="digits")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--readme", action="store_true", help="write it into README.md, RESULTS.md")
    return command.status(_run, parser.parse_args(argv))


def _run(options):
    with startup.loading_tensorflow():
        from tfgen import data

        source = data.open_source(options.data)
    training, held_out = source.training_and_validation("train", "")
    judge = judge_of(training, held_out)
    path = RESULTS / f"stabilisers-{options.data}.json"
    content = dict(steps=options.steps, seeds=options.seeds, split=held_out.split)
    found = done(path, content)
    for habit, (_, changes) in HABITS.items():
        if habit not in found:
            runs = [
                measure(changes | {"steps": options.steps}, seed, training, judge)
                for seed in range(options.seeds)
            ]
            found[habit] = {key: [run[key] for run in runs] for key in runs[0]}
            write_text(path, json.dumps(content | {"habits": found}, indent=1) + "\n")
        print(line(habit, found[habit]), flush=True)
    print(f"\nwrote {path}")
    if options.readme:
        render.write(insert, content | {"habits": found})


def done(path, content):
    """The habits that are measured already, with these settings."""
    old = json.loads(path.read_text("utf-8")) if path.exists() else {}
    same = all(old.get(key) == value for key, value in content.items())
    return old["habits"] if same else {}


def judge_of(training, held_out):
    """A function images -> {metric: number}, beside the held-out images."""
    from tfgen import data, evaluation
    from tfgen.metrics import distances, features, neighbours

    arrays = data.arrays(held_out)
    splits = evaluation.Splits(training, data.arrays(training), arrays)
    network = features.choose("auto", splits.train, arrays, training.levels)
    real = network.features(splits.unit(arrays["image"]))

    def judge(images):
        fake = network.features(images)
        return {
            "frechet": distances.frechet(real, fake),
            "coverage": neighbours.density_coverage(real, fake[: len(real)])[1],
        }

    return judge


def measure(changes, seed, training, judge):
    """Trains with the settings and judges 1,000 samples."""
    import numpy as np

    from tfgen import data
    from tfgen.training import building

    config = settings.find("dcgan")
    config.update_from_flattened_dict(PLAIN | changes | {"seed": seed})
    model = building.build("dcgan", config, training)
    batches = data.batches(training, config.batch_size, seed, 0)
    model.fit(batches, steps_per_epoch=config.steps, verbose=0, shuffle=False)
    return judge(model.sample(np.arange(1000, dtype=np.int32)).numpy())


def line(habit, metrics):
    """A row of a Markdown table."""
    cells = [
        f"{statistics.mean(values):.3f} ± {statistics.stdev(values) if len(values) > 1 else 0:.3f}"
        for values in metrics.values()
    ]
    return f"| {habit} | {HABITS[habit][0]} | " + " | ".join(cells) + " |"


def markdown(content):
    """The lines of the table."""
    found = content["habits"]
    return [
        "| | source | FDC ↓ | coverage ↑ |",
        "|---|---|---:|---:|",
        *(line(habit, found[habit]) for habit in HABITS),
    ]


def insert(text, content):
    """A document with the table between its marks."""
    marks = "<!-- stabilisers -->", "<!-- end of stabilisers -->"
    return render.between(text, *marks, markdown(content))


if __name__ == "__main__":
    sys.exit(main())
