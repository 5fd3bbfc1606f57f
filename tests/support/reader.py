"""Run by exporting/test_saved_model.py: reads SavedModels by TensorFlow alone, answers as JSON.

Neither tfgen nor Keras may be imported: what is in the files must be enough. Each line of the input
is [path, request, main signature, "all" or ""]; each line of the output is the answer to one.
"""

import json
import sys
import threading

sys.modules["tfgen"] = sys.modules["keras"] = None

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def call(model, key, inputs):
    outputs = model.signatures[key](**{k: tf.constant(v) for k, v in inputs.items()})
    return {k: v.numpy() for k, v in outputs.items()}


def warm_up(model, path):
    """Runs every request of the warm-up file; returns [signature, rows] of each."""
    from tensorflow_serving.apis import prediction_log_pb2

    found = []
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
        outputs = call(model, request.model_spec.signature_name, inputs)
        rows = {len(v) for v in [*inputs.values(), *outputs.values()]}
        assert len(rows) == 1
        found.append([request.model_spec.signature_name, rows.pop()])
    return found


def threads_agree(model, inputs, count=8, calls=5):
    """inputs: {name: rows} of the default signature; each thread asks for them in another order."""
    requests = [{k: np.roll(v, i, axis=0) for k, v in inputs.items()} for i in range(count)]
    expected = [call(model, "serving_default", request)["image"] for request in requests]
    wrong = []

    def work(i):
        for _ in range(calls):
            got = call(model, "serving_default", requests[i])["image"]
            if not np.array_equal(got, expected[i]):
                wrong.append(i)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(count)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    return not wrong


def read(path, request, main, more):
    """`request`: "signature/input" arrays in a .npz file; outputs go to one beside it.

    There too "alone/image", of the signature `main`, each row in a call of its own. With `more` the
    file is loaded twice, called by many threads, and the warm-up requests are run.
    """
    model, file = tf.saved_model.load(path), np.load(request)
    inputs = {}
    for name in file.files:
        key, _, given = name.partition("/")
        inputs.setdefault(key, {})[given] = file[name]
    outputs = answers(model, inputs)
    rows = range(len(next(iter(inputs[main].values()))))
    each = [call(model, main, {k: v[i : i + 1] for k, v in inputs[main].items()}) for i in rows]
    np.savez(
        request.replace(".npz", "-out.npz"),
        **outputs | {"alone/image": np.concatenate([found["image"] for found in each])},
    )
    found = {
        "signatures": sorted(model.signatures),
        "keras": any(m.split(".")[0] == "keras" and sys.modules[m] for m in list(sys.modules)),
    }
    if more:
        again = answers(tf.saved_model.load(path), inputs)
        found |= {
            "loads_agree": all(np.array_equal(outputs[name], again[name]) for name in outputs),
            "warm_up": warm_up(model, f"{path}/assets.extra/tf_serving_warmup_requests"),
            "threads_agree": threads_agree(model, inputs["serving_default"]),
        }
    return found


def answers(model, inputs):
    """{"signature/output": array}"""
    return {
        f"{key}/{name}": value
        for key, given in inputs.items()
        for name, value in call(model, key, given).items()
    }


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(read(*json.loads(line))), flush=True)
