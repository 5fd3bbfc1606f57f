"""What a run directory holds: nothing, the same run, a shorter one or another; and its lock."""

import contextlib
import importlib.util
import shutil
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any

from tfgen import models, settings
from tfgen.errors import UserError

if TYPE_CHECKING:
    from ml_collections import ConfigDict

    from tfgen.run_dir import RunDir


def recorded_steps(run: "RunDir", name: str, config: "ConfigDict") -> int | None:
    """The steps of the run that the directory holds already; None where it holds none.

    Args: run, its `RunDir`; name, config: of the model and of the run as it is asked for.

    Raises: UserError if `run` is something else than this run or a longer one of it, or cannot be
      written.
    """
    if run.config_file.exists():
        differences = _differences(run, name, config)
        if set(differences) - {"steps"}:
            lines = [
                f"  {key}: {old!r} there, {new!r} now" for key, (old, new) in differences.items()
            ]
            raise UserError(
                f"{run.address} holds a run with other settings:\n" + "\n".join(lines) + "\n"
                "Choose another `workdir`, or give the same settings to continue it."
            )
        there, now = differences.get("steps", (config.steps, config.steps))
        if now < there:
            raise UserError(
                f"the run in {run.address} is one of {there} steps, and `steps={now}` is fewer: "
                "more steps go on where it ended, fewer are a run of their own, in another "
                "`workdir`."
            )
        return int(there)
    if run.path.exists() and not run.path.is_dir():
        raise UserError(f"{run.path} is a file; `workdir` wants a folder.")
    if run.holds_another_thing():
        raise UserError(
            f"{run.address} is not empty and not a run directory: choose another `workdir`."
        )
    return None


def keep_derived(run: "RunDir", config: "ConfigDict", given: Collection[str]) -> None:
    """A run that was begun keeps what followed from its data, where the user gives nothing else."""
    there = settings.flat(run.read_config()[1])
    known = settings.flat(config)
    kept = {key: there[key] for key in run.derived() if key in known and key not in given}
    config.update_from_flattened_dict(kept)


def _differences(run: "RunDir", name: str, config: "ConfigDict") -> dict[str, tuple[Any, Any]]:
    """{setting: (there, now)} where the two are not the same."""
    old_name, old_config = run.read_config()
    new = {"model": name, **settings.flat(config)}
    retired = {f"model.{setting}" for setting in models.find(name).retired}
    # What a version before did not write down had the value that is the default now.
    before = settings.filled(name, old_config["optimizers"])
    old = settings.flat(before) | {"model": old_name} | settings.flat(old_config)
    return {
        key: (old.get(key, "not set"), new.get(key, "not set"))
        for key in sorted((set(new) | set(old)) - retired)
        if new.get(key) != old.get(key)
    }


def extend(
    run: "RunDir", name: str, config: "ConfigDict", there: int, say: Callable[[str], None]
) -> None:
    """Extends a run of `there` steps; called last, when the rest is checked and the run locked."""
    falling = [key for key, o in config.optimizers.items() if o.get("decay", "none") != "none"]
    say(
        f"The run in {run.address} was one of {there} steps, and goes on to {config.steps}."
        + (
            f" The rate of {' and '.join(falling)} falls over all steps: it is from here on "
            f"that of a run of {config.steps}."
            if falling
            else ""
        )
    )
    # The card first: it says that a run is complete. What was measured is of the shorter run.
    for file in (run.card, run.metrics, run.report):
        file.unlink(missing_ok=True)
    run.write_config(name, config.to_dict(), run.derived())


@contextlib.contextmanager
def locked(run: "RunDir") -> Iterator[None]:
    """Makes the run directory and locks it against other processes; one in a store is claimed.

    A new run leaves nothing where what was asked for is found wrong before anything is logged.

    Raises: UserError if another process trains there, or where files cannot be locked; OSError if
      it cannot be written.
    """
    if importlib.util.find_spec("fcntl") is None:
        raise UserError(
            "a training locks its folder as Linux and macOS do, and this system cannot: on Windows "
            "train in WSL 2."
        )
    import fcntl

    new = not run.config_file.exists()
    try:
        run.path.mkdir(parents=True, exist_ok=True)
    except NotADirectoryError:
        raise UserError(f"{run.path} lies below a file: choose another `workdir`.") from None
    with open(run.path / ".lock", "a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another process is training in {run.path}.") from None
        if run.store:
            run.store.claim()
        run.forget_unfinished()
        try:
            yield
        except UserError:
            if new and not run.log.exists():
                _forget(run)
            raise


def _forget(run: "RunDir") -> None:
    """Removes what a run has written before its log; what else a user has there stays."""
    shutil.rmtree(run.checkpoints, ignore_errors=True)
    written = (run.config_file, run.data_file, run.validation, run.classifier, run.path / ".lock")
    for file in written:
        file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        run.path.rmdir()
    if run.store:
        run.store.give()
        run.store.leave()
