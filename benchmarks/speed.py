"""Training speed: tfgen against the same networks written the plain way, and against PyTorch.

python -m benchmarks.speed [--rounds=7] [--steps=600] [--models=dcgan,vae,...,ddpm]
python -m benchmarks.speed --device=gpu     # dcgan and vae, at 28 or 32 pixels and at 64x64x3
python -m benchmarks.speed --device=gpu --seconds=1    # a round of as many steps as take so long

Training images per second, on a CPU on digits at the batch size of the config. Every way has a
process of its own, for tfgen sets TensorFlow's threads, which are a process's; in each round all
train in turn, on the same machine load. What counts is the ratio of the fastest rounds: whatever
else the machine does can only add (now and then a round gets one core, and takes twice as long).
On a GPU the images are noise, of 17 levels: a step's time does not depend on what they show.

  tfgen          as `train.run` does it: bit-identical runs, on a GPU op by op
  xla            the same with `compile=xla`, on a GPU alone, as what follows
  fused          with `compile=fused`: all but convolutions and matrix products
  free           with `deterministic=False`, and so compiled by XLA
  bfloat16       the same with `precision=bfloat16`
  xla16          as `xla`, in bfloat16: it may be bit-identical, as `tfgen` is
  keras          the networks of tfgen, trained as the tutorials of keras.io write it: `train_step`
                 with `random.normal`, Keras' BatchNormalization and Dropout, Mean trackers, two
                 passes of G, a tf.data pipeline of scaled floats, `fit`; XLA where Keras takes it
  torch          the same networks in PyTorch, eager, see `plain_torch.py`; if torch is installed
  torch.compile  both networks compiled, on a GPU alone

"free+tf32" is the way "free" with products in TF32; `--tf32` has all of them compute so.
"""

import argparse
import contextlib
import functools
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from tfgen import settings

ROOT = Path(__file__).parent.parent
CPU = ("dcgan", "vae", "wgan_gp", "conditional_gan", "ddpm")
# {name: (model, shape of the images, settings)}: the smaller networks are those of the configs.
WIDE = {"model.width": 128, "batch_size": 128}
GPU = {
    "dcgan": ("dcgan", (32, 32, 1), {"batch_size": 128, "model.depth": 3}),
    "vae": ("vae", (28, 28, 1), {}),
    "dcgan 64": ("dcgan", (64, 64, 3), WIDE | {"model.depth": 4}),
    "vae 64": ("vae", (64, 64, 3), WIDE),
}
WAYS = {"cpu": ("tfgen", "keras", "torch")}
# What the settings are where they are not those of a run: {way: {setting: value}}.
CHANGES = {
    "xla": {"compile": "xla"},
    "fused": {"compile": "fused"},
    "free": {"deterministic": False},
    "bfloat16": {"deterministic": False, "precision": "bfloat16"},
    "xla16": {"compile": "xla", "precision": "bfloat16"},
}
WAYS["gpu"] = ("tfgen", *CHANGES, "keras", "torch", "torch.compile")
LEVELS = 17


def config_of(name, changes):
    config = settings.find(name)
    if name == "conditional_gan":
        # The tutorial's game: planes of labels, cross-entropy, no spectral norms, no average of G.
        tutorial = dict(objective="non_saturating", normalisation="none", ema=0.0)
        config.model.update(tutorial | {"conditioning": "planes"})
    config.update_from_flattened_dict(changes)
    return config


# --- the parent, which imports neither TensorFlow nor PyTorch -----------------------------------


class Worker:
    """A process that trains in one way: it is told numbers of steps, and says seconds."""

    def __init__(self, job, torch):
        of_torch = job["way"].startswith("torch")
        script = [*torch, ROOT / "benchmarks/plain_torch.py"]
        ours = [sys.executable, "-m", "benchmarks.speed", "--worker"]
        self.name = job["name"]
        self.process = subprocess.Popen(
            [*(script if of_torch else ours), json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def ready(self):
        """Whether it has made its first steps; if not, its last word is printed."""
        for line in self.process.stdout:
            if line == "ready\n":
                return True
        lines = self.process.stderr.read().strip().splitlines()
        print(f"{self.name}: not measured: {lines[-1] if lines else 'it ended'}", flush=True)
        return False

    def train(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()


def measure(case, options, folder):
    """{way: seconds of a step in each round} of a case, and images of a step."""
    name, shape, changes = (case, (8, 8, 1), {}) if options.device == "cpu" else GPU[case]
    config = config_of(name, changes)
    images = folder / f"{case}.npz"
    images_of(shape, images, options.device)
    ways = [w for w in options.ways or WAYS[options.device] if fits(w, name)]
    job = dict(
        model=name,
        device=options.device,
        images=str(images),
        shape=shape,
        levels=LEVELS,
        changes=changes,
        batch_size=config.batch_size,
        steps=config.steps,
        settings=config.model.to_dict(),
        optimizers=config.optimizers.to_dict(),
    )
    torch = shlex.split(options.torch)
    # They start at once.
    workers = [Worker(job | way_of(way, options.tf32), torch) for way in ways]
    workers = [worker for worker in workers if worker.ready()]
    steps = {worker: options.steps or paced(worker, options.seconds) for worker in workers}
    seconds = {worker.name: [] for worker in workers}
    for _ in range(options.rounds):
        for worker in workers:
            seconds[worker.name].append(worker.train(steps[worker]) / steps[worker])
    for worker in workers:
        worker.end()
    return seconds, config.batch_size


def way_of(name, all_in_tf32):
    """Of a way's name what a job says."""
    way, _, tf32 = name.partition("+")
    return dict(name=name, way=way, tf32=all_in_tf32 or tf32 == "tf32")


def paced(worker, seconds):
    """The steps that take so long: of 25, as a compiled way has them in a call, some calls."""
    worker.train(25)
    return 25 * max(1, round(seconds / worker.train(25)))


def fits(way, name):
    return name in ("dcgan", "vae") or not way.startswith("torch")


def images_of(shape, path, device):
    if device == "cpu":
        from sklearn.datasets import load_digits

        image = load_digits().images[:1000, ..., None].astype(np.uint8)
        label = load_digits().target[:1000]
    else:
        random = np.random.default_rng(0)
        image = random.integers(0, LEVELS, (10_000, *shape), dtype=np.uint8)
        label = random.integers(0, 10, 10_000)
    np.savez(path, image=image, label=label.astype(np.int32))


def main(options):
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in options.models or (CPU if options.device == "cpu" else GPU):
            seconds, batch = measure(case, options, Path(folder))
            results[case] = {way: batch / statistics.median(s) for way, s in seconds.items()}
            if options.out:
                Path(options.out).write_text(json.dumps(results, indent=1), encoding="utf-8")
            first = "tfgen" if "tfgen" in seconds else next(iter(seconds), "")
            base = seconds.get(first, [])
            for way, found in seconds.items():
                middle = statistics.median(s / own for s, own in zip(found, base, strict=True))
                print(
                    f"{case:16} {way:18} {batch / min(found):8.0f} images/s   "
                    f"{min(found) * 1e3:7.2f} ms a step   {first} is "
                    f"{min(found) / min(base):.2f} times as fast "
                    f"(median over {options.rounds} rounds {middle:.2f})",
                    flush=True,
                )


# --- a worker ------------------------------------------------------------------------------------


def ours(job, config, training):
    """A function that trains for `steps` with tfgen and returns the seconds."""
    from tfgen.training import building, loop

    model = building.build(job["model"], config, training)
    say = functools.partial(print, file=sys.stderr)
    batches = loop.stepping(model, config, training, 0, say)  # made once, as a run makes it

    def run(steps):
        return timed(lambda: model.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False))

    return run


def plain(job, config, training):
    from benchmarks import plain_keras

    model = plain_keras.build(job["model"], config, training)
    dataset = plain_keras.dataset(training, config.batch_size, model)

    def run(steps):
        return timed(lambda: model.fit(dataset, steps_per_epoch=steps, verbose=0, shuffle=False))

    return run


def timed(function):
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def work(job):
    """Takes numbers of steps from the input, prints seconds."""
    import tensorflow as tf

    from tfgen.data import in_memory
    from tfgen.training import devices

    tf.config.experimental.enable_tensor_float_32_execution(job["tf32"])
    devices.make_strategy(1)  # takes of a GPU's memory what it needs, and not all
    if job["way"] != "keras":
        devices.use_cores()
    config = config_of(job["model"], job["changes"] | CHANGES.get(job["way"], {}))
    if job["device"] == "gpu" and job["way"] != "keras" and config.deterministic:
        tf.config.experimental.enable_op_determinism()  # as a run does
    arrays = np.load(job["images"])
    source = in_memory.given(arrays["image"], arrays["label"], levels=job["levels"])
    run = (plain if job["way"] == "keras" else ours)(job, config, source.load("train"))
    run(50)  # tracing and warm-up
    print("ready", flush=True)
    for line in sys.stdin:
        print(run(int(line)), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(json.loads(sys.argv[2]))
        sys.exit()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = {"type": lambda text: text.split(",")}
    parser.add_argument("--device", default="cpu", choices=WAYS)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=600, help="of a round")
    parser.add_argument("--seconds", type=float, help="of a round, in the place of `--steps`")
    parser.add_argument("--models", **names, help="cases, with commas")
    parser.add_argument("--ways", **names, help="ways, with commas; tfgen among them")
    parser.add_argument("--tf32", action="store_true", help="products in TF32, for all")
    parser.add_argument("--torch", default=sys.executable, help="a Python that has PyTorch")
    parser.add_argument("--out", help="a JSON file for images per second, medians")
    options = parser.parse_args()
    options.steps = 0 if options.seconds else options.steps
    main(options)
