"""How a step runs: op by op, or compiled by XLA, whole or in parts, its data on the device.

Op by op a GPU waits for the next kernel's launch most of the time that a small network trains. XLA
fuses what a step does beside its products: noise, sums, optimizers. And where the images are held
as arrays, at most `pipeline.MEMORY_LIMIT`, they go to the GPU once, and a call takes many steps:
what it is given is `data.pipeline.recipes`, the rows of the images that each step takes.

    for k in 1 .. K:  batch = images[rows[k]];  a step of the model

K is a constant of the program: a loop whose length XLA knows needs no look at a condition from the
host, and a run that goes on has the program of the run that it was, whose rounding is its own.

A program of XLA is of one device. A step of several replicas is cut into many, see `marked`; and so
is one that is fused, whose convolutions and matrix products stay TensorFlow's: under op determinism
XLA takes slow ones, and what lies between them is what waits for launches.
"""

import contextlib
import functools
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfgen.data import pipeline

if TYPE_CHECKING:
    from tfgen.data.source import ImageData
    from tfgen.model import GenerativeModel

# As Keras' `fit` calls it: an iterator of the data -> the terms of the last step.
TrainFunction = Callable[[Any], Mapping[str, tf.Tensor]]

# Steps of a call on a GPU: a call costs about as much as a small network's step, and a signal waits
# for its end.
STEPS_OF_A_CALL = 25


# Ops whose kernels TensorFlow has of the makers of the device, and tries out.
PRODUCTS = re.compile("Conv|MatMul|Einsum")


def chosen(compile: str, deterministic: bool, replicas: int, workers: int = 1) -> tuple[str, str]:
    """What XLA compiles of a step, "none", "fused" or "xla", and a sentence that says so and why.

    compile, deterministic: of the config. "auto" compiles where that was measured to be faster, on
    a GPU that need not be deterministic: `dcgan` at 32 x 32 takes 3.4 ms a step on an H200 and 11.0
    op by op. Under op determinism TensorFlow (2.21) has XLA try out no kernels, and what it takes
    untried for convolutions takes 117 ms. On a CPU oneDNN's convolutions are faster than XLA's.
    A CPU takes 1.1 to 1.2 times as long for what is "fused", which no GPU was measured with yet.
    replicas: of all workers together; what is compiled of a step of several, `marked` says.
    workers: whose steps nothing compiles, for what they share is no op of one process.
    """
    gpu = bool(tf.config.list_physical_devices("GPU"))
    if workers > 1:
        return "none", f"Steps run op by op: they are shared by {workers} workers."
    if compile == "none":
        return "none", "Steps run op by op: `compile` is none."
    if compile == "auto" and not gpu:
        return "none", "Steps run op by op: the device is a CPU."
    if compile == "auto" and deterministic:
        return "none", (
            "Steps run op by op: a repeated run is bit-identical, for which XLA has slow "
            "convolutions. `deterministic=False` compiles them, 1.5 to 8.5 times as fast."
        )
    why = "the device is a GPU." if compile == "auto" else f"`compile` is {compile}."
    if replicas > 1:
        why += f" What {replicas} replicas share, and the optimizers, run op by op."
    if compile == "fused":
        return "fused", f"Steps run fused by XLA between their products: {why}"
    return "xla", f"Steps run compiled by XLA: {why}"


def marked(how: str) -> contextlib.AbstractContextManager:
    """Around a step in a graph, or `strategy.run`: XLA compiles its ops, in programs of some each.

    how: "fused": those between its products; "xla": all that each replica does by itself; "none".

    Programs are made as shapes come, and after some of them TensorFlow makes no more: a step whose
    shapes depend on its number, which no model's here do, rounds by what came before it.

    A whole step of several replicas cannot be compiled, "a variable on a different device"; nor can
    a function within a replica that waits for the others, as for batch statistics or for all rows.
    So its ops are marked, and TensorFlow makes of those of a device programs as large as what lies
    between lets them be: the gradient of each update, where a forward pass shares nothing. Ops that
    XLA lacks stay as they are, and so do most within a branch or a loop.
    """
    if how == "none":
        return contextlib.nullcontext()

    def taken(node: Any) -> bool:
        if how == "fused" and PRODUCTS.search(node.op):
            return False
        return not tf.distribute.in_cross_replica_context()

    return tf.xla.experimental.jit_scope(compile_ops=taken)


Step = Callable[[Any], Any]


def tried(
    model: "GenerativeModel",
    traced: Callable[[bool], Step],
    batch: Any,
    say: Callable[[str], None],
) -> tuple[Step, Any]:
    """The first step, or call of many: (the step, compiled if it can be, what it gives).

    traced: whether it is to be compiled -> a step. Programs of parts are compiled as they come, so
    that one may fail when an optimizer before it has moved: all is put back.
    """
    optimizers = model.optimizers.values()
    touched = [*model.variables, *(v for optimizer in optimizers for v in optimizer.variables)]
    before = [variable.numpy() for variable in touched]
    step = traced(True)
    try:
        return step, step(batch)
    except tf.errors.OpError as error:
        op = _not_compiled(error.message)
        if not op:
            raise
        say(f"Steps run op by op: XLA does not compile {op}.")
        for variable, value in zip(touched, before, strict=True):
            variable.assign(value)
        step = traced(False)
        return step, step(batch)


def steps_of_a_call(how: str) -> int:
    """The most steps between two looks of Python at the run; how: as `chosen` says."""
    return 10 if how == "none" else STEPS_OF_A_CALL


def calls(
    model: "GenerativeModel",
    training: "ImageData",
    batch_size: int,
    seed: int,
    start: int,
    flip: bool,
    how: str,
    say: Callable[[str], None],
) -> "tf.data.Dataset":
    """What each call of a compiled model's train function is given, from step `start` on.

    Of images in memory the recipes of `model.steps_per_execution` steps, of others their batches:
    dicts of [K, B, ...]. Gives the model what makes that function. how: see `marked`.
    """
    held = None
    if pipeline.in_memory(training):
        made = pipeline.recipes(training, batch_size, seed, start, flip)
        held = {key: tf.constant(value) for key, value in pipeline.held(training).items()}
    else:
        made = pipeline.batches(training, batch_size, seed, start, flip)
    model.steps_on_device = functools.partial(
        train_function, held=held, drawn_of=training.drawn_of, how=how, say=say
    )
    return made.batch(model.steps_per_execution, drop_remainder=True).prefetch(2)


def train_function(
    model: "GenerativeModel",
    held: Mapping[str, tf.Tensor] | None,
    drawn_of: int,
    how: str,
    say: Callable[[str], None],
) -> TrainFunction:
    """Many steps on the device, as Keras' `fit` calls them: one program of XLA, or fused ones.

    held: the images that recipes are of; None: what a call is given are batches.
    drawn_of: see `ImageData`.
    how: "xla": all in one program; "fused": see `marked`.
    """

    def traced(compiled: bool) -> Step:
        parts = how if compiled and how == "fused" else "none"

        def steps(given: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            count = next(iter(given.values())).shape[0]

            def step(k: tf.Tensor, terms: Mapping[str, tf.Tensor]) -> Any:
                # Not marked: k would be a constant, and each k have a program of its own.
                batch = {key: value[k] for key, value in given.items()}
                batch = pipeline.gathered(held, batch, drawn_of) if held else batch
                with marked(parts):
                    found = model.train_step(batch)
                return k + 1, {key: tf.cast(found[key], tf.float32) for key in terms}

            before = (tf.constant(0), {name: tf.constant(0.0) for name in model.terms})
            return tf.while_loop(lambda k, _: k < count, step, before)[1]

        return tf.function(steps, jit_compile=compiled and how == "xla", autograph=False)

    step: Step | None = None

    def train(iterator: Any) -> Mapping[str, tf.Tensor]:
        nonlocal step
        given = next(iterator)
        if step:
            return step(given)
        step, found = tried(model, traced, given, say)
        return found

    return train


def _not_compiled(message: str) -> str:
    """Of an error of XLA the operation that it cannot compile; "" for another error."""
    if not re.search(r"tf2xla|XLA|uncompilable|Multiple \w+ devices", message):
        return ""
    found = re.search(r"{{node ([^}]+)}}", message)
    return found[1] if found else "the step"
