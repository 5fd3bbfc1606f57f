"""Run by test_saved_model.py: reads a SavedModel with TensorFlow alone and answers as JSON.

Neither tfgen nor Keras may be imported: what is in the file must be enough.
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


def main(path, request):
    """`request`: {signature: {input: array as a list}} in a file; outputs go to .npz beside it."""
    model, again = tf.saved_model.load(path), tf.saved_model.load(path)
    inputs = np.load(request)
    outputs = {}
    for key in {name.split("/")[0] for name in inputs.files}:
        given = {n.split("/")[1]: inputs[n] for n in inputs.files if n.startswith(f"{key}/")}
        for name, value in call(model, key, given).items():
            outputs[f"{key}/{name}"] = value
            assert np.array_equal(value, call(again, key, given)[name]), "two loads differ"
    np.savez(request.replace(".npz", "-out.npz"), **outputs)
    found = {
        "signatures": sorted(model.signatures),
        "warm_up": warm_up(model, f"{path}/assets.extra/tf_serving_warmup_requests"),
        "threads_agree": threads_agree(
            model,
            {n.split("/")[1]: inputs[n] for n in inputs.files if n.startswith("serving_default/")},
        ),
        "keras": any(m.split(".")[0] == "keras" and sys.modules[m] for m in list(sys.modules)),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
