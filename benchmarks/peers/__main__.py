"""Train other people's own code on a data set, and measure its samples as the tables do.

    python -m benchmarks.peers --data=fashion_mnist --minutes=10

The first call makes an environment for it, of some gigabytes (PyTorch). Minutes are those of two
cores, both at work; one takes twice as long. Samples are measured by the protocol of the data's
table, in features of the same classifier. What was found goes to benchmarks/results/peers.json, and
into the table.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np

from benchmarks.peers import FOUND, read, read_all
from benchmarks.table import read as read_table
from tfgen import command, startup
from tfgen.errors import UserError, one_of
from tfgen.files import write_text

PACKAGE = "pythae==0.1.2"
PAPER = "https://arxiv.org/abs/2206.08309"
# {networks of `pythae_vae.py`: what the table calls it}
PEERS = {"mlp": "VAE of pythae, its default", "conv": "VAE of pythae, its convolutions"}
KEYS = ("frechet", "precision", "recall", "coverage")


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    parser.add_argument("--data", default="fashion_mnist", help="a data set that has a table")
    parser.add_argument("--minutes", type=float, default=10, help="of training, two cores' (10)")
    parser.add_argument("--env", default="runs/peers", help="where its environment is or goes")
    parser.add_argument("--peers", default="", help="mlp, conv (both)")
    return command.status(_run, parser.parse_args(argv))


def _run(options):
    names = [one_of("peer", name, PEERS) for name in options.peers.split(",") if name] or [*PEERS]
    if options.minutes <= 0:
        raise UserError(f"--minutes={options.minutes:g}: a positive number is wanted.")
    table = read_table(options.data)
    if table is None:
        raise UserError(f"--data={options.data}: there is no table of it, see benchmarks.table.")
    python = environment(Path(options.env))
    judge = Judge(table["protocol"])
    for name in names:
        row = judge.measured(python, name, 120 * options.minutes)
        found = read_all()
        found[options.data] = read(options.data) | {PEERS[name]: row}
        write_text(FOUND, json.dumps(found, indent=1) + "\n")
        print(name, row, flush=True)


def environment(folder):
    """The Python of an environment with the peer's packages, which is made if it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", PACKAGE], check=True)
    return python


class Judge:
    """Measures samples by the protocol of a table."""

    def __init__(self, protocol):
        with startup.loading_tensorflow():
            from tfgen import data, evaluation
            from tfgen.evaluation.samples import Comparison
            from tfgen.metrics import features

        self.protocol = evaluation.Protocol(**protocol)
        source = data.open_source(self.protocol.data, size=self.protocol.size)
        self.splits = evaluation.Splits.load(source, self.protocol.train, self.protocol.split)
        seen = self.splits.train, self.splits.held_out, self.splits.about.levels
        network = features.choose(self.protocol.features, *seen)
        if network.digest != self.protocol.features_hash:
            raise UserError(
                f"the classifier of {self.protocol.data} is {network.digest[:8]} on this machine, "
                f"and the table's {self.protocol.features_hash[:8]}: their numbers do not compare."
            )
        self.comparison = Comparison(self.splits, self.protocol, network)

    def measured(self, python, networks, cpu_seconds):
        """What a peer's samples are worth, and what it cost."""
        script = Path(__file__).parent / "pythae_vae.py"
        with tempfile.TemporaryDirectory() as folder:
            images, samples = Path(folder) / "images.npy", Path(folder) / "samples.npy"
            np.save(images, self.splits.unit(self.splits.train["image"]))
            job = {
                "networks": networks,
                "images": str(images),
                "samples": str(samples),
                "n": self.protocol.n,
                "cpu_seconds": cpu_seconds,
            }
            done = subprocess.run(
                [python, script, json.dumps(job)], stdout=subprocess.PIPE, text=True, check=True
            )
            drawn = self.splits.quantised(np.load(samples))
        metrics = self.comparison.measure(drawn)
        cost = json.loads(done.stdout.splitlines()[-1])
        return {
            "peer": PACKAGE,
            "paper": PAPER,
            "features_hash": self.protocol.features_hash,
            "n": self.protocol.n,
            "metrics": {key: metrics[key] for key in KEYS},
        } | cost


if __name__ == "__main__":
    sys.exit(main())
