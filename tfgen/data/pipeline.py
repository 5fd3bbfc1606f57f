"""tf.data in an order that is a function of (seed, step), so that a resumed run sees its batches.

Image i of the endless stream is image i mod n of epoch i // n, and each epoch has a permutation
of its own. A batch may hold the end of one epoch and the start of the next; every image comes
once an epoch.
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen.data.binarised import drawn
from tfgen.data.rows import Recorded, Rows
from tfgen.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

    from tfgen.data.source import ImageData


# Sets up to this size are held as one uint8 array and shuffled perfectly; larger ones are streamed.
MEMORY_LIMIT = 2**30
# Values of sets that are read once and kept.
SMALL = 2**24
# Images in the shuffle buffer of a streamed set.
BUFFER_BYTES = 2**28


def options() -> "tf.data.Options":
    """Of all data that are trained on."""
    import tensorflow as tf

    options = tf.data.Options()
    # Autotuning has nothing to tune here, and tearing it down can stall for seconds.
    options.autotune.enabled = False
    # Leave the cores to the training step.
    options.threading.private_threadpool_size = 1
    return options


def arrays(data: "ImageData") -> dict[str, np.ndarray]:
    """A split as NumPy: {"image": uint8 [N, H, W, C], "label": int32 [N]}.

    Of two domains also "other", "other_label" and so on, as many of each as the smaller one has.
    """
    if data.other:
        x, y = _arrays(data), _arrays(data.other)
        n = min(data.size, data.other.size)
        return {key: value[:n] for key, value in {**x, **as_other(y)}.items()}
    return _arrays(data)


def as_other(batch: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a batch as they are in the second domain: "image" is "other"."""
    return {"other" if key == "image" else f"other_{key}": v for key, v in batch.items()}


def _arrays(data: "ImageData") -> dict[str, np.ndarray]:
    if isinstance(data.examples, Rows):
        return data.examples.arrays
    if isinstance(data.examples, Recorded) and data.size * math.prod(data.shape) <= SMALL:
        return dict(_read_once(data.examples))
    return _read_whole(data.examples)


@functools.lru_cache(maxsize=8)
def _read_once(examples: Recorded) -> dict[str, np.ndarray]:
    """Of a small set, which one process asks for a dozen times: reading takes longer than using."""
    found = _read_whole(examples)
    for value in found.values():
        value.flags.writeable = False
    return found


def _read_whole(examples: "Callable[[], tf.data.Dataset]") -> dict[str, np.ndarray]:
    parts = list(examples().batch(1024).as_numpy_iterator())
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def check_batch_size(data: "ImageData", batch_size: int) -> None:
    """Raises: UserError if the batch is larger than the data."""
    if batch_size > data.size:
        raise UserError(
            f"batch_size {batch_size} is larger than the {data.size} images of {data.name} "
            f"{data.split!r}: set `batch_size` to {data.size} or less."
        )


def batches(
    data: "ImageData",
    batch_size: int,
    seed: int,
    start: int = 0,
    flip: bool = False,
    share: tuple[int, int] = (0, 1),
) -> "tf.data.Dataset":
    """Endless training batches from step `start` on: dicts of [batch_size, ...].

    Two domains are shuffled apart, each in an order of its own. With `flip` half of the images, by
    (seed, step, row), are mirrored from left to right.

    share: (i, n): of each batch the rows of part i of n, [batch_size / n, ...].

    Raises: UserError if the batch is larger than the data.
    """
    import tensorflow as tf

    own = functools.partial(_shared, share, batch_size)
    if in_memory(data):
        constants = {key: tf.constant(value) for key, value in held(data).items()}
        made = recipes(data, batch_size, seed, start, flip).map(
            lambda recipe: gathered(constants, own(recipe), data.drawn_of)
        )
        return made.prefetch(2).with_options(options())
    made = _read(data, batch_size, seed, start, own)
    if data.other:
        others = _read(data.other, batch_size, _seed_of_other(seed), start, own)
        made = tf.data.Dataset.zip(made, others).map(lambda x, y: {**x, **as_other(y)})
    if data.drawn_of:
        draws = tf.data.Dataset.range(start, tf.int64.max).map(
            lambda step: own(_draws(seed, batch_size, step))
        )
        made = tf.data.Dataset.zip(made, draws).map(functools.partial(_drawn, data.drawn_of))
    if flip:
        turns = tf.data.Dataset.range(start, tf.int64.max).map(
            lambda step: own(_turns(seed, batch_size, bool(data.other), step))
        )
        made = tf.data.Dataset.zip(made, turns).map(_mirrored)
    return made.prefetch(2).with_options(options())


def in_memory(data: "ImageData") -> bool:
    """Whether a set, and its other domain, is small enough to be held as arrays."""
    sizes = [d.size * int(np.prod(d.shape)) for d in (data, data.other) if d]
    return max(sizes) <= MEMORY_LIMIT


def held(data: "ImageData") -> dict[str, np.ndarray]:
    """What `gathered` takes the rows of: {key of a batch: [N, ...]}; N is each domain's own."""
    other = as_other(_arrays(data.other)) if data.other else {}
    return {**_arrays(data), **other}


def recipes(
    data: "ImageData", batch_size: int, seed: int, start: int = 0, flip: bool = False
) -> "tf.data.Dataset":
    """What the batches of a set in memory are made of, from step `start` on, endless.

    {"rows": int64 [B]}; of two domains also "other_rows"; with `flip` "turned", bool [B], and
    "other_turned"; of images that are drawn "draws", int32 [B]. A recipe has a thousandth of its
    batch's bytes: it is what goes to a GPU that holds the images.

    Raises: UserError if the batch is larger than the data.
    """
    import tensorflow as tf

    domains = {"rows": (data, seed)}
    if data.other:
        domains["other_rows"] = (data.other, _seed_of_other(seed))
    for domain, _ in domains.values():
        check_batch_size(domain, batch_size)

    def recipe(step: "tf.Tensor") -> "dict[str, tf.Tensor]":
        found = {
            key: _rows(step, batch_size, domain.size, order)
            for key, (domain, order) in domains.items()
        }
        turns = _turns(seed, batch_size, bool(data.other), step) if flip else {}
        draws = _draws(seed, batch_size, step) if data.drawn_of else {}
        return {**found, **turns, **draws}

    made = tf.data.Dataset.range(start, tf.int64.max).map(recipe)
    return made.with_options(options())


def gathered(
    held: "Mapping[str, tf.Tensor]", recipe: "Mapping[str, tf.Tensor]", drawn_of: int = 0
) -> "dict[str, tf.Tensor]":
    """The batch of a recipe, {key: [B, ...]}, from the arrays that `held` gives.

    drawn_of: see `ImageData`.
    """
    import tensorflow as tf

    made = {
        key: tf.gather(rows, recipe["other_rows" if key.startswith("other") else "rows"])
        for key, rows in held.items()
    }
    return _mirrored(_drawn(drawn_of, made, recipe) if drawn_of else made, recipe)


def _seed_of_other(seed: int) -> int:
    """Of the order of the second domain: the same one would make pairs.

    Another in its low bits, for TensorFlow's shuffle of few rows uses no others.
    """
    return seed ^ 0x55555555


def _rows(step: "tf.Tensor", batch_size: int, n: int, seed: int) -> "tf.Tensor":
    """Which of n images are in a step's batch: int64 [B]."""
    import tensorflow as tf

    i = step * batch_size + tf.range(batch_size, dtype=tf.int64)
    epoch, position = i // n, i % n

    def shuffled(e: "tf.Tensor") -> "tf.Tensor":
        key = tf.stack([tf.constant(seed, tf.int64), e])
        return tf.random.experimental.index_shuffle(position, key, tf.constant(n - 1, tf.int64))

    # A batch is no larger than the data, so it touches two epochs at the most.
    return tf.where(epoch == epoch[0], shuffled(epoch[0]), shuffled(epoch[0] + 1))


def _draws(seed: int, batch_size: int, step: "tf.Tensor") -> "dict[str, tf.Tensor]":
    """The seed of each image of a step's batch, for what is drawn of it: int32 [B]."""
    import tensorflow as tf

    from tfgen import random

    return {"draws": random.training_seeds(seed, step, tf.constant(batch_size))}


def _drawn(
    levels: int, batch: "Mapping[str, tf.Tensor]", recipe: "Mapping[str, tf.Tensor]"
) -> "dict[str, tf.Tensor]":
    """A batch whose images are drawn of its grey ones, which it loses."""
    made = dict(batch)
    return made | {"image": drawn(made.pop("grey"), recipe["draws"], levels)}


def _turns(seed: int, batch_size: int, other: bool, step: "tf.Tensor") -> "dict[str, tf.Tensor]":
    """Which images of a step's batch are mirrored: bool [B], of each domain."""
    import tensorflow as tf

    found = {}
    for stream, key in enumerate(("turned", "other_turned")[: 1 + other]):
        key_of_draw = tf.stack([tf.constant(seed, tf.int64), 2 * step + stream])
        found[key] = tf.random.stateless_uniform([batch_size], key_of_draw) < 0.5
    return found


def _mirrored(
    batch: "Mapping[str, tf.Tensor]", recipe: "Mapping[str, tf.Tensor]"
) -> "dict[str, tf.Tensor]":
    """A batch whose images are mirrored where the recipe says so."""
    import tensorflow as tf

    made = dict(batch)
    for key, turned in (("image", "turned"), ("other", "other_turned")):
        if turned in recipe:
            turn, image = recipe[turned][:, None, None, None], batch[key]
            made[key] = tf.where(turn, tf.reverse(image, [2]), image)
    return made


def _shared(
    share: tuple[int, int], batch_size: int, batch: "Mapping[str, tf.Tensor]"
) -> "dict[str, tf.Tensor]":
    """Part i of n of what has a row for each image of a batch."""
    i, n = share
    rows = batch_size // n
    return {key: value[i * rows : (i + 1) * rows] for key, value in batch.items()}


def _read(
    data: "ImageData", batch_size: int, seed: int, start: int, own: Callable
) -> "tf.data.Dataset":
    """Of batches of one domain from step `start` on what `own` gives, read as it is wanted."""
    import tensorflow as tf

    check_batch_size(data, batch_size)
    examples = data.examples
    if not isinstance(examples, Rows):
        return _streamed(data, batch_size, seed, start).map(own)
    steps = tf.data.Dataset.range(start, tf.int64.max)
    rows = steps.map(lambda step: own({"rows": _rows(step, batch_size, data.size, seed)}))
    return rows.map(lambda of: examples.batch(of["rows"]))


def _streamed(data: "ImageData", batch_size: int, seed: int, start: int) -> "tf.data.Dataset":
    import tensorflow as tf

    examples = data.examples()  # outside of the graph of an epoch, whose constants end at 2 GB
    first = start * batch_size
    buffer = max(batch_size, min(data.size, BUFFER_BYTES // int(np.prod(data.shape))))

    def epoch(e: "tf.Tensor") -> "tf.data.Dataset":
        # The global seed takes no part: the order is a function of ours; and at a global seed of 0
        # TensorFlow would compare the tensor `order` with a number.
        tf.compat.v1.get_default_graph().seed = None
        order = (seed * 1_000_003 + e) % (2**31)
        return examples.shuffle(buffer, seed=order, reshuffle_each_iteration=False)

    epochs = tf.data.Dataset.range(first // data.size, tf.int64.max)
    # Resuming reads over what was seen of the epoch: TFDS records have no random access.
    return epochs.flat_map(epoch).skip(first % data.size).batch(batch_size, drop_remainder=True)


def evaluation_batches(data: "ImageData", batch_size: int) -> "tf.data.Dataset":
    """The split once, in its own order, the last batch smaller: dicts of [<= batch_size, ...]."""
    return data.examples().batch(batch_size).with_options(options())
