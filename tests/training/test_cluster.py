"""TF_CONFIG, and the lines of docs/many_machines.md that set it."""

import json
import os
import re
import subprocess

import pytest
import yaml

from tests.conftest import ROOT
from tests.support import fenced, mine, small
from tfgen.errors import UserError
from tfgen.training import cluster

PAGE = (ROOT / "docs/many_machines.md").read_text()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{", "TF_CONFIG is not understood"),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}}', "without parameter servers"),
        (
            '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}',
            "this is worker 2",
        ),
        ('{"cluster": {"worker": ["a:1", "b"]}, "task": {"index": 0}}', "'host:port'"),
    ],
)
def test_a_tf_config_that_is_none_is_refused(monkeypatch, given, said):
    monkeypatch.setenv("TF_CONFIG", given)
    with pytest.raises(UserError, match=said):
        cluster.from_environment()


def test_workers_are_numbered_from_the_chief(monkeypatch):
    of = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    task = {"type": "worker", "index": 1}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": of, "task": task}))
    assert cluster.from_environment() == cluster.Cluster(("a:1", "b:1", "c:1"), 2)
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": ["a:1"]}, "task": task}))
    assert cluster.from_environment() is None


def test_workers_make_their_models_themselves(monkeypatch, tmp_path):
    task = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(task))
    with pytest.raises(UserError, match="not one that is made"):
        mine.train(tmp_path, small.make(), optimizers="adam")


@pytest.fixture
def told(tmp_path, monkeypatch):
    """A function that runs lines of a shell: the (cluster, arguments) of each `python` in them.

    Other commands of a cluster are given as {name: its lines}.
    """

    def run(lines, others=None, **environment):
        stubs = {"python": 'printf "%s\\t%s\\n" "$TF_CONFIG" "$*" >> "$TOLD"'} | (others or {})
        for name, text in stubs.items():
            (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
            (tmp_path / name).chmod(0o755)
        out = tmp_path / "told.txt"
        out.unlink(missing_ok=True)
        path = f"{tmp_path}:{os.environ['PATH']}"
        environment = os.environ | {"PATH": path, "TOLD": str(out)} | environment
        subprocess.run(["bash", "-ec", lines], env=environment, check=True)
        found = []
        for line in re.split(r"(?<=/runs/dcgan)\n|(?<=runs/two)\n", out.read_text()):
            if line:
                config, _, arguments = line.partition("\t")
                monkeypatch.setenv("TF_CONFIG", config)
                found.append((cluster.from_environment(), arguments))
        return found

    return run


def test_two_terminals_are_two_workers(told):
    one, two = [told(block)[0] for block in fenced.blocks(PAGE, "bash")[:2]]
    assert (one[0].index, two[0].index) == (0, 1)
    assert one[0].addresses == two[0].addresses
    assert len(one[0]) == 2
    assert one[1] == two[1] == "-m train.run --model=dcgan --config.steps=400 --workdir=runs/two"


def test_the_manifest_makes_each_pod_a_worker(told):
    service, job = yaml.safe_load_all(*fenced.blocks(PAGE, "yaml"))
    pod = job["spec"]["template"]["spec"]
    (worker,) = pod["containers"]
    assert worker["command"] == ["bash", "-c"]
    name, count = job["metadata"]["name"], job["spec"]["completions"]
    assert service["spec"]["selector"] == {"job-name": name}
    assert pod["subdomain"] == service["metadata"]["name"]
    for i in range(count):
        ((found, _),) = told(worker["args"][0], JOB_COMPLETION_INDEX=str(i))
        assert found.index == i
        port = worker["ports"][0]["containerPort"]
        hosts = [f"{name}-{j}.{pod['subdomain']}:{port}" for j in range(count)]
        assert found.addresses == tuple(hosts)


def test_the_script_makes_each_task_a_worker(told):
    (script,) = [b for b in fenced.blocks(PAGE, "bash") if "#SBATCH" in b]
    others = {
        "scontrol": "printf 'n07\\nn08\\n'",
        "srun": 'shift; for i in 0 1; do SLURM_PROCID=$i "$@"; done',
    }
    found = told(script, others, SLURM_JOB_NODELIST="n[07-08]", HOME="/home/me")
    addresses = ("n07:2301", "n08:2301")
    assert [one for one, _ in found] == [cluster.Cluster(addresses, i) for i in range(2)]
    assert found[0][1] == "-m train.run --model=dcgan --workdir=/home/me/runs/dcgan"
