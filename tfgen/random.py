"""A seed is an image, everywhere: noise as a pure function of (seed, stream, counter).

Every random number in the zoo comes from here. The generator is a counter hash made only of
integer ops that exist in TensorFlow, in XLA and as LiteRT builtins (xor, right shift, uint32
multiply, cast), so that the same seed gives the same noise in Keras, in a SavedModel, on a phone
and in a browser, in any batch and in any replica. It keeps no state: nothing has to be saved,
locked or restored.

    P(x)            = triple32, a bijection of 32-bit words [1]
    k1, k2          = P(seed ^ s1),  P(k1 ^ s2)             s1, s2: SHA-256 of the stream's name
    bits(counter)   = P(P(counter ^ k1) ^ k2)               two keyed rounds (Even-Mansour)
    uniform         = ((bits >> 9) + 1/2) * 2**-23          exact in float32, never 0 or 1
    normal          = sqrt(-2 log u) * (cos, sin)(2 pi v)   Box and Muller [2]

For one seed and stream the words are a permutation of the counters: no word comes twice in 2**32
draws. Two rounds with independent keys are needed because one round with neighbouring keys would
give two seeds the same words in another order.

23 bits and not 24: ((2**24 - 1) + 1/2) needs 25 bits and rounds up, and the uniform would be 1.

[1] C. Wellons, "Prospecting for Hash Functions", 2018 (hash-prospector, `triple32`: bias 0.0209).
[2] G. E. P. Box and M. E. Muller, "A Note on the Generation of Random Normal Deviates", 1958.
"""

import functools
import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfgen import parts

if TYPE_CHECKING:
    import keras


# The multipliers and shifts of triple32 [1]: x ^= x >> shift, then x *= multiplier.
_ROUNDS = ((17, 0xED5AD4BB), (11, 0xAC4C1B51), (15, 0x31848BAB), (14, None))


def _rounds() -> list[list[tf.Tensor]]:
    """_ROUNDS as tensors, made once for a draw: a trace takes longer for a constant than an op."""
    return [[tf.constant(n, tf.uint32) for n in pair if n] for pair in _ROUNDS]


def _mix(x: tf.Tensor, rounds: Sequence[Sequence[tf.Tensor]]) -> tf.Tensor:
    """triple32 of every word.  uint32 [...] -> uint32 [...]"""
    for shift, *multipliers in rounds:
        x = tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, shift))
        for multiplier in multipliers:  # one, or none in the last round
            x = x * multiplier
    return x


def _words_of(stream: str) -> np.ndarray:
    """The two constants of a stream, from its name: "z" and "u" share no numbers.  uint32 [2]"""
    return np.frombuffer(hashlib.sha256(stream.encode()).digest()[:8], "<u4")


def bits(seeds: tf.Tensor, stream: str, counters: tf.Tensor) -> tf.Tensor:
    """Random words: seeds int32 [B], counters uint32 [N] -> uint32 [B, N].

    Row b depends on seeds[b] alone, whatever else is in the batch.
    """
    rounds = _rounds()
    keys = _keys(seeds, _words_of(stream), rounds)
    return _keyed([key[:, None] for key in keys], counters, rounds)


def _keys(
    seeds: tf.Tensor, words: np.ndarray, rounds: Sequence[Sequence[tf.Tensor]]
) -> list[tf.Tensor]:
    """k1, k2: seeds int32 [B], s1 and s2 -> uint32 [B]; [B, 1], uint32 [2, S] -> [B, S]"""
    s1, s2 = tf.constant(words[0]), tf.constant(words[1])
    k1 = _mix(tf.bitwise.bitwise_xor(tf.bitcast(seeds, tf.uint32), s1), rounds)
    return [k1, _mix(tf.bitwise.bitwise_xor(k1, s2), rounds)]


def _keyed(
    keys: Sequence[tf.Tensor | np.ndarray],
    counters: tf.Tensor,
    rounds: Sequence[Sequence[tf.Tensor]],
) -> tf.Tensor:
    """The two rounds: keys uint32 [B, 1] or [B, N], counters uint32 [N] -> uint32 [B, N]."""
    words = counters[None, :]
    for key in keys:
        words = _mix(tf.bitwise.bitwise_xor(words, key), rounds)
    return words


@functools.cache
def _known_keys(seed: int, stream: str) -> list[np.ndarray]:
    """The keys of a seed that is no tensor, once and not in each graph."""
    with tf.init_scope():
        keys = _keys(tf.constant([[seed]], tf.int32), _words_of(stream), _rounds())
        return [key.numpy() for key in keys]


def bits_of(seed: int, stream: str, counters: tf.Tensor) -> tf.Tensor:
    """The words of one seed: counters uint32 [N] -> uint32 [1, N]."""
    return _keyed(_known_keys(seed, stream), counters, _rounds())


def _to_uniform(words: tf.Tensor) -> tf.Tensor:
    # int32 in between: a uint32 to float cast is not a builtin of every LiteRT runtime.
    high = tf.cast(tf.bitwise.right_shift(words, tf.constant(9, tf.uint32)), tf.int32)
    return (tf.cast(high, tf.float32) + 0.5) * tf.constant(2.0**-23, tf.float32)


def _counters(n: int) -> tf.Tensor:
    # A constant of the graph, not tf.range: LiteRT has no uint32 RANGE.
    return tf.constant(np.arange(n, dtype=np.uint32))


def uniform(seeds: tf.Tensor, shape: Sequence[int], stream: str) -> tf.Tensor:
    """Uniforms in the open interval (0, 1): seeds int32 [B] -> float32 [B, *shape]."""
    words = bits(seeds, stream, _counters(math.prod(shape)))
    return tf.reshape(_to_uniform(words), [-1, *shape])


def uniforms(seeds: tf.Tensor, sizes: Mapping[str, int]) -> dict[str, tf.Tensor]:
    """`uniform` of several streams in as many ops as of one: {stream: n} -> {stream: [B, n]}."""
    rounds = _rounds()
    keys = _keys(seeds[:, None], np.stack([_words_of(stream) for stream in sizes], 1), rounds)
    counts = list(sizes.values())
    own = np.repeat(np.arange(len(counts)), counts)  # of each word the stream
    counters = np.concatenate([np.arange(n, dtype=np.uint32) for n in counts])
    words = _keyed([tf.gather(key, own, axis=1) for key in keys], tf.constant(counters), rounds)
    return dict(zip(sizes, tf.split(_to_uniform(words), counts, axis=1), strict=True))


def normal(seeds: tf.Tensor, shape: Sequence[int], stream: str) -> tf.Tensor:
    """Standard normals, |x| < 5.8: seeds int32 [B] -> float32 [B, *shape]."""
    n = math.prod(shape)
    pairs = (n + 1) // 2
    u = _to_uniform(bits(seeds, stream, _counters(2 * pairs)))
    radius = tf.sqrt(-2.0 * tf.math.log(u[:, :pairs]))
    angle = (2.0 * math.pi) * u[:, pairs:]
    z = tf.concat([radius * tf.cos(angle), radius * tf.sin(angle)], axis=1)
    return tf.reshape(z[:, :n], [-1, *shape])


def normal_of_steps(seeds: tf.Tensor, steps: int, shape: Sequence[int], stream: str) -> tf.Tensor:
    """Standard normals of each step of a sampler: seeds int32 [B] -> float32 [B, steps, *shape].

    Those of step n are a function of (seed, stream, n), however many steps there are.
    """
    words = bits(seeds, f"{stream}, steps", _counters(steps))
    own = tf.reshape(tf.bitcast(words, tf.int32), [-1])
    return tf.reshape(normal(own, shape, stream), [-1, steps, *shape])


def derived(seeds: tf.Tensor, stream: str, number: int | tf.Tensor = 0) -> tf.Tensor:
    """A new seed from each: int32 [B] -> int32 [B], other ones for another stream or number."""
    counters = tf.bitcast(tf.reshape(number, [1]), tf.uint32)
    return tf.bitcast(tf.reshape(bits(seeds, stream, counters), [-1]), tf.int32)


def of_levels(levels: tf.Tensor) -> tf.Tensor:
    """A seed from each image's own levels: int32 [B, ...] -> int32 [B].

        P(sum_j P(P(level_j ^ k_j) ^ k'_j))     k, k': words of place j

    Equal images have equal seeds. Images that differ in one place have different ones, for P is a
    bijection; others share one by chance, once in 2**32 pairs.
    """
    n = math.prod(levels.shape[1:])
    words = tf.bitcast(tf.reshape(levels, [-1, n]), tf.uint32)
    rounds = _rounds()
    for stream in ("levels, first", "levels, second"):
        keys = bits_of(0, stream, _counters(n))
        words = _mix(tf.bitwise.bitwise_xor(words, keys), rounds)
    # As int32, for LiteRT sums no uint32; modulo 2**32 the sum is the same, in any order.
    total = tf.reduce_sum(tf.bitcast(words, tf.int32), axis=1)
    return tf.bitcast(_mix(tf.bitcast(total, tf.uint32), rounds), tf.int32)


def training_seeds(seed: int, step: "keras.Variable", rows: tf.Tensor) -> tf.Tensor:
    """The seeds of a training batch's noise: a function of (seed, step, global row) alone.

    Training and sampling draw noise in the same way; only the seeds differ. Row r of replica i is
    row i * rows + r of the global batch, so N replicas draw just the noise that one device would
    draw, and no two rows of a run share a seed (`bits` permutes the counters). So do the parts of a
    replica's batch, where a step takes it in parts.

    Args: seed, a Python int; step, an integer scalar tensor; rows, this replica's number of rows,
      or those of a part.
    Returns: int32 [rows].
    """
    replicas, replica = 1, 0
    context = tf.distribute.get_replica_context()
    if context is not None:
        replicas, replica = context.num_replicas_in_sync, context.replica_id_in_sync_group
    part, of = parts.now()
    replicas, replica = replicas * of, replica * of + part
    first = tf.cast(step, tf.int64) * tf.cast(rows * replicas, tf.int64)
    first += tf.cast(rows, tf.int64) * tf.cast(replica, tf.int64)
    # int64 to uint32 keeps the low word: the counters come round after 2**32 images.
    counters = tf.cast(first + tf.range(tf.cast(rows, tf.int64)), tf.uint32)
    words = bits_of(seed, "training", counters)[0]
    return tf.bitcast(words, tf.int32)
