"""Run by test_hosts.py as a worker: rows of the zoo by several workers against one device.

Arguments: how many devices each worker has, and the rows. The chief answers each row with JSON, as
`tests/support/replicas.py` does for replicas of a process.
"""

import json

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.distribute import collective_all_reduce_strategy

from tests.support.replicas import STEPS
from tests.zoo import REPLICATED
from tfgen.training import cluster, devices, hosts, sharing

ROWS = 12  # of a batch: for two and three workers, and two of two devices each


def divide_cpu(count):
    """This worker has `count` devices, parts of the CPU, as it would have GPUs.

    TensorFlow gives a worker all its GPUs, or one CPU (`_initialize_local_devices`): here it is
    told otherwise, for what follows from the number is ours.
    """
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * count
    )
    collective_all_reduce_strategy.CollectiveAllReduceExtended._initialize_local_devices = (
        lambda self, resolver, worker_device: (
            tuple(f"{worker_device}/device:CPU:{i}" for i in range(count)),
            "CPU",
        )
    )


def fit(model, batches, team):
    """The terms of each step."""
    share = len(batches[0]["image"]) // team.count
    first = team.index * share
    own = {
        key: np.concatenate([batch[key][first : first + share] for batch in batches])
        for key in batches[0]
    }
    rows = tf.data.Dataset.from_tensor_slices(own).batch(share, drop_remainder=True)
    losses = []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda _, logs: losses.append({k: float(v) for k, v in logs.items()})
    )
    given = sharing.batches(model, rows)
    model.fit(given, steps_per_epoch=STEPS, verbose=0, shuffle=False, callbacks=[note])
    return losses


def measure(row, strategy, team):
    batches = [row.batch(ROWS, seed=i) for i in range(STEPS)]
    with strategy.scope():
        shared = row.build()
    start = shared.get_weights()
    losses = fit(shared, batches, team)
    if not team.chief:
        return None
    one = row.build()
    same_start = all(np.array_equal(a, b) for a, b in zip(start, one.get_weights(), strict=True))
    terms = [one.train_step(batch) for batch in batches]
    return dict(
        same_start=same_start,
        replicas_agree=True,
        losses=[[{k: float(v) for k, v in of.items()} for of in terms], losses],
        weights=[
            dict(
                path=w.path,
                difference=float(np.abs(a.astype(np.float64) - b).max()),
                moved=float(np.abs(a.astype(np.float64) - s).max()),
            )
            for w, a, b, s in zip(
                one.weights, one.get_weights(), shared.get_weights(), start, strict=True
            )
        ],
    )


def main(argv):
    tf.get_logger().setLevel("ERROR")
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    if argv[1] != "1":
        divide_cpu(int(argv[1]))
    rows = {row.id: row for row in REPLICATED}
    found = {}
    for name in argv[2:]:  # each a training of its own, as a script may have several
        with hosts.joined(cluster.from_environment()) as team:
            strategy = devices.make_strategy(1, team.count)
            found[name] = measure(rows[name], strategy, team)
            if not team.chief:
                team.end()
    print(json.dumps(found), flush=True)
    return 0
