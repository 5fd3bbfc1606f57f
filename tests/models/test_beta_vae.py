"""The beta-VAE: the weight of the KL term, and its capacity."""

import numpy as np
import pytest

from tests.support.vaes import alike, build, terms


def test_beta_of_one_is_the_vae():
    model, image = build("vae")
    for training in (False, True):
        one = terms(alike(model, "beta_vae", beta=1.0), image, training)
        np.testing.assert_array_equal(one["loss"], terms(model, image, training)["loss"])


def test_beta_is_the_weight_of_the_kl_in_nats():
    model, image = build("vae")
    found = terms(alike(model, "beta_vae", beta=7.0), image)
    np.testing.assert_allclose(found["loss"], found["distortion"] + 7 * found["kl"], rtol=1e-6)


def test_free_bits_are_free_before_beta():
    """Of images whose KL is below 8 nats each: 4 times 8, and not the greater of 8 and 4 KL."""
    model, image = build("vae")
    found = terms(alike(model, "beta_vae", beta=4.0, free_bits=8.0), image, training=True)
    assert (found["kl"] < 8).all()
    np.testing.assert_allclose(found["loss"], found["distortion"] + 32.0, rtol=1e-6)


def test_the_capacity_rises_and_holds_the_mean_kl():
    """Burgess et al., equation 8: of the batch, so that its images may differ among each other."""
    model, image = build("vae")
    made = alike(model, "beta_vae", beta=10.0, capacity=4.0, capacity_steps=100)
    for step, c in ((0, 0.0), (50, 2.0), (100, 4.0), (1000, 4.0)):
        made.step.assign(step)
        found = terms(made, image, training=True)
        expected = found["distortion"].mean() + 10 * abs(found["kl"].mean() - c)
        assert found["loss"].mean() == pytest.approx(expected, rel=1e-5)
    kl = terms(made, image)["kl"]
    assert np.ptp(kl) > 0.01
    held = alike(model, "beta_vae", beta=10.0, capacity=float(kl.mean()))
    found = terms(held, image)
    np.testing.assert_allclose(found["loss"], found["distortion"], atol=1e-4)


@pytest.mark.slow
def test_a_larger_beta_carries_less():
    """After training from the same start: fewer nats in the code, worse reconstructions."""
    gentle, image = build("beta_vae", 400, beta=0.3)
    strict, _ = build("beta_vae", 400, beta=8.0)
    assert terms(strict, image)["kl"].mean() < 0.5 * terms(gentle, image)["kl"].mean()
    assert terms(strict, image)["distortion"].mean() > terms(gentle, image)["distortion"].mean()
