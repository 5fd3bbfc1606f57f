"""Where the time of a training step goes: its kernels, by TensorFlow's profiler.

python -m benchmarks.kernels [--models=dcgan,vae] [--steps=100] [--compile=xla] [--free]
python -m benchmarks.kernels --alone    # the products of dcgan's D by themselves, on one CPU core

Training as `train.run` does it, on digits; on a GPU, where kernels have no names of the graph, they
are listed by their own. On a CPU kernels run side by side, and beside whatever else the machine
does: what counts is each group's share.
"""

import argparse
import collections
import functools
import os
import re
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# {group: of a kernel's node in the graph and its op, "scope/node:Op", what is found}, the first.
GROUPS = {
    "filter gradients": "Conv2DBackpropFilter",
    "input gradients, transposed convolutions": "Conv2DBackpropInput",
    "convolutions": "Conv2D",
    "dense layers": "MatMul",
    "noise": "NOISE",
    "average of G": "AVERAGE",
    "sums and guard of a step": "END_STEP",
    "batch statistics": "batch_norm",
    "Adam": "[Aa]dam",
    "losses, activations and the rest": "",
}


def group(kernel):
    return next(name for name, found in GROUPS.items() if re.search(found, kernel))


def named(owner, name, scope):
    """Has the ops of a function stand under a name of their own in the graph."""
    import tensorflow as tf

    function = getattr(owner, name)

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        with tf.name_scope(scope):
            return function(*args, **kwargs)

    object.__setattr__(owner, name, wrapped)


def events(folder):
    """[(kernel, ms)] of the device of a trace: all of its GPU's, or those of a CPU's ops."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    space.ParseFromString(next(Path(folder).rglob("*.xplane.pb")).read_bytes())
    gpus = [plane for plane in space.planes if plane.name.startswith("/device:GPU")]
    found = []
    for plane in gpus or [plane for plane in space.planes if plane.name == "/host:CPU"]:
        for line in plane.lines:
            if gpus and not line.name.startswith("Stream"):
                continue
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                if gpus or re.fullmatch(r"[\w/.]+:\w+(#.*)?", name):
                    found.append((name.split("#")[0], event.duration_ps / 1e9))
    return found, bool(gpus)


def measure(model_name, options):
    import tensorflow as tf

    from tfgen import data, random, settings
    from tfgen.training import building, devices, loop

    devices.make_strategy(1)
    devices.use_cores()
    config = settings.find(model_name)
    config.compile, config.deterministic = options.compile, not options.free
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    training = data.of_run(config.data).load("train")
    for function in ("uniform", "uniforms", "normal", "training_seeds"):
        named(random, function, "NOISE")
    model = building.build(model_name, config, training)
    named(model, "end_step", "END_STEP")
    if model.can("update_averages"):
        named(model, "update_averages", "AVERAGE")
    batches = loop.stepping(model, config, training, 0, print)

    def train(steps):
        began, used = time.perf_counter(), time.process_time()
        model.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False)
        return [1e3 * t / steps for t in (time.perf_counter() - began, time.process_time() - used)]

    train(50)
    wall, used = train(options.steps)
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        train(options.steps)
        tf.profiler.experimental.stop()
        kernels, of_gpu = events(folder)
    shown(model_name, kernels, of_gpu, options.steps)
    print(f"{model_name}: {wall:.2f} ms a step, {used:.2f} ms of all cores, without the profiler")


def shown(model_name, kernels, of_gpu, steps):
    """Prints shares of kernels' time, as rows of a table."""
    count, ms = collections.Counter(), collections.Counter()
    for kernel, duration in kernels:
        name = kernel[:80] if of_gpu else group(kernel)
        count[name] += 1
        ms[name] += duration
    total = sum(ms.values())
    print(f"\n| {model_name} | kernels a step | share of their time |\n|---|---:|---:|")
    for name, found in ms.most_common(25):
        print(f"| {name} | {count[name] / steps:.0f} | {found / total:.1%} |")
    print(f"| all | {len(kernels) / steps:.0f} | {total / steps:.2f} ms |", flush=True)


def alone():
    """Prints GFLOP/s of the convolutions of D, and of matrix products of the same shapes.

    By the CPU seconds of the fastest of nine rounds in turn, for the machine does other things.
    """
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    raw, rows = tf.raw_ops, 64
    how = dict(strides=[1, 2, 2, 1], padding="SAME")
    for size, channels, filters in ((8, 1, 64), (4, 64, 128)):
        half, patch = size // 2, 16 * channels
        x, w = tf.ones([rows, size, size, channels]), tf.ones([4, 4, channels, filters])
        y = tf.ones([rows, half, half, filters])
        found = rates(
            2e-9 * rows * half**2 * patch * filters,
            {
                "convolution": lambda x, w, y: tf.nn.conv2d(x, w, 2, "SAME"),
                "filter gradient": lambda x, w, y: raw.Conv2DBackpropFilter(
                    input=x, filter_sizes=w.shape, out_backprop=y, **how
                ),
                "input gradient": lambda x, w, y: raw.Conv2DBackpropInput(
                    input_sizes=x.shape, filter=w, out_backprop=y, **how
                ),
            },
            (x, w, y),
        )
        matrices = tf.ones([rows * half**2, patch]), tf.ones([patch, filters])
        found |= rates(
            2e-9 * rows * half**2 * patch * filters,
            {
                "its matrix product": lambda x, w, y: x @ w,
                "of the filter gradient": lambda x, w, y: tf.matmul(x, y, transpose_a=True),
                "of the input gradient": lambda x, w, y: tf.matmul(y, w, transpose_b=True),
            },
            (*matrices, tf.ones([rows * half**2, filters])),
        )
        for name, rate in found.items():
            print(f"{size}x{size}x{channels} -> {filters}: {name:24} {rate:6.1f} GFLOP/s")
    square = tf.constant(np.ones([1024, 1024], np.float32))
    rate = rates(2e-9 * 1024**3, {"1024": lambda x: x @ x}, (square,))["1024"]
    print(f"1024 x 1024 by 1024 x 1024: {rate:.1f} GFLOP/s")


def rates(gflop, functions, inputs, calls=20):
    """{name: GFLOP/s of CPU time} of functions of the same inputs."""
    import tensorflow as tf

    compiled = {name: tf.function(function) for name, function in functions.items()}
    least = dict.fromkeys(functions, float("inf"))
    for _ in range(9):
        for name, function in compiled.items():
            function(*inputs)
            began = time.process_time()
            for _ in range(calls):
                result = function(*inputs)
            result.numpy()
            least[name] = min(least[name], (time.process_time() - began) / calls)
    return {name: gflop / seconds for name, seconds in least.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default="dcgan,vae")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--compile", default="auto", help="as `compile` of a run")
    parser.add_argument("--free", action="store_true", help="with `deterministic=False`")
    parser.add_argument("--alone", action="store_true", help="no training: products alone")
    options = parser.parse_args()
    if options.alone:
        return alone()
    for name in options.models.split(","):
        measure(name, options)


if __name__ == "__main__":
    main()
