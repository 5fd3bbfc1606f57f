"""The gallery in a real browser, on a desktop and on a phone."""

import json

import numpy as np
import pytest
from PIL import Image

import tfgen
from tests.support.browser import CHROMIUM, visit
from tfgen import presets
from tfgen.errors import UserError
from tfgen.exporting import gallery, levels

# With latents and without labels, with both, and what is drawn level by level.
SHOWN = [n for n in ("vae/digits", "conditional_gan/digits", "made/digits") if n in presets.names()]

# Loaded beside gallery.js by the test alone: acts as a visitor does, then reports.
CHECK = """
const until = async (holds) => {
  for (let i = 0; i < 1500 && !holds(); i++) await new Promise((done) => setTimeout(done, 20));
  return holds();
};
const id = (name) => document.getElementById(name);
const url = (name) => id(name).toDataURL();
const tiles = () => [...document.querySelectorAll("#wall canvas")].map((c) => c.toDataURL());
const fetched = () => performance.getEntriesByType("resource").map((r) => r.name.split("/").pop());
const act = async (work, changed) => {
  const before = changed();
  work();
  const found = await until(() => changed() !== before);
  await window.gallery.order.idle();
  return found;
};
async function report() {
  await until(() => window.gallery?.ready || document.querySelector("#status.error"));
  const result = { status: id("status").textContent, title: id("title").textContent };
  if (!window.gallery?.ready) return result;
  const { models, state, order, modelOf } = window.gallery;
  result.first = fetched();
  result.drawn = tiles().map((data) => data.length);
  result.wide = document.documentElement.scrollWidth - innerWidth;
  result.unnamed = [...document.querySelectorAll("button, input, select, canvas[role]")].filter(
    (one) => one.offsetParent && !one.textContent.trim() && !one.getAttribute("aria-label")
      && !one.labels?.length).map((one) => one.outerHTML);
  result.samples = [];
  for (const one of models) {
    const image = await (await modelOf(one)).sample(100, one.num_classes ? 7 : undefined);
    result.samples.push([...image]);
  }
  const key = (name) => id("grid").dispatchEvent(new KeyboardEvent("keydown", { key: name }));
  result.key = await act(() => key("ArrowRight"), () => url("one"));
  result.seed = state.seed;
  const slider = document.querySelector("#sliders input");
  const move = () => {
    slider.value = slider.value > 0 ? slider.min : slider.max;
    slider.dispatchEvent(new Event("input"));
  };
  result.moved = await act(move, () => url("one"));
  result.reset = await act(() => id("reset").click(), () => url("one"));
  id("to").value = 5;
  const changed = () => id("to").dispatchEvent(new Event("change"));
  result.strip = await act(changed, () => url("strip"));
  result.sum = new Set(["term0", "term1", "term2", "term3"].map(url)).size;
  const wall = () => tiles().join();
  result.another = await act(() => id("another").click(), wall);
  result.changed = new Set(tiles()).size;
  result.costs = [...document.querySelectorAll("#wall small")].map((e) => e.textContent);
  id("seed").value = 3;
  await act(() => id("seed").dispatchEvent(new Event("change")), wall);
  id("label").value = 8;
  result.label = await act(() => id("label").dispatchEvent(new Event("change")), wall);
  result.visited = [];
  for (const tile of document.querySelectorAll("#wall button")) {
    tile.click();
    await order.idle();
    result.visited.push([id("title").textContent, !id("latents").hidden, tile.ariaPressed]);
  }
  const names = () => [...document.querySelectorAll("#tables tbody th")].map((e) => e.textContent);
  const sort = document.querySelector("#tables thead button");
  sort.click();
  result.sorted = [names()];
  sort.click();
  result.sorted.push(names());
  result.address = location.hash;
  result.wider = document.documentElement.scrollWidth - innerWidth;
  return result;
}
report().catch((error) => ({ status: String(error) })).then((result) =>
  fetch("/report", { method: "POST", body: JSON.stringify(result) }));
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(the folder of a gallery, its runs)."""
    runs = [tfgen.load(f"zoo:{name}") for name in SHOWN]
    return gallery.export_runs(runs, tmp_path_factory.mktemp("gallery") / "site"), runs


@pytest.mark.slow
def test_what_is_fetched_first_is_little(made):
    site, runs = made
    about = json.loads((site / "about.json").read_text("utf-8"))
    assert [one["model"] for one in about["models"]] == [run.name for run in runs]
    first = [f for f in site.glob("*") if f.is_file()] + list(site.glob("models/*.png"))
    assert sum(file.stat().st_size for file in first) < 300e3
    for one, run in zip(about["models"], runs, strict=True):
        # The picture is Keras', pixel by pixel.
        pixels = np.asarray(Image.open(site / "models" / f"{one['id']}.png"))
        seeds = [0, 9, 63]
        asked = [one["first_conditions"][i] for i in seeds] if run.model.condition else None
        for i, image in zip(seeds, levels.pixels(run.sample(seeds, asked)), strict=True):
            top, left = i // 8 * 8, i % 8 * 8
            cut = pixels[top : top + 8, left : left + 8].astype(int)
            assert np.abs(cut - image).max() <= 1
        told = {row["key"] for row in one["numbers"]}
        assert {"frechet", "precision", "recall"} <= told
        (recall,) = (row for row in one["numbers"] if row["key"] == "recall")
        assert "real images" in recall["marks"]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (.ci/run installs it)")
@pytest.mark.parametrize("width", [390, 1280])
def test_a_visitor_sees_every_model(made, width, tmp_path):
    site, runs = made
    (site / "check.js").write_text(CHECK)
    page = (site / "index.html").read_text("utf-8")
    (site / "inner.html").write_text(
        page.replace("</body>", '<script type="module" src="./check.js"></script></body>')
    )
    # A window may not be as narrow as a phone; a frame may.
    (site / "check.html").write_text(
        f'<iframe style="width:{width}px;height:900px;border:0" src="inner.html"></iframe>'
    )
    found = visit(site, "check.html", tmp_path / "profile", width=max(width, 500))
    assert "first" in found, found["status"]
    assert not any(name.endswith((".tflite", ".gz")) for name in found["first"])
    assert min(found["drawn"]) > 200
    assert found["wide"] <= 0
    assert found["wider"] <= 0
    assert found["unnamed"] == []
    for run, sample in zip(runs, found["samples"], strict=True):
        image = run.sample([100], [7] if run.model.condition else None)
        close = np.abs(np.ravel(image) - sample) < 5e-3
        assert close.mean() > 0.95, run.name  # a level drawn at a border may be its neighbour
    for acted in ("key", "moved", "reset", "strip", "another", "label"):
        assert found[acted], acted
    assert found["seed"] == 1
    assert found["sum"] == 4
    assert found["changed"] == len(runs)
    assert all("ms" in text for text in found["costs"])
    latents = ["z" in run.model.noise(np.zeros(1, np.int32)) for run in runs]
    titles = [f"{run.name} on digits" for run in runs]
    assert found["visited"] == [
        [title, has, "true"] for title, has in zip(titles, latents, strict=True)
    ]
    assert found["sorted"][0][:-1] == found["sorted"][1][:-1][::-1]  # real images stay last
    assert "seed=3" in found["address"]
    assert "class=8" in found["address"]


def test_a_gallery_has_each_model_once(tmp_path):
    run = tfgen.load("zoo:dcgan/digits")
    with pytest.raises(UserError, match="different models or data"):
        gallery.export_runs([run, run], tmp_path / "site")
    with pytest.raises(UserError, match="different models or data"):
        gallery.export_runs([], tmp_path / "site")
