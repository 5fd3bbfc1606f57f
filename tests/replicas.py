"""Run by test_replicas.py in its own process: N replicas equal one. Prints a JSON line a model.

A MirroredStrategy over two logical CPU devices against one device: the same global batches, the
same seed.
"""

import json

import keras
import numpy as np
import tensorflow as tf

from tests.zoo import REPLICATED
from train import loop

STEPS = 4


def fit(model, row):
    batches = [row.batch(16, seed=i) for i in range(STEPS)]
    stacked = {key: np.concatenate([b[key] for b in batches]) for key in batches[0]}
    data = tf.data.Dataset.from_tensor_slices(stacked).batch(16, drop_remainder=True)
    losses = []
    log = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda _, logs: losses.append(dict(logs))
    )
    model.fit(data, steps_per_epoch=STEPS, verbose=0, shuffle=False, callbacks=[log])
    return losses


def main():
    strategy = loop.make_strategy(2)
    for row in REPLICATED:
        one = row.build()
        with strategy.scope():
            two = row.build()
        same_start = all(
            np.array_equal(a, b) for a, b in zip(one.get_weights(), two.get_weights(), strict=True)
        )
        seeds = strategy.run(lambda m=two: m.training_seeds(tf.zeros([8, 1])))
        seeds = np.stack([np.asarray(s) for s in strategy.experimental_local_results(seeds)])
        losses = fit(one, row), fit(two, row)
        start = row.build().get_weights()
        weights = [
            dict(
                path=w.path,
                difference=float(np.abs(a.astype(np.float64) - b).max()),
                moved=float(np.abs(a.astype(np.float64) - s).max()),
            )
            for w, a, b, s in zip(
                one.weights, one.get_weights(), two.get_weights(), start, strict=True
            )
        ]
        replicas_agree = all(
            np.array_equal(*(np.asarray(v) for v in strategy.experimental_local_results(w.value)))
            for w in two.weights
        )
        print(
            json.dumps(
                dict(
                    name=row.id,
                    same_start=same_start,
                    replicas_agree=replicas_agree,
                    seeds=seeds.tolist(),
                    one_seeds=row.build().training_seeds(tf.zeros([16, 1])).numpy().tolist(),
                    losses=[
                        [{k: float(v) for k, v in terms.items()} for terms in run] for run in losses
                    ],
                    weights=weights,
                )
            )
        )


if __name__ == "__main__":
    main()
