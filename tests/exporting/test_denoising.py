"""A sampler of fifty steps, in one of ten, and step by step: the same images in every runtime."""

import json

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tests.support import host
from tests.support.browser import CHROMIUM, visit
from tests.zoo import Row
from tfgen.compiling import compiled
from tfgen.exporting import demo, golden, saved_model, tflite

pytestmark = pytest.mark.slow
SEEDS = np.arange(16, dtype=np.int32)
LEVEL = 1.0 / 255.0


@pytest.fixture(scope="module")
def model():
    """A dense network: the loop is tried here, U-Nets in it by the rows of the zoo."""
    arguments = dict(network="dense", width=8, sampling_steps=50, prediction="v", half_life=0)
    model = Row("ddpm", arguments, None, (4, 4, 1)).build()
    for weight in model.denoiser.weights:
        if weight.path.endswith("kernel"):
            weight.assign(1.3 * weight)
    return model


@pytest.fixture(scope="module")
def images(model):
    """{signature: Keras' images}."""
    generate, noise = compiled(model.generate), model.noise(SEEDS)
    found = {"sample": generate(noise).numpy(), "sample_10": generate(noise, steps=10).numpy()}
    for made in found.values():
        assert made.std(axis=0).mean() > 0.1  # grey on grey would be equal to anything
    assert np.abs(found["sample"] - found["sample_10"]).max() > 10 * LEVEL
    return found


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    return saved_model.export(model, "ddpm", tmp_path_factory.mktemp("saved"))


@pytest.fixture(scope="module")
def file(model):
    return Interpreter(model_content=tflite.convert(model, "float32"))


def test_a_host_in_c(model, images, saved):
    from tensorflow.core.protobuf import saved_model_pb2

    proto = saved_model_pb2.SavedModel()
    proto.ParseFromString((saved / "saved_model.pb").read_bytes())
    signatures = proto.meta_graphs[0].signature_def
    for name, keras in images.items():
        found = host.ask(saved, signatures[name], {"seed": SEEDS}, model.image_shape)
        np.testing.assert_allclose(found, keras, rtol=0, atol=LEVEL)


def test_a_file_for_devices(images, file):
    for name, keras in images.items():
        sample = file.get_signature_runner(name)
        found = np.concatenate([sample(seed=SEEDS[i : i + 1])["image"] for i in SEEDS])
        np.testing.assert_allclose(found, keras, rtol=0, atol=LEVEL)


def test_steps_that_a_device_takes_one_by_one(model, images, file):
    make, step = (file.get_signature_runner(name) for name in ("noise", "denoise_step"))
    for seed in SEEDS[:2]:
        x = make(seed=SEEDS[seed : seed + 1])["z"].reshape(1, *model.image_shape)
        for n in range(50):
            found = step(x=x, step=np.array([n], np.int32))
            x = found["x"]
        np.testing.assert_allclose(found["image"][0], images["sample"][seed], rtol=0, atol=LEVEL)


def test_golden_values(model, images, saved):
    stored = json.loads((saved / "assets.extra" / "golden.json").read_text())
    assert stored["steps"] == 50
    for i, seed in enumerate(golden.SEEDS[:2]):
        for key, name in (("seeds", "sample"), ("sample_10", "sample_10")):
            np.testing.assert_allclose(
                stored[key][i]["first"], images[name][seed].ravel(), atol=1e-5
            )
        x = np.reshape(model.noise([seed])["z"], [1, *model.image_shape])
        first = model.denoise_step(x, np.zeros(1, np.int32))
        for name, value in first.items():
            np.testing.assert_allclose(stored["denoise_step"][i][name], np.ravel(value), atol=1e-5)


REPORT = """
async function report() {
  while (!window.tfgen && !document.querySelector("#status.error"))
    await new Promise((done) => setTimeout(done, 20));
  const result = { status: document.getElementById("status").textContent };
  if (window.tfgen) {
    result.images = [];
    for (let seed = 0; seed < 16; seed++) result.images.push([...(await tfgen.sample(seed))]);
    result.appeared = [...(await tfgen.appearing(3))];
    result.shown = document.getElementById("steps").offsetParent !== null;
    result.gone = document.getElementById("gone").textContent;
    const canvas = document.getElementById("appearing");
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    result.colours = new Set(data).size;
  }
  await fetch("/report", { method: "POST", body: JSON.stringify(result) });
}
report();
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (.ci/run installs it)")
def test_a_browser_shows_how_an_image_appears(model, images, tmp_path):
    site = tmp_path / "site"
    demo.write(model, "ddpm", "digits", "float32", site)
    (site / "check.js").write_text(REPORT)
    page = (site / "index.html").read_text()
    script = '<script src="./check.js"></script></body>'
    (site / "check.html").write_text(page.replace("</body>", script))
    report = visit(site, "check.html", tmp_path / "profile")
    assert "images" in report, report["status"]
    found = np.reshape(report["images"], images["sample"].shape)
    np.testing.assert_allclose(found, images["sample"], rtol=0, atol=LEVEL)
    np.testing.assert_allclose(report["appeared"], found[3].ravel(), rtol=0, atol=1e-5)
    assert report["shown"]
    assert report["gone"] == "50"
    assert report["colours"] > 20
