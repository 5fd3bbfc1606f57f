"""Where samples come from, each a function: seeds int32 [N], condition -> images [N, H, W, C].

A condition is what `tfgen.data.conditions` takes from users, one for all seeds or one for each, and
`label=` and `caption=` are words for it.

runs/dcgan-digits                             a finished run, by Keras
runs/dcgan-digits/serving/dcgan/1             a SavedModel, by TensorFlow alone
runs/dcgan-digits/tflite/dcgan-int8.tflite    a LiteRT file, without TensorFlow
grpc://host:8500/dcgan                        a server of TensorFlow Serving's PredictionService
http://host:8501/v1/models/dcgan              its REST interface
"""

import json
import urllib.error
import urllib.request
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tfgen import files, startup
from tfgen.data import conditions
from tfgen.errors import Notice, UserError
from tfgen.exporting import checksums
from tfgen.seeds import checked

TIMEOUT = 60  # seconds that a server may take


class Sampler(Protocol):
    """Seeds int32 [N], a condition or None, by its place or its word -> images [N, H, W, C]."""

    def __call__(self, seeds: np.ndarray, condition: Any = None, **word: Any) -> np.ndarray: ...


def open_source(text: str) -> Sampler:
    """The sampler of a source, whose answers are looked at.

    Raises: UserError if there is none, or it cannot be used; so does the sampler, for an answer
      that is not an image in [0, 1] for each seed.
    """
    sampler = _opened(text)

    def sample(seeds: np.ndarray, condition: Any = None, **word: Any) -> np.ndarray:
        seeds = checked(seeds)
        images = np.asarray(sampler(seeds, condition, **word))
        wrong = _wrong(images, len(seeds))
        if wrong:
            raise UserError(f"{text} answers, but {wrong}: it is no sampler of images.")
        return images.astype(np.float32)

    return sample


def _wrong(images: np.ndarray, count: int) -> str:
    """What is wrong with an answer to so many seeds, a clause; "" where nothing is."""
    if images.ndim != 4 or images.dtype.kind not in "fiu":
        return f"not with images [N, H, W, C], but {images.dtype} {images.shape}"
    if len(images) != count:
        return f"with {len(images)} images for {count} seeds"
    # What eight bits make of 0 and 1 lies a little beside them.
    inside = images.size and images.min() > -0.1 and images.max() < 1.1
    if not (inside and np.isfinite(images).all()):
        return "with numbers that are not in [0, 1]"
    return ""


def _opened(text: str) -> Sampler:
    if text.startswith("grpc://"):
        return _grpc(text)
    if text.startswith(("http://", "https://")):
        return _rest(text)
    if text.endswith(".tflite"):
        return _tflite(text)
    if (Path(text) / "saved_model.pb").exists():
        return _saved_model(text)
    return _run(text)


def _run(path: str) -> Sampler:
    with startup.loading_tensorflow():
        import tensorflow  # noqa: F401

        from tfgen import models
    model = models.load(path)
    if not model.can("sample"):
        raise UserError(
            f"{path} makes images of images, not of seeds: "
            "python -m train.translate with `images=FOLDER` does."
        )

    def sample(seeds: np.ndarray, condition: Any = None, **word: Any) -> np.ndarray:
        given = conditions.checked(model.condition, path, len(seeds), condition, **word)
        return model.sample(seeds, *given.values()).numpy()

    return sample


def _saved_model(path: str) -> Sampler:
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

    def sample(seeds: np.ndarray, condition: Any = None, **word: Any) -> np.ndarray:
        given = (path, len(seeds), condition)
        if about:
            rows = conditions.checked(conditions.from_metadata(about), *given, **word)
        else:
            rows = conditions.unchecked(*given, **word)
        inputs = {name: tf.constant(value) for name, value in {"seed": seeds, **rows}.items()}
        try:
            return signatures["sample"](**inputs)["image"].numpy()
        except (TypeError, ValueError, KeyError, tf.errors.OpError) as error:
            raise UserError(f"{path} does not sample as tfgen's models do: {error}") from None

    return sample


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


def _asked(
    url: str, seeds: np.ndarray, condition: Any, word: Mapping[str, Any]
) -> tuple[str, dict[str, np.ndarray]]:
    """(signature, inputs) of a request to a server, which reads texts by a signature of its own."""
    given = conditions.unchecked(url, len(seeds), condition, **word)
    texts = [name for name, value in given.items() if value.dtype == object]
    return (texts or ["sample"])[0], {"seed": seeds, **given}


def _tflite(path: str) -> Sampler:
    from tfgen.exporting.cost import runner

    folder, name = Path(path).parent, Path(path).name
    if not Path(path).is_file():
        raise UserError(f"there is no file {path}.")
    if (folder / "golden.json").exists():
        known = checksums.read_golden(folder / "golden.json")["files"]
        checksums.check({key: value for key, value in known.items() if key == name}, folder)
    try:
        sample, batch = runner(path)
    except (ValueError, RuntimeError) as error:
        raise UserError(f"{path} cannot be read as a LiteRT file that samples: {error}") from None

    def every(seeds: np.ndarray, condition: Any = None, **word: Any) -> np.ndarray:
        """In batches of the file's own size; the last is filled up and cut."""
        count = len(seeds)
        given = _rows(path, count, condition, word)
        at = np.minimum(np.arange(count + -count % batch), count - 1).reshape(-1, batch)
        images = [sample(seeds[i], *(rows[i] for rows in given)) for i in at]
        return np.concatenate(images)[:count]

    return every


def _rows(path: str, count: int, condition: Any, word: Mapping[str, Any]) -> list[np.ndarray]:
    """The condition as a LiteRT file takes it, none or one, by what the folder says of the model.

    Raises: UserError for a text, if nothing is said.
    """
    for kind in (conditions.Captions, conditions.Labels):
        file = Path(path).parent / kind.file
        if file.exists():
            known = conditions.from_metadata(json.loads(file.read_text("utf-8")))
            return list(conditions.checked(known, path, count, condition, **word).values())
    given = conditions.unchecked(path, count, condition, **word)
    if any(value.dtype == object for value in given.values()):
        file = Path(path).parent / conditions.Captions.file
        raise UserError(f"{file} is not there, which captions need; export.tflite writes it.")
    return list(given.values())


def _grpc(url: str) -> Sampler:
    with startup.loading_tensorflow():
        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
    address, _, name = url.removeprefix("grpc://").partition("/")
    if not name:
        raise UserError(f"{url} names no model: write grpc://host:port/NAME.")
    # Without this a client refuses answers of more than 4 MB.
    channel = grpc.insecure_channel(address, [("grpc.max_receive_message_length", -1)])
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def sample(seeds: np.ndarray, condition: Any = None, **word: Any) -> np.ndarray:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = name
        request.model_spec.signature_name, inputs = _asked(url, seeds, condition, word)
        for key, value in inputs.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
        try:
            answer = stub.Predict(request, timeout=TIMEOUT)
        except grpc.RpcError as error:
            raise UserError(
                f"{url} does not sample: {error.code().name}, {error.details()}"
            ) from None
        found = {key: tf.make_ndarray(value) for key, value in answer.outputs.items()}
        return _images(url, found)

    return sample


def _rest(url: str) -> Sampler:
    def sample(seeds: np.ndarray, condition: Any = None, **word: Any) -> np.ndarray:
        signature, inputs = _asked(url, seeds, condition, word)
        listed = {key: value.tolist() for key, value in inputs.items()}
        body = {"signature_name": signature, "inputs": listed}
        request = urllib.request.Request(
            f"{url.rstrip('/')}:predict",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                content = json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read().decode("utf-8", errors="replace")
            raise UserError(f"{url} does not sample: {error.code}, {said}") from None
        except (OSError, ValueError) as error:
            raise UserError(f"{url} cannot be reached or does not speak JSON: {error}") from None
        outputs = content.get("outputs") if isinstance(content, dict) else None
        # One output comes as its bare value.
        outputs = outputs if isinstance(outputs, dict) else {"image": outputs}
        try:
            found = {key: np.asarray(value) for key, value in outputs.items()}
        except ValueError:  # lists of several lengths
            found = {}
        return _images(url, found)

    return sample


def _images(url: str, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """The images of an answer; a `Notice` says which words of captions were left out.

    Raises: UserError for an answer without, and for captions of unknown words.
    """
    images = outputs.get("image", np.zeros(0))
    unknown, cut = (
        sorted({_word(text) for text in np.ravel(outputs.get(key, ()))} - {""})
        for key in ("unknown", "cut")
    )
    if unknown:
        raise UserError(f"the model at {url} has never seen {', '.join(map(repr, unknown))}.")
    if cut:
        what = ", ".join(map(repr, cut))
        warnings.warn(f"the model at {url} leaves out {what}: too long.", Notice, stacklevel=3)
    return images


def _word(text: Any) -> str:
    return text.decode() if isinstance(text, bytes) else str(text)
