"""Seeds that a user gives, as numbers and as text."""

import numpy as np
import pytest

from tfgen.errors import UserError
from tfgen.seeds import checked, parse, way


@pytest.mark.parametrize("given", [7, np.int64(7), [7], np.array(7), np.array([7], np.uint8)])
def test_one_seed_is_a_number_or_a_row_of_one(given):
    assert (checked(given).tolist(), checked(given).dtype) == ([7], np.int32)


def test_several_seeds_are_a_range_a_list_or_what_yields_them():
    for given in (range(-1, 2), [-1, 0, 1], (i for i in (-1, 0, 1))):
        assert checked(given).tolist() == [-1, 0, 1]
    assert checked([-(2**31), 2**31 - 1]).tolist() == [-(2**31), 2**31 - 1]


@pytest.mark.parametrize(
    "given",
    [2**32, [2**31], [2**70], np.array([1.0]), True, "7", None, [], [[1]], [[1], []]],
)
def test_what_is_no_seed_is_refused_and_named(given):
    with pytest.raises(UserError, match=r"wanted are int32 seeds.* Given is "):
        checked(given)


@pytest.mark.parametrize("text", ["7", "1,5,9", "0:64", "-5:5", "-2147483648,2147483647"])
def test_seeds_are_what_they_say(text):
    seeds = list(parse(text))
    if ":" in text:
        start, stop = map(int, text.split(":"))
        assert seeds == list(range(start, stop))
    else:
        assert seeds == [int(part) for part in text.split(",")]
    assert len(parse("0:2147483647")) == 2**31 - 1  # a range, and no list


@pytest.mark.parametrize("text", ["", "x", "1.5", "5:1", "0:0", "0:2147483649", "1,,2", "1:2:3"])
def test_seeds_that_are_none(text):
    with pytest.raises(UserError, match="wanted are int32 seeds"):
        parse(text)


def test_the_seeds_of_a_way():
    assert list(way("3:7:-11")) == [3, 7, -11]
    for text in ("", "3:", "3:a", "0:4294967296"):
        with pytest.raises(UserError, match=rf"`interpolate={text}`: wanted are int32 seeds"):
            way(text)
