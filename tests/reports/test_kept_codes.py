"""What a run keeps of its data: enough to draw its codes without an image, and no image."""

import numpy as np
import pytest

from tests.zoo import Row
from tfgen import data
from tfgen.data import in_memory
from tfgen.errors import UserError
from tfgen.reports import kept_codes, table
from tfgen.reports.subject import Subject
from tfgen.run_dir import RunDir


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """(model, held-out split, the run that keeps its codes)."""
    model = Row("vae", dict(latent_dim=3, width=5), 0).build()
    images = np.random.default_rng(0).integers(17, size=(60, 8, 8, 1), dtype=np.uint8)
    source = in_memory.given(images, np.arange(60) % 2, (images[:20], np.arange(20) % 2), 17)
    training, held_out = source.training_and_validation("train")
    run = RunDir(tmp_path_factory.mktemp("kept"))
    kept_codes.keep(run, model, training, held_out)
    return model, held_out, run


def test_figures_of_codes_are_the_same_without_the_images(kept):
    model, held_out, run = kept
    found = kept_codes.read(run)
    there = Subject(model, lambda: data.arrays(held_out), held_out.classes)
    gone = Subject(model, dict, found.classes, kept=found)
    with_images, without = (dict(_drawn(subject)) for subject in (there, gone))
    assert set(with_images) == {*without, "reconstructions"}
    for key, pixels in without.items():
        np.testing.assert_array_equal(pixels, with_images[key], err_msg=key)


def _drawn(subject):
    return [(figure.key, pixels) for figure, pixels in table.drawn(subject, "explore")]


def test_directions_are_kept_and_no_image_is(kept):
    _, _, run = kept
    assert set(kept_codes.read(run).directions) == {"brighter", "towards 0", "towards 1"}
    with np.load(run.codes) as file:
        assert all(file[name].ndim < 3 for name in file.files)


def test_a_broken_file_is_named(tmp_path):
    run = RunDir(tmp_path)
    assert kept_codes.read(run) is None  # an older run
    run.codes.write_bytes(b"PK")
    with pytest.raises(UserError, match=f"{run.codes} is broken"):
        kept_codes.read(run)
