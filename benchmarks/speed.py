"""Training speed: tfgen against the same networks written the plain way, and against PyTorch.

python -m benchmarks.speed [--rounds=5] [--steps=200] [--models=dcgan,vae,wgan_gp,conditional_gan]

Training images per second on digits, at the batch size of the config. In each round every way
trains in turn, in one process, on the same machine load; what counts is the median over rounds of
the ratios.

  keras    the networks of tfgen, trained as the tutorials of keras.io write it: `train_step` with
           `random.normal`, Keras' BatchNormalization and Dropout, Mean trackers, two passes of G,
           a tf.data pipeline of scaled floats, `fit`
  torch    the same networks in PyTorch, eager, indexing a permutation (the fastest plain way for
           data in memory); only if torch is installed
"""

import argparse
import importlib.util
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from benchmarks import plain_keras
from configs import base
from tfgen import data
from train import loop


def ours(name, config, training):
    """A function that trains for `steps` with tfgen and returns the seconds."""
    model = loop.build(name, config, training)

    def run(steps):
        start = int(model.step)
        batches = data.batches(training, config.batch_size, config.seed, start)
        return timed(lambda: model.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False))

    return run


def plain(name, config, training):
    model = plain_keras.build(name, config, training)
    dataset = plain_keras.dataset(training, config.batch_size, model)

    def run(steps):
        return timed(lambda: model.fit(dataset, steps_per_epoch=steps, verbose=0, shuffle=False))

    return run


def timed(function):
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def ways(name, config, training):
    found = {"tfgen": ours(name, config, training), "keras": plain(name, config, training)}
    if importlib.util.find_spec("torch") and name in ("dcgan", "vae"):
        from benchmarks import plain_torch

        found["torch"] = plain_torch.runner(name, config, training)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--models", default="dcgan,vae,wgan_gp,conditional_gan")
    options = parser.parse_args()
    training = data.open_source("digits").load("train")
    for name in options.models.split(","):
        config = base.find(name)
        if name == "conditional_gan":
            config.model.condition = "planes"  # the tutorial's
        runs = ways(name, config, training)
        for run in runs.values():
            run(20)  # tracing and warm-up
        seconds = [
            {way: run(options.steps) for way, run in runs.items()} for _ in range(options.rounds)
        ]
        images = options.steps * config.batch_size
        for way in runs:
            speed = statistics.median(images / s[way] for s in seconds)
            ratio = statistics.median(s[way] / s["tfgen"] for s in seconds)
            spread = [s[way] / s["tfgen"] for s in seconds]
            print(
                f"{name:8} {way:6} {speed:8.0f} images/s   tfgen is {ratio:.2f} times as fast "
                f"({min(spread):.2f} to {max(spread):.2f} over {options.rounds} rounds)"
            )
    print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, NumPy {np.__version__}")


if __name__ == "__main__":
    main()
