"""Samples into files, and what is said of sources that answer with something else."""

import numpy as np
import pytest
from PIL import Image

from tfgen.errors import UserError
from tfgen.exporting import sampling, sources


def dots(seeds, condition=None, **word):
    """Images [N, 2, 3, 1] whose first pixel counts the seed."""
    images = np.zeros((len(seeds), 2, 3, 1), np.float32)
    images[:, 0, 0, 0] = np.asarray(seeds) % 256 / 255
    return images


@pytest.fixture
def answers(monkeypatch):
    """Sets what the source "x.tflite" answers; the sizes of its batches."""
    sizes = []

    def answer_with(make):
        def sample(seeds, condition=None, **word):
            sizes.append(len(seeds))
            return make(seeds, condition, **word)

        monkeypatch.setattr(sources, "_tflite", lambda path: sample)
        return sizes

    return answer_with


def test_a_folder_and_an_array_hold_every_seed_in_batches(answers, tmp_path):
    sizes, done = answers(dots), []
    seeds = range(-3, 147)
    sampling.write("x.tflite", seeds, tmp_path / "out", done.append)
    assert (sizes, done) == ([64, 64, 22], [64, 128, 150])
    for seed in (-3, 0, 146):
        assert np.asarray(Image.open(tmp_path / "out" / f"{seed}.png"))[0, 0, 0] == seed % 256
    assert len(list((tmp_path / "out").iterdir())) == 150
    sampling.write("x.tflite", seeds, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as file:
        assert np.array_equal(file["seeds"], seeds)
        assert np.array_equal(file["images"][:, 0, 0, 0], np.arange(-3, 147) % 256)
    with pytest.raises(UserError, match="not an empty folder"):
        sampling.write("x.tflite", seeds, tmp_path / "out")
    with pytest.raises(UserError, match="a grid holds up to 4,096 samples, and 5,000"):
        sampling.write("x.tflite", range(5000), tmp_path / "grid.png")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda images: images[:1], "1 images for 4 seeds"),
        (lambda images: images * np.nan, "not in"),
        (lambda images: images + 1e300, "not in"),
        (lambda images: images - 3, "not in"),
        (lambda images: images.astype(str), "not with images"),
        (lambda images: images[0], "not with images"),
        (lambda images: images[:, :0], "not in"),
        (lambda images: None, "not with images"),
    ],
)
def test_answers_that_are_no_images_are_refused(answers, change, said):
    answers(lambda seeds, condition=None, **word: change(dots(seeds).astype(np.float64)))
    with pytest.raises(UserError, match=said):
        sources.open_source("x.tflite")(np.arange(4))


def test_seeds_are_looked_at_before_any_source_is_asked(answers):
    sizes, sample = answers(dots), sources.open_source("x.tflite")
    assert sample(7).shape == (1, 2, 3, 1)
    with pytest.raises(UserError, match=r"wanted are int32 seeds.* Given is 4294967296"):
        sample(2**32)
    assert sizes == [1]
