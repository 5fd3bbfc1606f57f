"""What it costs to share a step among processes: python -m benchmarks.workers [--model=dcgan ...]

Steps a second of one process with two threads, and of two workers of this machine with one thread
each, in turn; and the bytes of a step: those of the gradients, and what the loopback device counts
while the two train (idle traffic of the machine included).
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

STEPS, WARM, PART = 120, 20, 10


def loopback():
    """Bytes that the loopback device has sent."""
    lines = Path("/proc/net/dev").read_text("utf-8").splitlines()
    return int(next(line for line in lines if line.strip().startswith("lo:")).split()[9])


def worker(options):
    """Trains and prints, if it is the chief, what was measured."""
    import keras
    import tensorflow as tf

    from tfgen import progress, settings
    from tfgen.training import cluster, hosts, job

    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    config = settings.find(options.model, "digits")
    config.batch_size = options.batch_size or config.batch_size
    parts = []

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch + 1 >= WARM and (batch + 1) % PART == 0:
                parts.append((time.perf_counter(), time.process_time(), loopback()))

    with hosts.joined(cluster.from_environment()) as team:
        _, model, training, _ = job.prepare(job.Job(options.model, config), team.count)
        batches = job.stepping(model, config, training, 0, progress.silent, team)
        model.steps_per_execution = 1
        model.fit(batches, steps_per_epoch=STEPS, verbose=0, shuffle=False, callbacks=[Clock()])
        if not team.chief:
            team.end()
            return
    pairs = list(itertools.pairwise(parts))
    print(
        json.dumps(
            {
                "ms": [1e3 * (b[0] - a[0]) / PART for a, b in pairs],
                "cpu": 1e3 * (parts[-1][1] - parts[0][1]) / (PART * len(pairs)),
                "bytes": statistics.median((b[2] - a[2]) / PART for a, b in pairs),
                "gradients": 4 * model.parameter_count(),
            }
        )
    )


def start(options, threads, index=None):
    task = {"cluster": {"worker": options.workers}, "task": {"type": "worker", "index": index}}
    own = {} if index is None else {"TF_CONFIG": json.dumps(task)}
    flags = [
        f"--model={options.model}",
        f"--threads={threads}",
        f"--batch_size={options.batch_size}",
    ]
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.workers", *flags],
        env=os.environ | {"OMP_NUM_THREADS": "1"} | own,
        stdout=subprocess.PIPE,
        text=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="dcgan")
    parser.add_argument("--batch_size", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="of a process that is measured")
    parser.add_argument("--workers", nargs=2, default=["127.0.0.1:2311", "127.0.0.1:2312"])
    options = parser.parse_args()
    if options.threads:
        return worker(options)
    for _ in range(options.rounds):
        say(options, [start(options, 2)])
        say(options, [start(options, 1, i) for i in range(2)])


def say(options, processes):
    """Waits for them and prints what the first has measured."""
    said, *_ = [process.communicate()[0] for process in processes]
    found = json.loads(said.splitlines()[-1])
    rates = [1e3 / find(found["ms"]) for find in (min, statistics.median)]
    print(
        f"{options.model}, {len(processes)} of {2 // len(processes)} threads: "
        f"{rates[0]:.1f} steps/s (median {rates[1]:.1f}), {found['cpu']:.1f} ms of CPU a step and "
        f"process; loopback {found['bytes'] / 1e6:.2f} MB a step, gradients "
        f"{found['gradients'] / 1e6:.2f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
