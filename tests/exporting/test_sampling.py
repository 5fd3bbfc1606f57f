"""Samples into files, and what is said of sources that answer with something else."""

import numpy as np
import pytest
from PIL import Image

from tfgen.errors import Notice, UserError
from tfgen.exporting import sampling, sources
from tfgen.exporting.source import Source
from tfgen.reports import figures


def dots(seeds):
    """Images [N, 2, 3, 1] whose first pixel counts the seed."""
    images = np.zeros((len(seeds), 2, 3, 1), np.float32)
    images[:, 0, 0, 0] = np.asarray(seeds) % 256 / 255
    return images


@pytest.fixture
def answers(monkeypatch):
    """Sets what the source "x.tflite" answers; the sizes of its batches."""
    sizes = []

    def answer_with(make):
        def ask(signature, inputs):
            sizes.append(len(inputs["seed"]))
            return {"image": make(inputs["seed"])}

        source = Source("x.tflite", ask, lambda count, condition, **word: {})
        monkeypatch.setattr(sources, "_tflite", lambda path: source)
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
    answers(lambda seeds: change(dots(seeds).astype(np.float64)))
    with pytest.raises(UserError, match=said):
        sources.open_source("x.tflite")(np.arange(4))


def test_seeds_are_looked_at_before_any_source_is_asked(answers):
    sizes, sample = answers(dots), sources.open_source("x.tflite")
    assert sample(7).shape == (1, 2, 3, 1)
    with pytest.raises(UserError, match=r"wanted are int32 seeds.* Given is 4294967296"):
        sample(2**32)
    assert sizes == [1]


def toy(noise, name="toy"):
    """A source whose images are its z, 3 x 2 pixels of grey; a "u" is the first."""

    def ask(signature, inputs):
        if signature == "noise":
            return noise(np.asarray(inputs["seed"]))
        values = inputs if signature == "decode" else noise(np.asarray(inputs["seed"]))
        images = 0.5 + np.asarray(values["z"], np.float32).reshape(-1, 3, 2, 1) / 20
        if "u" in values:
            images[:, 0, 0, 0] = values["u"]
        return {"image": images}

    return Source(name, ask, lambda count, condition=None, **word: {})


def normals(seeds):
    return {"z": np.stack([np.random.default_rng(s).normal(size=6) for s in seeds])}


@pytest.fixture
def opened(monkeypatch):
    """Makes every name a source."""
    return lambda source: monkeypatch.setattr(sources, "open_source", lambda text: source)


def test_a_temperature_scales_and_a_truncation_bounds_a_normal_latent_vector(opened, tmp_path):
    opened(toy(normals))
    out = tmp_path / "a.npz"
    shown = {}
    for given in (dict(temperature=1.0), dict(temperature=0.5), dict(truncation=0.7)):
        sampling.write("toy", range(64), out, **given)
        with np.load(out) as file:
            shown[next(iter(given))] = file["images"] / 255 - 0.5
        if given == dict(temperature=1.0):
            z = shown["temperature"]
            assert np.abs(z - normals(range(64))["z"].reshape(z.shape) / 20).max() < 0.003
    assert np.abs(shown["temperature"] - z / 2).max() < 0.005
    assert np.abs(shown["truncation"]).max() < 0.7 / 20 + 0.003
    with pytest.raises(UserError, match="`temperature=-1`"):
        sampling.write("toy", [1], out, temperature=-1.0)


@pytest.mark.parametrize(
    ("noise", "said"),
    [
        (lambda seeds: {"u": np.ones((len(seeds), 6))}, "makes an image of u, .* it has no {}"),
        (lambda seeds: {"z": np.tanh(normals(seeds)["z"])}, "is uniform"),
    ],
)
def test_who_has_no_normal_latent_vector_has_no_temperature(opened, tmp_path, noise, said):
    opened(toy(noise))
    with pytest.raises(UserError, match=said.format("temperature")):
        sampling.write("toy", [1], tmp_path / "a.png", temperature=0.5)
    if "u" in noise([0]):
        with pytest.raises(UserError, match=said.format("interpolation")):
            sampling.interpolate("toy", [1, 2], tmp_path / "a.gif")


def test_an_interpolation_meets_the_samples_of_its_seeds_and_comes_back(opened, tmp_path):
    opened(toy(normals))
    path = sampling.interpolate("toy", [3, 7, 11], tmp_path / "way.gif")
    with Image.open(path) as gif:
        frames = []
        for i in range(gif.n_frames):
            gif.seek(i)
            frames.append(np.asarray(gif.convert("RGB")).astype(int))
    assert len(frames) == 4 * sampling.STEPS
    for at, seed in ((0, 3), (sampling.STEPS, 7), (2 * sampling.STEPS, 11)):
        sample = figures.tile(sources.open_source("toy")([seed]), 1)
        assert np.abs(frames[at] - sample).max() <= 2  # a GIF has 256 colours
    for i in range(1, len(frames)):
        assert np.array_equal(frames[i], frames[-i])
    for seeds, out in (([3], "way.gif"), ([3, 7], "way.png")):
        with pytest.raises(UserError, match="leads from a seed to another"):
            sampling.interpolate("toy", seeds, tmp_path / out)


def test_an_interpolation_says_what_stays(opened, tmp_path):
    opened(toy(lambda seeds: normals(seeds) | {"u": np.asarray(seeds) % 10 / 10}))
    with pytest.warns(Notice, match="depend on u too, which stays as seed 3 has it"):
        sampling.interpolate("toy", [3, 7], tmp_path / "way.gif")
