"""The default runs are as good as the README says, trained as a user trains them."""

import sys
import time

import numpy as np
import pytest

import tfgen
from benchmarks import quality
from configs import base
from tests import runs
from tfgen import data


@pytest.fixture(scope="module")
def splits(digits):
    return {split: data.arrays(digits.load(split)) for split in ("train", "test")}


def train(name, path):
    began = time.monotonic()
    done = runs.run([sys.executable, "-m", "train.run", f"--model={name}", f"--workdir={path}"])
    assert done.returncode == 0, done.stderr
    card = (path / "card.md").read_text()
    peak = int(card.split("| peak memory, MB | ")[1].split(" ")[0])
    assert peak < 2000
    return tfgen.load(path), time.monotonic() - began


@pytest.mark.slow
def test_vae_on_digits(tmp_path, splits):
    """Below the 96.37 nats that the reference code of "Deep Generative Modeling" reaches."""
    model, _ = train("vae", tmp_path / "vae")
    x = (splits["test"]["image"] / 16).astype(np.float32)
    elbo, bound = quality.likelihood(model, x, samples=200)
    assert -elbo < 91
    assert -bound < 88
    assert -bound < -elbo
    floor = quality.independent_pixels(splits["train"]["image"], splits["test"]["image"], 17)
    assert floor == pytest.approx(106.31, abs=0.01)
    shares = quality.class_shares(model, splits["train"]["image"], splits["train"]["label"], 17)
    assert shares.min() > 0.04


@pytest.mark.slow
def test_dcgan_on_digits(tmp_path, splits):
    """All ten classes, each at least 4 % of 1,000 samples, and no copies of training images."""
    model, _ = train("dcgan", tmp_path / "dcgan")
    shares = quality.class_shares(model, splits["train"]["image"], splits["train"]["label"], 17)
    assert shares.min() > 0.04
    samples = model.sample(np.arange(500)).numpy().reshape(500, 1, -1)
    training = splits["train"]["image"].reshape(1, 1000, -1) / 16
    nearest = np.square(samples - training).sum(-1).min(1)
    held_out = np.square(splits["test"]["image"].reshape(-1, 1, 64) / 16 - training).sum(-1).min(1)
    # As far from the training images as other real digits are, within a factor of two.
    assert 0.5 < np.median(nearest) / np.median(held_out) < 2


def test_the_defaults_fit_in_three_minutes_by_their_steps():
    """At the 3,000 images a second of a slow machine; the README states what was measured."""
    for name in base.names():
        config = base.find(name)
        assert config.steps * config.batch_size / 3000 < 180
