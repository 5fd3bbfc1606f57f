"""What a step of every model costs by default, at 28x28x1, 32x32x3 and 64x64x3.

python -m benchmarks.sizes [--models=vae,dcgan]

Settings are those that follow from 50,000 pictures of 256 levels (`tfgen/rules.py`), which are
noise: a step's time does not depend on what they show. Each model has a process of its own at each
size, so that its peak of memory is its own. Seconds are those that its threads were at work,
divided by two: a step on two cores that do nothing else, if both can be kept busy. What was
measured stands in benchmarks/results/sizes.json, beside what was measured of others before, and as
a table in docs/rules.md.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tfgen import files, rules, settings
from tfgen.errors import UserError

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "sizes.json"
DOCUMENT = ROOT / "docs" / "rules.md"
BEGIN, END = "<!-- table of sizes -->", "<!-- end of table -->"
SIZES = ((28, 28, 1), (32, 32, 3), (64, 64, 3))
COUNT = 50_000
STEPS = 3  # whose time is taken; one alone where a step is expected to take more than
LONG = 4.0  # seconds


def config_for(model, shape):
    """(the config of pictures of a shape that no config names, the rule's seconds of a step)."""
    config = settings.find(model, "./pictures")
    seconds = settings.derive(model, config, rules.Data(*shape, levels=256, count=COUNT)).seconds
    settings.check(config, model)
    return config, seconds


def build(model, shape, config):
    """The model of a config, for images of that shape in 256 levels."""
    from tfgen import models

    arguments = config.model.to_dict()
    if "length" in arguments:  # of captions, which the data say
        arguments |= {"vocabulary": ("a", "b"), "examples": ("a", "b"), "length": 8}
    return models.find(model)(image_shape=tuple(shape), levels=256, seed=0, **arguments)


def measure(model, shape):
    """{what: number} of a model at a size, measured in a process of its own.

    What the model refuses is {"refused": why}.
    """
    job = json.dumps([model, shape])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sizes", f"--job={job}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def measured_here(model, shape):
    """The same in this process."""
    try:
        config, expected = config_for(model, shape)
    except UserError as error:
        return {"refused": str(error)}
    made = taking_steps(model, shape, config)
    next(made)  # traced
    steps = 1 if expected > LONG else STEPS
    before = resource.getrusage(resource.RUSAGE_SELF)
    terms = [next(made) for _ in range(steps)][-1]
    after = resource.getrusage(resource.RUSAGE_SELF)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "batch": config.batch_size,
        "seconds a step": round(busy / 2 / steps, 3),
        "by the rule": round(expected, 3),
        "peak memory, MB": after.ru_maxrss // 1000,
        "finite": all(math.isfinite(value) for value in terms.values()),
    }


def taking_steps(model, shape, config, compiled=True):
    """The terms of one step of training after the other, {name: number}; images are noise."""
    import numpy as np
    import tensorflow as tf

    from tfgen.training import devices, optimizers

    if compiled:
        devices.use_cores()
    built = build(model, shape, config)
    built.compile(
        {
            name: optimizers.from_config(section, config.steps, built.updates(name))
            for name, section in config.optimizers.items()
        }
    )
    if built.can("phases"):  # what grows is measured as it ends
        built.step.assign(max(int(step) for step, _ in built.phases() if math.isfinite(step)))
    random, size = np.random.default_rng(0), config.batch_size
    batch = {
        "image": random.integers(0, 256, (size, *shape), dtype=np.uint8),
        "other": random.integers(0, 256, (size, *shape), dtype=np.uint8),
        "label": random.integers(0, 10, size, dtype=np.int32),
        "tokens": random.integers(1, 3, (size, 8), dtype=np.int32),
    }
    step = tf.function(built.train_step) if compiled else built.train_step
    while True:
        yield {name: float(value) for name, value in step(batch).items()}


def markdown(kept):
    """Lines of the table: a model each, seconds (batch, GB) at every size."""
    names = ["x".join(map(str, shape)) for shape in SIZES]
    yield f"| model | {' | '.join(names)} |"
    yield "|---" + "|---:" * len(names) + "|"
    for model, rows in sorted(kept.items()):
        yield f"| `{model}` | {' | '.join(cell(rows.get(name)) for name in names)} |"


def cell(row):
    if row is None:
        return ""
    if "refused" in row:
        return "refused"
    memory = row["peak memory, MB"] / 1000
    return f"{row['seconds a step']:.2f} ({row['batch']}, {memory:.1f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", default=",".join(settings.names()))
    parser.add_argument("--job", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        print(json.dumps(measured_here(*json.loads(given.job))))
        return
    from benchmarks import render

    for model in given.models.split(","):
        for shape in SIZES:
            row = measure(model, shape)
            name = "x".join(map(str, shape))
            print(model, name, row, flush=True)
            kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
            kept.setdefault(model, {})[name] = row
            files.write_text(RESULTS, json.dumps(kept, indent=1, sort_keys=True) + "\n")
            text = DOCUMENT.read_text("utf-8")
            files.write_text(DOCUMENT, render.between(text, BEGIN, END, list(markdown(kept))))


if __name__ == "__main__":
    main()
