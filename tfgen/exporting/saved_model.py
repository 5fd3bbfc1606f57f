"""A finished run for TensorFlow Serving.

Writes serving/<model>/<version>/ with one signature for each capability (`endpoints.py`; and `png`,
seeds to encoded pictures), warm-up requests, batching parameters and golden values, and beside the
model's folder models.config. A version appears when it is complete and is never overwritten.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import tensorflow as tf

from tfgen import checksums, files, startup
from tfgen.data.conditions import Condition
from tfgen.errors import UserError
from tfgen.exporting import archive, golden
from tfgen.exporting.endpoints import Endpoint, endpoints

if TYPE_CHECKING:
    from tfgen.evaluation.finished import FinishedRun
    from tfgen.model import GenerativeModel


# The sizes to which the server pads a batch; each is warmed up. The last is the largest.
BATCH_SIZES = (1, 8, 64)

BATCHING = f"""max_batch_size {{ value: {BATCH_SIZES[-1]} }}
batch_timeout_micros {{ value: 2000 }}
num_batch_threads {{ value: 4 }}
max_enqueued_batches {{ value: 100 }}
{chr(10).join(f"allowed_batch_sizes: {size}" for size in BATCH_SIZES)}
"""

MODELS = """model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
  }}
}}
"""


def export(
    model: "GenerativeModel", name: str, root: str | os.PathLike, version: int | None = None
) -> Path:
    """Writes root/<name>/<version>/ and returns its path.

    Args: model, a GenerativeModel; name, its name on the server; root, a folder; version, a
      positive integer, or None for the next free one.
    Raises: UserError if the version exists.
    """
    base = Path(root) / name
    base.mkdir(parents=True, exist_ok=True)
    if version and (base / str(version)).exists():
        raise _taken(base / str(version))
    # Not a number, so that a server that polls the folder does not load what is half written.
    temporary = Path(tempfile.mkdtemp(prefix=files.UNFINISHED, dir=base))
    try:
        write(model, name, temporary)
        os.chmod(temporary, 0o755)
        path = _named(temporary, base, version)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    files.write_text(Path(root) / "models.config", MODELS.format(name=name))
    return path


def _named(temporary: Path, base: Path, version: int | None) -> Path:
    """The finished folder under its version; by default the next that is free now.

    Other exports of the run may have ended meanwhile: a folder does not take another's place.

    Raises: UserError if the version exists.
    """
    while True:
        path = base / str(version or _next_version(base))
        try:
            os.rename(temporary, path)
            return path
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            if version:
                raise _taken(path) from None


def _next_version(base: Path) -> int:
    return max((int(p.name) for p in base.iterdir() if p.name.isdigit()), default=0) + 1


def _taken(path: Path) -> UserError:
    return UserError(
        f"version {path.name} of {path.parent.name} exists in {path.parent}; versions are never "
        f"overwritten. The next free one is {_next_version(path.parent)}."
    )


def write(model: "GenerativeModel", name: str, path: Path) -> None:
    offered = signatures(model)
    archive.save(offered, path, model.condition.reader if model.condition else None)
    files.write_text(path / "batching_params.pbtxt", BATCHING)
    extra = path / "assets.extra"
    extra.mkdir()
    write_warm_up(extra / "tf_serving_warmup_requests", name, offered)
    written = [str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()]
    golden.write(extra / "golden.json", model, checksums.of(path, written))


def signatures(model: "GenerativeModel") -> list[Endpoint]:
    """The model's endpoints and `png`."""
    found = endpoints(model)

    def png(seed: tf.Tensor, condition: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        image = tf.cast(tf.round(model.sample(seed, condition) * 255.0), tf.uint8)
        encoded = tf.map_fn(tf.io.encode_png, image, fn_output_signature=tf.string)
        return {"image_bytes": encoded}  # the suffix makes the REST interface send base64

    if model.condition and model.condition.reader:
        found.append(_of_text(model, model.condition))
    if model.can("sample") and model.image_shape[-1] in (1, 3):
        found.append(Endpoint("png", png, found[0].inputs))
    return found


def _of_text(model: "GenerativeModel", condition: Condition) -> Endpoint:
    """Seeds and what users type -> images, and of each text what was not used.

    Its name is the condition's word, as that of the input of strings: `caption`.
    """
    reader = condition.reader
    assert reader

    def of_text(seed: tf.Tensor, typed: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = tf.cast(reader(typed), condition.dtype)
        return {"image": model.sample(seed, rows), **condition.left_out(typed, rows)}

    inputs = [tf.TensorSpec([None], tf.int32, "seed")]
    inputs.append(tf.TensorSpec([None], tf.string, condition.argument))
    return Endpoint(condition.argument, of_text, tuple(inputs))


def write_warm_up(path: Path, name: str, endpoints: Sequence[Endpoint]) -> None:
    """One request for each signature and batch size: the first user waits for no tracing."""
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    keys = {"serving_default": endpoints[0]} | {e.name: e for e in endpoints}
    with tf.io.TFRecordWriter(str(path)) as file:
        for key, endpoint in keys.items():
            for rows in BATCH_SIZES:
                request = predict_pb2.PredictRequest()
                request.model_spec.name = name
                request.model_spec.signature_name = key
                for input_name, value in endpoint.example(rows).items():
                    request.inputs[input_name].CopyFrom(tf.make_tensor_proto(value))
                log = prediction_log_pb2.PredictionLog(
                    predict_log=prediction_log_pb2.PredictLog(request=request)
                )
                file.write(log.SerializeToString())


def export_run(run: "FinishedRun", version: int | None = None) -> Path:
    """Writes a version of a `Run` and its golden.json. Returns the version's folder.

    Raises: UserError for a version that is not positive, or exists.
    """
    if version is not None and version < 1:
        raise UserError(f"`version={version}`: versions are positive integers.")
    run.warn_of_unreached()
    with startup.loading_tensorflow():
        path = export(run.model, run.name, run.outputs.path / "serving", version)
    shutil.copyfile(path / "assets.extra" / "golden.json", run.outputs.path / "golden.json")
    run.outputs.give()
    return path
