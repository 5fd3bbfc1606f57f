"""The generator's quality: its numbers are random, and the same everywhere."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tfgen import random
from tfgen.compiling import compiled


def triple32(x):
    """Wellons' reference in Python integers."""
    mask = 0xFFFFFFFF
    x ^= x >> 17
    x = x * 0xED5AD4BB & mask
    x ^= x >> 11
    x = x * 0xAC4C1B51 & mask
    x ^= x >> 15
    x = x * 0x31848BAB & mask
    return x ^ x >> 14


def reference_bits(seed, stream, counter):
    import hashlib

    digest = hashlib.sha256(stream.encode()).digest()
    s1, s2 = (int.from_bytes(digest[i : i + 4], "little") for i in (0, 4))
    k1 = triple32(seed % 2**32 ^ s1)
    k2 = triple32(k1 ^ s2)
    return triple32(triple32(counter ^ k1) ^ k2)


def words(seeds, stream, n):
    return random.bits(
        tf.constant(seeds, tf.int32), stream, tf.constant(np.arange(n, dtype=np.uint32))
    ).numpy()


@settings(max_examples=25, deadline=None)
@given(st.integers(-(2**31), 2**31 - 1), st.sampled_from(["z", "u", "eps"]))
def test_bits_equal_a_second_implementation(seed, stream):
    expected = [reference_bits(seed, stream, c) for c in range(5)]
    assert words([seed], stream, 5)[0].tolist() == expected


def test_golden_values():
    """The promise to every file and runtime out there: these never change."""
    assert words([0, 1, -1], "z", 2).tolist() == GOLDEN_BITS
    np.testing.assert_allclose(
        random.normal(tf.constant([42]), [4], "z").numpy()[0], GOLDEN_NORMALS, atol=2e-6
    )


@pytest.mark.slow
def test_no_word_repeats_in_a_million_draws():
    drawn = words([12345], "z", 2**20)[0]
    assert len(np.unique(drawn)) == 2**20


def chi_square(drawn, bins=256):
    """p-values of the uniformity of the high and the low bits."""
    high = np.bincount((drawn >> 24).ravel(), minlength=bins)
    low = np.bincount((drawn & 255).ravel(), minlength=bins)
    return [stats.chisquare(counts).pvalue for counts in (high, low)]


@pytest.mark.parametrize(
    ("seeds", "n"),
    [([7], 2**18), (range(2**18), 1), (range(2**9), 2**9), (range(0, 2**31 - 1, 2**14), 2)],
)
def test_words_are_uniform_over_counters_and_over_neighbouring_seeds(seeds, n):
    drawn = words(list(seeds), "z", n)
    assert min(chi_square(drawn)) > 1e-3
    assert stats.kstest(drawn.ravel() / 2.0**32, "uniform").pvalue > 1e-3


def bit_correlations(a, b):
    """The largest |z| among the 32 x 32 correlations of single bits of two samples of words."""
    bits_a, bits_b = (
        (x.ravel()[:, None] >> np.arange(32, dtype=np.uint32) & 1).astype(np.float64) * 2 - 1
        for x in (a, b)
    )
    return np.abs(bits_a.T @ bits_b).max() / np.sqrt(len(bits_a))


def test_neighbouring_seeds_counters_and_streams_are_independent():
    n = 2**17
    over_seeds = words(list(range(n + 1)), "z", 1)[:, 0]
    over_counters = words([3], "z", n + 1)[0]
    pairs = {
        "seeds": (over_seeds[1:], over_seeds[:-1]),
        "counters": (over_counters[1:], over_counters[:-1]),
        "streams": (over_counters, words([3], "u", n + 1)[0]),
        "seed against its negative": (
            words(list(range(n)), "z", 1),
            words(list(range(0, -n, -1)), "z", 1),
        ),
    }
    for name, (a, b) in pairs.items():
        if name.startswith("seed against"):
            a, b = a[1:], b[1:]  # 0 is its own negative
        # 1,024 standard normals: their largest is above 5.3 once in ten thousand times.
        assert bit_correlations(a, b) < 5.3, name


def test_one_bit_of_the_seed_changes_half_of_the_bits():
    seeds = np.arange(2**14, dtype=np.int64)
    plain = words(seeds.astype(np.int32), "z", 1)[:, 0]
    for bit in range(32):
        flipped = (seeds ^ 1 << bit).astype(np.uint32).view(np.int32)
        changed = np.bitwise_count(plain ^ words(flipped, "z", 1)[:, 0])
        # The mean of 2**14 binomials (32, 1/2): standard deviation 0.022.
        assert abs(changed.mean() - 16) < 0.12, bit


def test_two_seeds_never_share_a_sequence():
    """One keyed round would give neighbouring keys the same words in another order."""
    drawn = words(list(range(1000)), "z", 64)
    rows = [set(row.tolist()) for row in drawn]
    shared = max(len(rows[i] & rows[j]) for i in range(0, 1000, 7) for j in range(i))
    assert shared <= 1


def test_uniforms_are_in_the_open_interval():
    extremes = random._to_uniform(tf.constant([0, 2**32 - 1], tf.uint32)).numpy()
    assert extremes.tolist() == [2.0**-24, 1 - 2.0**-24]
    u = random.uniform(tf.range(2**10), [2**10], "u").numpy()
    assert u.min() > 0
    assert u.max() < 1
    assert stats.kstest(u.ravel(), "uniform").pvalue > 1e-3


def test_normals_are_normal_in_the_tails_too():
    x = random.normal(tf.range(2**11), [2**10], "z").numpy().ravel()
    assert stats.kstest(x, "norm").pvalue > 1e-3
    n = len(x)
    for at in (2.0, 3.0, 4.0):
        for tail in (np.sum(x > at), np.sum(x < -at)):
            p = stats.norm.sf(at)
            assert abs(tail - n * p) < 4 * np.sqrt(n * p), at
    # Both halves of a Box-Muller pair, and their independence.
    pairs = random.normal(tf.range(2**16), [2], "z").numpy()
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 4 / 2**8
    assert abs(np.corrcoef(pairs.T**2)[0, 1]) < 4 / 2**8


def test_streams_that_are_drawn_at_once_have_the_numbers_that_each_has_alone():
    seeds, sizes = tf.constant([0, 7, -1]), {"a": 5, "b": 1, "c": 64}
    together = random.uniforms(seeds, sizes)
    assert list(together) == list(sizes)
    for stream, n in sizes.items():
        assert np.array_equal(together[stream], random.uniform(seeds, [n], stream))


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3, 1)])
def test_shapes(shape):
    for draw in (random.uniform, random.normal):
        assert draw(tf.range(4), list(shape), "z").shape == (4, *shape)


def test_a_row_is_the_same_in_any_batch_and_under_jit():
    seeds = tf.constant([9, -4, 2**31 - 1])
    # The bits and uniforms are exact; log and cosine may differ in the last place with the place
    # of a number in a vector register.
    for draw, tolerance in ((random.uniform, 0), (random.normal, 1e-6)):
        rows = draw(seeds, [3, 2], "z").numpy()
        for i in range(3):
            alone = draw(seeds[i : i + 1], [3, 2], "z")[0]
            np.testing.assert_allclose(alone, rows[i], rtol=0, atol=tolerance)
        for jit in (False, True):
            traced = compiled(lambda s, draw=draw: draw(s, [3, 2], "z"), jit_compile=jit)
            np.testing.assert_allclose(traced(seeds), rows, rtol=0, atol=tolerance)
    jitted = compiled(lambda s: random.bits(s, "z", random._counters(9)), jit_compile=True)
    assert np.array_equal(jitted(seeds), words([9, -4, 2**31 - 1], "z", 9))


def reference_of_levels(image):
    """The seed of an image's levels, in Python integers."""
    total = 0
    for j, level in enumerate(image.ravel().tolist()):
        word = level
        for stream in ("levels, first", "levels, second"):
            word = triple32(word ^ reference_bits(0, stream, j))
        total += word
    return triple32(total % 2**32)


def images_of_levels(levels, shape=(5, 3, 3, 1)):
    return np.random.default_rng(0).integers(0, levels, shape).astype(np.int32)


@pytest.mark.parametrize("levels", [2, 17, 65536])
def test_a_seed_of_levels_equals_a_second_implementation(levels):
    images = images_of_levels(levels)
    expected = [reference_of_levels(image) for image in images]
    for jit in (None, False, True):
        of = random.of_levels
        if jit is not None:
            of = compiled(random.of_levels, jit_compile=jit)
        assert of(tf.constant(images)).numpy().view(np.uint32).tolist() == expected


def test_images_that_differ_have_other_seeds():
    """In one place, in two that change places, in the order of all; and 65,536 of two levels."""
    image = images_of_levels(17)[:1]
    others = [image]
    for i, j in ((0, 1), (3, 7)):
        changed, swapped = image.copy().ravel(), image.copy().ravel()
        changed[i] = (changed[i] + 1) % 17
        swapped[[i, j]] = swapped[j] + (swapped[i] == swapped[j]), swapped[i]
        others += [changed.reshape(image.shape), swapped.reshape(image.shape)]
    others = np.concatenate([*others, image[:, ::-1]])
    assert len(np.unique(random.of_levels(others))) == len(others)
    every = (np.arange(2**16)[:, None] >> np.arange(16)) & 1
    found = random.of_levels(every.astype(np.int32)).numpy()
    assert len(found) - len(np.unique(found)) <= 4  # 0.5 pairs are expected
    assert min(chi_square(found.view(np.uint32))) > 1e-4


def test_the_normals_of_a_step_do_not_depend_on_how_many_steps_there_are():
    seeds = tf.constant([3, 4])
    few, more = (random.normal_of_steps(seeds, n, [7], "a") for n in (3, 5))
    assert few.shape == (2, 3, 7)
    assert np.array_equal(few, more[:, :3])
    assert len({row.tobytes() for row in more.numpy().reshape(10, 7)}) == 10


def test_derived_seeds_differ_by_seed_stream_and_number():
    seeds = tf.range(50)
    found = [random.derived(seeds, stream, i).numpy() for stream in "ab" for i in range(20)]
    assert len(np.unique(found)) == 2000
    assert np.array_equal(random.derived(seeds, "a"), found[0])


@pytest.mark.slow
def test_the_same_bits_in_litert(tmp_path):
    """The noise on a device: builtin ops only, and not one bit of it differs."""
    from ai_edge_litert.interpreter import Interpreter

    class Noise(tf.Module):
        @compiled(input_signature=[tf.TensorSpec([3], tf.int32, name="seed")])
        def noise(self, seed):
            of_levels = random.derived(random.of_levels(seed[:, None]), "draw", 3)
            drawn = {"u": random.uniform(seed, [5], "u"), "z": random.normal(seed, [5], "z")}
            return drawn | {"of_levels": of_levels}

    module = Noise()
    tf.saved_model.save(module, str(tmp_path), signatures={"noise": module.noise})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path), signature_keys=["noise"])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    interpreter = Interpreter(model_content=converter.convert())
    seeds = np.array([0, -1, 2**31 - 1], np.int32)
    device, here = interpreter.get_signature_runner("noise")(seed=seeds), module.noise(seeds)
    assert np.array_equal(device["u"], here["u"])
    assert np.array_equal(device["of_levels"], here["of_levels"])
    np.testing.assert_allclose(device["z"], here["z"], atol=1e-6)


def test_training_seeds_are_a_function_of_seed_step_and_row():
    seeds = {
        (s, t): random.training_seeds(s, tf.constant(t, tf.int64), 8).numpy()
        for s in (0, 1)
        for t in range(50)
    }
    assert all(
        len(np.unique(np.concatenate([seeds[s, t] for t in range(50)]))) == 400 for s in (0, 1)
    )
    assert not np.intersect1d(seeds[0, 3], seeds[1, 3]).size
    again = random.training_seeds(1, tf.constant(7, tf.int64), 8).numpy()
    assert np.array_equal(again, seeds[1, 7])


def test_training_seeds_pass_two_to_the_32_images():
    late = random.training_seeds(0, tf.constant(2**31, tf.int64), 64)
    assert len(np.unique(late)) == 64


GOLDEN_BITS = [[328340703, 1075484839], [1445618189, 4089651486], [1691075925, 527284027]]
GOLDEN_NORMALS = [-0.583665, 1.659249, 0.132469, -1.366609]
