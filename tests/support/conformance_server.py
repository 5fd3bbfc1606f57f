"""A PredictionService over real gRPC, for tests: the conformance server, not TensorFlow Serving.

It speaks TensorFlow Serving's messages and runs the SavedModel in a session fed and fetched by the
names of the signature, as TensorFlow Serving does, in a process that knows neither Keras nor tfgen.

Beside it stands a double of the REST interface's column format, written from its documentation.

python -m tests.support.conformance_server

prints two ports, then serves until it is killed; each line of its input, [NAME, DIR], is one model
more, and is answered by NAME.
"""

import json
import sys
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self):
        self.models = {}  # name: (session, signatures)

    def load(self, name, base):
        # As the server does: the highest number; other names are skipped.
        version = max(int(p.name) for p in Path(base).iterdir() if p.name.isdigit())
        session = tf.compat.v1.Session(graph=tf.Graph())
        with session.graph.as_default():
            meta = tf.compat.v1.saved_model.loader.load(
                session, ["serve"], str(Path(base) / str(version))
            )
        self.models[name] = session, meta.signature_def

    def run(self, name, key, inputs, wanted=()):
        """{output: array}.  Raises: KeyError, ValueError with the server's words."""
        if name not in self.models:
            raise KeyError(f"Servable not found for request: Latest({name})")
        session, signatures = self.models[name]
        key = key or "serving_default"
        if key not in signatures:
            raise LookupError(f'Serving signature key "{key}" not found.')
        signature = signatures[key]
        if set(inputs) != set(signature.inputs):
            raise ValueError(f"input size does not match signature: {sorted(inputs)}")
        feed = {signature.inputs[k].name: value for k, value in inputs.items()}
        names = list(wanted) or list(signature.outputs)
        values = session.run([signature.outputs[n].name for n in names], feed)
        return dict(zip(names, values, strict=True))

    def Predict(self, request, context):
        inputs = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
        spec = request.model_spec
        try:
            outputs = self.run(spec.name, spec.signature_name, inputs, request.output_filter)
        except KeyError as error:
            context.abort(grpc.StatusCode.NOT_FOUND, error.args[0])
        except LookupError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, error.args[0])
        except ValueError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.args[0])
        response = predict_pb2.PredictResponse()
        for name, value in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return response


def _as_json(array):
    """Strings as strings, as the server has those that are text."""
    return np.char.decode(array.astype(bytes)).tolist() if array.dtype == object else array.tolist()


def rest(service):
    """POST /v1/models/NAME:predict with {"signature_name", "inputs"} -> {"outputs"}."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = self.path.removeprefix("/v1/models/").removesuffix(":predict")
            try:
                outputs = service.run(name, body.get("signature_name"), body["inputs"])
                values = [_as_json(v) for v in outputs.values()]
                bare = len(values) == 1
                answer = {"outputs": values[0] if bare else dict(zip(outputs, values, strict=True))}
                status = 200
            except (LookupError, ValueError) as error:
                answer, status = (
                    {"error": error.args[0]},
                    404 if isinstance(error, KeyError) else 400,
                )
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def main():
    assert not {"tfgen"} & set(sys.modules)
    service = Service()
    server = grpc.server(futures.ThreadPoolExecutor(8))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
    web = rest(service)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    threading.Thread(target=web.serve_forever, daemon=True).start()
    print(port, web.server_port, flush=True)
    for line in sys.stdin:
        name, base = json.loads(line)
        service.load(name, base)
        print(name, flush=True)


if __name__ == "__main__":
    main()
