"""Train a model: python -m train.run --model=NAME [--workdir=DIR] [--config.KEY=VALUE ...]

The same command again continues a run that was stopped.

  --model=NAME         what to train (a file of configs/)
  --workdir=DIR        the run directory; by default runs/<model>-<data set>
  --config.KEY=VALUE   any setting, e.g. --config.steps=2000 --config.data.name=mnist
  --dry_run            print the resolved config and exit
  --help               this text; with --model, its settings too
"""

import re
import sys
from difflib import get_close_matches
from pathlib import Path

from absl import flags
from ml_collections import config_flags

from tfgen import command, quiet, settings
from tfgen.errors import UserError

_MODEL = flags.DEFINE_string("model", None, "what to train")
_WORKDIR = flags.DEFINE_string("workdir", None, "the run directory")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "print the resolved config and exit")


def parse(argv):
    """The command line -> (model, config, workdir), all checked; TensorFlow is not loaded for this.

    Raises: UserError that names the flag and the nearest right one.
    """
    given = [re.sub(r"^--?", "", a).partition("=") for a in argv[1:] if a.startswith("-")]
    options = {name: value for name, _, value in given}
    model = options.get("model") or _value_after("--model", argv)
    asks_help = {"help", "h", "helpfull"} & set(options)
    data = options.get("config.data.name") or _value_after("--config.data.name", argv) or ""
    config = settings.find(model, data) if model else None
    if asks_help:
        print(help_text(model, config))
        sys.exit(0)
    _refuse_unknown(options, config)
    if not model:
        raise UserError(f"--model=NAME is missing. There are: {', '.join(settings.names())}.")
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
    settings.check(config)
    data = re.sub(
        r"[^\w.-]+", "-", Path(config.data.name).name if _is_path(config) else config.data.name
    )
    return model, config, Path(_WORKDIR.value or f"runs/{model}-{data}")


def _refuse_unknown(options, config):
    """Raises: UserError for a flag that is none, with the nearest that is."""
    known = ["model", "workdir", "dry_run", "help"]
    known += [f"config.{key}" for key in settings.keys(config or {})]
    for name in options:
        if name in flags.FLAGS or name in known or name.removeprefix("no") in known:
            continue
        if name.startswith("config.") and not config:
            continue  # whose settings, is not known yet
        near = get_close_matches(name, known, n=1)
        hint = f" Did you mean '--{near[0]}'?" if near else ""
        raise UserError(f"unknown flag '--{name}'.{hint} All are listed by --model=NAME --help.")


def _wanted(error, config):
    """What type the setting that absl could not parse has."""
    name = str(error).removeprefix("flag --config.").partition("=")[0]
    value = config
    for part in name.split("."):
        value = value.get(part) if hasattr(value, "get") else None
    return f"It is of type {type(value).__name__}, by default {value}." if value is not None else ""


def _value_after(flag, argv):
    """The value of "--flag VALUE" written as two words."""
    at = argv.index(flag) + 1 if flag in argv else len(argv)
    return argv[at] if at < len(argv) else None


def _is_path(config):
    return config.data.name.startswith(("/", ".", "~"))


def help_text(model, config):
    lines = [__doc__.strip(), "", f"Models: {', '.join(settings.names())}."]
    if model:
        lines += ["", f"Settings of {model}, with their defaults:", ""]
        for key in settings.keys(config):
            value = config
            for part in key.split("."):
                value = value[part]
            lines.append(f"  --config.{key}={value}")
    return "\n".join(lines)


def main(argv):
    """Returns the exit status: that of `command.status`; 128 + n after signal n."""
    return command.status(_run, argv)


def _run(argv):
    model, config, workdir = parse(argv)
    if _DRY_RUN.value:
        print(config.to_json(indent=2, sort_keys=False))
        return 0
    # Only now: TensorFlow takes seconds to load, and a mistyped flag should not.
    with quiet.loading_tensorflow():
        from train import loop

        loop.tf.config.list_physical_devices()
    loop.use_cores()
    return loop.train(model, config, workdir)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
