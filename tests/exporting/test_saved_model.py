"""The SavedModel gates: the same images without Keras, from C, and over gRPC.

What a class can break, the graphs of its endpoints and which weights they read, is held for every
row, of the graphs as they are saved; what saving and loading do with graphs, for one of each kind.
"""

import base64
import functools
import hashlib
import io
import json
import re
import shutil
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from export import check
from tests.support import host, servers
from tests.support.trained import trained
from tests.zoo import EXPORTED, HOSTED, KINDS, SAVED, kind, rows_of
from tfgen import latents
from tfgen.errors import Notice, UserError
from tfgen.exporting import golden, sampling, saved_model, sources
from tfgen.exporting.endpoints import endpoints

SEEDS = np.array([0, 1, 42, -1, 2**31 - 1], np.int32)


class Exported:
    """A row's trained model and its SavedModel."""

    def __init__(self, row, root):
        self.row, self.root, self.known = row, root, trained(row)
        self.model = self.known.loaded
        self.path = saved_model.export(self.model, row.name, root)
        self.endpoints = {e.name: e for e in endpoints(self.model)}
        self.main = endpoints(self.model)[0].name  # what the default signature is
        self.pictures = self.main == "sample"
        self.meta = load_meta(self.path)


@pytest.fixture(scope="module", params=EXPORTED)
def known(request):
    """The row's model, see `Trained`, whose endpoints are traced as `archive.save` traces them."""
    return trained(request.param)


def load_meta(path):
    from tensorflow.core.protobuf import saved_model_pb2

    proto = saved_model_pb2.SavedModel()
    proto.ParseFromString((path / "saved_model.pb").read_bytes())
    (meta,) = proto.meta_graphs
    return meta


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Row -> Exported, made once where two fixtures ask for it."""
    return functools.lru_cache(2)(lambda row: Exported(row, tmp_path_factory.mktemp(row.name)))


@pytest.fixture(scope="module", params=SAVED)
def exported(request, made):
    return made(request.param)


@pytest.fixture(scope="module", params=HOSTED)
def hosted(request, made):
    return made(request.param)


@pytest.fixture(scope="module")
def reading(exported):
    """(the reader's JSON, its outputs by "signature/output")."""
    inputs = {
        f"{key}/{name}": value
        for key in (exported.main, "serving_default", *(["png"] if exported.pictures else []))
        for name, value in golden.request(exported.model, SEEDS).items()
    }
    for endpoint in exported.endpoints.values():
        for name, value in endpoint.example(5).items():
            inputs.setdefault(f"{endpoint.name}/{name}", value)
    file = exported.root / "request.npz"
    np.savez(file, **inputs)
    more = "all" if exported.row.id in KINDS.values() else ""
    found = servers.read(exported.path, file, exported.main, more)
    outputs = np.load(exported.root / "request-out.npz", allow_pickle=True)
    return found, dict(outputs), inputs


def test_parity_without_keras(exported, reading):
    found, outputs, inputs = reading
    assert not found["keras"]
    for endpoint in exported.endpoints.values():
        given = {spec.name: inputs[f"{endpoint.name}/{spec.name}"] for spec in endpoint.inputs}
        for name, value in exported.known.answer(endpoint, given).items():
            got = outputs[f"{endpoint.name}/{name}"]
            tolerance = 1e-5 * max(1.0, float(np.abs(value).max()))
            np.testing.assert_allclose(got, value, rtol=0, atol=tolerance)
    assert np.array_equal(outputs[f"{exported.main}/image"], outputs["serving_default/image"])


def test_signatures_are_the_capabilities(exported, reading):
    found, _, _ = reading
    more = {e.name for e in saved_model.signatures(exported.model)} - set(exported.endpoints)
    assert ("png" in more) == exported.pictures
    expected = {"serving_default", *exported.endpoints, *more}
    assert set(found["signatures"]) == expected
    for name in ("sample", "encode", "log_prob"):
        assert (name in expected) == exported.model.can(name)
    assert ("translate_yx" in expected) == exported.model.can("translate")


def test_two_loads_and_eight_threads_agree_and_every_warm_up_request_runs(exported, reading):
    """Of a row of each kind: a graph without state, which the others have too, decides it."""
    found, _, _ = reading
    if exported.model.can("sample"):
        assert kind(exported.model) in KINDS
    if exported.row.id not in KINDS.values():
        return
    assert found["loads_agree"]
    assert found["threads_agree"]
    keys = {"serving_default", *(e.name for e in saved_model.signatures(exported.model))}
    assert sorted(map(tuple, found["warm_up"])) == sorted((k, n) for k in keys for n in (1, 8, 64))


def test_pictures_are_the_images(exported, reading):
    _, outputs, _ = reading
    drawn = outputs.get("png/image_bytes", ())
    assert len(drawn) == (len(SEEDS) if exported.pictures else 0)
    for encoded, image in zip(drawn, outputs[f"{exported.main}/image"], strict=False):
        picture = np.asarray(Image.open(io.BytesIO(encoded))).reshape(image.shape)
        # Another graph may round to the other side what lies on the edge of two levels.
        on_edge = np.abs(image * 255 % 1 - 0.5) < 1e-3
        assert np.array_equal(picture[~on_edge], golden.pixels(image)[~on_edge])
        assert np.abs(picture.astype(int) - golden.pixels(image)).max() <= 1


def test_a_row_does_not_depend_on_its_batch(exported, reading):
    _, outputs, _ = reading
    together = outputs[f"{exported.main}/image"]
    # One row and many go through other kernels: equal to a thousandth of a level of 256.
    np.testing.assert_allclose(outputs["alone/image"], together, rtol=0, atol=1e-3 / 255)


def test_signatures_are_named_and_take_any_batch(exported):
    for key, signature in exported.meta.signature_def.items():
        if key == "__saved_model_init_op":
            continue
        assert signature.method_name == "tensorflow/serving/predict"
        for name, info in [*signature.inputs.items(), *signature.outputs.items()]:
            assert not name.startswith(("args_", "output_", "keras_tensor")), name
            assert info.tensor_shape.dim[0].size == -1, (key, name)


def test_weights_are_stored_once_and_only_those_read(exported):
    stored = tf.train.load_checkpoint(str(exported.path / "variables" / "variables"))
    stored = stored.get_variable_to_shape_map()
    stored.pop("_CHECKPOINTABLE_OBJECT_GRAPH")  # the description of the objects
    read = [tuple(variable.shape) for variable in read_by(exported.known.graphs)]
    assert Counter(map(tuple, stored.values())) == Counter(read)


def test_what_is_saved_holds_no_state(exported):
    for name, operations in functions_of(exported.meta.graph_def).items():
        # Only loading may write a variable, never a request.
        if not any(part in name for part in ("restore", "save", "initializer")):
            check_stateless(name, operations)


def test_golden_values(exported, reading):
    _, outputs, _ = reading
    stored = json.loads((exported.path / "assets.extra" / "golden.json").read_text())
    assert [entry["seed"] for entry in stored["seeds"]] == list(golden.SEEDS)
    asked = golden.request(exported.model, golden.SEEDS)
    images = outputs[f"{exported.main}/image"]
    for i, (entry, image) in enumerate(zip(stored["seeds"], images, strict=False)):
        np.testing.assert_allclose(image.ravel()[:16], entry["first"], rtol=0, atol=1e-5)
        keras = exported.known.make(rows_of(asked, i, i + 1))
        # The batch may move a value across a rounding edge by one level of 255.
        if np.array_equal(golden.pixels(keras[0]), golden.pixels(image)):
            assert hashlib.sha256(golden.pixels(image).tobytes()).hexdigest() == entry["sha256"]


def test_the_server_can_read_its_settings(exported):
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    text = (exported.root / "models.config").read_text()
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.model_platform) == (exported.row.name, "tensorflow")
    batching = (exported.path / "batching_params.pbtxt").read_text()
    sizes = [int(size) for size in re.findall(r"allowed_batch_sizes: (\d+)", batching)]
    # The server wants them ascending, the last equal to the largest batch.
    assert sizes == sorted(sizes)
    assert f"max_batch_size {{ value: {sizes[-1]} }}" in batching


# --- the graphs of every row ---


def functions_of(graph_def):
    """{name: the operations of a function of the library}"""
    functions = graph_def.library.function
    assert not [f.signature.name for f in functions if f.attr["_XlaMustCompile"].b]
    return {f.signature.name: {node.op for node in f.node_def} for f in functions}


def check_stateless(name, operations):
    """No state, no stateful random op."""
    assert not {op for op in operations if "Random" in op or op.startswith("Rng")}, name
    assert "AssignVariableOp" not in operations, name


def read_by(graphs):
    """The variables that graphs read, each once."""
    read = [variable for graph in graphs.values() for variable in graph.variables]
    return list({id(variable): variable for variable in read}.values())


def test_every_row_is_of_a_kind_that_is_saved(known):
    """A row of the same requests is: what saving does with a graph, it does with all of a kind."""
    model = known.model
    saved = {param.values[0].name for param in SAVED}
    assert {*KINDS.values()} <= {param.id for param in SAVED}
    assert kind(model) in KINDS if model.can("sample") else known.row.name in saved
    # What reads captions is of the kind of text_to_image, whose saved row reads them.
    assert not (model.condition and model.condition.reader) or kind(model)[2] == "tokens"


def test_the_graph_holds_what_a_server_can_run(known):
    """No state, no stateful random op, no XLA-only node; outputs of any batch."""
    for name, graph in known.graphs.items():
        definition = graph.graph.as_graph_def()
        check_stateless(name, {node.op for node in definition.node})
        for inner, operations in functions_of(definition).items():
            check_stateless(inner, operations)
        for key, output in graph.structured_outputs.items():
            assert output.shape.rank, (name, key)
            assert output.shape[0] is None, (name, key)


def test_a_graph_is_keras_and_each_row_for_itself(known):
    for endpoint in endpoints(known.model):
        inputs = endpoint.example(5)
        found = known.compiled_endpoints[endpoint.name](*map(tf.constant, inputs.values()))
        expected = known.answer(endpoint, inputs)
        assert set(found) == set(expected)
        last = known.compiled_endpoints[endpoint.name](
            *map(tf.constant, rows_of(inputs, 4, 5).values())
        )
        for name, value in expected.items():
            tolerance = 1e-5 * max(1.0, float(np.abs(value).max()))
            np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance)
            np.testing.assert_allclose(last[name], value[4:], rtol=0, atol=tolerance)


def test_a_graph_reads_variables_alone_and_only_those_needed(known):
    """What else a graph might hold, a table or a variable of nobody, would not be saved."""
    for graph in known.graphs.values():
        own = {id(variable.handle) for variable in graph.variables}
        held = [t for t in graph.captured_inputs if t.dtype in (tf.resource, tf.variant)]
        assert {id(tensor) for tensor in held} <= own
    used = used_by(known.model)
    # A density needs inverses and samples do not; of machines some need no offsets, some no base.
    # Colours of a stage that has faded out `models/test_progan.py` holds to be left out.
    at_will = {"inverses", "mu", "lambda", "base"}
    faded = getattr(getattr(known.model, "G_average", None), "images", [])[:-1]
    faded = {id(weight) for layer in faded for weight in layer.weights}
    needed = Counter(tuple(w.shape) for w in used if w.name not in at_will and id(w) not in faded)
    read = Counter(tuple(variable.shape) for variable in read_by(known.graphs))
    # One of D would be one too many.
    assert needed <= read <= Counter(tuple(w.shape) for w in used)


def used_by(model):
    """The weights that what a model offers needs."""
    if hasattr(model, "encoder"):
        used = model.encoder.weights + model.decoder.weights
        used = list({id(weight): weight for weight in used}.values())  # tied ones once
        for name in ("prior_network", "latents"):
            used = used + getattr(getattr(model, name, None), "weights", [])
        # The code vectors of vq_vae, the pseudo-inputs of vamp_vae.
        return used + [getattr(model, name) for name in ("e", "u") if hasattr(model, name)]
    if model.can("translate"):
        return model.G.weights + model.F.weights
    if hasattr(model, "painter"):
        networks = (model.G_average, *model.painter_average.values())
        return [weight for network in networks for weight in network.weights]
    if hasattr(model, "grown_at"):
        return [*model.G_average.weights, model.step]
    if hasattr(model, "G"):
        used = model.G_average.weights if model.ema else model.G.weights
        return used + (model.E.weights if hasattr(model, "E") else [])
    if hasattr(model, "denoiser"):
        heard = model.phi_average.weights if hasattr(model, "phi_average") else []
        return (model.average if model.half_life else model.denoiser).weights + heard
    if hasattr(model, "vectors"):
        return [model.mean, model.vectors, *model.latents.weights]
    idle = {"step", "finite_steps", "interval_sums", "particles"}
    return [w for w in model.weights if w.name not in idle]


# --- versions ---


# What `saved_model.export` does, whatever it exports.
with_one = pytest.mark.parametrize("hosted", HOSTED[:1], indirect=True)


@with_one
def test_versions_are_never_overwritten(hosted):
    model, name = hosted.model, hosted.row.name
    second = saved_model.export(model, name, hosted.root)
    assert second.name == "2"
    with pytest.raises(UserError, match=r"version 2 .* exists.*next free one is 3"):
        saved_model.export(model, name, hosted.root, version=2)
    assert saved_model.export(model, name, hosted.root, version=7).name == "7"
    assert sorted(p.name for p in (hosted.root / name).iterdir()) == ["1", "2", "7"]


@with_one
def test_a_failed_export_leaves_nothing(hosted, tmp_path, monkeypatch):
    def fail(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr(saved_model, "write_warm_up", fail)
    with pytest.raises(OSError, match="No space left"):
        saved_model.export(hosted.model, "model", tmp_path)
    assert not list((tmp_path / "model").iterdir())


# --- a host in C ---


@pytest.mark.slow
def test_the_same_images_from_c(hosted):
    inputs = golden.request(hosted.model, np.arange(64, dtype=np.int32))
    signature = hosted.meta.signature_def["sample"]
    images = host.ask(hosted.path, signature, inputs, hosted.row.image_shape)
    np.testing.assert_allclose(images, hosted.model.sample(*inputs.values()), rtol=0, atol=1e-5)


# --- servers ---


@pytest.fixture(scope="module")
def server(hosted):
    """(grpc address, REST address) of the conformance server."""
    return servers.serve(hosted.row.name, hosted.root / hosted.row.name)


def test_the_same_images_from_every_source(hosted, server):
    inputs = golden.request(hosted.model, np.arange(64, dtype=np.int32)).values()
    keras = hosted.model.sample(*inputs).numpy()
    name = hosted.row.name
    for source in (
        str(hosted.path),
        f"grpc://{server[0]}/{name}",
        f"http://{server[1]}/v1/models/{name}",
    ):
        images = sources.open_source(source)(*inputs)
        np.testing.assert_allclose(images, keras, rtol=0, atol=1e-5, err_msg=source)
        assert np.abs(golden.pixels(images).astype(int) - golden.pixels(keras)).max() <= 1


@with_one
def test_a_server_is_checked_against_golden_json_by_one_command(hosted, server, tmp_path, capsys):
    name, file = hosted.row.name, hosted.path / "assets.extra" / "golden.json"
    addresses = f"grpc://{server[0]}/{name}", f"http://{server[1]}/v1/models/{name}"
    for address in addresses:
        assert check.main([f"--server={address}", f"--golden={file}"]) == 0
        assert f"makes the {len(golden.SEEDS)} images" in capsys.readouterr().out
    content = json.loads(file.read_text())
    first = bytearray(base64.b64decode(content["seeds"][0]["levels"]))
    other = tmp_path / "golden.json"
    for by, status in ((1, 0), (1, 1)):  # a level may round the other way; two are another image
        first[5] += by if first[5] < 128 else -by
        content["seeds"][0]["levels"] = base64.b64encode(first).decode()
        other.write_text(json.dumps(content))
        assert check.main([f"--server={addresses[0]}", f"--golden={other}"]) == status
    assert f"1 of {len(golden.SEEDS)} seeds are other images" in capsys.readouterr().err
    for entry in content["seeds"]:
        del entry["levels"]  # as versions before wrote it
    other.write_text(json.dumps(content))
    assert check.main([f"--server={addresses[0]}", f"--golden={other}"]) == 2
    assert "holds no images to compare with" in capsys.readouterr().err


@pytest.mark.parametrize("hosted", [p for p in HOSTED if p.id == "vae"], indirect=True)
def test_a_server_draws_at_a_temperature_and_on_the_way_between_seeds(hosted, server, tmp_path):
    """Noise is asked of it, changed here, and decoded by it."""
    name, seeds = hosted.row.name, np.arange(5, dtype=np.int32)
    addresses = {
        "grpc": f"grpc://{server[0]}/{name}",
        "rest": f"http://{server[1]}/v1/models/{name}",
    }
    plain = hosted.model.sample(seeds).numpy()
    for temperature, truncation in ((0.3, 0.0), (1.0, 0.5)):
        noise = {key: value.numpy() for key, value in hosted.model.noise(seeds).items()}
        noise["z"] = latents.tempered(noise["z"], temperature, truncation)
        expected = hosted.model.generate(noise).numpy()
        assert np.abs(expected - plain).max() > 1e-4
        for address in addresses.values():
            source = sampling._tempered(sources.open_source(address), temperature, truncation)
            np.testing.assert_allclose(source(seeds), expected, rtol=0, atol=1e-5)
    for where, address in addresses.items():
        path = sampling.interpolate(address, [3, 7], tmp_path / f"{where}.gif")
        with Image.open(path) as gif:
            assert gif.n_frames > 1


@with_one
def test_servers_that_cannot_sample_are_named(hosted, server, tmp_path):
    grpc_address, rest_address = server
    for source, said in (
        (f"grpc://{grpc_address}/paint", "NOT_FOUND"),
        (f"grpc://{grpc_address}", "names no model"),
        (f"http://{rest_address}/v1/models/paint", "404, .*Servable not found"),
        ("http://127.0.0.1:9/v1/models/x", "cannot be reached"),
        (f"http://{grpc_address}/v1/models/x", "does not speak HTTP: BadStatusLine"),
        ("http://host:port/v1/models/x", "nonnumeric port"),
        ("grpc://127.0.0.1:9/x", "UNAVAILABLE"),
        (str(tmp_path), "not a run directory"),
    ):
        with pytest.raises(UserError, match=said):
            sources.open_source(source)(SEEDS)


@with_one
def test_saved_models_that_cannot_sample_are_named(hosted, tmp_path):
    shutil.copytree(hosted.path, tmp_path / "torn")
    content = (tmp_path / "torn" / "saved_model.pb").read_bytes()
    (tmp_path / "torn" / "saved_model.pb").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"saved_model\.pb is not the file that was exported"):
        sources.open_source(str(tmp_path / "torn"))
    (tmp_path / "torn" / "assets.extra" / "golden.json").unlink()
    with (
        pytest.warns(Notice, match=r"tfgen has not written .*torn: a SavedModel is a program"),
        pytest.raises(UserError, match="cannot be read as a SavedModel"),
    ):
        sources.open_source(str(tmp_path / "torn"))
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with (
        pytest.warns(Notice, match="tfgen has not written"),
        pytest.raises(UserError, match="no signature 'sample'"),
    ):
        sources.open_source(str(tmp_path / "other"))
