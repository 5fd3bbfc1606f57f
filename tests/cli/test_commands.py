"""The command as a user meets it: what it answers, how fast, and with which exit status."""

import json
import os
import pty
import resource
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.support import runs, small
from tfgen import settings
from tfgen.errors import UserError
from tfgen.training import front


def seconds_of_children():
    """Of a processor, which other work does not lengthen."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cli(*arguments, module="train.run"):
    return runs.run([sys.executable, "-m", module, *arguments])


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, ["--model=NAME is missing", ", ".join(settings.names())]),
        (["--list"], 0, [f"\n{name} " for name in settings.names()]),
        (["--help"], 0, ["--config.KEY=VALUE", f"Models: {', '.join(settings.names())}"]),
        (
            ["--model=vae", "--help"],
            0,
            ["--config.model.latent_dim=16", "--config.optimizers.vae."],
        ),
        (["--model=dcgna"], 2, ["unknown model 'dcgna'", "Did you mean 'dcgan'?"]),
        (["--modle=dcgan"], 2, ["unknown flag '--modle'", "'--model'"]),
        (
            ["--model=vae", "--config.bacth_size=3"],
            2,
            ["'--config.bacth_size'", "'--config.batch_size'"],
        ),
        (["--model=vae", "--config.model.latent=3"], 2, ["'--config.model.latent_dim'"]),
        (["--model=vae", "--config.lr=3"], 2, ["'--config.optimizers.vae.learning_rate'"]),
        (["--model=vae", "--epochs=3"], 2, ["'--config.steps'"]),
        (["--model=vae", "--config.steps=1.5"], 2, ["--config.steps=1.5", "int"]),
        (
            ["--model=vae", "--config.model.draw=perhaps"],
            2,
            ["--config.model.draw=perhaps", "bool"],
        ),
        (["--model=vae", "--config.steps=0"], 2, ["--config.steps is 0", "1 or more"]),
        (["--model=vae", "--config.save_every=150"], 2, ["a multiple of log_every, 100"]),
        (
            ["--model=vae", "--config.optimizers.vae.decay=wavy"],
            2,
            ["one of none, cosine, linear"],
        ),
        (["--model=vae", "--config.optimizers.vae.learning_rate=nan"], 2, ["learning_rate is nan"]),
        (["--model=vae", "--config.optimizers.vae.kind=adan"], 2, ["Did you mean 'adam'?"]),
        (
            ["--model=vae", "--config.optimizers.vae.kind=sgd", "--config.optimizers.vae.beta_1=0"],
            2,
            ["--config.optimizers.vae.beta_1=0.0 has no effect: sgd reads momentum, weight_decay"],
        ),
        (
            ["--model=progan", "--config.optimizers.D.kind=lion"],
            2,
            ["--config.optimizers.D.beta_1 is 0.0, but must be above 0 with lion"],
        ),
        (
            ["--model=vae", "--config.optimizers.vae.warmup=100", "--config.steps=100"],
            2,
            ["less than --config.steps, 100"],
        ),
        (["--model=vae", "more"], 2, ["unexpected argument 'more'"]),
        (["--model=vae", "--workdir"], 2, ["workdir"]),
    ],
)
def test_answers_that_need_no_tensorflow(arguments, status, said):
    before = seconds_of_children()
    done = cli(*arguments)
    assert seconds_of_children() - before < 1.0
    assert done.returncode == status
    text = done.stdout if status == 0 else done.stderr
    for part in said:
        assert part in text
    assert "Traceback" not in done.stderr


COMMANDS = sorted(
    f"{path.parent.name}.{path.stem}"
    for room in ("train", "export")
    for path in (ROOT / room).glob("*.py")
    if "argparse" in path.read_text()
)


@pytest.mark.slow
@pytest.mark.parametrize("module", COMMANDS)
def test_every_command_starts_and_says_what_it_wants(module):
    """In a process of its own; what it does, other tests try in theirs."""
    done = cli("--help", module=module)
    assert done.returncode == 0, done.stderr
    assert f"usage: python -m {module}" in done.stdout
    with pytest.raises(SystemExit) as stopped:  # argparse's own way out
        runs.here(module, "--no_such_flag")
    assert stopped.value.code == 2


@pytest.mark.parametrize("module", ["train.run", *COMMANDS])
def test_a_command_run_by_its_path_says_how_to_run_it(module, tmp_path):
    """Before it imports anything: not even tfgen need be installed."""
    file = ROOT / f"{module.replace('.', '/')}.py"
    done = runs.run([sys.executable, "-S", file], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert f"python -m {module}" in done.stderr


@pytest.mark.slow
def test_dry_run_prints_the_resolved_config():
    done = cli(
        "--model", "dcgan", "--dry_run", "--config.optimizers.G.learning_rate=1", "--config.seed=7"
    )
    config = json.loads(done.stdout)
    assert (done.returncode, config["seed"], config["optimizers"]["G"]["learning_rate"]) == (
        0,
        7,
        1.0,
    )
    assert config["model"]["ema"] == 0.99


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data.name": "digitz"}, "unknown data set 'digitz'"),
        ({"data.split": "train[:7]"}, "7 images"),
        ({"model.kernel": 2**20}, "weights with these settings"),
        ({"init": "/nothing"}, "/nothing is not a run directory"),
    ],
)
def test_a_dry_run_refuses_what_cannot_run(changes, said):
    """What a training refuses, and not the settings alone."""
    with pytest.raises(UserError, match=said):
        front.try_job("dcgan", runs.config("dcgan", **changes))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "run"
    done = runs.run(runs.command(small.FILE, path))
    assert done.returncode == 0, done.stderr
    return path, done


@pytest.mark.slow
def test_a_run_ends_by_naming_what_it_wrote_and_what_comes_next(finished):
    path, done = finished
    for part in (path, path / "figures/samples.png", path / "model.keras", path / "card.md"):
        assert str(part) in done.stdout
        assert part.exists()
    assert f"python -m train.evaluate --workdir={path}" in done.stdout
    assert "python -m export.sample --from=" in done.stdout
    lines = done.stdout.splitlines()
    assert (
        sum(line.startswith("step ") for line in lines) == 12
    )  # one a log interval, no control characters
    assert not set("\r\b\x1b") & set(done.stdout)
    assert done.stderr == ""


@pytest.mark.slow
def test_the_same_command_again_says_that_it_is_complete(finished):
    path, _ = finished
    done = runs.train(small.FILE, path)
    assert done.returncode == 0
    assert "is complete" in done.stdout
    done = runs.train(small.FILE, path, seed=4)
    assert done.returncode == 2
    assert "seed: 0 there, 4 now" in done.stderr


@pytest.mark.slow
def test_on_a_terminal_there_is_a_progress_bar(tmp_path):
    main, side = pty.openpty()
    arguments = runs.command(small.FILE, tmp_path / "run", steps=20)
    process = subprocess.Popen(arguments, cwd=ROOT, stdout=side, stderr=side, stdin=side)
    os.close(side)
    screen = b""
    while True:
        try:
            piece = os.read(main, 4096)
        except OSError:
            break
        if not piece:
            break
        screen += piece
    assert process.wait() == 0
    assert b"20/20" in screen
    assert b"100%" in screen
    assert b"loss=" in screen


@pytest.mark.slow
def test_the_next_command_samples_the_run(finished, tmp_path):
    path, _ = finished
    grids = []
    # In a process of its own, and in this one.
    for out, command in (
        ("a.png", lambda *flags: cli(*flags, module="export.sample")),
        ("b.png", lambda *flags: runs.here("export.sample", *flags)),
    ):
        done = command(f"--from={path}", "--seeds=0:9", f"--out={tmp_path / out}")
        assert done.returncode == 0, done.stderr
        grids.append((tmp_path / out).read_bytes())
    assert grids[0] == grids[1]
    for arguments, said in (
        (["--from=nowhere"], "not a run directory"),
        ([f"--from={path}", "--seeds=a"], "int32 seeds"),
        ([f"--from={path}", "--out=grid.gif"], "PNG"),
    ):
        done = runs.here("export.sample", *arguments)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data.name": "mnits"}, "unknown data set 'mnits'. Did you mean 'mnist'"),
        ({"data.split": "trian"}, "split 'trian' is not in digits"),
    ],
)
def test_bad_input_that_only_the_data_show(changes, said, tmp_path):
    done = runs.train("vae", tmp_path / "run", **changes)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_workdir_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    done = runs.train("vae", tmp_path / "file" / "run")
    assert done.returncode == 2
    assert "file/run lies below a file: choose another --workdir" in done.stderr
    assert "Traceback" not in done.stderr
