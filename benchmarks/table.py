"""Train and measure models on one data set over several seeds, and write the table of them.

    python -m benchmarks.table --data=digits --models=dcgan,vae --seeds=3 --readme

Runs that exist are not trained again, so a stopped table continues where it was. Results go to
benchmarks/results/<data>.json (numbers), .html (a page to look at, not in git) and .png (a plot).
Models that are not named keep their rows.
"""

import argparse
import json
import math
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tfgen import command, settings, startup
from tfgen.errors import UserError, one_of
from tfgen.files import write_text
from tfgen.run_dir import RunDir, distance

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
CAS_ROWS = ("all training images",)


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table")
    parser.add_argument("--data", default="digits", help="a data set (digits)")
    parser.add_argument(
        "--models", default="", help="with commas; by default all that begin with digits"
    )
    parser.add_argument("--seeds", type=int, default=3, help="runs of each model (3)")
    parser.add_argument("--runs", default="", help="where runs go (runs/table-<data>)")
    parser.add_argument(
        "--set", default="", help="settings of all runs, as data.size=28,steps=2000 (configs' own)"
    )
    parser.add_argument(
        "--measure", default="", help="flags of train.evaluate, as --measure='--k=200 --nll_n=1000'"
    )
    parser.add_argument("--readme", action="store_true", help="write it into README.md, RESULTS.md")
    return command.status(_run, parser.parse_args(argv))


def _run(options):
    if options.seeds < 1:
        raise UserError(f"--seeds={options.seeds}: at least one run of each model is needed.")
    models = [one_of("model", name, settings.names()) for name in options.models.split(",") if name]
    models = models or models_of("digits")
    given = given_by(options.set)
    for model in models:
        config_of(model, options.data, 0, given)  # an unknown setting is said before anything runs
    with startup.loading_tensorflow():
        import tensorflow  # noqa: F401

        from benchmarks import pictures, render

    folder = Path(options.runs or f"runs/table-{word(options.data)}")
    tasks = [(model, seed) for model in models for seed in range(options.seeds)]
    began = time.monotonic()
    runs = {model: [] for model in models}
    for i, (model, seed) in enumerate(tasks):
        run = RunDir(folder / f"{model}-seed{seed}")
        done = train_and_measure(run, model, options.data, seed, options.measure, given)
        runs[model].append(run)
        seconds = time.monotonic() - began
        print(f"{i + 1}/{len(tasks)}  {model} seed {seed}: {done}, {seconds:.0f} s", flush=True)
    measured = {
        model: [run.read_json(run.metrics) for run in group] for model, group in runs.items()
    }
    new = aggregate(measured)
    if given:
        new["models"] = {name: row | {"given": given} for name, row in new["models"].items()}
    table = merge(read(options.data), new)
    path = RESULTS / f"{word(options.data)}.json"
    write_text(path, json.dumps(table, indent=1) + "\n")
    grids = {m: RunDir(folder / f"{m}-seed0").figures / "samples.png" for m in table["models"]}
    write_text(path.with_suffix(".html"), pictures.html_page(table, grids))
    pictures.plot(table, path.with_suffix(".png"))
    print("\n".join(render.markdown(table)))
    if options.readme:
        render.write(render.insert, table)
    print(f"\nwrote {path} and, beside it, .html and .png")


def models_of(data):
    """The models whose config trains on the data set."""
    return [name for name in settings.names() if settings.find(name).data.name == data]


def word(name):
    """What files of a data set's table are called."""
    return re.sub(r"[^\w.-]+", "-", Path(name).name)


def read(data):
    """The table that there is, or None."""
    path = RESULTS / f"{word(data)}.json"
    return of_file(path) if path.exists() else None


def of_file(path):
    """What a file of results holds, with the names of now."""
    content = json.loads(path.read_text("utf-8"))
    if "distance" in content.get("features", {}):
        content["features"]["distance"] = distance(content["features"]["distance"])
    return content


def given_by(text):
    """{setting: value as text} of "data.size=28,steps=2000".  Raises: UserError for others."""
    pairs = [part.partition("=") for part in text.split(",") if part]
    for key, _, value in pairs:
        if not (key and value):
            raise UserError(f"--set={text}: settings are SETTING=VALUE, with commas between them.")
    return {key: value for key, _, value in pairs}


def train_and_measure(run, model, data, seed, measure="", given=None):
    """Runs what is missing of the two commands. Returns what was done.

    measure: further flags of train.evaluate; given: settings that are not the config's own,
    {dotted name: text}.

    Raises: UserError with the command's own words, if one fails.
    """
    done, measure = [], [f"--workdir={run.path}", *measure.split()]
    if run.complete and not _of_config(run, model, config_of(model, data, seed, given)):
        raise UserError(
            f"{run.path} holds a run of other settings than those of configs/{model}.py now: take "
            "it away, or name another folder with --runs."
        )
    if not run.complete:
        flags = [f"--workdir={run.path}", f"--config.seed={seed}", f"--config.data.name={data}"]
        flags += [f"--config.{key}={value}" for key, value in (given or {}).items()]
        run_command("train.run", f"--model={model}", *flags)
        done.append("trained")
    if not run.metrics.exists() or run.metrics.stat().st_mtime < run.card.stat().st_mtime:
        run_command("train.evaluate", *measure)
        done.append("measured")
    elif _outdated(run):
        run_command("train.evaluate", *measure)
        done.append("measured again, for the definitions have changed")
    return " and ".join(done) or "there already"


def _of_config(run, model, config):
    """Whether a run has the settings of a config, but for those that followed from the data."""
    name, there = run.read_config()
    ours, theirs = settings.flat(config), settings.flat(there)
    follow = {key: theirs.get(key) for key in run.derived()}
    return name == model and theirs == ours | follow


def config_of(model, data, seed, given=None):
    """The config that a run of the table has, as config.json holds it."""
    config = settings.find(model, data)
    config.seed = seed
    for key, value in (given or {}).items():
        settings.known(key, list(settings.keys(config)))
        kind = type(settings.value(config, key))
        try:
            config.update_from_flattened_dict({key: kind(value)})
        except ValueError:
            raise UserError(f"`{key}` is of type {kind.__name__}: {value!r} is none.") from None
    return json.loads(config.to_json())


def _outdated(run):
    from tfgen import evaluation

    return run.read_json(run.metrics)["protocol"].get("version") != evaluation.VERSION


def run_command(module, *flags):
    """Runs python -m module in the checkout.  Raises: UserError with its own words, if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", module, *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ.copy(),
    )
    if done.returncode:
        raise UserError(f"python -m {module} {' '.join(flags)} failed: {done.stderr.strip()}")


def aggregate(contents):
    """{model: [what metrics.json holds, a seed each]} -> the table.

    Raises: UserError if two of them were measured differently.
    """
    from tfgen import evaluation, models

    runs = [content for group in contents.values() for content in group]
    reference = runs[0]
    for content in runs[1:]:
        names = [f"{c['model']['name']} seed {c['model']['seed']}" for c in (reference, content)]
        evaluation.check_same(reference["protocol"], content["protocol"], names)
    rows = {}
    for name, group in contents.items():
        keys = [key for key, value in group[0]["results"].items() if not isinstance(value, str)]
        training = [content["model"]["training"] for content in group]
        whole = [t["seconds"] for t in training if t.get("in one process")]
        rows[name] = {
            "paper": list(models.find(name).paper),
            "density": group[0]["model"]["density"],
            "nll_kind": group[0]["results"].get("nll_kind"),
            "seeds": len(group),
            "metrics": {k: spread([c["results"][k] for c in group]) for k in keys},
            **_beside(group),
            "parameters": training[0]["parameters"],
            "seconds": statistics.mean(whole) if whole else None,
            "peak_memory_mb": max(t["peak memory, MB"] for t in training),
            "diagnosis": sorted({f["name"] for c in group for f in c["diagnosis"]}),
        }
    # Those that every run has: principal components belong to a model's own number of units.
    shared = set.intersection(*(set(content["baselines"]) for content in runs))
    trivial = {
        k: v for k, v in reference["baselines"].items() if k in shared and not k.startswith("PCA")
    }
    # What CAS is measured by, which runs of models without classes do not need.
    trivial |= {k: c["baselines"][k] for c in runs for k in CAS_ROWS if k in c["baselines"]}
    return {
        "protocol": reference["protocol"],
        "features": reference["features"],
        "models": rows,
        "floor": {k: v for content in runs for k, v in content["floor"].items()},
        "floor_errors": reference.get("floor_errors", {}),
        "baselines": trivial,
        "versions": reference["versions"],
    }


def _beside(group):
    """Of runs of one model: errors over images, and what draws get where a sample is a mean."""
    found = {}
    errors = [content.get("errors", {}) for content in group]
    known = set.intersection(*map(set, errors))
    if known:
        found["errors"] = {k: statistics.mean([e[k] for e in errors]) for k in sorted(known)}
    if all(content.get("draws") for content in group):
        keys = group[0]["draws"]
        found["samples_are"] = group[0]["samples_are"]
        found["draws"] = {k: spread([c["draws"][k] for c in group]) for k in keys}
    return found


def spread(values):
    """Mean and standard deviation over seeds; None if a run has no such number."""
    if any(value is None for value in values):
        return None
    deviation = statistics.stdev(values) if len(values) > 1 else math.nan
    return {
        "mean": statistics.mean(values),
        "std": None if math.isnan(deviation) else deviation,
        "values": values,
    }


def merge(old, new):
    """The new rows, and the old ones of models that were not run again.

    Those measured by an older version of the definitions say so, by a `version` of their own.

    Raises: UserError if the two were measured differently in anything else.
    """
    if old is None or set(old["models"]) <= set(new["models"]):
        return new
    from tfgen import evaluation

    before, now = (table["protocol"]["version"] for table in (old, new))
    older = {"version": before} if before < now else {}
    protocol = old["protocol"] | ({"version": now} if older else {})
    evaluation.check_same(protocol, new["protocol"], ("the table that there is", "the new runs"))
    kept = {name: older | row for name, row in old["models"].items()}
    merged = {**new, "models": {**kept, **new["models"]}}
    if not older:  # what the new runs have no part in, as accuracies of real images by label, stays
        for part in ("floor", "floor_errors"):
            merged[part] = old.get(part, {}) | new[part]
        names = {**old["baselines"], **new["baselines"]}
        merged["baselines"] = {
            name: old["baselines"].get(name, {}) | new["baselines"].get(name, {}) for name in names
        }
    return merged


if __name__ == "__main__":
    sys.exit(main())
