"""Servers as sources: TensorFlow Serving's PredictionService and its REST interface."""

import functools
import http.client
import json
import urllib.error
import urllib.request

import numpy as np

from tfgen import startup
from tfgen.data import conditions
from tfgen.errors import UserError
from tfgen.exporting.source import Arrays, Source

TIMEOUT = 60  # seconds that a server may take


def over_grpc(url: str) -> Source:
    """grpc://host:port/NAME.  Raises: UserError for an address without a model's name."""
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

    def ask(signature: str, inputs: Arrays) -> Arrays:
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = name, signature
        for key, value in inputs.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
        try:
            answer = stub.Predict(request, timeout=TIMEOUT)
        except grpc.RpcError as error:
            raise UserError(
                f"{url} does not sample: {error.code().name}, {error.details()}"
            ) from None
        return {key: tf.make_ndarray(value) for key, value in answer.outputs.items()}

    return Source(url, ask, functools.partial(conditions.unchecked, url))


def over_rest(url: str) -> Source:
    """http://host:port/v1/models/NAME"""

    def ask(signature: str, inputs: Arrays) -> Arrays:
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
        except http.client.HTTPException as error:  # no port, or one that answers in gRPC
            said = f"{type(error).__name__} {error}".strip()
            raise UserError(
                f"{url} does not speak HTTP: {said}. TensorFlow Serving does at port 8501, and at "
                "8500 gRPC: grpc://host:8500/NAME."
            ) from None
        except (OSError, ValueError) as error:
            raise UserError(f"{url} cannot be reached or does not speak JSON: {error}") from None
        outputs = content.get("outputs") if isinstance(content, dict) else None
        if not isinstance(outputs, dict):  # one output comes as its bare value
            outputs = {"z" if signature == "noise" else "image": outputs}
        try:
            return {key: np.asarray(value) for key, value in outputs.items()}
        except ValueError:  # lists of several lengths
            return {}

    return Source(url, ask, functools.partial(conditions.unchecked, url))
