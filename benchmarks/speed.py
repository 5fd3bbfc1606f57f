"""Training speed: tfgen against the same networks written the plain way, and against PyTorch.

python -m benchmarks.speed [--rounds=7] [--steps=600] [--models=dcgan,vae,wgan_gp,conditional_gan]

Training images per second on digits, at the batch size of the config. Every way has a process of
its own, for tfgen sets TensorFlow's threads, which are a process's; in each round all train in
turn, on the same machine load. What counts is the ratio of the fastest rounds: whatever else the
machine does can only add (now and then a round gets one core, and takes twice as long).

  keras    the networks of tfgen, trained as the tutorials of keras.io write it: `train_step` with
           `random.normal`, Keras' BatchNormalization and Dropout, Mean trackers, two passes of G,
           a tf.data pipeline of scaled floats, `fit`
  torch    the same networks in PyTorch, eager, indexing a permutation (the fastest plain way for
           data in memory); only if torch is installed
"""

import argparse
import importlib.util
import multiprocessing
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

from tfgen import data, settings
from tfgen.training import building, devices


def ours(name, config, training):
    """A function that trains for `steps` with tfgen and returns the seconds."""
    model = building.build(name, config, training)
    # Made once, as a run makes it; both ways start to read it anew in each round.
    batches = data.batches(training, config.batch_size, config.seed)

    def run(steps):
        return timed(lambda: model.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False))

    return run


def plain(name, config, training):
    from benchmarks import plain_keras

    model = plain_keras.build(name, config, training)
    dataset = plain_keras.dataset(training, config.batch_size, model)

    def run(steps):
        return timed(lambda: model.fit(dataset, steps_per_epoch=steps, verbose=0, shuffle=False))

    return run


def eager_torch(name, config, training):
    from benchmarks import plain_torch

    return plain_torch.runner(name, config, training)


def timed(function):
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def ways_of(name):
    found = {"tfgen": ours, "keras": plain}
    if importlib.util.find_spec("torch") and name in ("dcgan", "vae"):
        found["torch"] = eager_torch
    return found


def config_of(name):
    config = settings.find(name)
    if name == "conditional_gan":
        # The tutorial's game: planes of labels, cross-entropy, no spectral norms, no average of G.
        tutorial = dict(objective="non_saturating", normalisation="none", ema=0.0)
        config.model.update(tutorial | {"conditioning": "planes"})
    return config


def work(way, name, pipe):
    """A process: takes numbers of steps, gives seconds."""
    if way == "tfgen":
        devices.use_cores()
    run = ways_of(name)[way](name, config_of(name), data.open_source("digits").load("train"))
    run(20)  # tracing and warm-up
    pipe.send("ready")
    while steps := pipe.recv():
        pipe.send(run(steps))


def measure(name, rounds, steps):
    """{way: seconds of each round}."""
    spawn = multiprocessing.get_context("spawn")
    workers = {}
    for way in ways_of(name):
        here, there = spawn.Pipe()
        spawn.Process(target=work, args=(way, name, there), daemon=True).start()
        there.close()  # so that a worker that fails ends the wait for it
        here.recv()
        workers[way] = here
    seconds = {way: [] for way in workers}
    for _ in range(rounds):
        for way, pipe in workers.items():
            pipe.send(steps)
            seconds[way].append(pipe.recv())
    for pipe in workers.values():
        pipe.send(0)
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--models", default="dcgan,vae,wgan_gp,conditional_gan")
    options = parser.parse_args()
    for name in options.models.split(","):
        seconds = measure(name, options.rounds, options.steps)
        images = options.steps * config_of(name).batch_size
        for way, found in seconds.items():
            middle = statistics.median(
                s / own for s, own in zip(found, seconds["tfgen"], strict=True)
            )
            print(
                f"{name:16} {way:6} {images / min(found):8.0f} images/s   tfgen is "
                f"{min(found) / min(seconds['tfgen']):.2f} times as fast "
                f"(median over {options.rounds} rounds {middle:.2f})",
                flush=True,
            )
    print(f"TensorFlow {tf.__version__}")


if __name__ == "__main__":
    main()
