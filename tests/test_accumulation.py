"""A step that takes its batch in parts is the step of the whole batch, or is refused."""

import numpy as np
import pytest
import tensorflow as tf

from tests.support import runs
from tests.zoo import Row
from tfgen import accumulation, parts, random
from tfgen.errors import UserError
from tfgen.training import front, optimizers

GAME = dict(latent_dim=3, width=5, depth=1)
VAE = dict(latent_dim=3, width=5)


def stepped(row, k):
    """The terms of a step that takes its batch in k parts, and the weights after it."""
    model = row.build()
    model.compile({name: optimizers.SGD(0.1) for name in model.trained()})
    model.accumulate = k
    terms = model.train_step(row.batch(16))
    return {name: float(value) for name, value in terms.items()}, model.weights


@pytest.mark.parametrize(
    "row",
    [
        Row("vae", VAE | dict(dropout=0.3, draw=True), None),
        Row(
            "gan",
            GAME | dict(objective="relativistic", penalty="gradient", normalisation="layer"),
            None,
            variant="compares",
        ),
        *(
            pytest.param(row, marks=pytest.mark.slow)
            for row in (
                Row("gan", GAME | dict(ema=0.9, fresh_noise=True), None),
                Row(
                    "gan", GAME | dict(normalisation="spectral", critic_steps=2), None, variant="u"
                ),
                Row("began", dict(latent_dim=3, width=2, depth=1, code_dim=3), None),
                Row("vq_vae", dict(codes=5, code_dim=3, width=2, depth=1, prior_width=4), None),
                Row(
                    "cyclegan",
                    dict(width=2, depth=1, blocks=1, patch_width=3, patch_depth=1),
                    None,
                ),
            )
        ),
    ],
    ids=lambda row: row.id,
)
def test_a_batch_in_parts_is_the_batch_but_for_rounding(row):
    (whole, one), (divided, four) = stepped(row, 1), stepped(row, 4)
    assert divided == pytest.approx(whole, rel=1e-4, abs=1e-5)
    largest = 0.0
    for start, *ends in zip(row.build().weights, one, four, strict=True):
        a, b = (end.numpy() for end in ends)
        moved = np.abs(a - start.numpy()).max()
        assert np.abs(a - b).max() <= 1e-4 * moved + 1e-6, start.path
        largest = max(largest, moved if start.trainable else 0.0)
    assert largest > 1e-3


def test_the_noise_of_parts_is_that_of_the_rows_of_the_batch():
    whole, found = random.training_seeds(3, tf.constant(7), 12), []
    for i in range(4):
        with parts.taking(i, 4):
            found.append(random.training_seeds(3, tf.constant(7), 3))
    np.testing.assert_array_equal(tf.concat(found, axis=0), whole)


@pytest.mark.parametrize(
    ("name", "arguments", "what"),
    [
        ("wae_mmd", VAE, "the MMD"),
        ("beta_tcvae", VAE, "the total correlation"),
        ("factor_vae", VAE | dict(critic_width=4), "the total correlation"),
        ("sparse_autoencoder", VAE | dict(sparsity="kl", active=1), "the sparsity"),
        ("beta_vae", VAE | dict(capacity=5.0), "`model.capacity`"),
        ("gan", GAME | dict(penalty="dragan"), "the penalty 'dragan'"),
        ("gan", GAME | dict(objective="relativistic_average"), "'relativistic_average'"),
        ("gan", GAME | dict(minibatch_stddev=True), "`model.minibatch_stddev`"),
        ("gan", GAME | dict(normalisation="batch"), "has batch normalisation"),
        ("rbm", dict(hidden=3), "a step of RBM takes it as a whole"),
    ],
)
def test_what_couples_the_rows_of_a_batch_is_named(name, arguments, what):
    row = Row(name, arguments, None)
    model = row.build()
    model.accumulate = 2

    def tried():
        accumulation.check(model)
        model.train_step(row.batch(4))

    with pytest.raises(UserError, match=rf"`accumulate=2` takes a batch in parts.*{what}"):
        tried()
    assert parts.now() == (0, 1)


def test_a_batch_that_has_no_such_parts_is_refused():
    row = Row("gan", GAME | dict(critic_steps=2), None)
    model = row.build()
    model.accumulate = 3
    with pytest.raises(UserError, match=r"16 cannot be divided.* on 3 parts.*multiple of 6\."):
        model.check_batch(16)


def test_a_job_is_tried_with_its_parts():
    config = runs.config("relativistic_gan", accumulate=2, model__width=4)
    config.model.update(network="dense", normalisation="none")
    with pytest.raises(UserError, match="relativistic_average"):
        front.try_job("relativistic_gan", config)
