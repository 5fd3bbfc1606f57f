"""Where samples come from, each a function: seeds int32 [N], condition -> images [N, H, W, C].

A condition is labels int32 [N], or N captions, for models that want them.

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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfgen import captions, startup
from tfgen.errors import Notice, UserError

# Labels int32 [N], or N captions.
Condition = np.ndarray | list[str]
# Seeds int32 [N], a condition or None -> images [N, H, W, C].
Sampler = Callable[..., np.ndarray]

TIMEOUT = 60  # seconds that a server may take


def open_source(text: str) -> Sampler:
    """The sampler of a source.  Raises: UserError if there is none, or it cannot be used."""
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
        from tfgen.exporting import golden
    model = models.load(path)
    if not model.can("sample"):
        raise UserError(
            f"{path} makes images of images, not of seeds: "
            "python -m train.translate with `images=FOLDER` does."
        )

    def sample(seeds: np.ndarray, condition: Condition | None = None) -> np.ndarray:
        given = checked(path, condition, golden.about(model))
        return model.sample(seeds, *given.values()).numpy()

    return sample


def checked(
    source: object, condition: Condition | None, about: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """The condition as the model takes it, {input: array}; captions as numbers of their words.

    about: what golden.json says of the model.

    Raises: UserError for one that is missing, not wanted or out of range, and for unknown words.
    """
    classes, vocabulary = about["num_classes"], about.get("vocabulary")
    if vocabulary and not isinstance(condition, list):
        raise UserError(
            f"{source} samples by caption: give `caption`, as {about['examples'][0]!r}."
        )
    if classes and (condition is None or isinstance(condition, list)):
        raise UserError(f"{source} samples by class: give `label`, 0 to {classes - 1}.")
    if condition is None:
        return {}
    if isinstance(condition, list):
        if not vocabulary:
            raise UserError(f"{source} does not sample by caption: it takes no `caption`.")
        return {"tokens": captions.tokens(condition, vocabulary, about["length"])}
    if not classes:
        raise UserError(f"{source} is not conditional: it takes no `label`.")
    if condition.min() < 0 or condition.max() >= classes:
        raise UserError(
            f"`label={condition.max()}` is out of range: {source} has 0 to {classes - 1}."
        )
    return {"label": condition}


def _saved_model(path: str) -> Sampler:
    with startup.loading_tensorflow():
        import tensorflow as tf

        try:
            signatures = tf.saved_model.load(path).signatures
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise UserError(f"{path} cannot be read as a SavedModel: {error}") from None
    if "sample" not in signatures:
        raise UserError(
            f"the SavedModel {path} has no signature 'sample', only {', '.join(signatures)}."
        )
    about = json.loads((Path(path) / "assets.extra" / "golden.json").read_text())

    def sample(seeds: np.ndarray, condition: Condition | None = None) -> np.ndarray:
        given = {"seed": seeds, **checked(path, condition, about)}
        outputs = signatures["sample"](**{k: tf.constant(v) for k, v in given.items()})
        return outputs["image"].numpy()

    return sample


def _asked(seeds: np.ndarray, condition: Condition | None) -> tuple[str, dict[str, np.ndarray]]:
    """(signature, inputs) of a request to a server, which knows its vocabulary itself."""
    if condition is None:
        return "sample", {"seed": seeds}
    if isinstance(condition, list):
        return "caption", {"seed": seeds, "caption": np.array(condition, object)}
    return "sample", {"seed": seeds, "label": condition}


def _tflite(path: str) -> Sampler:
    from tfgen.exporting.cost import runner

    if not Path(path).is_file():
        raise UserError(f"there is no file {path}.")
    try:
        sample, batch = runner(path)
    except (ValueError, RuntimeError) as error:
        raise UserError(f"{path} cannot be read as a LiteRT file that samples: {error}") from None

    def every(seeds: np.ndarray, condition: Condition | None = None) -> np.ndarray:
        """In batches of the file's own size; the last is filled up and cut."""
        if isinstance(condition, list):
            condition = captions.tokens(condition, **_words_beside(path))
        count = len(seeds)
        at = np.minimum(np.arange(count + -count % batch), count - 1).reshape(-1, batch)
        images = [sample(seeds[i], None if condition is None else condition[i]) for i in at]
        return np.concatenate(images)[:count]

    return every


def _words_beside(path: str) -> dict[str, Any]:
    """{"vocabulary", "length"} of the file vocabulary.json beside a LiteRT file.

    Raises: UserError if it is not there.
    """
    file = Path(path).parent / "vocabulary.json"
    if not file.exists():
        raise UserError(f"{file} is not there, which captions need; export.tflite writes it.")
    content = json.loads(file.read_text())
    return {key: content[key] for key in ("vocabulary", "length")}


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

    def sample(seeds: np.ndarray, condition: Condition | None = None) -> np.ndarray:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = name
        request.model_spec.signature_name, inputs = _asked(seeds, condition)
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
    def sample(seeds: np.ndarray, condition: Condition | None = None) -> np.ndarray:
        signature, inputs = _asked(seeds, condition)
        inputs = {key: value.tolist() for key, value in inputs.items()}
        body = {"signature_name": signature, "inputs": inputs}
        request = urllib.request.Request(
            f"{url.rstrip('/')}:predict",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                content = json.load(answer)
        except urllib.error.HTTPError as error:
            raise UserError(
                f"{url} does not sample: {error.code}, {error.read().decode()}"
            ) from None
        except (OSError, ValueError) as error:
            raise UserError(f"{url} cannot be reached or does not speak JSON: {error}") from None
        outputs = content.get("outputs")
        # One output comes as its bare value.
        outputs = outputs if isinstance(outputs, dict) else {"image": outputs}
        return _images(url, {key: np.asarray(value) for key, value in outputs.items()})

    return sample


def _images(url: str, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """The images of an answer; a `Notice` says which words of captions were left out.

    Raises: UserError for an answer without, and for captions of unknown words.
    """
    images = outputs.get("image", np.zeros(0))
    if images.ndim != 4:
        raise UserError(f"{url} answers, but not with images [N, H, W, C].")
    unknown, cut = (
        sorted({_word(text) for text in outputs.get(key, ())} - {""}) for key in ("unknown", "cut")
    )
    if unknown:
        raise UserError(f"the model at {url} has never seen {', '.join(map(repr, unknown))}.")
    if cut:
        what = ", ".join(map(repr, cut))
        warnings.warn(f"the model at {url} leaves out {what}: too long.", Notice, stacklevel=3)
    return images.astype(np.float32)


def _word(text: Any) -> str:
    return text.decode() if isinstance(text, bytes) else str(text)
