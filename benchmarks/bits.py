"""Whether runs are bit-identical on this machine's device, and a seed one image on all.

python -m benchmarks.bits [--models=dcgan,vae] [--steps=1000] [--data=digits]

Of each model three runs at once: two alike, and one that is killed in the middle and goes on. Their
logs and all weights are compared, bit for bit. Then 64 samples of the first run on a GPU and on a
CPU, and the seconds for 10,000. It ends with an error if two runs differ.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def command(model, folder, options):
    every = options.steps // 10
    return [
        *(sys.executable, "-m", "train.run", f"--model={model}", f"--workdir={folder}"),
        *(f"--config.steps={options.steps}", f"--config.data.name={options.data}"),
        *(f"--config.log_every={every}", f"--config.save_every={every}"),
        *("--config.eval_every=0", *options.settings),
    ]


def train(model, folder, options):
    """Three runs at once: [folders]."""
    runs = [folder / f"{model}-{name}" for name in ("one", "two", "killed")]
    output = subprocess.PIPE
    started = [
        subprocess.Popen(command(model, run, options), stdout=output, stderr=output, text=True)
        for run in runs
    ]
    kept = runs[2] / "checkpoints" / f"ckpt-{options.steps // 2}.index"
    while not kept.exists() and started[2].poll() is None:
        time.sleep(0.05)
    started[2].kill()
    started[2].wait()
    started[2] = subprocess.Popen(command(model, runs[2], options), stdout=output, stderr=output)
    for process in started:
        _, said = process.communicate()
        if process.returncode:
            sys.exit(f"{model}: a run failed:\n{said}")
    return runs


def same(one, other):
    """Whether two runs have one log and the same weights."""
    import tfgen

    logs = [(run / "log.csv").read_bytes() for run in (one, other)]
    weights = [tfgen.load(run).model.get_weights() for run in (one, other)]
    return logs[0] == logs[1] and all(
        a.tobytes() == b.tobytes() for a, b in zip(*weights, strict=True)
    )


def sample(run):
    """Prints how samples of a GPU and a CPU differ, and what 10,000 cost."""
    import tensorflow as tf

    import tfgen

    loaded = tfgen.load(run)
    if tf.config.list_physical_devices("GPU"):
        on_gpu = np.asarray(loaded.sample(range(64)))
        with tf.device("CPU:0"):
            on_cpu = np.asarray(loaded.model.sample(range(64)))
        difference = np.abs(on_gpu - on_cpu).max() * 255
        print(f"{run.name}: GPU and CPU differ by {difference:.3f} of 255 levels", flush=True)
    loaded.sample(range(10_000))
    began = time.perf_counter()
    loaded.sample(range(10_000))
    print(f"{run.name}: 10,000 samples in {time.perf_counter() - began:.2f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default="dcgan,vae")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--data", default="digits")
    parser.add_argument(
        "settings", nargs="*", help="of all runs, as --config.compile=none after --"
    )
    options = parser.parse_args()
    differ = []
    with tempfile.TemporaryDirectory() as folder:
        for model in options.models.split(","):
            one, two, killed = train(model, Path(folder), options)
            for name, other in (("repeated", two), ("killed and resumed", killed)):
                equal = same(one, other)
                differ += [] if equal else [f"{model} {name}"]
                print(f"{model}: {name}: {'identical' if equal else 'DIFFERENT'}", flush=True)
            sample(one)
    if differ:
        sys.exit(f"not bit-identical: {', '.join(differ)}")


if __name__ == "__main__":
    main()
