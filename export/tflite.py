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
import json
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
    if not model.can("sample"):
        return PRECISIONS
    draws = set(model.noise(np.zeros(1, np.int32))) != {"z"} or model.can("log_density")
    return tuple(p for p in PRECISIONS if not (draws and p == "int8"))


def convert(model, precision, batch=1, images=None):
    """A LiteRT file of the model, as bytes; see `files`."""
    ((_, content),) = files(model, [precision], batch, images)
    return content


def files(model, precisions, batch=1, images=None):
    """LiteRT files of the model, which is traced once: yields (precision, bytes).

    Args:
      precisions: some of "float32"; "float16", weights of half size; "dynamic", int8 weights and
        float activations; "int8", int8 weights and activations, calibrated on the model's own
        samples.
      batch: the static batch size.
      images: [N, H, W, C] in [0, 1], N >= batch, that int8 is calibrated on where the model makes
        images of images; without, noise is.

    Raises: UserError for a precision that is not `offered`.
    """
    from export import archive, join
    from export.endpoints import endpoints

    unsuited = [precision for precision in precisions if precision not in offered(model)]
    if unsuited:
        raise UserError(
            f"{unsuited[0]} does not suit this model, which inverts a distribution: eight bits "
            f"give other images. Offered are {', '.join(offered(model))}."
        )
    found = {e.name: e for e in endpoints(model, batch)}
    samples = found.pop("sample", None)  # `join` makes it
    with tempfile.TemporaryDirectory() as root:
        if samples:
            # A file of its own: what is loaded is loaded whole, for each conversion.
            archive.save([found.pop("noise")], f"{root}/noise", gradients=False)
            noise = _convert(f"{root}/noise", ["noise"], "float32")
            names = list(model.noise(np.zeros(1, np.int32)))
        archive.save(list(found.values()), f"{root}/networks", gradients=False)
        for precision in precisions:
            # The loop over draws cannot be calibrated, and a likelihood of other networks is none.
            without = ("log_prob",) if precision == "int8" else ()
            chosen = {name: found[name] for name in found if name not in without}
            if samples:
                draws = _representative(model, chosen, batch)
            else:
                draws = _images_shown(model, chosen, batch, images)
            networks = _convert(f"{root}/networks", list(chosen), precision, draws)
            yield precision, join.sample(noise, networks, names) if samples else networks


def _convert(path, keys, precision, representative=None):
    """Some signatures of a SavedModel as a LiteRT file of builtin operators."""
    import tensorflow as tf

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

    from tfgen.compiling import compiled

    rows = CALIBRATION * batch
    name, _ = model.condition_spec or ("", None)
    values = {key: v.numpy() for key, v in model.noise(tf.range(rows) + 1_000_000).items()}
    if name:
        values[name] = model.conditions(rows)
    parts = [{k: v[i : i + batch] for k, v in values.items()} for i in range(0, rows, batch)]
    # Compiled, a part at a time: all images at once may not fit.
    generate = compiled(lambda part: model.generate(part, part.get(name)))

    def draws():
        for part in parts:
            if set(endpoints) != {"decode"}:
                part["image"] = generate(part).numpy()
            for key, endpoint in endpoints.items():
                yield key, {spec.name: part[spec.name] for spec in endpoint.inputs}

    return draws


def _images_shown(model, endpoints, batch, images):
    """The same for endpoints that take images."""
    from export import golden

    if images is None:
        images = golden.request(model, range(CALIBRATION))["image"]
    rows = np.arange(CALIBRATION)[:, None] + np.arange(batch)

    def draws():
        for i in rows % len(images):
            for name in endpoints:
                yield name, {"image": images[i].astype(np.float32)}

    return draws


def measure(path, inputs, expected, batch, judge=None):
    """What a file costs and how far it is from Keras: a dict of numbers.

    Args:
      inputs: {name: array} of at least a batch, as `golden.request` gives them.
      expected: what Keras makes of them.
      judge: gives images [N, H, W, C] a class; "same class" is the share of samples that it finds
        to be of the same class as Keras' sample of the same seed.
    """
    row = {"kB": Path(path).stat().st_size / 1000}
    for threads in (1, 2):
        sample, _ = runner(path, threads)
        images, seconds = [], []
        for first in range(0, len(expected) - batch + 1, batch):
            rows = [value[first : first + batch] for value in inputs.values()]
            sample(*rows)
            for _ in range(5):
                began = time.perf_counter()
                image = sample(*rows)
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
    """(the file's first function, of a static batch of arrays; that batch's size).

    `sample`, of seeds and, where there is one, a condition; else `translate_xy`, of images. Needs
    no TensorFlow.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    samples = "sample" in interpreter.get_signature_list()
    signature = interpreter.get_signature_runner("sample" if samples else "translate_xy")
    inputs = signature.get_input_details()
    names = sorted(inputs, key=lambda name: name != "seed")  # the seed first

    def run(*values):
        given = [value for value in values if value is not None]
        if len(given) != len(names):
            raise UserError(
                f"{path} makes images from {' and '.join(names)}; given: {len(given)} of these."
            )
        return signature(**dict(zip(names, given, strict=True)))["image"]

    return run, int(inputs[names[0]]["shape"][0])


def _data(config):
    """(images of the run's data, the evaluation's classifier of them, or None without labels)."""
    from tfgen import data
    from tfgen.metrics import features

    training = data.of_run(config["data"]).load(config["data"]["split"])
    held = data.arrays(training)
    images = held["image"][:1000] / np.float32(training.levels - 1)
    if not training.classes:
        return images, None
    if training.other:  # what is exported makes images of the second domain
        held = {"image": held["other"], "label": held["other_label"]}
    judge = features.classifier(held, None, training.levels)
    return images, lambda images: judge.probabilities(images).argmax(axis=1)


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


def _quietly(items):
    """The items of an iterator, each made without TensorFlow's words."""
    while True:
        with quiet.loading_tensorflow():
            item = next(items, None)
        if item is None:
            return
        yield item


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
        from export import golden
        from tfgen import run_dir
    run = run_dir.RunDir(options.workdir)
    name, config = run.read_config()
    model = tfgen.load(options.workdir)
    command.warn_of_unreached(model)
    images, judge = _data(config)
    inputs = golden.request(model, range(max(64, options.batch)))
    if "image" in inputs:
        inputs = {"image": np.resize(images, inputs["image"].shape)}
    with quiet.loading_tensorflow():
        expected = golden.answer(model, inputs)
    rows = {}
    made = files(model, precisions or offered(model), options.batch, images)
    for precision, content in _quietly(made):
        path = run.path / "tflite" / f"{name}-{precision}.tflite"
        with run_dir.atomic(path) as temporary:
            temporary.write_bytes(content)
        with quiet.loading_tensorflow():
            rows[precision] = measure(path, inputs, expected, options.batch, judge)
        print(f"wrote {path}", flush=True)
    known = golden.about(model)
    if "vocabulary" in known:
        words = run.path / "tflite" / "vocabulary.json"
        run_dir.write_text(words, json.dumps(known, indent=1) + "\n")
        print(f"wrote {words}, which turns captions into numbers")
    print(f"\nA call of batch {options.batch}, in this process, against Keras:")
    print("\n".join(table(rows)))


if __name__ == "__main__":
    sys.exit(main())
