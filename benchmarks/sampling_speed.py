"""How fast autoregressive models draw, against drawing that recomputes the image for every pixel.

    python -m benchmarks.sampling_speed [--model=pixelcnn] [--size=28] [--batch=16]

Three ways draw the same images from the same uniforms, in turn, in one process:

    steps      each feature once, one compiled loop: what the model's `generate` does
    naive      the whole network once for each pixel, in one compiled loop
    predict    the whole network once for each pixel, by `predict` from Python, as tutorials do

"predict" is timed over some pixels and scaled up. Prints seconds an image batch and their ratios;
and, for twice the size, whether the time of a pixel stays as it is.
"""

import argparse
import statistics
import sys
import time

import numpy as np

from tfgen import command, startup
from tfgen.errors import one_of

ASKED = 20  # pixels that "predict" is timed over
ARGUMENTS = {
    "fvsbn": {},
    "nade": dict(hidden=500),
    "made": dict(hidden=500),
    "pixelcnn": dict(width=64, depth=7),
    "pixelrnn": dict(width=32, depth=4),
}


def recomputing(model, u, label=None):
    """`generate` by the network alone: for each pixel and channel, the whole image anew."""
    import tensorflow as tf

    places = tf.reshape(tf.range(int(np.prod(model.image_shape))), model.image_shape)

    def step(i, x):
        parameters = model.network(x, label)
        drawn = model.p.draw(parameters, u)
        return i + 1, tf.where(places == i, drawn, x)

    start = (tf.constant(0), tf.zeros_like(u))
    return tf.while_loop(lambda i, _: i < tf.size(places), step, start)[1]


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sampling_speed", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--model", default="pixelcnn", help=f"one of {', '.join(ARGUMENTS)}")
    parser.add_argument("--size", type=int, default=28)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    return command.status(_run, parser.parse_args(argv))


def _run(options):
    one_of("model", options.model, ARGUMENTS)
    with startup.loading_tensorflow():
        import tensorflow as tf

    model, noise = _build(options.model, options.size, options.batch)
    pixels = options.size**2
    network = _as_keras(model)
    steps = tf.function(lambda u: model.generate({"u": u}))
    naive = tf.function(lambda u: recomputing(model, u))
    same = np.mean(steps(noise).numpy() == naive(noise).numpy())
    network.predict(noise, verbose=0)
    seconds = {"steps": [], "naive": [], "predict": []}
    for _ in range(options.rounds):
        seconds["steps"].append(_time(lambda: steps(noise)))
        seconds["naive"].append(_time(lambda: naive(noise)))
        some = _time(lambda: [network.predict(noise, verbose=0) for _ in range(ASKED)])
        seconds["predict"].append(some * pixels / ASKED)
    median = {way: statistics.median(values) for way, values in seconds.items()}
    print(f"{options.model}, {options.batch} images of {options.size}x{options.size}, binary:")
    for way, value in median.items():
        print(f"  {way:8} {value:9.3f} s   {value / median['steps']:7.0f} times steps")
    print(f"  {100 * same:.3f} % of pixels are the same by steps and naive")
    large, more = _build(options.model, 2 * options.size, options.batch)
    steps_large = tf.function(lambda u: large.generate({"u": u}))
    steps_large(more)
    ratios = [
        _time(lambda: steps_large(more)) / _time(lambda: steps(noise)) / 4
        for _ in range(options.rounds)
    ]
    print(
        f"  a pixel of {2 * options.size}x{2 * options.size} takes "
        f"{statistics.median(ratios):.2f} times as long"
    )


def _build(name, size, batch):
    from tfgen import models

    model = models.find(name)((size, size, 1), 2, **ARGUMENTS[name])
    import tensorflow as tf

    return model, model.noise(tf.range(batch))["u"]


def _as_keras(model):
    """The network as a Keras model that has `predict`."""
    import keras

    class Network(keras.Model):
        def call(self, x):
            return model.network(x)

    network = Network()
    network.compile()
    return network


def _time(function):
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
