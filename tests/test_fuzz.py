"""Hostile input at every door, see `tests/fuzz.py`; `python -m tests.fuzz` tries more of it."""

import pytest

from tests import fuzz


@pytest.mark.slow
def test_two_thousand_hostile_inputs_meet_sentences():
    """Some 40 s, most of it for the hundred models that are built."""
    assert fuzz.run(2000, seed=0) == []
