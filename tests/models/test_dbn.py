"""Deep belief networks: the bound, and what turning a machine over promises."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen import models
from tfgen.compiling import compiled
from tfgen.errors import UserError
from tfgen.training import optimizers


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
    model.log_z.assign([exact, 0.0, exact, 0.0])
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
@pytest.mark.slow
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


SCHEDULE = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
MOVES = {
    "SGD": lambda: keras.optimizers.SGD(0.1),
    "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    "Adam": lambda: optimizers.Adam(0.1),
}


@pytest.mark.parametrize("optimizer", MOVES)
@pytest.mark.slow
def test_machines_are_trained_one_after_the_other(optimizer):
    """The last goes on to the end; what the others have gathered moves no weight any more."""
    model = tiny(each=3, depth=3, centred=optimizer == "Adam")
    model.compile({"dbn": MOVES[optimizer]()})
    step = compiled(model.train_step)
    batch = {"image": states(4).reshape(-1, 2, 2, 1).astype(np.uint8)}
    for number in range(8):
        # At its turn's first step a machine is turned over, so nothing of it has moved before.
        before = snapshot(model)
        step(batch)
        moved = [
            [not np.array_equal(a, b) for a, b in zip(*pair, strict=True)]
            for pair in zip(before, snapshot(model), strict=True)
        ]
        turn = min(number // 3, 2)
        assert all(moved[turn][:3])
        assert not any(any(of_one) for i, of_one in enumerate(moved) if i != turn)
    assert [int(o.iterations) for o in model.optimizers.values()] == [3, 3, 2]


def snapshot(model):
    """Of each machine what it has learned, and the variables of its optimizer."""
    found = zip(model.machines, model.optimizers.values(), strict=True)
    return [[v.numpy() for v in (*m.learned(), *o.variables)] for m, o in found]


def test_a_machine_is_trained_as_one_that_is_trained_alone():
    """Adam by hand from the turn's first step: no count, no momentum of the machines before."""
    model = tiny(each=2)
    model.compile({"dbn": optimizers.Adam(SCHEDULE)})
    batch = {"image": states(4).reshape(-1, 2, 2, 1).astype(np.uint8)}
    for _ in range(2):
        model.train_step(batch)
    model.turn_over()  # again by the step, to no effect
    before = model.machines[1].W.numpy()
    model.train_step(batch)
    # Adam's first step is its rate in each coordinate, here that of step 2 of the run.
    moved = np.abs(model.machines[1].W.numpy() - before)
    # But for gradients so small that its epsilon counts.
    assert [np.median(moved), moved.max()] == pytest.approx([0.1 * 0.5**2] * 2, rel=1e-3)


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
