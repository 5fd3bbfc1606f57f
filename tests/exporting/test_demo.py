"""The demo page in a real browser: headless Chromium runs the model and sends back what it drew."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.support import small
from tests.support.browser import CHROMIUM, visit
from tests.support.trained import trained
from tests.zoo import HOSTED, ROWS
from tfgen import files
from tfgen.errors import UserError
from tfgen.exporting import demo, golden

# Codes, codes with labels, and no codes at all: what a page shows depends on nothing else.
DRAWN = [param for param in HOSTED if param.id in ("vae", "cvae", "rbm")]

# Loaded beside demo.js by the test alone: waits for the page, then reports.
CHECK = """
async function report() {
  while (!window.tfgen && !document.querySelector("#status.error"))
    await new Promise((done) => setTimeout(done, 20));
  const text = (id) => document.getElementById(id).textContent;
  const result = { status: text("status"), title: text("title") };
  if (window.tfgen) {
    result.images = []; result.pixels = [];
    for (const [seed, label] of SEEDS) {
      result.images.push([...(await window.tfgen.sample(seed, label))]);
      result.pixels.push(await window.tfgen.pixels(seed, label));
    }
    const colours = (id) => {
      const canvas = document.getElementById(id);
      const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      return new Set(data).size;
    };
    result.shown = ["grid", "one", "strip", "directions", "label"].filter(
      (id) => document.getElementById(id).offsetParent !== null);
    const pictures = ["grid", "one", "strip"].filter((id) => result.shown.includes(id));
    result.colours = pictures.map(colours);
    // What is drawn when it is no longer as it was, or after ten seconds all the same.
    const redrawn = async (id, before) => {
      const canvas = document.getElementById(id);
      for (let i = 0; i < 500 && canvas.toDataURL() === before; i++)
        await new Promise((done) => setTimeout(done, 20));
      return canvas.toDataURL() !== before;
    };
    result.chosen = [];
    const keys = result.shown.includes("one") ? ["Right", "Down", "Left", "Left", "Down"] : [];
    for (const key of keys.map((side) => `Arrow${side}`)) {
      const before = document.getElementById("which").textContent;
      document.getElementById("grid").dispatchEvent(new KeyboardEvent("keydown", { key }));
      for (let i = 0; i < 100 && document.getElementById("which").textContent === before; i++)
        await new Promise((done) => setTimeout(done, 20));
      result.chosen.push(+document.getElementById("which").textContent);
    }
    result.moved = [];
    for (const id of ["sliders", "directions"]) {
      const slider = document.querySelector(`#${id} input`);
      if (!slider) continue;
      const before = document.getElementById("one").toDataURL();
      slider.value = slider.max;
      slider.dispatchEvent(new Event("input"));
      result.moved.push(await redrawn("one", before));
    }
    const grid = document.getElementById("grid").toDataURL();
    document.getElementById("new").click();
    result.renewed = await redrawn("grid", grid);
    result.sliders = document.querySelectorAll("#sliders input").length;
  }
  await fetch("/report", { method: "POST", body: JSON.stringify(result) });
}
report();
"""


def browse(site, seeds, labels, profile):
    """What the page of `site` reports from headless Chromium."""
    pairs = [[int(seed), int(label)] for seed, label in zip(seeds, labels, strict=True)]
    (site / "check.js").write_text(f"const SEEDS = {pairs};\n{CHECK}")
    page = (site / "index.html").read_text()
    (site / "check.html").write_text(
        page.replace("</body>", '<script src="./check.js"></script></body>')
    )
    return visit(site, "check.html", profile)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (.ci/run installs it)")
@pytest.mark.parametrize("row", DRAWN)
def test_the_page_draws_the_same_images(row, tmp_path):
    known = trained(row)
    with known.kept():
        contrast(known)
        check_page(row, known, tmp_path)


def contrast(known):
    """A model of some steps draws grey on grey: kernels are scaled until samples differ.

    Those behind the latents, if there are any.
    """
    model, inputs = known.model, golden.request(known.model, range(64))
    weights = (model.decoder if hasattr(model, "decoder") else model).weights
    for _ in range(40):
        if known.make(inputs).std(axis=0).mean() > 0.1:
            break
        for weight in weights:
            if weight.path.endswith("kernel"):
                weight.assign(1.5 * weight)


def check_page(row, known, tmp_path):
    model = known.model
    site = tmp_path / "site"
    noise = model.noise(tf.range(1))
    latents = noise["z"].shape[1] if "z" in noise else 0
    # Away from where the first slider has gone before.
    brighter = {"brighter": np.full(latents, -1.5)} if latents else {}
    demo.write(model, row.name, "digits", "float32", site, brighter)
    seeds = [*range(8), *golden.SEEDS]
    labels = None
    if model.num_classes:
        labels = np.concatenate([model.condition.defaults(range(n)) for n in (8, 4)])
    given = np.zeros(len(seeds)) if labels is None else labels
    report = browse(site, seeds, given, tmp_path / "profile")

    assert "images" in report, report["status"]
    assert report["title"] == f"{row.name} on digits"
    inputs = {"seed": np.array(seeds, np.int32), "label": labels}
    keras = known.make({name: value for name, value in inputs.items() if value is not None})
    images = np.array(report["images"]).reshape(keras.shape)
    np.testing.assert_allclose(images, keras, rtol=0, atol=1e-5)
    # What is drawn: red, green, blue and opacity of every pixel.
    h, w, c = row.image_shape
    pixels = np.array(report["pixels"]).reshape(len(seeds), h, w, 4)
    drawn = pixels[..., :c].astype(int)
    assert np.abs(drawn - golden.pixels(keras)).max() <= 1
    assert (pixels[..., 3] == 255).all()
    stored = json.loads((site / "about.json").read_text())["seeds"]
    for entry, image in zip(stored, images[8:], strict=True):
        np.testing.assert_allclose(image.ravel()[:16], entry["first"], rtol=0, atol=1e-5)
    # The parts of the page: three pictures that are none blank, sliders and a button that act.
    assert min(report["colours"]) > 5
    of_latents = ["one", "strip", "directions"] if latents else []
    of_labels = ["label"] if model.num_classes else []
    assert report["shown"] == ["grid", *of_latents, *of_labels]
    assert report["sliders"] == min(8, latents)
    assert report["chosen"] == ([1, 9, 8, 7, 15] if latents else [])
    assert report["moved"] == [True] * (2 if latents else 0)
    assert report["renewed"]
    assert "ms a call" in report["status"]


@pytest.mark.slow
def test_the_page_needs_no_other_host(tmp_path):
    row = ROWS[0]
    demo.write(row.build(), row.name, "digits", "float32", tmp_path / "site")
    for file in ("index.html", "demo.js"):
        assert "://" not in (tmp_path / "site" / file).read_text()
    files = [f for f in (tmp_path / "site").rglob("*") if f.is_file()]
    names = {str(f.relative_to(tmp_path / "site")) for f in files}
    assert {"vendor/core/index.js", "vendor/core/litert.js", "vendor/core/litert.wasm.gz"} <= names
    # What a user uploads: of the runtime's builds one, packed.
    assert sum(f.stat().st_size for f in files if f.name != "model.tflite") < 4e6


@pytest.mark.slow
def test_a_page_replaces_a_page_and_nothing_else(tmp_path):
    model = small.make()
    demo.write(model, "a", "digits", "float32", tmp_path / "site")
    demo.write(model, "b", "digits", "float32", tmp_path / "site")
    assert json.loads((tmp_path / "site" / "about.json").read_text())["model"] == "b"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(UserError, match="not an empty folder"):
        demo.write(model, "a", "digits", "float32", tmp_path / "mine")


def test_without_npm_it_says_what_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"install Node\.js"):
        demo.runtime()


def test_two_processes_may_bring_the_runtime_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    others = files.cache() / f"litertjs-{demo.LITERT_JS}"

    def install(command, **options):
        ours = Path(command[command.index("--prefix") + 1]) / "node_modules" / "@litertjs"
        for folder in (ours, others):
            folder.mkdir(parents=True)
            (folder / "core").write_text("")

    monkeypatch.setattr(demo.subprocess, "run", install)
    assert demo.runtime() == others
    assert [path.name for path in others.parent.iterdir()] == [others.name]


def test_the_sliders_are_the_latents_that_tell():
    row = next(row for row in ROWS if row.name == "vae")
    model = row.build()
    kernel = model.decoder.layers[0].kernel
    # A decoder that listens to latent 2 most, to latent 0 less, to latent 1 not at all.
    kernel.assign(kernel * np.array([[0.5], [0.0], [5.0]]))
    assert demo.telling_latents(model) == [2, 0, 1]
