"""A model for devices: LiteRT (TFLite) files.

Each has one signature for each capability (`endpoints.py`), builtin operators only, a static batch
and float inputs and outputs.

In every precision the noise is computed in float32, so the same seed is the same latent everywhere.
The converter would also quantise the noise's arithmetic, where a rounded 2 pi or 2**-23 gives
other numbers, not coarser ones; so the noise and the networks are converted apart and joined
(`join.py`).

A model that draws levels may come to the next level where a uniform is within rounding of the
border between two: of 256 levels, in about one pixel of some hundreds.
"""

import contextlib
import json
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfgen import checksums, data, files, startup
from tfgen.compiling import compiled
from tfgen.data import record
from tfgen.errors import Notice, UserError, one_of
from tfgen.exporting import archive, cost, golden, join
from tfgen.exporting.endpoints import endpoints
from tfgen.metrics import features, kept_classifier

if TYPE_CHECKING:
    from tfgen.evaluation.finished import FinishedRun
    from tfgen.exporting.endpoints import Endpoint
    from tfgen.model import GenerativeModel


PRECISIONS = ("float32", "float16", "dynamic", "int8")
# What is known of a precision whose file is refused.
_WHY_REFUSED = {
    "int8": "Eight bits do not hold what this model computes of its network's outputs, as the mean "
    "of a logistic by its place and width; the dynamic file has 8-bit weights and computes in "
    "float32.",
}
CALIBRATION = 200  # draws of the model's own noise that int8 ranges are taken from


def export_run(
    run: "FinishedRun",
    precisions: Sequence[str] = (),
    batch: int = 1,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, dict[str, float]]:
    """Writes tflite/<model>-<precision>.tflite of a `Run`, and beside them golden.json and what a
    condition is.

    Args:
      precisions: some of PRECISIONS; by default all that are `offered`.
      batch: the static batch size.
      say: called with a sentence for each file that is written.

    Returns: {precision: what the file costs and how far it is from Keras}, see `cost.measure`. A
      file that makes other images than Keras is not kept, and a `Notice` says so.
    Raises: UserError for precisions and sizes that do not suit, and where no file is left.
    """
    for precision in precisions:
        one_of("precision", precision, PRECISIONS)
    if batch < 1:
        raise UserError(f"`batch={batch}`: the static batch is 1 or more.")
    model = run.model
    run.warn_of_unreached()
    images, judge = _data(run)
    inputs = golden.request(model, range(max(64, batch)))
    if "image" in inputs and images is not None:
        inputs = {"image": np.resize(images, inputs["image"].shape)}
    with startup.loading_tensorflow():
        expected = golden.answer(model, inputs)
    rows, apart, refused, folder = {}, {}, [], run.outputs.path / "tflite"
    made = convert_all(model, precisions or offered(model), batch, images)
    for precision, content in _quietly(made):
        path = folder / f"{run.name}-{precision}.tflite"
        with files.atomic(path) as temporary:
            temporary.write_bytes(content)
            with startup.loading_tensorflow():
                row = cost.measure(temporary, inputs, expected, batch, judge)
        if not row["PSNR dB"] >= cost.LEAST_PSNR:  # nor where it is no number
            path.unlink()
            refused.append(
                f"{path.name} is not kept: its images are {row['PSNR dB']:.0f} dB from those of "
                f"Keras, and {cost.LEAST_PSNR} are wanted. {_WHY_REFUSED.get(precision, '')}"
            )
            continue
        rows[precision] = row
        apart[path.name] = round(255 * row["max diff"])
        say(f"wrote {run.outputs.shown(path)}")
    _write_golden(folder, model, apart)
    if not rows:
        run.outputs.give()
        raise UserError(" ".join(refused))
    for text in refused:
        warnings.warn(text, Notice, stacklevel=2)
    if model.condition and model.condition.file:
        about = folder / model.condition.file
        files.write_text(about, json.dumps(golden.about(model), indent=1) + "\n")
        say(f"wrote {run.outputs.shown(about)}, which turns what users type into numbers")
    run.outputs.give()
    return rows


def _write_golden(folder: Path, model: "GenerativeModel", apart: Mapping[str, int]) -> None:
    """golden.json beside LiteRT files, with those that were written before and are there still.

    apart: {name of a file that is written now: levels of 255 that its images are from Keras'}.
    """
    path, before = folder / "golden.json", {}
    with contextlib.suppress(UserError):  # there is none, or none that can be read
        before = checksums.read_golden(path)
    known, known_apart = (
        {name: value for name, value in before.get(key, {}).items() if (folder / name).exists()}
        for key in ("files", "apart")
    )
    with startup.loading_tensorflow():
        files = known | checksums.of(folder, apart)
        golden.write(path, model, files, known_apart | dict(apart))


def offered(model: "GenerativeModel") -> tuple[str, ...]:
    """The precisions that suit a model.

    Drawing from a distribution inverts its distribution function at given uniforms; with eight bits
    for both, that is another draw. A flow is inverted too, through every coupling, and what eight
    bits change in the first grows in those after it. A denoiser is called in a loop, whose ranges
    the converter cannot calibrate: what it writes of a trained U-Net divides by what eight bits
    take for 0, and does not run. So none of them is offered in int8.
    """
    if not model.can("sample"):
        return PRECISIONS
    draws = set(model.noise(np.zeros(1, np.int32))) != {"z"}
    unsuited = draws or model.can("log_density") or model.can("guided")
    return tuple(p for p in PRECISIONS if not (unsuited and p == "int8"))


def convert(
    model: "GenerativeModel",
    precision: str,
    batch: int = 1,
    images: np.ndarray | None = None,
    sampling_alone: bool = False,
) -> bytes:
    """A LiteRT file of the model, as bytes; see `convert_all`."""
    ((_, content),) = convert_all(model, [precision], batch, images, sampling_alone)
    return content


def convert_all(
    model: "GenerativeModel",
    precisions: Sequence[str],
    batch: int = 1,
    images: np.ndarray | None = None,
    sampling_alone: bool = False,
) -> Iterator[tuple[str, bytes]]:
    """LiteRT files of the model, which is traced once: yields (precision, bytes).

    Args:
      precisions: some of "float32"; "float16", weights of half size; "dynamic", int8 weights and
        float activations; "int8", int8 weights and activations, calibrated on the model's own
        samples.
      batch: the static batch size.
      images: [N, H, W, C] in [0, 1], N >= batch, that int8 is calibrated on where the model makes
        images of images; without, noise is.
      sampling_alone: whether what takes images, as an encoder, is left out.

    Raises: UserError for a precision that is not `offered`.
    """
    unsuited = [precision for precision in precisions if precision not in offered(model)]
    if unsuited:
        raise UserError(
            f"{unsuited[0]} does not suit this model, which inverts a distribution or loops over "
            f"a denoiser: eight bits give other images, or none. Offered are "
            f"{', '.join(offered(model))}."
        )
    every = endpoints(model, batch)
    found = {e.name: e for e in every if not (sampling_alone and "image" in e.takes)}
    samples = [name for name in found if name.startswith("sample")]  # `join` makes them
    for name in samples:
        found.pop(name)
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


def _convert(
    path: str,
    keys: Sequence[str],
    precision: str,
    representative: Callable[[], Iterator[Any]] | None = None,
) -> bytes:
    """Some signatures of a SavedModel as a LiteRT file of builtin operators."""
    converter = tf.lite.TFLiteConverter.from_saved_model(path, signature_keys=keys)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    # Which converter wrote it, and how: `join` would drop it, and it takes a tenth of the time.
    converter.exclude_conversion_metadata = True
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        converter.representative_dataset = representative
    return converter.convert()


def _representative(
    model: "GenerativeModel", endpoints: "Mapping[str, Endpoint]", batch: int
) -> Callable[[], Iterator[Any]]:
    """A generator of inputs for every signature: latents of the prior, and their images."""
    rows = CALIBRATION * batch
    values = {key: v.numpy() for key, v in model.noise(tf.range(rows) + 1_000_000).items()}
    name = model.condition.name if model.condition else ""
    if model.condition:
        values[name] = model.condition.defaults(range(rows))
    parts = [{k: v[i : i + batch] for k, v in values.items()} for i in range(0, rows, batch)]
    # Compiled, a part at a time: all images at once may not fit.
    generate = compiled(lambda part: model.generate(part, part.get(name)))

    def draws() -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        for part in parts:
            if set(endpoints) != {"decode"}:
                part["image"] = generate(part).numpy()
            for key, endpoint in endpoints.items():
                yield key, {spec.name: part[spec.name] for spec in endpoint.inputs}

    return draws


def _images_shown(
    model: "GenerativeModel", endpoints: Iterable[str], batch: int, images: np.ndarray | None
) -> Callable[[], Iterator[Any]]:
    """The same for endpoints that take images."""
    if images is None:
        images = golden.request(model, range(CALIBRATION))["image"]
    rows = np.arange(CALIBRATION)[:, None] + np.arange(batch)

    def draws() -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        for i in rows % len(images):
            for name in endpoints:
                yield name, {"image": images[i].astype(np.float32)}

    return draws


def _quietly(items: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """The items of an iterator, each made without TensorFlow's words."""
    while True:
        with startup.loading_tensorflow():
            item = next(items, None)
        if item is None:
            return
        yield item


def _data(
    run: "FinishedRun",
) -> tuple[np.ndarray | None, Callable[[np.ndarray], np.ndarray] | None]:
    """(images of the run's data, a classifier of what it makes); None where there are none.

    Without labels there is no classifier; of a model of seeds, nothing to read then, nor where the
    run has kept one.
    """
    if run.model.can("sample"):
        judge = kept_classifier.read(run.outputs.classifier, run.dir.classifier)
        if judge or record.classes(run.dir) == []:
            return None, judge
    without = "whether files keep the class of a sample is not measured; an evaluation with the "
    without += "images keeps a classifier, which does without them"
    if not run.finds_data(without):
        return None, None
    training = run.training
    held = data.arrays(training)
    images = held["image"][:1000] / np.float32(training.levels - 1)
    if not training.classes:
        return images, None
    if training.other:  # what is exported makes images of the second domain
        held = {"image": held["other"], "label": held["other_label"]}
    made = features.classifier_features(held, None, training.levels)
    kept_classifier.keep(run.outputs.classifier, made)
    probabilities = made.probabilities
    assert probabilities  # of any classifier
    return images, lambda images: probabilities(images).argmax(axis=1)
