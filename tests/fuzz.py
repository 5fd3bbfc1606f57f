"""Hostile input at every door: an answer, or a sentence; never a traceback, never nonsense.

    python -m tests.fuzz --cases=20000 --seed=1

`tests/test_fuzz.py` runs 2,000 cases; the command tells each fault at once, and goes on where a
case ends its process. A door is a function that takes a random generator, makes an input, uses it
as a user would, and fails by any exception but `UserError`, or by an assertion where it accepts
what it should not.
"""

import argparse
import collections
import io
import json
import math
import multiprocessing
import random
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from unittest import mock

import numpy as np

from tests import zoo
from tfgen import progress, reading, settings
from tfgen.errors import Notice, UserError
from tfgen.run_dir import RunDir
from tfgen.training import claim, front

NUMBERS = (
    *(0, 1, -1, 2, 3, 7, 255, 2**15, 2**31 - 1, 2**31, 2**63, -(2**31)),
    *(0.0, -0.0, 0.5, 1.0, 1e-300, 1e300, -1e9, math.nan, math.inf, -math.inf),
)
OTHERS = (None, "", "none", "batch", "x" * 300, "\x00", "ü", [], [1], {}, {"a": 1}, True, False)


def a_setting(dice: random.Random) -> None:
    """Any value for any setting: what is accepted is of its type, and no infinity."""
    model = dice.choice(settings.names())
    config = settings.find(model)
    key = dice.choice(sorted(settings.keys(config)))
    wanted = type(settings.value(config, key))
    front._apply(config, {key: dice.choice(NUMBERS + OTHERS)})
    settings.check(config, model)
    found = settings.value(config, key)
    assert isinstance(found, wanted), (model, key, found)
    assert not isinstance(found, float) or math.isfinite(found), (model, key, found)


def a_name(dice: random.Random) -> None:
    """A model or a setting that is misspelt is not taken for another."""
    name = _changed_text(dice, dice.choice(settings.names()))
    if "/" in name or name.endswith(".py"):
        return
    assert name in settings.names() or not settings.find(name), name


def a_config_file(dice: random.Random) -> None:
    """config.json, damaged: read as it is, or refused; and compared with what is asked for."""
    model = dice.choice(("vae", "dcgan", "rbm"))
    config = settings.find(model)
    content = {"model": model, "tfgen": "0.2.0", "config": config.to_dict()}
    with tempfile.TemporaryDirectory() as folder:
        run = RunDir(folder)
        run.config_file.write_bytes(_damaged(dice, content))
        name, read = run.read_config()
        assert isinstance(name, str)
        assert {"data", "model", "optimizers"} <= set(read)
        claim.recorded_steps(run, model, config)


def a_log(dice: random.Random) -> None:
    """log.csv, damaged: every row that is read has a number for each name."""
    lines = ["step,loss,kl", *(f"{i},{i / 7},{dice.random()!r}" for i in range(5, 60, 5))]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log.csv"
        file.write_bytes(_damaged_bytes(dice, ("\n".join(lines) + "\n").encode()))
        names, rows = reading.read_rows(file)
        assert all(len(row) == len(names) for row in rows.values())
        assert all(isinstance(value, float) for row in rows.values() for value in row)


def metrics(dice: random.Random) -> None:
    """metrics.json, damaged: what is read can be printed."""
    from tfgen.reports import comparison

    content = {
        "model": {"name": "vae", "density": "lower bound", "training": {}},
        "protocol": {
            **{"data": "digits", "train": "train", "split": "test", "n": 447},
            **{"features": "classifier", "features_hash": "0123456789abcdef", "version": 3},
        },
        "features": {"distance": "FDC"},
        "results": {"nll": 79.5, "nll_kind": "upper bound", "frechet": 2.5},
        "floor": {"frechet": 1.0},
        "baselines": {"independent pixels": {"nll": 100.0, "frechet": None}},
        "diagnosis": [{"name": "a", "problem": "b", "advice": "c"}],
        "not_measured": {"recall": "too few"},
    }
    with tempfile.TemporaryDirectory() as folder:
        run = RunDir(folder)
        run.metrics.write_bytes(_damaged(dice, content))
        found = run.read_json(run.metrics)
        list(comparison.lines(found))
        list(comparison.side_by_side({"a": found, "b": found}))


def seeds(dice: random.Random) -> None:
    """--seeds: what is accepted are int32 numbers."""
    from tfgen import seeds

    text = dice.choice(("0:64", "7", "1,5,9", "-5:5", "0:0", "5:1", "", "1.5", "0:2147483648"))
    for seed in seeds.parse(_changed_text(dice, text))[:: 2**24]:
        assert -(2**31) <= seed < 2**31


def an_answer(dice: random.Random) -> None:
    """The JSON of a server, damaged: what is taken for images is one for each seed, in [0, 1]."""
    from tfgen.exporting import servers, sources

    images = np.full((3, 2, 2, 1), 0.5).tolist()
    content = {"outputs": {"image": images, "unknown": ["", "", ""], "cut": ["", "", ""]}}
    body = io.BytesIO(_damaged(dice, content if dice.random() < 0.7 else {"outputs": images}))
    with mock.patch.object(servers.urllib.request, "urlopen", return_value=body):
        found = sources.open_source("http://x/v1/models/y")(np.arange(3, dtype=np.int32))
    assert found.shape[0] == 3
    assert np.isfinite(found).all()


def a_model(dice: random.Random) -> None:
    """Any number for an argument of a tiny model: what its declaration allows can be built."""
    from tfgen import models
    from tfgen.training import building

    row = dice.choice(zoo.ROWS)
    config = settings.find(row.name)
    known = {key: value for key, value in row.arguments.items() if key in config.model}
    config.update_from_flattened_dict({f"model.{key}": value for key, value in known.items()})
    numbers = [key for key, value in config.model.items() if type(value) in (int, float)]
    if numbers:
        key = dice.choice(sorted(numbers))
        front._apply(config, {f"model.{key}": dice.choice(NUMBERS)})
    settings.check(config, row.name)
    arguments = row.arguments | {key: config.model[key] for key in (*known, *numbers)}
    with building.fitting_into_memory(row.name):
        model = models.find(row.name)(row.image_shape, row.levels, seed=0, **arguments)
    assert model.parameter_count() >= 0


CHEAP = (a_setting, a_name, a_config_file, a_log, metrics, seeds, an_answer)
EVERY = 20  # cheap cases for one that builds
LONGEST = 120.0  # seconds of a case
LINES = 500  # cases between two lines where stdout is no terminal


def _damaged(dice: random.Random, content: object) -> bytes:
    """A JSON text with a value exchanged, or with other bytes."""
    if dice.random() < 0.6:
        content = _exchanged(dice, json.loads(json.dumps(content)))
        return json.dumps(content).encode()
    return _damaged_bytes(dice, json.dumps(content).encode())


def _exchanged(dice: random.Random, value: object) -> object:
    """The same with one part exchanged, removed or added somewhere."""
    if isinstance(value, dict) and value and dice.random() < 0.85:
        key = dice.choice(sorted(value))
        if dice.random() < 0.15:
            del value[key]
        else:
            value[key] = _exchanged(dice, value[key])
        return value
    return dice.choice(NUMBERS + OTHERS)


def _damaged_bytes(dice: random.Random, content: bytes) -> bytes:
    at = dice.randrange(len(content) + 1)
    return dice.choice(
        (
            content[:at],
            content[at:],
            content[:at] + dice.randbytes(dice.randrange(1, 5)) + content[at:],
            content[:at] + b"\n\n" + content[at:],
            content[:at] + b"nan" + content[at + 3 :],
            content.replace(b",", b";"),
            b"",
        )
    )


def _changed_text(dice: random.Random, text: str) -> str:
    at = dice.randrange(len(text) + 1)
    return text[:at] + dice.choice(("", "a", "_", "-", ":", ",", "9", " ", "\n", "é")) + text[at:]


def tried(case: int, seed: int) -> tuple[str, str]:
    """(door and outcome, the fault with what makes it again or "") of one case."""
    dice = random.Random(f"{seed} {case}")
    door = a_model if case % EVERY == 0 else dice.choice(CHEAP)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Notice)
            door(dice)
        return f"{door.__name__} accepted", ""
    except UserError:
        return f"{door.__name__} refused", ""
    except Exception:
        last = traceback.format_exc().strip().splitlines()
        fault = f"case {case} of seed {seed}, {door.__name__}: {' | '.join(last[-4:])}"
        return f"{door.__name__} failed", fault


def run(cases: int, seed: int) -> list[str]:
    """The faults of so many cases, in this process."""
    found = (tried(case, seed)[1] for case in range(cases))
    return [fault for fault in found if fault]


def apart(cases: Sequence[int], seed: int) -> Iterator[tuple[str, str]]:
    """What `tried` gives of each case, in a process that may end or hang: that is a fault too."""
    pool = None
    for case in cases:
        pool = pool or _process()
        try:
            yield pool.submit(tried, case, seed).result(LONGEST)
        except (BrokenProcessPool, TimeoutError) as error:
            yield "process ended", f"case {case} of seed {seed}: {error!r}"
            for process in list(pool._processes.values()):  # type: ignore[attr-defined]
                process.kill()
            pool.shutdown(cancel_futures=True)
            pool = None
    if pool:
        pool.shutdown()


def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="the case to begin with")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    cases = range(options.first, options.first + options.cases)
    outcomes: collections.Counter[str] = collections.Counter()
    faults = 0
    shown = progress.Steps(cases.stop, cases.start)
    for case, (outcome, fault) in zip(cases, apart(cases, options.seed), strict=True):
        outcomes[outcome] += 1
        if fault:
            faults += 1
            shown.say(fault)
        done = case + 1
        shown(done, {"faults": faults} if done % LINES == 0 or done == cases.stop else None)
    shown.close()
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:6} {outcome}")
    print(f"{faults} faults in {options.cases} cases")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
