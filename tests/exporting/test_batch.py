"""What a batch of samples is made of: its plan, batches of one size, what is refused at once."""

import functools
import importlib.util

import numpy as np
import pytest

from tests.support import batches, runs
from tfgen import engine
from tfgen.data import conditions
from tfgen.errors import UserError
from tfgen.exporting import batch, maker, sampling, sources
from tfgen.exporting.source import Source
from tfgen.shards import formats


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """A .tflite file whose images show seed and class; the batches that it was asked for."""
    (tmp_path / "toy.tflite").write_bytes(b"toy")
    asked = []

    def ask(signature, inputs):
        asked.append(inputs["seed"].tolist())
        shown = np.stack([inputs["seed"] % 256, inputs["label"]], axis=1) / 255
        return {"image": np.repeat(shown, 2, axis=1).reshape(-1, 2, 2, 1).astype(np.float32)}

    known = conditions.Labels.numbered(3)
    rows = functools.partial(conditions.checked, known, "toy")
    monkeypatch.setattr(sources, "_tflite", lambda path: Source("toy", ask, rows, known))
    return str(tmp_path / "toy.tflite"), asked


def shown(folder, index):
    images = folder.images(index)
    return images[:, 0, 0, 0], images[:, 1, 0, 0]


def test_batches_have_one_size_and_the_last_is_filled_up(toy, tmp_path):
    source, asked = toy
    folder = batches.make(source, range(10, 1270), tmp_path / "out")
    assert {len(seeds) for seeds in asked[1:]} == {250}
    assert asked[-1] == [*range(1260, 1270), *[1269] * 240]
    seeds, labels = np.concatenate([shown(folder, 0), shown(folder, 1)], axis=1)
    assert np.array_equal(seeds, np.arange(10, 1270) % 256)
    assert np.array_equal(labels, np.arange(1260) % 3)  # in turn, through all shards
    before = len(asked)
    assert [maker.Maker(source, folder.path)(i) for i in (0, 1)] == [0, 0]
    assert len(asked) == before


def test_a_batch_is_bounded_by_memory_and_fills_a_shard():
    for shape, size in (((8, 8, 1), 250), ((64, 64, 3), 50), ((256, 256, 3), 5), ((2048,) * 2, 1)):
        assert maker.batch_size(shape) == size
        assert 1000 % size == 0


def test_a_label_for_all_and_a_table_of_its_own(toy, tmp_path):
    source, _ = toy
    folder = batches.make(source, [5, 3, 5], tmp_path / "one", label="2")
    assert [part.tolist() for part in shown(folder, 0)] == [[5, 3, 5], [2, 2, 2]]
    assert folder.read_manifest()["condition"] == {"name": "label", "label": "2"}
    table = tmp_path / "asked.csv"
    table.write_text("seed,label\n9,1\n8,0\n")
    folder = batches.make(source, None, tmp_path / "two", conditions=table)
    assert [part.tolist() for part in shown(folder, 0)] == [[9, 8], [1, 0]]
    about = folder.read_manifest()["condition"]
    assert about["source"] == str(table)
    # Its rows are other ones: the folder is not gone on with.
    table.write_text("seed,label\n9,1\n8,2\n")
    with pytest.raises(UserError, match="another job, which differs in condition"):
        batches.make(source, None, tmp_path / "two", conditions=table)


@pytest.mark.parametrize(
    ("seeds", "given", "said"),
    [
        (None, {}, "give either `seeds`"),
        (range(3), {"conditions": "a.csv"}, "give either `seeds`"),
        (None, {"conditions": "a.csv", "label": 1}, "give either `seeds`"),
        (range(3), {"rejects": "b.csv"}, "`rejects` is for rows of"),
        (range(2**31 - 1, 2**31 + 5), {}, "wanted are int32 seeds"),
        ([], {}, "wanted are int32 seeds"),
        ([1, 2, 1], {"kind": "png"}, "a seed is there twice"),
        (range(3), {"label": 7}, "out of range"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_written(
    toy, tmp_path, seeds, given, said
):
    with pytest.raises(UserError, match=said):
        batches.make(toy[0], seeds, tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_a_server_is_refused():
    with pytest.raises(UserError, match="is a server: a batch is made of a model that workers"):
        batch.prepared("grpc://localhost:1/x", range(3), "npz")


def test_without_beam_a_sentence_says_how_to_install_it(monkeypatch, tmp_path):
    real = importlib.util.find_spec
    hidden = {"apache_beam"}
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in hidden else real(name)
    )
    flags = ["--from=nowhere", "--seeds=0:10", f"--out={tmp_path / 'out'}"]
    done = runs.here("export.batch", *flags)
    assert done.returncode == 2
    assert "pip install -e '.[beam]'" in done.stderr
    with pytest.raises(UserError, match="Apache Beam, which is not installed"):
        engine.merged(range(3), print, print, tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return batches.trained(tmp_path_factory.mktemp("batch") / "run")


def test_samples_of_a_run_are_those_of_export_sample(run, tmp_path):
    """Whatever the batch: to 1e-6, and in eight bits but for what lies on an edge."""
    folder = batches.make(run.path, range(7, 1060), tmp_path / "npz")
    sampling.write(str(run.path), range(7, 1060), tmp_path / "all.npz")
    with np.load(tmp_path / "all.npz") as file:
        expected = file["images"].astype(int)
    found = np.concatenate([folder.images(i) for i in (0, 1)])
    assert np.abs(found - expected).max() <= 1
    assert np.mean(found != expected) < 1e-4
    direct = run.sample(range(7, 107))
    with np.load(folder.shards / "00000.npz") as file:
        assert np.allclose(file["images"][:100], direct, rtol=0, atol=1e-6)


def test_a_shard_has_the_same_bytes_whoever_makes_it_when(run, tmp_path):
    for kind in formats.FORMATS:
        whole = batches.make(run.path, range(1100), tmp_path / f"{kind}-whole", kind)
        part = batches.make(run.path, range(1100), tmp_path / f"{kind}-part", kind, only=[1])
        job, plan = part.job(), part.plan()
        assert part.standing(job, plan, 1) == whole.read_record(1)
        assert not part.standing(job, plan, 0)
