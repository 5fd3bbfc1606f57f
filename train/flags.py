"""The command line of `train.run`: settings as flags, checked before TensorFlow is loaded."""

import re
import sys
from collections.abc import Mapping, Sequence

from absl import flags
from ml_collections import ConfigDict, config_flags

from tfgen import settings
from tfgen.errors import UserError, nearest
from tfgen.training import front
from train.usage import help_text

_MODEL = flags.DEFINE_string("model", None, "what to train")
_WORKDIR = flags.DEFINE_string("workdir", None, "the run directory")
DRY_RUN = flags.DEFINE_bool("dry_run", False, "print the config of what can run")


def parse(argv: Sequence[str], usage: str) -> tuple[str, ConfigDict, str, set[str]]:
    """The command line -> (model, config, workdir, what it sets); --help begins with `usage`.

    Raises: UserError that names the flag and the nearest right one.
    """
    given = [re.sub(r"^--?", "", a).partition("=") for a in argv[1:] if a.startswith("-")]
    options = {name: value for name, _, value in given}
    model = settings.kept(options.get("model") or _value_after("--model", argv) or "")
    data = options.get("config.data.name") or _value_after("--config.data.name", argv) or ""
    config = settings.find(model, data) if model else None
    if {"help", "h", "helpfull"} & set(options):
        print(help_text(usage, model, config))
        sys.exit(0)
    _refuse_unknown(options, config)
    if not model:
        raise UserError(f"--model=NAME is missing, see --list: {', '.join(settings.names())}.")
    try:
        config_flags.DEFINE_config_dict("config", config)
        rest = flags.FLAGS(argv)[1:]
    except flags.IllegalFlagValueError as error:
        raise UserError(f"{error}. {_wanted(error, config)}") from None
    except flags.Error as error:
        raise UserError(f"{error}.") from None
    if rest:
        raise UserError(f"unexpected argument {rest[0]!r}: settings are given as --name=value.")
    config = flags.FLAGS.config
    settings.check(config, model)
    chosen = {name.removeprefix("no").removeprefix("config.") for name in options}
    workdir = _WORKDIR.value or str(front.default_workdir(model, config))
    return model, config, workdir, chosen & set(settings.keys(config))


def _refuse_unknown(options: Mapping[str, str], config: ConfigDict | None) -> None:
    """Raises: UserError for a flag that is none, with the nearest that is."""
    own, ours = ["model", "workdir", "dry_run", "list", "help"], list(settings.keys(config or {}))
    known = own + [f"config.{key}" for key in ours]
    for name in options:
        if name in flags.FLAGS or name in known or name.removeprefix("no") in known:
            continue
        if name.startswith("config.") and not config:
            continue  # whose settings, is not known yet
        near = nearest(name, own)
        if not near:
            near = settings.meant(name.removeprefix("config."), ours)
            near = f"config.{near}" if near else nearest(name, known)
        hint = f" Did you mean '--{near}'?" if near else ""
        raise UserError(f"unknown flag '--{name}'.{hint} All are listed by --model=NAME --help.")


def _wanted(error: Exception, config: ConfigDict) -> str:
    """What type the setting that absl could not parse has."""
    name = str(error).removeprefix("flag --config.").partition("=")[0]
    value = settings.flat(config).get(name)
    return "" if value is None else f"It is of type {type(value).__name__}, by default {value}."


def _value_after(flag: str, argv: Sequence[str]) -> str | None:
    """The value of "--flag VALUE" written as two words."""
    at = argv.index(flag) + 1 if flag in argv else len(argv)
    return argv[at] if at < len(argv) else None
