"""Where samples come from, each a function: seeds, labels int32 [N] -> images [N, H, W, C].

runs/dcgan-digits                             a finished run, by Keras
runs/dcgan-digits/serving/dcgan/1             a SavedModel, by TensorFlow alone
runs/dcgan-digits/tflite/dcgan-int8.tflite    a LiteRT file, without TensorFlow
grpc://host:8500/dcgan                        a server of TensorFlow Serving's PredictionService
http://host:8501/v1/models/dcgan              its REST interface
"""

import json
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

from tfgen import quiet
from tfgen.errors import UserError

TIMEOUT = 60  # seconds that a server may take


def open_source(text):
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


def _run(path):
    with quiet.loading_tensorflow():
        import tensorflow  # noqa: F401

        import tfgen
    model = tfgen.load(path)
    if not model.can("sample"):
        raise UserError(
            f"{path} makes images of images, not of seeds: "
            "python -m train.translate --workdir=DIR --images=FOLDER --out=FOLDER does."
        )

    def sample(seeds, labels=None):
        _check(path, labels, model.num_classes)
        return model.sample(seeds, labels).numpy()

    return sample


def _check(source, labels, classes):
    """Raises: UserError for a label that is missing, not wanted or out of range."""
    if labels is None and classes:
        raise UserError(f"{source} samples by class: give --label, 0 to {classes - 1}.")
    if labels is not None and not classes:
        raise UserError(f"{source} is not conditional: it takes no --label.")
    if labels is not None and (labels.min() < 0 or labels.max() >= classes):
        raise UserError(f"--label={labels.max()} is out of range: {source} has 0 to {classes - 1}.")


def _saved_model(path):
    with quiet.loading_tensorflow():
        import tensorflow as tf

        try:
            signatures = tf.saved_model.load(path).signatures
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise UserError(f"{path} cannot be read as a SavedModel: {error}") from None
    if "sample" not in signatures:
        raise UserError(
            f"the SavedModel {path} has no signature 'sample', only {', '.join(signatures)}."
        )
    golden = json.loads((Path(path) / "assets.extra" / "golden.json").read_text())

    def sample(seeds, labels=None):
        _check(path, labels, golden["num_classes"])
        given = _named(seeds, labels)
        outputs = signatures["sample"](**{k: tf.constant(v) for k, v in given.items()})
        return outputs["image"].numpy()

    return sample


def _named(seeds, labels):
    return {"seed": seeds} if labels is None else {"seed": seeds, "label": labels}


def _tflite(path):
    from export.tflite import runner

    if not Path(path).is_file():
        raise UserError(f"there is no file {path}.")
    try:
        sample, batch = runner(path)
    except (ValueError, RuntimeError) as error:
        raise UserError(f"{path} cannot be read as a LiteRT file that samples: {error}") from None

    def every(seeds, labels=None):
        """In batches of the file's own size; the last is filled up and cut."""
        count = len(seeds)
        at = np.minimum(np.arange(count + -count % batch), count - 1).reshape(-1, batch)
        images = [sample(seeds[i], None if labels is None else labels[i]) for i in at]
        return np.concatenate(images)[:count]

    return every


def _grpc(url):
    with quiet.loading_tensorflow():
        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
    address, _, name = url.removeprefix("grpc://").partition("/")
    if not name:
        raise UserError(f"--from={url} names no model: write grpc://host:port/NAME.")
    # Without this a client refuses answers of more than 4 MB.
    channel = grpc.insecure_channel(address, [("grpc.max_receive_message_length", -1)])
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def sample(seeds, labels=None):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = name
        request.model_spec.signature_name = "sample"
        for key, value in _named(seeds, labels).items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
        try:
            answer = stub.Predict(request, timeout=TIMEOUT)
        except grpc.RpcError as error:
            raise UserError(
                f"{url} does not sample: {error.code().name}, {error.details()}"
            ) from None
        return _images(url, answer.outputs, lambda outputs: tf.make_ndarray(outputs["image"]))

    return sample


def _rest(url):
    def sample(seeds, labels=None):
        inputs = {key: value.tolist() for key, value in _named(seeds, labels).items()}
        body = {"signature_name": "sample", "inputs": inputs}
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
        return _images(url, {"image": outputs}, lambda o: np.asarray(o["image"], np.float32))

    return sample


def _images(url, outputs, get):
    images = get(outputs) if "image" in outputs else np.zeros(0)
    if images.ndim != 4:
        raise UserError(f"{url} answers, but not with images [N, H, W, C].")
    return images
