"""Deep belief networks: the bound, and what turning a machine over promises."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfgen import models
from tfgen.errors import UserError


def tiny(**arguments):
    arguments = dict(hidden=4, each=1, steps=4) | arguments
    model = models.find("dbn")((2, 2, 1), 2, seed=3, **arguments)
    random = np.random.default_rng(0)
    for w in model.trainable_variables:
        w.assign(0.8 * random.normal(size=w.shape))
    for machine in model.machines:
        if model.centred:
            machine.mu.assign(random.random(machine.visible))
            machine.offset.assign(random.random(machine.hidden))
    exact = model.machines[-1].exact_log_z()
    model.log_z.assign([exact, 0.0, exact])
    return model


def states(units):
    return np.array(list(itertools.product([0, 1], repeat=units)), np.float32)


def exact_log_p(model):
    """log sum_h p(v|h) p_top(h) of every image, by enumeration of two machines."""
    first, top = model.machines
    v, h = states(4), states(first.hidden)
    log_h = -top.free_energy(tf.constant(h)).numpy() - model.log_z.numpy()[0]
    given = [first.log_visible_given(tf.constant(v), tf.tile(one[None], [16, 1])) for one in h]
    return v, np.logaddexp.reduce(np.stack(given, axis=1) + log_h, axis=1)


@pytest.mark.parametrize("centred", [False, True])
def test_the_bound_is_one_and_tightens(centred):
    model = tiny(centred=centred)
    v, log_p = exact_log_p(model)
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-4)
    x = v.reshape(-1, 2, 2, 1)
    elbo, bound = model.elbo(x, 2000).numpy(), model.log_prob(x, 2000).numpy()
    assert (elbo < bound).all()
    assert (elbo < log_p + 0.02).all()
    np.testing.assert_allclose(bound, log_p, atol=0.1)


@pytest.mark.parametrize("centred", [False, True])
def test_a_machine_turned_over_leaves_the_density_of_the_one_below(centred):
    """Hinton et al. 2006, section 4: so training the upper machine begins where the lower ended."""
    model = tiny(hidden=5, centred=centred)
    first, top = model.machines
    model.step.assign(1)
    model.turn_over()
    v, log_p = exact_log_p(model)
    log_p -= top.exact_log_z() - model.log_z.numpy()[0]
    alone = -first.free_energy(tf.constant(v)).numpy() - first.exact_log_z()
    # The unit that the top has more is nearly, not wholly, disconnected.
    np.testing.assert_allclose(log_p, alone, atol=0.05)


def test_machines_are_trained_one_after_the_other():
    import keras

    model = tiny(each=3)
    model.compile({"dbn": keras.optimizers.SGD(0.1)})
    batch = {"image": states(4).reshape(-1, 2, 2, 1).astype(np.uint8)}
    moved = []
    for _ in range(6):
        before = [m.W.numpy() for m in model.machines]
        model.train_step(batch)
        moved.append(
            [not np.array_equal(b, m.W) for b, m in zip(before, model.machines, strict=True)]
        )
    assert moved[:3] == [[True, False]] * 3
    assert moved[3:] == [[False, True]] * 3


def test_the_classifier_begins_with_the_recognition_weights():
    model = tiny(centred=True)
    network = model.classifier(3)
    x = states(4).reshape(-1, 2, 2, 1)
    hidden = x
    for layer in network.layers[:-1]:
        hidden = layer(hidden)
    np.testing.assert_allclose(hidden, model.encode(x)["mean"], atol=1e-6)
    assert network(x).shape == (16, 3)


def test_one_machine_is_no_dbn():
    with pytest.raises(UserError, match=r"depth=1.*rbm"):
        tiny(depth=1)


def test_the_classifier_of_gaussian_units_has_the_weights_of_the_energy():
    """And not those that are learned, which are in the units of v."""
    model = models.find("dbn")((2, 2, 1), 17, hidden=4, steps=4)
    x = np.random.default_rng(0).integers(0, 17, (5, 2, 2, 1)).astype(np.float32) / 16
    hidden = x
    for layer in model.classifier(3).layers[:-1]:
        hidden = layer(hidden)
    np.testing.assert_allclose(hidden, model.encode(x)["mean"], atol=1e-6)
