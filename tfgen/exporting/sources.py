"""Where samples come from, each opened as a `Source`: seeds, condition -> images [N, H, W, C].

A condition is what `tfgen.data.conditions` takes from users, one for all seeds or one for each, and
`label=` and `caption=` are words for it.

runs/dcgan-digits                             a finished run, by Keras
zoo:dcgan/digits                              a preset, or a .zip of a packed run
runs/dcgan-digits/serving/dcgan/1             a SavedModel, by TensorFlow alone
runs/dcgan-digits/tflite/dcgan-int8.tflite    a LiteRT file, without TensorFlow
grpc://host:8500/dcgan                        a server of TensorFlow Serving's PredictionService
http://host:8501/v1/models/dcgan              its REST interface
"""

import functools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfgen import checksums, files, presets, reading, startup
from tfgen.data import conditions
from tfgen.data.conditions import Condition
from tfgen.errors import Notice, UserError
from tfgen.exporting import servers
from tfgen.exporting.source import Arrays, Source

GRPC = "grpc://"
SERVERS = (GRPC, "http://", "https://")


def open_source(text: str) -> Source:
    """Raises: UserError if there is no such source, or it cannot be used."""
    if text.startswith(GRPC):
        return servers.over_grpc(text)
    if text.startswith(SERVERS):
        return servers.over_rest(text)
    if text.endswith(".tflite"):
        return _tflite(text)
    if (Path(text) / "saved_model.pb").exists():
        return _saved_model(text)
    return _run(text)


def _run(text: str) -> Source:
    with startup.loading_tensorflow():
        import tensorflow as tf

        from tfgen import models
        from tfgen.compiling import compiled
        from tfgen.exporting.endpoints import endpoints
    path = str(presets.locate(text).path)
    model = models.load(path)
    if not model.can("sample"):
        raise UserError(
            f"{text} makes images of images, not of seeds: "
            "python -m train.translate with `images=FOLDER` does."
        )
    found = {endpoint.name: endpoint for endpoint in endpoints(model)}

    @functools.cache
    def function(signature: str) -> Callable[..., dict[str, Any]]:
        endpoint = found[signature]
        traced: Callable[..., dict[str, Any]] = compiled(
            endpoint.function, input_signature=endpoint.inputs
        )
        return traced

    def ask(signature: str, inputs: Arrays) -> Arrays:
        given = (tf.constant(inputs[spec.name]) for spec in found[signature].inputs)
        return {name: value.numpy() for name, value in function(signature)(*given).items()}

    return _of(text, ask, model.condition)


def _saved_model(path: str) -> Source:
    about = _of_saved_model(Path(path))
    with startup.loading_tensorflow():
        import tensorflow as tf

        try:
            signatures = tf.saved_model.load(str(files.plain(Path(path)))).signatures
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise UserError(f"{path} cannot be read as a SavedModel: {error}") from None
    if "sample" not in signatures:
        raise UserError(
            f"the SavedModel {path} has no signature 'sample', only {', '.join(signatures)}."
        )

    def ask(signature: str, inputs: Arrays) -> Arrays:
        try:
            given = {name: tf.constant(value) for name, value in inputs.items()}
            outputs = signatures[signature](**given)
        except (TypeError, ValueError, KeyError, tf.errors.OpError) as error:
            raise UserError(
                f"{path} does not answer {signature!r} as tfgen's models do: {error}"
            ) from None
        return {name: value.numpy() for name, value in outputs.items()}

    if about:
        return _of(path, ask, conditions.from_metadata(about))
    return Source(path, ask, functools.partial(conditions.unchecked, path))


def _of_saved_model(path: Path) -> dict[str, Any]:
    """What its golden.json says; {} and a `Notice` for a SavedModel without, that is not ours.

    Raises: UserError for files that are not those that were exported.
    """
    golden = path / "assets.extra" / "golden.json"
    if golden.exists():
        about = checksums.read_golden(golden)
        checksums.check(about["files"], path)
        return about
    warnings.warn(
        f"tfgen has not written {path}: a SavedModel is a program, which can read and write files. "
        "Sample it only if you trust whoever made it.",
        Notice,
        stacklevel=4,
    )
    return {}


def _tflite(path: str) -> Source:
    from ai_edge_litert.interpreter import Interpreter

    folder, name = Path(path).parent, Path(path).name
    if not Path(path).is_file():
        raise UserError(f"there is no file {path}.")
    if (folder / "golden.json").exists():
        known = checksums.read_golden(folder / "golden.json")["files"]
        checksums.check({key: value for key, value in known.items() if key == name}, folder)
    try:
        interpreter = Interpreter(model_path=path, num_threads=1)
        signatures = interpreter.get_signature_list()
    except (ValueError, RuntimeError) as error:
        raise UserError(f"{path} cannot be read as a LiteRT file that samples: {error}") from None

    @functools.cache
    def runner(signature: str) -> Any:
        if signature not in signatures:
            raise UserError(f"{path} has no signature {signature!r}, only {', '.join(signatures)}.")
        return interpreter.get_signature_runner(signature)

    def ask(signature: str, inputs: Arrays) -> Arrays:
        """In batches of the file's own size; the last is filled up and cut."""
        run = runner(signature)
        wanted = run.get_input_details()
        if set(wanted) != set(inputs):
            raise UserError(
                f"{path} makes images from {' and '.join(sorted(wanted, reverse=True))}; given: "
                f"{len(inputs)} of these."
            )
        count, batch = (len(next(iter(inputs.values()))), next(iter(wanted.values()))["shape"][0])
        at = np.minimum(np.arange(count + -count % batch), count - 1).reshape(-1, batch)
        parts = [run(**{key: value[i] for key, value in inputs.items()}) for i in at]
        return {key: np.concatenate([part[key] for part in parts])[:count] for key in parts[0]}

    runner("sample")
    for kind in (conditions.Captions, conditions.Labels):
        if (folder / kind.file).exists():
            shape, advice = {"num_classes": int}, "export the run again"
            about = reading.read_json(folder / kind.file, shape, advice)
            return _of(path, ask, conditions.from_metadata(about))
    return Source(path, ask, functools.partial(_rows, path))


def _of(path: str, ask: Callable[[str, Arrays], Arrays], known: Condition | None) -> Source:
    """The source of a model whose condition is known."""
    return Source(path, ask, functools.partial(conditions.checked, known, path), known)


def _rows(path: str, count: int, condition: Any = None, **word: Any) -> dict[str, np.ndarray]:
    """The condition for a LiteRT file, of which nothing is said beside it.

    Raises: UserError for a text.
    """
    given = conditions.unchecked(path, count, condition, **word)
    if any(value.dtype == object for value in given.values()):
        file = Path(path).parent / conditions.Captions.file
        raise UserError(f"{file} is not there, which captions need; export.tflite writes it.")
    return given
