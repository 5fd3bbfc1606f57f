"""A job's folder: what stands is kept, what is broken is not, another job is refused."""

import json

import numpy as np
import pytest

from tfgen import data
from tfgen.data import array_files
from tfgen.errors import UserError
from tfgen.shards import formats
from tfgen.shards.folder import Folder
from tfgen.shards.plan import Plan

JOB = {
    "model": {"source": "runs/a", "sha256": "abc"},
    "versions": {"tfgen": "0.2.0"},
    "format": "npz",
    "image_shape": [2, 2, 1],
    "batch": 250,
    "condition": {"name": "label", "each": "in turn"},
}
LABELS = np.arange(10, dtype=np.int32)


def image(seeds):
    return np.broadcast_to((seeds % 256 / 255)[:, None, None, None], (len(seeds), 2, 2, 1))


def fill(folder, indices, kind="npz"):
    """Makes shards as `maker.Maker` does."""
    job, plan = folder.job(), folder.plan()
    for index in indices:
        seeds, rows = plan.block(index)
        path = formats.place(folder.shards, index, kind)
        sha = formats.write(path, seeds, image(seeds), {"label": rows})
        record = {"key": folder.key(job, plan, index), "sha256": sha, "count": len(seeds)}
        folder.record(index).write_text(json.dumps(record))


def standing(folder):
    job, plan = folder.job(), folder.plan()
    return [i for i in range(plan.shards) if folder.standing(job, plan, i)]


@pytest.fixture
def folder(tmp_path):
    made = Folder(tmp_path / "out")
    made.begin(JOB, Plan(range(2500), LABELS))
    fill(made, range(3))
    return made


def test_a_shard_stands_while_its_bytes_and_its_job_do(folder):
    assert standing(folder) == [0, 1, 2]
    assert folder.done() == 3
    with open(folder.shards / "00000.npz", "ab") as file:
        file.write(b"x")
    folder.record(1).write_text("{")
    (folder.shards / "00002.npz").unlink()
    assert standing(folder) == []


def test_a_job_goes_on_with_more_seeds_and_makes_the_torn_shard_anew(folder):
    folder.finish()
    (folder.shards / ".writing-x.npz").touch()
    (folder.shards / ".writing-y").mkdir()
    elsewhere = JOB | {"model": {"source": "copied/a", "sha256": "abc"}}
    folder.begin(elsewhere, Plan(range(5000), LABELS))
    assert standing(folder) == [0, 1]  # the third had 500 seeds
    assert not folder.manifest.exists()
    assert not list(folder.shards.glob(".writing*"))
    fill(folder, [2])
    with pytest.raises(UserError, match=r"00003\.json is not there"):
        folder.finish()


@pytest.mark.parametrize(
    ("job", "plan", "said"),
    [
        (
            JOB | {"model": {"source": "runs/a", "sha256": "abd"}},
            Plan(range(2500), LABELS),
            "model",
        ),
        (JOB | {"versions": {"tfgen": "0.3.0"}}, Plan(range(2500), LABELS), "versions .*0.3.0"),
        (JOB | {"format": "png"}, Plan(range(2500), LABELS), "format .'npz' there, 'png' now"),
        (JOB, Plan(range(2000), LABELS), "seeds or what"),
        (JOB, Plan(range(1, 2500), LABELS), "seeds or what"),
        (JOB, Plan(range(2500), LABELS[:1]), "seeds or what"),
    ],
)
def test_another_job_is_refused_and_what_differs_named(folder, job, plan, said):
    with pytest.raises(UserError, match=f"another job, which differs in {said}"):
        folder.begin(job, plan)
    assert standing(folder) == [0, 1, 2]


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(UserError, match="not an empty folder"):
        Folder(tmp_path).begin(JOB, Plan(range(3)))


@pytest.mark.parametrize("kind", formats.FORMATS)
def test_a_finished_job_is_a_data_set(tmp_path, kind):
    folder = Folder(tmp_path / "out")
    folder.begin(JOB | {"format": kind}, Plan(range(-100, 1200), LABELS))
    fill(folder, range(2), kind)
    with pytest.raises(UserError, match=r"manifest\.json is not there"):
        folder.read_manifest()
    content = folder.finish()
    assert content["seeds"] == {"count": 1300, "first": -100, "last": 1199}
    assert [shard["count"] for shard in content["shards"]] == [1000, 300]
    assert array_files.reader(folder.path)
    held = data.arrays(data.open_source(str(folder.path)).load("train"))
    assert np.array_equal(held["image"][:, 0, 0, 0], np.arange(-100, 1200) % 256)
    assert np.array_equal(held["label"], np.arange(1300) % 10)
    formats.write(formats.place(folder.shards, 1, kind), np.arange(3), image(np.arange(3)), {})
    with pytest.raises(UserError, match=r"00001\S* is not what manifest\.json says"):
        data.open_source(str(folder.path))
