"""Diffusion by the number of steps: what samples are worth after 1, 5, 10, 20, 50, 250 of them.

    python -m benchmarks.diffusion_steps --runs=RUN,RUN

DDIM (`ddpm`, eta = 0) and Heun's and Euler's steps (`edm`), of runs that are finished, on the
validation split: as many samples as it has images, by the same seeds, with the Fréchet distance and
the nearest neighbours of the evaluation, in features of the classifier that it trains for the data.
Beside them how often the network is evaluated, which is what a sample costs, and the time of one
image of a batch of 16 on this machine. Writes benchmarks/results/diffusion_steps-<data>.json.
"""

import argparse
import json
import sys
import time

from benchmarks.table import RESULTS, word
from tfgen import command, startup
from tfgen.errors import UserError
from tfgen.files import write_text

STEPS = (1, 5, 10, 20, 50, 250)
KEYS = ("frechet", "precision", "recall", "two_sample")


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diffusion_steps")
    parser.add_argument("--runs", required=True, help="finished runs of ddpm or edm, with commas")
    return command.status(_run, parser.parse_args(argv))


def _run(options):
    with startup.loading_tensorflow():
        import tensorflow  # noqa: F401

        import tfgen
    runs = [tfgen.load(path) for path in options.runs.split(",")]
    for run in runs:
        if not run.model.can("denoise_step"):
            raise UserError(f"{run.path} holds a {run.name}, which has no steps to choose.")
    (data,) = {run.config["data"]["name"] for run in runs}
    rows = [row for run in runs for row in measured(run)]
    path = RESULTS / f"diffusion_steps-{word(data)}.json"
    write_text(
        path, json.dumps({"data": data, "split": "validation", "rows": rows}, indent=1) + "\n"
    )
    print("\n".join(lines(rows)), f"\nwrote {path}", sep="\n")


def measured(run):
    """Rows of a run: {"sampler", "steps", "evaluations", "ms", and the metrics of KEYS}."""
    model = run.model
    solvers = ("heun", "euler") if hasattr(model, "solver") else ("ddim",)
    judge = judged(run)
    for solver in solvers:
        if hasattr(model, "solver"):
            model.solver = solver
        for steps in STEPS:
            if solver != "ddim" and steps == 1:
                continue  # a schedule of one sigma has no first and last
            images, ms = drawn(model, steps, judge.count)
            cost = len(model.way(steps).sigma) if hasattr(model, "way") else steps
            row = {"sampler": solver, "steps": steps, "evaluations": cost, "ms": round(ms, 3)}
            row |= judge(images)
            print(lines([row])[-1], flush=True)
            yield row


def judged(run):
    """A function images -> {metric: number}, with the `count` of images that it wants."""
    from tfgen import evaluation
    from tfgen.evaluation.samples import Comparison
    from tfgen.metrics import features

    config = run.config["data"]
    train, split = run.training.split, run.validation.split
    splits = evaluation.Splits.load(run.source, train, split, run.model)
    network = features.choose("classifier", splits.train, splits.held_out, splits.about.levels)
    count = len(splits.held_out["image"])
    given = (config["name"], config["size"], train, split, count, 0, 0)
    protocol = evaluation.Protocol(*given, network.kind, network.digest)
    comparison = Comparison(splits, protocol, network)

    def judge(images):
        found = comparison.measure(splits.quantised(images))
        return {key: found[key] for key in KEYS}

    judge.count = count
    return judge


def drawn(model, steps, count, batch=16):
    """(images [count, H, W, C] of the seeds 0, 1, 2, ..., milliseconds of each)."""
    import numpy as np

    from tfgen.compiling import compiled

    make = compiled(lambda seeds: model.generate(model.noise(seeds), steps=steps))
    seeds = np.resize(np.arange(count, dtype=np.int32), -(-count // batch) * batch)
    found, seconds = [make(seeds[:batch])], []
    for start in range(0, len(seeds), batch):
        began = time.perf_counter()
        found.append(make(seeds[start : start + batch]).numpy())
        seconds.append(time.perf_counter() - began)
    return np.concatenate(found[1:])[:count], 1000 * float(np.median(seconds)) / batch


def lines(rows):
    """Of a Markdown table."""
    head = ("sampler", "steps", "evaluations", "ms", *KEYS)
    found = [f"| {' | '.join(head)} |", "|---" + "|---:" * (len(head) - 1) + "|"]
    for row in rows:
        cells = (row.get(key, "") for key in head)
        text = (f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells)
        found.append(f"| {' | '.join(text)} |")
    return found


if __name__ == "__main__":
    sys.exit(main())
