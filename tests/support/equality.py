"""How nearly several replicas, of one process or of many, are held to one device."""

import pytest


def assert_equal_to_one(found):
    assert found["same_start"]
    assert found["replicas_agree"]
    one, two = found["losses"]
    for step_one, step_two in zip(one, two, strict=True):
        assert step_one == pytest.approx(step_two, rel=2e-4, abs=1e-5)
    for weight in found["weights"]:
        # Adam divides by the gradient's size, so rounding shows where gradients are near zero.
        assert weight["difference"] <= 0.02 * weight["moved"] + 2e-6, weight
