"""N replicas equal one: the same losses and weights, each replica with its share of the noise."""

import pytest

from tests.conftest import ROOT
from tests.support import runs, servers, small
from tests.support.equality import assert_equal_to_one
from tests.zoo import REPLICATED, REPLICATED_IN_GRAPHS, ROWS
from tfgen import models, settings


def test_every_row_trains_as_one_that_is_tried():
    tried = {models.find(row.name).train_step for row in REPLICATED}
    others = {row.name for row in ROWS if models.find(row.name).train_step not in tried}
    assert others == {"pca"}  # which has nothing to train


def test_every_model_that_couples_a_batch_is_tried():
    coupled = {p.stem for p in (ROOT / "tfgen/models").glob("*.py") if "all_rows" in p.read_text()}
    assert coupled
    assert coupled <= {row.name for row in REPLICATED}


@pytest.fixture(scope="module", params=REPLICATED, ids=lambda row: row.id)
def found(request):
    """What `tests/support/replicas.py` says of a row."""
    return servers.replicas(request.param.id)


@pytest.mark.slow
def test_two_replicas_equal_one_device(found):
    assert_equal_to_one(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked",
    [
        "xla:small-adam",
        "fused:small-adam",
        "xla:dragan",
        *(
            pytest.param(f"{how}:{row_id}", marks=pytest.mark.long)
            for how in ("xla", "fused")
            for row_id in ("dcgan", "progan")
        ),
    ],
)
def test_two_replicas_that_xla_compiles_equal_one_device(asked):
    """One optimizer, on batches in parts; two, with a penalty that takes all rows; batch statistics
    of all replicas; branches. Some 18 s for those of convolutions."""
    found = servers.replicas(asked)
    assert set(found["programs"]) == {"CPU:0", "CPU:1"}
    assert_equal_to_one(found)
    assert not servers.replicas(asked.partition(":")[2])["programs"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", settings.KINDS)
def test_an_optimizer_of_two_replicas_is_that_of_one(kind):
    """With a clip that every gradient exceeds, on batches that are taken in parts."""
    assert_equal_to_one(servers.replicas(f"small-{kind}"))


@pytest.mark.slow
def test_a_step_that_branches_is_tried_as_a_graph(found):
    assert found["id"] in REPLICATED_IN_GRAPHS or not found["branches"]


@pytest.mark.slow
def test_replicas_draw_the_noise_of_their_rows(found):
    first, second = found["seeds"]
    assert not set(first) & set(second)
    assert first + second == found["one_seeds"]


@pytest.mark.slow
def test_a_batch_that_replicas_cannot_divide_is_refused():
    said = servers.replicas_tell("refusal")
    assert said.startswith("a batch of 15 cannot be divided among 2 replicas: set `batch_size`")


@pytest.mark.slow
@pytest.mark.parametrize("row_id", ["dbn-gaussian"])
def test_a_machine_of_two_replicas_stays_when_it_is_not_its_turn(row_id):
    """With momentum: the row has three machines and a step for each, of which two are taken."""
    found = servers.replicas(row_id)
    assert found["counts"] == {"dbn0": 1, "dbn1": 1, "dbn2": 0}
    for step, still in enumerate(found["still"]):
        for i in range(3):
            moved = {f"machine{i}/W", f"machine{i}/a", f"machine{i}/b"} - set(still)
            assert len(moved) == 3 * (i == step), (step, still)
            slots = [path for path in still if f"machine{i}_W" in path]
            assert len(slots) == 2 * (i != step), (step, still)


@pytest.mark.slow
def test_the_command_trains_and_resumes_on_two_replicas(tmp_path):
    """Through fit, looks at the validation split, checkpoints and the model file.

    The log is that of one device. Some 30 s: three runs, two of them with processes of their own.
    """
    path = tmp_path / "two"
    watched = {"replicas": 2, "steps": 20, "eval_every": 10, "eval_metric": "loss"}
    done = runs.run(runs.command(small.FILE, path, **watched))
    assert done.returncode == 0, done.stderr
    assert runs.train(small.FILE, tmp_path / "one", steps=20).returncode == 0
    logs = [(tmp_path / d / "log.csv").read_text().split()[1:] for d in ("one", "two")]
    for a, b in zip(*logs, strict=True):
        assert list(map(float, a.split(","))) == pytest.approx(
            list(map(float, b.split(","))), rel=1e-3
        )
    looks = (path / "validation.csv").read_text()
    assert looks.count("\n") == 3
    (path / "card.md").unlink()
    for file in (path / "checkpoints").glob("ckpt-20.*"):
        file.unlink()
    again = runs.run(runs.command(small.FILE, path, **watched))
    assert "Continuing from step 10" in again.stdout
    assert (path / "log.csv").read_text().split()[1:] == logs[1]
    assert (path / "validation.csv").read_text() == looks
