"""Which seeds a shard holds, and what they are asked for, whatever the plan."""

import numpy as np
import pytest

from tfgen.shards.plan import Plan

LABELS = np.arange(3, dtype=np.int32)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(range(-5, 2500)),
        Plan(range(0, 5000, 2), LABELS),
        Plan(np.array([7, 7, -(2**31), 2**31 - 1], np.int32), LABELS[1:2]),
        Plan(np.arange(1001, dtype=np.int32), np.arange(2002, dtype=np.int32).reshape(1001, 2)),
    ],
)
def test_blocks_are_the_seeds_in_their_order_before_and_after_a_file(plan, tmp_path):
    plan.save(tmp_path / "plan.npz")
    again = Plan.load(tmp_path / "plan.npz")
    blocks = [plan.block(i) for i in range(plan.shards)]
    assert np.array_equal(np.concatenate([seeds for seeds, _ in blocks]), list(plan.seeds))
    assert {len(seeds) for seeds, _ in blocks[:-1]} <= {1000}
    if plan.rows is not None:
        asked = np.concatenate([rows for _, rows in blocks])
        expected = [plan.rows[i % len(plan.rows)] for i in range(len(plan.seeds))]
        assert np.array_equal(asked, expected)
    assert [again.digest(i) for i in range(plan.shards)] == [
        plan.digest(i) for i in range(plan.shards)
    ]


def test_a_plan_begins_those_that_go_on_with_more_seeds():
    plan = Plan(range(1500), LABELS)
    assert plan.begins(Plan(range(1500), LABELS))
    assert plan.begins(Plan(np.arange(4000), np.resize(LABELS, 4000)))
    for other in (
        Plan(range(1499), LABELS),
        Plan(range(1, 4000), LABELS),
        Plan(range(4000)),
        Plan(range(4000), LABELS[:1]),
    ):
        assert not plan.begins(other)
