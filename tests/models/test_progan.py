"""Growth: stage and alpha of a step, exact fades, what rests meanwhile."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support import runs
from tests.support.arrays import noise
from tests.support.trained import state
from tests.zoo import Row
from tfgen import models
from tfgen.compiling import compiled
from tfgen.errors import UserError
from tfgen.layers import growing
from tfgen.models.progan import ProGAN, numbers
from tfgen.reports import figures
from tfgen.training.checkpoints import Checkpoints

SIZES = dict(latent_dim=6, width=4, base=8)


def build(shape=(16, 16, 1), **arguments):
    return Row("progan", SIZES | arguments, 0, shape, 17).build()


# --- the schedule --------------------------------------------------------------------------------


def test_stage_and_alpha_by_hand():
    model = build(schedule="10,20,8", fade=0.5)
    expected = {
        0: (0, 1.0),
        9: (0, 1.0),
        10: (1, 0.0),
        15: (1, 0.5),
        20: (1, 1.0),
        29: (1, 1.0),
        30: (2, 0.0),
        31: (2, 0.25),
        34: (2, 1.0),
        1000: (2, 1.0),
    }
    for step, (stage, alpha) in expected.items():
        model.step.assign(step)
        found = model.growth()
        assert (int(found[0]), float(found[1])) == (stage, alpha), step
        assert model.growth_at(step) == (stage, alpha), step
    assert model.grown_at == 34


def test_what_is_shown_of_growth(tmp_path):
    """The middle of a fade and the end of a stage: the nearest grids that were saved."""
    model = build(schedule="10,20", fade=0.5)
    sides = [4 << stage for stage in range(model.number)]
    found = model.phases()
    assert [name for _, name in found[:3]] == ["4 x 4", "4 to 8", "8 x 8"]
    assert found[-1] == (float("inf"), f"{sides[-1]} x {sides[-1]}")
    for step, name in found[:-1]:
        model.step.assign(step - 1 if " x " in name else step)
        stage, alpha = (float(value) for value in model.growth())
        assert name.endswith(str(4 << int(stage)))
        assert alpha == (1.0 if " x " in name else 0.5)
    grids = {}
    for step in range(0, 60, 5):
        grids[step] = tmp_path / f"step-{step}.png"
        figures.save(grids[step], figures.tile(np.full((64, 8, 8, 1), step / 255), 8))
    drawn = figures.growth(grids, found)
    height = len(drawn) // len(found)
    shown = [int(drawn[i * height + 20, -20, 0]) for i in range(len(found))]
    assert shown[:3] == [10, 15, 30]
    assert shown[-1] == 55
    # Few grids: each is shown once, as the phase that it is nearest to.
    grids[12] = tmp_path / "step-12.png"
    figures.save(grids[12], figures.tile(np.full((64, 8, 8, 1), 12 / 255), 8))
    drawn = figures.growth({step: grids[step] for step in (12, 30, 55)}, found)
    assert len(drawn) == 3 * height
    assert [int(drawn[i * height + 20, -20, 0]) for i in range(3)] == [12, 30, 55]


def test_numbers_of_stages():
    assert numbers("schedule", "5", 3) == [5, 5, 5]
    assert numbers("schedule", "5, 6", 3) == [5, 6, 6]
    for wrong in ("", "5,0", "5,x", "1,2,3,4", "2.5"):
        with pytest.raises(UserError, match=f"schedule is {wrong!r}.*3 stages"):
            numbers("schedule", wrong, 3)


def test_images_of_other_sizes_stand_between_borders():
    """D is shown them in the middle of zeros, and what G paints there is cut off."""
    model = ProGAN((5, 12, 1), 17, width=2, base=8, latent_dim=2)
    assert model.number == 3
    x = tf.random.stateless_uniform([2, 5, 12, 1], [0, 0])
    shown = model.shown(x, 2, 1.0)
    assert shown.shape == (2, 16, 16, 1)
    np.testing.assert_array_equal(model.enlarged(shown, 2), x)
    assert float(tf.reduce_sum(shown)) == pytest.approx(float(tf.reduce_sum(x)))
    assert model.sample([1, 2]).shape == (2, 5, 12, 1)


def test_more_stages_than_images_have_are_refused():
    with pytest.raises(UserError, match="stages is 4: images of 16x16 have 3"):
        build(stages=4)


# --- fades ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [1, 2])
def test_a_stage_begins_as_the_one_before(stage):
    model = build()
    z, x = noise((4, 6)), noise((4, 4 * 2**stage, 4 * 2**stage, 1))
    small = growing.down(x)
    np.testing.assert_allclose(
        model.G.at(stage, z, tf.constant(0.0)), growing.up(model.G.at(stage - 1, z)), atol=1e-6
    )
    np.testing.assert_allclose(
        model.D.at(stage, x, tf.constant(0.0)), model.D.at(stage - 1, small), atol=1e-5
    )
    # And ends as itself; G is a line between the two.
    of = [model.G.at(stage, z, tf.constant(a)).numpy() for a in (0.0, 0.25, 1.0)]
    np.testing.assert_allclose(of[1], 0.75 * of[0] + 0.25 * of[2], atol=1e-6)
    np.testing.assert_allclose(of[2], model.G.at(stage, z, 1.0), atol=1e-6)
    np.testing.assert_allclose(
        model.D.at(stage, x, tf.constant(1.0)), model.D.at(stage, x, 1.0), atol=1e-6
    )


def test_real_images_fade_like_generated_ones():
    model = build(divisors="1,2")
    x = noise((8, 16, 16, 1))
    coarse, fine = growing.up(growing.down(x, 2)), growing.down(x)
    shown = model.shown(x, 1, 0.25)
    np.testing.assert_allclose(shown, (0.75 * coarse + 0.25 * fine)[::2], atol=1e-6)
    assert np.array_equal(model.shown(x, 0, 1.0), growing.down(x, 2))
    np.testing.assert_allclose(model.shown(x, 2, 1.0), x[::2], atol=1e-6)


# --- training ------------------------------------------------------------------------------------


def moved(model, before):
    """For G and D, the stages of which some weight is another one."""
    return {
        network.name: [
            stage
            for stage in range(network.stages)
            if any(not np.array_equal(before[w.path], w) for w in network.of_stage(stage))
        ]
        for network in (model.G, model.D)
    }


@pytest.mark.slow
def test_a_stage_trains_what_it_has_and_one_trace_serves_all():
    model = build(schedule="2,4,4", fade=0.5)
    for optimizer in model.optimizers.values():
        optimizer.beta_1 = 0.0
    traces = []

    @compiled
    def step(batch):
        traces.append(1)
        return model.train_step(batch)

    batch = Row("progan", SIZES, 0, (16, 16, 1)).batch()

    def go(steps):
        before = {w.path: w.numpy() for w in model.weights}
        for _ in range(steps):
            terms = step(batch)
        return moved(model, before), terms

    found, terms = go(2)
    assert found == {"G": [0], "D": [0]}
    assert float(terms["stage"]) == 0
    # The step at alpha 0 moves what makes the small image alone; the next one all that there is.
    found, terms = go(1)
    assert found["G"] == [0]
    found, terms = go(1)
    assert found == {"G": [0, 1], "D": [0, 1]}
    assert (float(terms["stage"]), float(terms["alpha"])) == (1, 0.5)
    found, _ = go(6)
    assert found == {"G": [0, 1, 2], "D": [0, 1, 2]}
    # What made the images of a stage rests when that stage is over.
    rest = [model.G.images[0].kernel.numpy(), model.D.images[0].kernel.numpy()]
    go(2)
    assert np.array_equal(rest[0], model.G.images[0].kernel)
    assert np.array_equal(rest[1], model.D.images[0].kernel)
    assert len(traces) == 1


CALL = 4  # steps that TensorFlow runs before Python looks in


class Fitted:
    """A model of 8x8 pixels that `fit` trains; its second stage begins within a call.

    Attributes: traced, the stages whose step of D has been traced, in turn.
    """

    def __init__(self):
        self.row = Row("progan", SIZES | dict(schedule="6", fade=1.0), 0)
        self.model, self.traced = self.row.build(), []
        self.model.compile(self.model.optimizers, steps_per_execution=CALL, jit_compile=False)
        step_of_D = self.model.step_of_D

        def traced(images, seeds, stage, alpha):
            self.traced.append(stage)
            return step_of_D(images, seeds, stage, alpha)

        self.model.step_of_D = traced

    def to(self, step):
        first = self.model.steps_done
        batches = [self.row.batch(seed=i) for i in range(first, step)]
        stacked = {key: np.concatenate([b[key] for b in batches]) for key in batches[0]}
        made = tf.data.Dataset.from_tensor_slices(stacked).batch(8, drop_remainder=True)
        self.model.fit(made, steps_per_epoch=step - first, verbose=0, shuffle=False)
        assert self.model.steps_done == step


@pytest.mark.slow
def test_fit_traces_a_stage_when_it_comes_and_goes_on_to_the_bit(tmp_path):
    """In one process or in two, the second when all is grown: a trace may not know of that.

    Some 20 s: D and G are traced for five stages.
    """
    whole = Fitted()
    for step, stages in ((4, [0]), (8, [0, 0, 1]), (12, [0, 0, 1, 1]), (20, [0, 0, 1, 1])):
        whole.to(step)
        assert whole.traced == stages, step
        if step == whole.model.grown_at:
            Checkpoints(tmp_path, whole.model).save(step)
    later = Fitted()
    assert Checkpoints(tmp_path, later.model).restore(print) == 12
    later.to(20)
    assert later.traced == [1]
    both = zip(state(later.model), state(whole.model), strict=True)
    assert all(np.array_equal(a, b) for a, b in both)


def test_the_loss_of_D_by_hand():
    model = build(penalty_weight=3.0, drift=0.5)
    x, fake = noise((8, 8, 8, 1)), noise((8, 8, 8, 1), 1)
    terms = model.of_D(x, fake, tf.range(8), 1, tf.constant(0.5))
    D_x, D_fake = (model.D.at(1, images, tf.constant(0.5)).numpy()[:, 0] for images in (x, fake))
    expected = (D_fake - D_x + 0.5 * D_x**2).mean() + 3.0 * terms["penalty"]
    np.testing.assert_allclose(terms["d_loss"], expected, rtol=1e-5)


def test_the_average_of_new_weights_begins_with_their_stage():
    """Their random start is forgotten as quickly as that of the first ones was."""
    model = build(schedule="100", ema=0.99)
    for weight in model.G.weights:
        weight.assign(tf.ones_like(weight))
    for weight in model.G_average.weights:
        weight.assign(tf.zeros_like(weight))
    model.step.assign(100)
    model.update_averages()
    for stage, decay in enumerate((0.99, 0.1, 0.1)):
        for weight in model.G_average.of_stage(stage):
            kept = min(decay, 101 / 110) if stage == 0 else decay
            np.testing.assert_allclose(weight, (1 - kept) * np.ones(weight.shape), rtol=1e-5)


def test_without_an_average_samples_are_of_the_generator_itself():
    row = Row("progan", SIZES | dict(schedule="10", ema=0.0), 0, (4, 4, 1), 17)
    model = row.build()
    model.train_step(row.batch())
    image = model.G.at(0, model.noise(tf.constant([1, 2]))["z"], 1.0)
    expected = model.from_range(np.clip(image, -1.0, 1.0))
    np.testing.assert_allclose(model.sample([1, 2]), expected, atol=1e-6)


@pytest.mark.slow
def test_samples_are_those_of_the_stage_until_all_is_grown():
    model = build(schedule="10", fade=0.5)
    sample = compiled(lambda: model.sample([1, 2, 3]))

    def expected(stage, alpha):
        image = model.G_average.at(stage, model.noise(tf.constant([1, 2, 3]))["z"], alpha)
        return (np.clip(growing.up(image, 2 - stage), -1, 1) + 1) / 2

    # The same trace through all stages.
    for step, stage, alpha in ((3, 0, 1.0), (12, 1, 0.4), (18, 1, 1.0), (22, 2, 0.4), (99, 2, 1.0)):
        model.step.assign(step)
        np.testing.assert_allclose(sample(), expected(stage, tf.constant(alpha)), atol=1e-5)
    # One that is traced now, as in a run that goes on, is the same to the bit.
    assert np.array_equal(compiled(lambda: model.sample([1, 2, 3]))(), sample())
    # A model that trains no more has no branches, and gives the same.
    loaded = model.without_optimizers()
    last = compiled(lambda: loaded.sample([1, 2, 3]))
    np.testing.assert_allclose(last(), sample(), atol=1e-6)
    assert "Case" not in {op.type for op in last.get_concrete_function().graph.get_operations()}


@pytest.mark.slow
def test_what_is_exported_has_one_stage_before_it_is_grown_too(tmp_path):
    """A model from a file trains no more: it has no branches, and samples as the one that does."""
    model = build(schedule="10", fade=0.5)
    for step in (3, 12, 18, 22):
        model.step.assign(step)
        model.save_networks(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        sample = compiled(lambda: loaded.sample([1, 2, 3]))  # noqa: B023
        graph = sample.get_concrete_function()
        kinds = {op.type for op in graph.graph.get_operations()}
        assert not kinds & {"Case", "StatelessCase", "If"}
        # Grown, it asks for no colours of earlier stages.
        read = {variable.name for variable in graph.variables}
        early = {w.value.name for layer in loaded.G_average.images[:-1] for w in layer.weights}
        assert bool(read & early) == (step < loaded.grown_at)
        np.testing.assert_allclose(sample(), model.sample([1, 2, 3]), atol=1e-6)


# --- runs that end too early ---------------------------------------------------------------------


def test_what_a_run_does_not_reach():
    model = build(schedule="10,20", fade=0.5)
    assert model.unreached(40) is model.unreached(1000) is None
    for steps, said in (
        (9, "after 9 steps it is at 4x4 of 16x16 pixels"),
        (12, "after 12 steps it still fades in 8x8 of 16x16 pixels"),
        (29, "after 29 steps it is at 8x8 of 16x16 pixels"),
        (39, "after 39 steps it still fades in 16x16 of 16x16 pixels"),
    ):
        problem, advice = model.unreached(steps)
        assert said in problem
        assert "grown after 40 steps: set `steps`" in advice
    assert build(stages=1, schedule="9").unreached(0) is None
    dbn = models.find("dbn")((2, 2, 1), 2, hidden=4, depth=3, each=10)
    assert "1 of the 3 machines" in dbn.unreached(10)[0]
    assert "2 of the 3 machines" in dbn.unreached(20)[0]
    assert dbn.unreached(21) is None


@pytest.mark.slow
def test_a_run_that_ends_before_it_has_grown_says_so_and_is_exported(tmp_path):
    """Some 20 s: a run with its export in eight bits and its evaluation."""
    run, said = tmp_path / "run", "progan has not grown: after 10 steps it is at 4x4 of 8x8 pixels"
    done = runs.train("progan", run, steps=10, model__width=4, model__latent_dim=6)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    warned = next(i for i, line in enumerate(lines) if said in line)
    assert lines[warned].startswith("Warning: ")
    assert "set --config.steps" in lines[warned]
    assert warned < next(i for i, line in enumerate(lines) if line.startswith("step "))
    assert said in json.loads((run / "training.json").read_text())["warnings"]
    assert said in (run / "card.md").read_text()
    done = runs.here("export.tflite", f"--workdir={run}", "--precisions=int8")
    assert done.returncode == 0, done.stderr
    assert f"warning: {said}" in done.stderr
    assert "is broken" not in done.stdout
    done = runs.here("train.evaluate", f"--workdir={run}", "--parts=codes")
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert said in (run / "report.html").read_text()


def test_fewer_stages_give_enlarged_images():
    model = build(stages=2, schedule="1")
    assert model.number == 2
    model.step.assign(5)
    images = model.sample([1, 2]).numpy()
    assert images.shape == (2, 16, 16, 1)
    small = images[:, ::2, ::2]
    assert np.array_equal(images, growing.up(small))
