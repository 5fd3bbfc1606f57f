"""Train a model: python -m train.run --model=NAME [--workdir=DIR] [--config.KEY=VALUE ...]

The same command again continues a run that was stopped.

  --model=NAME         what to train (a file of configs/), or a file of your own: ./my_gan.py
  --workdir=DIR        the run directory, or gs://BUCKET/RUN; by default runs/<model>-<data set>
  --config.KEY=VALUE   any setting, e.g. --config.steps=2000 --config.data.name=mnist
  --dry_run            open the data, build the model, print the resolved config and exit
  --list               the models: what each is, and what its training costs
  --help               this text; with --model, its settings too
"""

import sys
from collections.abc import Sequence

import train  # noqa: F401 - says how, where this file is run by its path
from train import flags, next_steps, usage
from tfgen import command
from tfgen.training import cluster, front


def main(argv: Sequence[str]) -> int:
    """Returns the exit status: that of `command.status`; 128 + n after signal n."""
    return command.status(_run, argv)


def _run(argv: Sequence[str]) -> None:
    if "--list" in argv:
        print(usage.list_text())
        return
    model, config, workdir, given = flags.parse(argv, __doc__.strip())
    if flags.DRY_RUN.value:
        front.try_job(model, config, given)
        print(config.to_json(indent=2, sort_keys=False))
        return
    run = front.run_job(model, config, workdir, say=command.say, given=given)
    if cluster.is_chief():
        print(next_steps.text(run), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
