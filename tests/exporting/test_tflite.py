"""The LiteRT gates, for every model: the same noise and images, builtin operators, no state."""

import functools
import json
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

import tfgen
from tests import zoo
from tests.support import runs, small
from tests.support.trained import trained
from tests.zoo import EXPORTED, HOSTED
from tfgen import checksums
from tfgen.errors import Notice, UserError
from tfgen.exporting import check, cost, golden, sources, tflite
from tfgen.exporting.endpoints import endpoints
from tfgen.metrics import features, kept_classifier
from tfgen.run_dir import RunDir

# Those of golden.json among them.
SEEDS = np.array([*golden.SEEDS, 2**31 - 1], np.int32)


# What lies between float32 and int8 the converter decides, not the model.
ALL_PRECISIONS = ("dcgan", "vae", "pixelcnn")

# Rows whose layers other rows have in eight bits: gan, dcgan, cvae, text_to_image-stacked.
NOT_IN_INT8 = ("wae_mmd", "bigan", "vae_gan", "conditional_gan", "text_to_image")


class Exported:
    """A row's trained model and its files by precision."""

    def __init__(self, row, root):
        self.row, self.known = row, trained(row)
        self.model = self.known.loaded
        self.main = endpoints(self.model)[0].name
        self.images = self.known.make(golden.request(self.model, SEEDS))
        self.files = {}
        tried = ("float32",) if row.id in NOT_IN_INT8 else ("float32", "int8")
        tried = tflite.PRECISIONS if row.id in ALL_PRECISIONS else tried
        suited = [p for p in tflite.offered(self.model) if p in tried]
        for precision, content in tflite.convert_all(self.model, suited):
            self.files[precision] = root / f"{row.name}-{precision}.tflite"
            self.files[precision].write_bytes(content)

    def runner(self, precision, key):
        return Interpreter(model_path=str(self.files[precision])).get_signature_runner(key)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Row -> Exported, made once where two fixtures ask for it."""
    return functools.lru_cache(2)(lambda row: Exported(row, tmp_path_factory.mktemp(row.name)))


@pytest.fixture(scope="module", params=EXPORTED)
def exported(request, made):
    return made(request.param)


@pytest.fixture(scope="module", params=HOSTED)
def hosted(request, made):
    return made(request.param)


def of_hosts(*names):
    """Some of those that `hosted` gives."""
    params = [param for param in HOSTED if param.id in names]
    return pytest.mark.parametrize("hosted", params, indirect=True)


def difference(exported, precision):
    sample = exported.runner(precision, exported.main)
    inputs = golden.request(exported.model, SEEDS)
    rows = [zoo.rows_of(inputs, i, i + 1) for i in range(len(SEEDS))]
    images = np.concatenate([sample(**row)["image"] for row in rows])
    return np.abs(images - exported.images)


def test_a_precision_that_does_not_suit_says_why(exported):
    unsuited = set(tflite.PRECISIONS) - set(tflite.offered(exported.model))
    if unsuited:
        draws = set(exported.model.noise(tf.range(1))) != {"z"}
        assert draws or exported.model.can("log_density") or exported.model.can("guided")
    for precision in unsuited:
        with pytest.raises(UserError, match=f"{precision} does not suit this model"):
            tflite.convert(exported.model, precision)


def test_float32_is_keras(exported):
    assert difference(exported, "float32").max() <= 1e-5


@of_hosts(*ALL_PRECISIONS)
def test_float16_is_close(hosted):
    assert difference(hosted, "float16").mean() <= 1e-3


def test_eight_bits_keep_30_decibels(exported):
    for precision in {"dynamic", "int8"} & set(exported.files):
        psnr = -10 * np.log10(max(np.square(difference(exported, precision)).mean(), 1e-20))
        assert psnr >= 30, precision


def test_every_endpoint_is_keras(exported):
    for endpoint in endpoints(exported.model, batch=1):
        inputs = endpoint.example(1)
        expected = exported.known.answer(endpoint, inputs)
        got = exported.runner("float32", endpoint.name)(**inputs)
        assert set(got) == set(expected)
        for name, value in expected.items():
            tolerance = 1e-5 * max(1.0, float(np.abs(value).max()))
            np.testing.assert_allclose(got[name], value, rtol=0, atol=tolerance)


def test_signatures_are_the_capabilities(exported):
    expected = {e.name for e in endpoints(exported.model)}
    inputs = sorted(golden.request(exported.model, SEEDS))
    for precision, path in exported.files.items():
        found = Interpreter(model_path=str(path)).get_signature_list()
        without = {"log_prob"} if precision == "int8" else set()
        assert set(found) == expected - without
        assert found[exported.main] == {"inputs": inputs, "outputs": ["image"]}


def test_the_noise_is_the_same_in_every_precision(exported):
    """And `sample` is `decode` of it: the seed's arithmetic was not quantised."""
    if not exported.model.can("sample"):
        assert exported.main == "translate_xy"  # of images, without noise
        return
    for precision in exported.files:
        check_noise(exported, precision)


def check_noise(exported, precision):
    keys = ("noise", "decode", "sample")
    make, decode, sample = (exported.runner(precision, key) for key in keys)
    errors = []
    for i in range(len(SEEDS)):
        row = zoo.rows_of(golden.request(exported.model, SEEDS), i, i + 1)
        noise = make(seed=SEEDS[i : i + 1])
        for name, value in exported.model.noise(tf.constant(SEEDS[i : i + 1])).items():
            errors.append(np.abs(noise[name] - value.numpy()).ravel())
        condition = {name: value for name, value in row.items() if name != "seed"}
        image = decode(**noise, **condition)["image"]
        # The last place of a logarithm may tip an activation into the next of 255 steps.
        atol = 1e-5 if precision in ("float32", "float16") else 0.05
        np.testing.assert_allclose(sample(**row)["image"], image, rtol=0, atol=atol)
    # A normal is sqrt(-2 log u) cos(2 pi v): a logarithm near u = 1 that is off by 6e-8 is off by
    # 1e-5 in the root of next to nothing. Of many draws a few are such.
    errors = np.concatenate(errors)
    assert np.quantile(errors, 0.99) <= 2e-6
    assert errors.max() <= 2e-5


@functools.lru_cache(maxsize=8)  # three tests read the files of a row
def parse(path):
    return schema.ModelT.InitFromPackedBuf(bytearray(path.read_bytes()), 0)


def test_only_builtin_operators_and_no_state(exported):
    names = {v: k for k, v in vars(schema.BuiltinOperator).items() if not k.startswith("_")}
    for path in exported.files.values():
        codes = parse(path).operatorCodes
        used = {names[max(code.builtinCode, code.deprecatedBuiltinCode)] for code in codes}
        assert not {code.customCode for code in codes if code.customCode}
        assert not used & {"CUSTOM", "VAR_HANDLE", "ASSIGN_VARIABLE", "READ_VARIABLE", "CALL_ONCE"}
        assert not used & {"RANDOM_STANDARD_NORMAL", "RANDOM_UNIFORM", "MULTINOMIAL"}


def test_shapes_are_static_inputs_and_outputs_float(exported):
    for path in exported.files.values():
        model = parse(path)
        for signature in model.signatureDefs:
            graph = model.subgraphs[signature.subgraphIndex]
            for port in [*signature.inputs, *signature.outputs]:
                check_port(port.name, graph.tensors[port.tensorIndex])


def check_port(name, tensor):
    assert tensor.shape[0] == 1
    assert tensor.shapeSignature is None or -1 not in tensor.shapeSignature
    whole = name in (b"seed", b"label", b"tokens", b"step")
    assert tensor.type == (schema.TensorType.INT32 if whole else schema.TensorType.FLOAT32)


def test_joining_stores_no_weight_again(exported):
    model = parse(exported.files["float32"])
    stored = sum(len(b.data) for b in model.buffers if b.data is not None)
    weights = sum(4 * int(tf.size(w)) for w in exported.model.weights)
    # Where every label is tried, each one's planes are a constant of the graph.
    h, w, _ = exported.row.image_shape
    planes = 4 * h * w * exported.model.num_classes**2
    # Noise counts its numbers in a constant.
    noise = exported.model.noise(tf.range(1)) if exported.model.can("sample") else {}
    counters = sum(4 * int(tf.size(v)) for v in noise.values())
    # A model that draws by steps has its conditionals twice, in the layouts that the two want; so
    # does a machine, up and down; one of several masks has its weights masked by each, beside those
    # that it draws with.
    forms = 1 + (exported.model.can("next_one") or exported.model.can("mixing"))
    forms = max(forms, 1 + getattr(exported.model, "masks", 0))
    assert stored < 1.2 * (forms * weights + planes + counters) + 4000


@pytest.mark.slow
@of_hosts("cvae", "pixelcnn")
def test_larger_batches(hosted):
    """Of a network and of a loop: the endpoints' specs decide it, which all models share."""
    content = tflite.convert(hosted.model, "float32", batch=4)
    sample = Interpreter(model_content=content).get_signature_runner("sample")
    inputs = golden.request(hosted.model, SEEDS[:4])
    np.testing.assert_allclose(sample(**inputs)["image"], hosted.images[:4], rtol=0, atol=1e-5)


def test_one_image_is_ten_times_faster_than_keras_predict(hosted):
    """Batch 1, in turn, medians; `predict` of the network alone, which is less than a sample."""
    model = hosted.model
    network = getattr(model, "decoder", getattr(model, "G", None))
    if network is None:
        return  # principal components are a product of matrices: there is nothing to predict with
    z = np.zeros((1, *network.input_shape[1:]), np.float32)
    sample, _ = cost.runner(hosted.files["float32"])
    inputs = golden.request(model, SEEDS[:1]).values()
    ratios = []
    for i in range(7):
        seconds = []
        for call in (lambda: network.predict(z, verbose=0), lambda: sample(*inputs)):
            began = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - began)
        if i:  # the first round traces
            ratios.append(seconds[0] / seconds[1])
    assert np.median(ratios) > 10


def test_a_file_samples_without_tensorflow(hosted, tmp_path):
    """With ai-edge-litert, NumPy and Pillow alone."""
    code = (
        "import sys\n"
        "for name in ('tensorflow', 'keras', 'sklearn'): sys.modules[name] = None\n"
        "from export import sample\n"
        "sys.exit(sample.main(sys.argv[1:]))"
    )
    out = tmp_path / "device.png"
    path = hosted.files["float32"]
    label = 2 if hosted.model.num_classes else None
    arguments = [f"--from={path}", "--seeds=0:9", f"--out={out}"]
    arguments += [] if label is None else [f"--label={label}"]
    done = runs.run([sys.executable, "-c", code, *arguments])
    assert done.returncode == 0, done.stderr
    from tfgen.reports import figures

    labels = None if label is None else np.full(9, label, np.int32)
    figures.sample_grid(tmp_path / "keras.png", hosted.model.sample(np.arange(9), labels).numpy())
    from PIL import Image

    device, keras = (np.asarray(Image.open(p)).astype(int) for p in (out, tmp_path / "keras.png"))
    assert np.abs(device - keras).max() <= 1


def test_files_that_cannot_sample_are_named(hosted, tmp_path):
    torn = tmp_path / "torn.tflite"
    torn.write_bytes(hosted.files["float32"].read_bytes()[:1000])
    with pytest.raises(UserError, match=r"torn.tflite cannot be read"):
        sources.open_source(str(torn))
    with pytest.raises(UserError, match=r"there is no file"):
        sources.open_source(str(tmp_path / "none.tflite"))


@of_hosts("dcgan")
def test_a_file_that_is_not_the_one_exported_is_refused(hosted, tmp_path):
    """Flipped bytes of weights make other images, and no error, of LiteRT."""
    content = bytearray(hosted.files["float32"].read_bytes())
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    about = {"num_classes": 0, "files": checksums.of(tmp_path, ["model.tflite"])}
    golden = tmp_path / "golden.json"
    golden.write_text(json.dumps(about))
    sources.open_source(str(path))
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"model\.tflite is not the file that was exported"):
        sources.open_source(str(path))
    golden.write_text("{}")
    with pytest.raises(UserError, match=r"golden\.json is broken"):
        sources.open_source(str(path))
    golden.write_text(json.dumps(about | {"files": {}}))  # of another version: nothing is known
    path.write_bytes(hosted.files["float32"].read_bytes())
    sources.open_source(str(path))


@pytest.mark.slow
def test_files_are_judged_without_the_images_by_the_classifier_that_the_run_keeps(tmp_path):
    def gone(without):
        raise AssertionError("the images were asked for")

    network = features.network((4, 4, 1), [3])
    made = features.Features("classifier", "FDC", "", None, lambda images: None, {}, network)
    folder = RunDir(tmp_path)
    kept_classifier.keep(folder.classifier, made)
    model = SimpleNamespace(can=lambda what: what == "sample")
    run = SimpleNamespace(model=model, dir=folder, outputs=RunDir(tmp_path / "out"))
    run.finds_data = gone
    images, judge = tflite._data(run)
    x = np.random.default_rng(0).uniform(size=(5, 4, 4, 1))
    assert images is None
    np.testing.assert_array_equal(judge(x), features.predictions(network, x)[1].argmax(axis=1))


def test_a_file_that_makes_other_images_is_not_kept(tmp_path, monkeypatch):
    run = tmp_path / "run"
    runs.go(small.FILE, runs.config(small.FILE, steps=2), run)
    loaded, folder, measure = tfgen.load(run), run / "tflite", cost.measure
    found = iter([{"max diff": 4.2 / 255}, {"PSNR dB": 12.0}, {"PSNR dB": np.nan}])
    monkeypatch.setattr(cost, "measure", lambda *args: measure(*args) | next(found))
    with pytest.warns(Notice, match=r"small-int8\.tflite is not kept: its images are 12 dB from"):
        rows = loaded.export("tflite", precisions=["float32", "int8"])
    assert list(rows) == ["float32"]
    assert sorted(file.name for file in folder.iterdir()) == ["golden.json", "small-float32.tflite"]
    with pytest.raises(UserError, match=r"small-int8\.tflite is not kept"):
        loaded.export("tflite", precisions=["int8"])
    assert checksums.read_golden(folder / "golden.json")["apart"] == {"small-float32.tflite": 4}
    source = sources.open_source(str(folder / "small-float32.tflite"))
    assert {seed.most for seed in check.check(source, folder / "golden.json")} == {5}
    assert {
        seed.most for seed in check.check(sources.open_source(str(run)), folder / "golden.json")
    } == {1}


def test_the_commands_from_a_run_to_its_files(tmp_path):
    """export.saved_model, export.tflite, export.sample, as a user types them.

    Some 25 s: four files are measured as a user has them measured, with a classifier of the data.
    """
    run, command = tmp_path / "run", runs.here
    assert runs.train(small.FILE, run).returncode == 0
    done = command("export.tflite", f"--workdir={run}")
    assert done.returncode == 0, done.stderr
    for precision in tflite.PRECISIONS:
        assert (run / "tflite" / f"small-{precision}.tflite").exists()
        assert any(line.startswith(precision) for line in done.stdout.splitlines())
    assert "same class %" in done.stdout
    held = json.loads((run / "tflite" / "golden.json").read_text())["files"]
    assert held == checksums.of(run / "tflite", [f"small-{p}.tflite" for p in tflite.PRECISIONS])
    done = command("export.saved_model", f"--workdir={run}")
    assert done.returncode == 0, done.stderr
    assert "docker run" in done.stdout
    assert json.loads((run / "golden.json").read_text())["seeds"]
    pictures = []
    for source in (run, run / "serving" / "small" / "1", run / "tflite" / "small-float32.tflite"):
        out = tmp_path / f"{len(pictures)}.png"
        done = command("export.sample", f"--from={source}", f"--out={out}")
        assert done.returncode == 0, done.stderr
        pictures.append(out)
    from PIL import Image

    arrays = [np.asarray(Image.open(p)).astype(int) for p in pictures]
    assert max(np.abs(a - arrays[0]).max() for a in arrays) <= 1

    for module, arguments, said in (
        ("export.saved_model", [f"--workdir={run}", "--version=1"], "version 1 of small exists"),
        ("export.saved_model", [f"--workdir={run}", "--version=0"], "positive integers"),
        ("export.saved_model", [f"--workdir={tmp_path}"], "not a run directory"),
        ("export.tflite", [f"--workdir={run}", "--precisions=int4"], "unknown precision 'int4'"),
        ("export.tflite", [f"--workdir={run}", "--batch=0"], "--batch=0"),
    ):
        done = command(module, *arguments)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    (run / "model.keras").unlink()
    done = command("export.tflite", f"--workdir={run}")
    assert done.returncode == 2
    assert "not finished" in done.stderr
