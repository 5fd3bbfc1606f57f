"""Batches of samples without workers: the same shards, one after another in this process."""

import json

from tests.support import runs, small
from tfgen.exporting import batch, maker
from tfgen.run import Run
from tfgen.shards import formats
from tfgen.shards.folder import Folder
from tfgen.shards.plan import Plan


def trained(path):
    """The `Run` of a small model after ten steps."""
    done = runs.train(small.FILE, path, steps=10)
    assert done.returncode == 0, done.stderr
    return Run(path)


def make(source, seeds, out, kind="npz", only=None, **given):
    """The `Folder` of a job, finished unless some shards `only` are wanted."""
    folder = Folder(out)
    folder.begin(*batch.prepared(str(source), seeds, kind, **given))
    make_one = maker.Maker(str(source), out)
    for index in range(make_one.plan.shards) if only is None else only:
        make_one(index)
    if only is None:
        folder.finish()
    return folder


def holding(images, out, kind="npz"):
    """The finished `Folder` of given images, float32 [N, H, W, C], as if they had been sampled."""
    folder = Folder(out)
    about = {"model": {"source": "given", "sha256": ""}, "versions": {}, "format": kind}
    about |= {"image_shape": list(images.shape[1:]), "batch": 250, "condition": {}}
    folder.begin(about, Plan(range(len(images))))
    job, plan = folder.job(), folder.plan()
    for index in range(plan.shards):
        seeds, _ = plan.block(index)
        path = formats.place(folder.shards, index, kind)
        record = {"key": folder.key(job, plan, index), "count": len(seeds)}
        record["sha256"] = formats.write(path, seeds, images[seeds], {})
        folder.record(index).write_text(json.dumps(record))
    folder.finish()
    return folder
