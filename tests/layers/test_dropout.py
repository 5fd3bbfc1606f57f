"""Dropout: masks of (seed, step, row) and a layer, of all layers of a graph in one draw."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.support import small
from tfgen.compiling import compiled
from tfgen.layers import Dropout
from tfgen.layers.dropout import Masks, drawing_once

ROWS, WIDTHS = 4, {"a": 6, "b": 50, "c": 3}


@pytest.fixture
def model():
    return small.make()


def layers_of(model, widths=WIDTHS, rate=0.5):
    found = {name: Dropout(rate, name, model.dropout_masks) for name in widths}
    for name, layer in found.items():
        layer.build((widths[name],))
    return found


def dropped(layers):
    """{name: what is left of ones}."""
    return {
        name: layer(tf.ones([ROWS, layer.masks.sizes[name]]), training=True)
        for name, layer in layers.items()
    }


def assert_equal(found, wanted):
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


def hashes(function):
    return sum(
        op.type == "BitwiseXor" for op in function.get_concrete_function().graph.get_operations()
    )


def test_a_graph_draws_once_for_all_layers_what_each_would_draw(model):
    alone = dropped(layers_of(model))
    assert all(set(np.unique(x)) <= {0.0, 2.0} for x in alone.values())
    assert 0.3 < np.mean(alone["b"].numpy() == 0) < 0.7
    layers = layers_of(model)
    all_of_them = compiled(drawing_once(lambda: dropped(layers)))
    assert_equal(all_of_them(), alone)
    one = compiled(drawing_once(lambda: dropped({"a": layers["a"]})))
    assert hashes(all_of_them) == hashes(one)


def test_a_layer_that_is_built_later_has_its_own_mask(model):
    """As one of a network that is not called before its first step."""
    alone = dropped(layers_of(model))
    late = Dropout(0.5, "c", model.dropout_masks)
    model.dropout_masks.sizes.pop("c")
    early = layers_of(model, {"a": 6, "b": 50})

    @compiled
    @drawing_once
    def first():
        return dropped(early) | {"c": late(tf.ones([ROWS, 3]), training=True)}

    assert_equal(first(), alone)


@pytest.mark.parametrize("step_of", [drawing_once, lambda step: step], ids=["step", "by hand"])
def test_steps_of_one_graph_have_masks_of_their_own(model, step_of):
    layers = layers_of(model)

    @step_of
    def step():
        found = dropped(layers)
        model.step.assign_add(1)
        return found

    found = compiled(lambda: [step(), step()])()
    assert not np.array_equal(found[0]["b"], found[1]["b"])
    for number, masks in enumerate(found):
        model.step.assign(number)
        assert_equal(masks, dropped(layers))


def test_a_models_step_draws_once():
    """Its own, and one that a subclass writes and that calls it."""

    class Twice(small.Small):
        def step_terms(self, batch, seeds, training):
            for layer in self.drops.values():
                layer(self.to_unit(batch["image"])[:, 0, 0], training=True)
            return super().step_terms(batch, seeds, training)

        def train_step(self, batch):
            return super().train_step(batch)

    def hashed(widths):
        model = Twice((8, 8, 6), 256)
        model.drops = layers_of(model, widths)
        model.compile()
        image = tf.zeros([ROWS, 8, 8, 6], tf.uint8)
        return hashes(compiled(lambda: model.train_step({"image": image})))

    assert hashed({"a": 6}) == hashed({"a": 6, "b": 6, "c": 6})


def test_a_layer_may_have_another_width_than_it_was_built_for(model):
    layers, wide = layers_of(model), tf.ones([ROWS, 9])
    found = compiled(drawing_once(lambda: layers["a"](wide, training=True)))()
    assert np.array_equal(found, layers["a"](wide, training=True))


def test_a_branch_a_loop_and_another_number_of_rows_have_the_masks_of_the_step(model):
    layers = layers_of(model)
    wanted = dropped(layers)

    @compiled
    @drawing_once
    def in_places(yes):
        within = tf.cond(yes, lambda: dropped(layers), lambda: dropped(layers))
        _, looped = tf.while_loop(
            lambda i, _: i < 2, lambda i, _: (i + 1, dropped(layers)), (0, within)
        )
        more = layers["b"](tf.ones([ROWS + 1, 50]), training=True)
        return within, looped, dropped(layers), more

    *found, more = in_places(tf.constant(True))
    for one in found:
        assert_equal(one, wanted)
    assert np.array_equal(more, layers["b"](tf.ones([ROWS + 1, 50]), training=True))


def test_rows_that_a_graph_does_not_count_are_drawn_for_alone(model):
    layers = layers_of(model)

    @functools.partial(compiled, input_signature=[tf.TensorSpec([None, 50])])
    @drawing_once
    def of_any(x):
        return layers["b"](x, training=True)

    for rows in (ROWS, 2):
        x = tf.ones([rows, 50])
        assert np.array_equal(of_any(x), layers["b"](x, training=True))


def test_without_a_rate_and_outside_of_training_nothing_is_drawn():
    def never(rows):
        raise AssertionError("drawn")

    x, masks = tf.ones([2, 3]), Masks(never)
    assert Dropout(0.0, "a", masks)(x, training=True) is x
    assert np.array_equal(Dropout(0.5, "b", masks)(x), x)
    assert masks.sizes == {"b": 3}
