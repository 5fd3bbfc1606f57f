"""Faults that the suite must find: each is put into a copy of the tree, and its tests must fail.

python -m tests.mutations [NAME ...]

Prints for each fault which part of the suite finds it, the quick one (`-m "not slow"`) or the whole
one, by which test and in how many seconds. Ends with 1 if one is not found. Some ten minutes.
"""

import argparse
import dataclasses
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import ROOT


@dataclasses.dataclass(frozen=True)
class Fault:
    """In `file`, which holds `right` once, `wrong` takes its place; `tests` say what must fail."""

    name: str
    file: str
    right: str
    wrong: str
    tests: str
    quick: bool = True


FAULTS = [
    Fault(
        "the KL term has a wrong sign",
        *(
            "tfgen/objectives/divergences.py",
            "tf.exp(logvar) - logvar - 1.0",
            "tf.exp(logvar) + logvar - 1.0",
        ),
        "tests/models/test_vae.py",
    ),
    Fault(
        "IWAE takes the mean of logarithms",
        *("tfgen/models/iwae.py", "tf.reduce_logsumexp(log_w, axis=1) - math.log(self.samples)"),
        "tf.reduce_mean(log_w, axis=1)",
        "tests/models/test_iwae.py",
    ),
    Fault(
        "a flow forgets its scale's log-determinant",
        *("tfgen/models/nice.py", "log_det + tf.reduce_sum(self.s)", "log_det"),
        "tests/models/test_flows.py",
    ),
    Fault(
        "the gradient penalty is on real images, not between",
        *("tfgen/objectives/penalties.py", "norm_of_gradient(D, e * x + (1.0 - e) * fake)"),
        "norm_of_gradient(D, x)",
        "tests/objectives/test_penalties.py",
    ),
    Fault(
        "Adam corrects its bias by the step before",
        *(
            "tfgen/training/optimizers.py",
            "tf.cast(self.iterations + 1,",
            "tf.cast(self.iterations + 2,",
        ),
        "tests/training/test_optimizers.py",
    ),
    Fault(
        "every step draws the same noise",
        *("tfgen/random.py", "first = tf.cast(step, tf.int64)", "first = tf.cast(0, tf.int64)"),
        "tests/test_random.py",
    ),
    Fault(
        "a number is drawn when the step is traced",
        *(
            "tfgen/model.py",
            "values = tf.stack([tf.cast(term, tf.float64) for term in terms.values()])",
        ),
        "terms = {k: v * np.random.uniform() for k, v in terms.items()}\n"
        "        values = tf.stack([tf.cast(term, tf.float64) for term in terms.values()])",
        "tests/test_zoo.py",
    ),
    Fault(
        "samples normalise by their own batch",
        *("tfgen/models/gan.py", "self.latent(noise, label), training=False)"),
        "self.latent(noise, label), training=True)",
        "tests/test_zoo.py",
        # The average of G, which the quick row draws with, has statistics that stand in any case.
        quick=False,
    ),
    Fault(
        "a checkpoint leaves out the average of G",
        *("tfgen/training/checkpoints.py", "weights=list(model.weights)"),
        "weights=[w for w in model.weights if w.trainable or not w.shape]",
        "tests/test_zoo.py",
    ),
    Fault(
        "a resumed run reads its data from the start",
        *(
            "tfgen/training/job.py",
            "order = config.batch_size, config.seed, start,",
            "order = config.batch_size, config.seed, 0,",
        ),
        "tests/training/test_lifecycle.py",
        quick=False,
    ),
    Fault(
        "an export drops the label",
        *("tfgen/exporting/endpoints.py", 'return {"image": model.sample(seed, condition)}'),
        'return {"image": model.sample(seed, None if condition is None else 0 * condition)}',
        "tests/exporting/test_conditional.py",
        quick=False,
    ),
    Fault(
        "an export stores every weight twice",
        *("tfgen/exporting/archive.py", "module.read = list("),
        "module.again = [tf.Variable(variable) for variable in read]\n    module.read = list(",
        "tests/exporting/test_saved_model.py",
    ),
    Fault(
        "N replicas take N times the gradient",
        *("tfgen/model.py", "1.0 / tf.distribute.get_strategy().num_replicas_in_sync, loss.dtype"),
        "1.0, loss.dtype",
        "tests/test_replicas.py",
        quick=False,
    ),
    Fault(
        "a replica takes its own rows for those of all",
        *("tfgen/replicas.py", "return context.all_gather(x, axis=0)"),
        "return tf.concat([x, x], axis=0)",
        "tests/test_replicas.py",
        quick=False,
    ),
    Fault(
        "two replicas draw the same noise",
        *("tfgen/random.py", "* tf.cast(replica, tf.int64)", "* 0"),
        "tests/test_replicas.py",
        quick=False,
    ),
]


def copy(folder):
    """The files that git tracks, or would."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def put(fault, root):
    """Raises: ValueError where the code has changed and the fault has no place."""
    path = root / fault.file
    text = path.read_text()
    if text.count(fault.right) != 1:
        raise ValueError(f"{fault.file} holds {fault.right!r} {text.count(fault.right)} times")
    path.write_text(text.replace(fault.right, fault.wrong))


def found(fault):
    """(the first test that fails or "", seconds), in a copy of the tree."""
    with tempfile.TemporaryDirectory() as folder:
        copy(Path(folder))
        put(fault, Path(folder))
        part = "not slow" if fault.quick else "slow and not long"
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-m", part, fault.tests],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.M)
        return failed[1] if failed else "", time.monotonic() - began


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help="parts of the names of some faults; all by default"
    )
    options = parser.parse_args(argv)
    chosen = [f for f in FAULTS if not options.names or any(n in f.name for n in options.names)]
    missed = 0
    for fault in chosen:
        test, seconds = found(fault)
        part = "quick" if fault.quick else "whole"
        missed += not test
        print(f"{fault.name:52} {part}  {seconds:4.0f} s  {test or 'NOT FOUND'}", flush=True)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
