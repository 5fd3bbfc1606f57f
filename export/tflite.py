"""Export a finished run for devices: LiteRT (TFLite) files.

python -m export.tflite --workdir=runs/dcgan-digits [--batch=1] [--precisions=float32,int8]

Writes tflite/<model>-<precision>.tflite, each with one signature for each capability
(`export/endpoints.py`), builtin operators only, a static batch and float inputs and outputs; and
prints what each file costs and how far it is from Keras.

In every precision the noise is computed in float32, so the same seed is the same latent everywhere.
The converter would also quantise the noise's arithmetic, where a rounded 2 pi or 2**-23 gives
other numbers, not coarser ones; so the noise and the networks are converted apart and joined
(`export/join.py`).

A model that draws levels may come to the next level where a uniform is within rounding of the
border between two: of 256 levels, in about one pixel of some hundreds.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tfgen import command, quiet
from tfgen.errors import UserError

PRECISIONS = ("float32", "float16", "dynamic", "int8")
CALIBRATION = 200  # draws of the model's own noise that int8 ranges are taken from


def offered(model):
    """The precisions that suit a model.

    Drawing from a distribution inverts its distribution function at given uniforms; with eight bits
    for both, that is another draw. A flow is inverted too, through every coupling, and what eight
    bits change in the first grows in those after it. So neither is offered in int8.
    """
    draws = set(model.noise(np.zeros(1, np.int32))) != {"z"} or model.can("log_density")
    return tuple(p for p in PRECISIONS if not (draws and p == "int8"))


def convert(model, precision, batch=1):
    """A LiteRT file of the model, as bytes.

    Args:
      precision: "float32"; "float16", weights of half size; "dynamic", int8 weights and float
        activations; "int8", int8 weights and activations, calibrated on the model's own samples.
      batch: the static batch size.

    Raises: UserError for a precision that is not `offered`.
    """
    from export import join
    from export.endpoints import endpoints

    if precision not in offered(model):
        raise UserError(
            f"{precision} does not suit this model, which inverts a distribution: eight bits give "
            f"other images. Offered are {', '.join(offered(model))}."
        )
    found = {e.name: e for e in endpoints(model, batch)}
    noise, _ = found.pop("noise"), found.pop("sample")  # `join` makes `sample`
    if precision == "int8":
        # Its loop over draws cannot be calibrated, and a likelihood of other networks is none.
        found.pop("log_prob", None)
    names = list(model.noise(np.zeros(1, np.int32)))
    draws = _representative(model, found, batch)
    networks = _convert(list(found.values()), precision, draws)
    return join.sample(_convert([noise], "float32"), networks, names)


def _convert(endpoints, precision, representative=None):
    """The endpoints as a LiteRT file of builtin operators."""
    import keras
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    for endpoint in endpoints:
        archive.add_endpoint(endpoint.name, endpoint.function, list(endpoint.inputs))
    with tempfile.TemporaryDirectory() as path:
        archive.write_out(path, verbose=False)
        keys = [endpoint.name for endpoint in endpoints]
        converter = tf.lite.TFLiteConverter.from_saved_model(path, signature_keys=keys)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if precision == "int8":
            converter.representative_dataset = representative
        return converter.convert()


def _representative(model, endpoints, batch):
    """A generator of inputs for every signature: latents of the prior, and their images."""
    import tensorflow as tf

    def draws():
        for i in range(CALIBRATION):
            noise = model.noise(tf.range(batch) + 1_000_000 + i * batch)
            label = np.arange(i, i + batch, dtype=np.int32) % max(1, model.num_classes)
            for name, endpoint in endpoints.items():
                values = {**noise, "label": label}
                if name != "decode":
                    values = {"image": model.generate(noise, label)}
                yield name, {s.name: np.asarray(values[s.name]) for s in endpoint.inputs}

    return draws


def measure(path, model, batch, judge=None):
    """What a file costs and how far it is from Keras, on 64 samples or a batch: a dict of numbers.

    `judge`, if there is one, gives images [N, H, W, C] a class; "same class" is the share of
    samples that it finds to be of the same class as Keras' sample of the same seed.
    """

    count = max(64, batch)
    all_seeds, all_labels = np.arange(count, dtype=np.int32), model.labels_in_turn(count)
    expected = model.sample(all_seeds, all_labels).numpy()
    row = {"kB": Path(path).stat().st_size / 1000}
    for threads in (1, 2):
        sample, _ = runner(path, threads)
        images, seconds = [], []
        for first in range(0, count - batch + 1, batch):
            seeds = all_seeds[first : first + batch]
            labels = None if all_labels is None else all_labels[first : first + batch]
            sample(seeds, labels)
            for _ in range(5):
                began = time.perf_counter()
                image = sample(seeds, labels)
                seconds.append(time.perf_counter() - began)
            images.append(image)
        seconds.sort()
        row[f"p50 us, {threads} thr"] = 1e6 * statistics.median(seconds)
        row[f"p95 us, {threads} thr"] = 1e6 * seconds[int(0.95 * len(seconds))]
    images = np.concatenate(images)
    expected = expected[: len(images)]
    difference = np.abs(images - expected)
    row["max diff"], row["mean diff"] = difference.max(), difference.mean()
    row["PSNR dB"] = -10 * np.log10(max(np.square(difference).mean(), 1e-20))
    if judge:
        row["same class %"] = 100 * np.mean(judge(images) == judge(expected))
    return row


def runner(path, threads=1):
    """(the file's `sample`, a function of a static batch of seeds and labels; that batch's size).

    Needs no TensorFlow.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    signature = interpreter.get_signature_runner("sample")
    inputs = signature.get_input_details()

    def sample(seeds, labels=None):
        given = {"seed": seeds} if labels is None else {"seed": seeds, "label": labels}
        if set(given) != set(inputs):
            raise UserError(
                f"{path} samples from {' and '.join(inputs)}; given: {' and '.join(given)}."
            )
        return signature(**given)["image"]

    return sample, int(inputs["seed"]["shape"][0])


def _judge(config):
    """The evaluation's classifier of the run's data, or None without labels."""
    from tfgen import data
    from tfgen.metrics import features

    training = data.of_run(config["data"]).load(config["data"]["split"])
    if not training.classes:
        return None
    held = data.arrays(training)
    judge = features.classifier(held, None, training.levels)
    return lambda images: judge.probabilities(images).argmax(axis=1)


def table(rows):
    """{precision: {column: number}} -> lines; with words where a file is slower or broken."""
    columns = list(next(iter(rows.values())))
    lines = ["  ".join([f"{'':9}", *(f"{c:>14}" for c in columns)])]
    for precision, row in rows.items():
        values = (f"{row[c]:14.2g}" if "diff" in c else f"{row[c]:14.1f}" for c in columns)
        lines.append("  ".join([f"{precision:9}", *values]))
    if "float32" in rows:
        for precision, row in rows.items():
            ratio = row["p50 us, 1 thr"] / rows["float32"]["p50 us, 1 thr"]
            if ratio > 1.1:
                lines.append(f"{precision} is {ratio:.1f} times slower than float32 here.")
    for precision, row in rows.items():
        if row["PSNR dB"] < 30:
            lines.append(f"{precision} is broken: {row['PSNR dB']:.0f} dB from Keras. Do not use.")
    return lines


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m export.tflite", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--workdir", required=True, help="a finished run directory")
    parser.add_argument("--batch", type=int, default=1, help="the static batch size (1)")
    parser.add_argument(
        "--precisions", help=f"some of {','.join(PRECISIONS)}; by default all that fit"
    )
    return command.status(_export, parser.parse_args(argv))


def _export(options):
    from tfgen.errors import one_of

    precisions = options.precisions.split(",") if options.precisions else []
    for precision in precisions:
        one_of("precision", precision, PRECISIONS)
    if options.batch < 1:
        raise UserError(f"--batch={options.batch}: the static batch is 1 or more.")
    with quiet.loading_tensorflow():
        import tensorflow  # noqa: F401

        import tfgen
        from tfgen import run_dir
    run = run_dir.RunDir(options.workdir)
    name, config = run.read_config()
    model = tfgen.load(options.workdir)
    judge = _judge(config)
    rows = {}
    for precision in precisions or offered(model):
        path = run.path / "tflite" / f"{name}-{precision}.tflite"
        with quiet.loading_tensorflow():
            content = convert(model, precision, options.batch)
        with run_dir.atomic(path) as temporary:
            temporary.write_bytes(content)
        with quiet.loading_tensorflow():
            rows[precision] = measure(path, model, options.batch, judge)
        print(f"wrote {path}", flush=True)
    print(f"\nOne `sample` of batch {options.batch}, in this process, against Keras:")
    print("\n".join(table(rows)))


if __name__ == "__main__":
    sys.exit(main())
