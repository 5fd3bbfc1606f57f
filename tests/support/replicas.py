"""Run by test_replicas.py in its own process: N replicas equal one. Answers a row's id with JSON,
the name of one of `TOLD` with what that function says. Before an id "xla:" or "fused:" says
what XLA compiles of what each replica does by itself.

A MirroredStrategy over two logical CPU devices, through `fit`, against one device, op by op: the
same global batches, the same seed. Tracing two replicas costs more than everything else together,
so that most rows run op by op on two replicas too; `zoo.REPLICATED_IN_GRAPHS` names the others.
"""

import contextlib
import dataclasses
import itertools
import json
import sys
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from tests.support import graphs, small
from tests.support.trained import state, variables
from tests.zoo import REPLICATED, REPLICATED_IN_GRAPHS
from tfgen import data, precision, replicas, settings
from tfgen.compiling import compiled
from tfgen.errors import UserError
from tfgen.objectives import divergences
from tfgen.training import building, devices, optimizers, sharing

# Two: the second reads what the first has left in weights and slots.
STEPS = 2


def fit(model, batches, how):
    """(the terms of each step, the state after it)."""
    stacked = {key: np.concatenate([b[key] for b in batches]) for key in batches[0]}
    data = tf.data.Dataset.from_tensor_slices(stacked).batch(16, drop_remainder=True)
    if how != "none":
        data = sharing.batches(model, data, how, say=sys.exit)
    losses, states = [], []

    def note(_, logs):
        losses.append(dict(logs))
        states.append(state(model))

    log = keras.callbacks.LambdaCallback(on_train_batch_end=note)
    model.fit(data, steps_per_epoch=STEPS, verbose=0, shuffle=False, callbacks=[log])
    return losses, states


BRANCHING = ("case", "cond", "foldl", "map_fn", "scan", "switch_case", "while_loop")


def branches(step, batch):
    """(the terms of a step, the ways in which it branches or loops), op by op."""
    with contextlib.ExitStack() as stack:
        asked = {
            name: stack.enter_context(mock.patch.object(tf, name, wraps=getattr(tf, name)))
            for name in BRANCHING
        }
        terms = step(batch)
    return terms, [name for name, ways in asked.items() if ways.called]


def measure(row, strategy, how="none"):
    batches = [row.batch(16, seed=i) for i in range(STEPS)]
    one = row.build()
    with strategy.scope():
        two = row.build()
    two.run_eagerly = row.id not in REPLICATED_IN_GRAPHS
    start = one.get_weights()
    same_start = all(np.array_equal(a, b) for a, b in zip(start, two.get_weights(), strict=True))
    one_seeds = one.training_seeds(tf.zeros([16, 1])).numpy().tolist()
    seeds = strategy.run(lambda: two.training_seeds(tf.zeros([8, 1])))
    seeds = [s.numpy().tolist() for s in strategy.experimental_local_results(seeds)]
    states = [state(two)]
    # Half of a first step's time; which graphs are equal it does not decide. Of a compiled step
    # TensorFlow wants it.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": how == "none"})
    (losses, later), programs = graphs.programs_of_xla(fit, two, batches, how)
    states += later
    first, taken = branches(one.train_step, batches[0])
    losses = [first, *map(one.train_step, batches[1:])], losses
    weights = [
        dict(
            path=w.path,
            difference=float(np.abs(a.astype(np.float64) - b).max()),
            moved=float(np.abs(a.astype(np.float64) - s).max()),
        )
        for w, a, b, s in zip(one.weights, one.get_weights(), two.get_weights(), start, strict=True)
    ]
    return dict(
        id=row.id,
        branches=taken,
        programs=programs,
        same_start=same_start,
        replicas_agree=all(
            np.array_equal(*(np.asarray(v) for v in strategy.experimental_local_results(w.value)))
            for w in two.weights
        ),
        seeds=seeds,
        one_seeds=one_seeds,
        counts={
            name: int(optimizer.iterations.numpy()) for name, optimizer in two.optimizers.items()
        },
        # Of each step the weights and slots of the optimizers that have not moved.
        still=[
            [v.path for v, a, b in zip(variables(two), *pair, strict=True) if np.array_equal(a, b)]
            for pair in itertools.pairwise(states)
        ],
        losses=[[{k: float(v) for k, v in terms.items()} for terms in run] for run in losses],
        weights=weights,
    )


@dataclasses.dataclass
class Small:
    """The model of one layer, with all that an optimizer of a kind reads, as a row of the zoo."""

    id: str

    def build(self):
        kind = self.id.removeprefix("small-")
        parts = dict.fromkeys(settings.KINDS[kind], 0.5)
        section = settings.optimizer(kind=kind, clip=0.01, warmup=1, **parts)
        model = small.make()
        model.accumulate = 2
        model.compile({"G": optimizers.from_config(section, 10)})
        return model

    def batch(self, size, seed):
        images = np.random.default_rng(seed).integers(0, 256, (size, 8, 8, 1), np.uint8)
        return {"image": images}


def overflow(strategy):
    """Two steps of a weight by float16's loss scale: of a finite gradient, and of one that is not
    on the second replica alone. What has moved, how many steps were skipped, whether both agree."""
    with strategy.scope():
        weight = keras.Variable([1.0, 2.0])
        optimizer = keras.optimizers.Adam(0.1)
        optimizer.build([weight])
        scale = precision.LossScale(optimizer)
    touched = [weight, *(v for v in optimizer.variables if all(v is not own for own in scale.own))]

    @compiled
    def step(second):
        def on_each():
            of_second = tf.distribute.get_replica_context().replica_id_in_sync_group == 1
            scale.apply([tf.where(of_second, second, tf.ones([2]))], [weight])

        strategy.run(on_each)

    found = {}
    for name, second in (("finite", 1.0), ("overflow", np.inf)):
        before = [v.numpy() for v in touched]
        step(tf.constant([second, 1.0]))
        values = [strategy.experimental_local_results(v.value) for v in [*touched, *scale.own]]
        pairs = zip(touched, before, strict=True)
        found[name] = dict(
            moved=[v.path for v, old in pairs if not np.array_equal(v.numpy(), old)],
            skipped=int(scale.skipped.numpy()),
            agree=all(np.array_equal(a.numpy(), b.numpy()) for a, b in values),
        )
    return found


def refusal(strategy):
    """What a training is told whose batch the replicas cannot divide."""
    config = settings.find("vae")
    config.batch_size = 15
    try:
        building.build("vae", config, data.open_source("digits").load("train"), strategy)
    except UserError as error:
        return str(error)


def total_correlation(strategy):
    """An estimate that couples rows, and its gradient, on two replicas and on one device."""
    z = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)

    def value(z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            everything = replicas.all_rows(z)
            loss = divergences.total_correlation(z, everything, 0.1 * everything)
            loss = tf.reduce_mean(loss)
        return loss, tape.gradient(loss, z), replicas.own_rows(everything)

    parts = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(z[4 * context.replica_id_in_sync_group :][:4])
    )
    on_each = compiled(strategy.run)(value, (parts,))
    losses, gradients, own = map(strategy.experimental_local_results, on_each)
    one, gradient, _ = value(tf.constant(z))
    return dict(
        losses=[float(loss) for loss in losses],
        one=float(one),
        gradient=np.concatenate(gradients).tolist(),
        expected=gradient.numpy().tolist(),
        own=np.concatenate(own).tolist(),
        rows=z.tolist(),
    )


TOLD = {"overflow": overflow, "refusal": refusal, "total_correlation": total_correlation}


def main():
    tf.get_logger().setLevel("ERROR")  # that two replicas op by op are slow is no news
    strategy, rows = devices.make_strategy(2), {row.id: row for row in REPLICATED}
    rows |= {f"small-{kind}": Small(f"small-{kind}") for kind in settings.KINDS}
    for line in sys.stdin:
        (name,) = json.loads(line)
        how, name = name.split(":") if ":" in name else ("none", name)
        told = name in TOLD
        found = TOLD[name](strategy) if told else measure(rows[name], strategy, how)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
