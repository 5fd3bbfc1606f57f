"""Features and logits by a file of weights that the user has: by rights Inception, for the FID.

None is ours to ship, and no digest is known to us: a result says which file it was by its SHA-256,
which is compared with that of the file's source where the user gives it. The file is one of

- `classify_image_graph_def.pb`, the TensorFlow graph of inception-2015-12-05: features are pool_3,
  [N, 2048], logits those of 1,008 classes without bias, as Salimans et al. 2016 compute them. The
  graph resizes images to 299 x 299 itself, bilinear, without antialiasing ("legacy" resizing in
  Parmar et al. 2022; their "clean" one gives other numbers);
- a Keras file, `NAME.keras`, or the folder of a SavedModel, whose call (of the SavedModel: its
  signature `serving_default`) takes images, [B, H, W, 3] of levels 0 .. 255, as uint8 or float32
  as its input says, and gives {"features": [B, D], "logits": [B, K]}. Logits may be missing: then
  there is no score. Resizing is the file's own.

Grey images are given three times.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

BATCH = 50
# Images in [0, 1] -> (features [N, D], logits [N, K] or None), float64.
Scores = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]]
WANTED = "classify_image_graph_def.pb, a .keras file or the folder of a SavedModel"


def load(path: str, sha256: str = "") -> tuple[Scores, str]:
    """(a function from images [N, H, W, C] in [0, 1] to features and logits, the SHA-256 in hex).

    Args: path: see above; sha256: what it should be by the file's source, "" if that is not known.
    Raises: UserError for a missing file, another digest, or a file that is none of those above.
    """
    file = Path(path).expanduser()
    if not file.exists():
        raise UserError(f"there is no file {path}: `inception` wants {WANTED}.")
    digest = digest_of(file)
    if sha256 and digest != sha256.lower():
        raise UserError(
            f"{path} has the SHA-256 {digest}, not {sha256}: it is another file than its source "
            "says, or a broken download."
        )
    try:
        call = _graph(file) if file.suffix == ".pb" else _model(file)
        _in_batches(call, np.zeros((1, 32, 32, 3), np.float32))
    except Exception as error:
        raise UserError(f"{path} cannot be used as {WANTED}: {error}") from error
    return lambda images: _in_batches(call, images), digest


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, or of all files of a folder with their names, in hex."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    digest = hashlib.sha256()
    for file in sorted(f for f in path.rglob("*") if f.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()} {digest_of(file)}\n".encode())
    return digest.hexdigest()


def _in_batches(
    call: "Callable[[tf.Tensor], dict[str, tf.Tensor]]", images: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    import tensorflow as tf

    images = np.round(255.0 * np.asarray(images)).astype(np.uint8)
    images = np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
    parts: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(images), BATCH):
        for name, value in call(tf.constant(images[start : start + BATCH])).items():
            parts.setdefault(name, []).append(value.numpy().astype(np.float64))
    found = {name: np.concatenate(part) for name, part in parts.items()}
    features = found["features"].reshape(len(images), -1)
    return features, found.get("logits")


def _graph(file: Path) -> "Callable[[tf.Tensor], dict[str, tf.Tensor]]":
    """Of the graph of 2015: uint8 [B, H, W, 3] -> features and logits."""
    import tensorflow as tf

    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString(file.read_bytes())

    def run(x: "tf.Tensor") -> dict[str, "tf.Tensor"]:
        pool, product = tf.compat.v1.import_graph_def(
            graph,
            input_map={"ExpandDims:0": x},
            return_elements=["pool_3:0", "softmax/logits/MatMul"],
        )
        features = tf.reshape(pool, [tf.shape(x)[0], 2048])
        # The graph's own product is for one image alone.
        return {"features": features, "logits": features @ product.inputs[1]}

    spec = tf.TensorSpec([None, None, None, 3], tf.float32)
    call = tf.compat.v1.wrap_function(run, [spec])
    return lambda images: call(tf.cast(images, tf.float32))


def _model(path: Path) -> "Callable[[tf.Tensor], dict[str, tf.Tensor]]":
    """Of a Keras file or a SavedModel."""
    import keras
    import tensorflow as tf

    if path.is_dir():
        loaded = tf.saved_model.load(str(path))
        ((name, spec),) = _signature(loaded).structured_input_signature[1].items()

        def call(images: "tf.Tensor") -> Any:
            # Asked of `loaded`, whose variables live as long as it does.
            return _signature(loaded)(**{name: tf.cast(images, spec.dtype)})

    else:
        model = keras.saving.load_model(path, compile=False)
        dtype = model.inputs[0].dtype

        def call(images: "tf.Tensor") -> Any:
            return model(tf.cast(images, dtype), training=False)

    return call


def _signature(loaded: Any) -> Any:
    return loaded.signatures["serving_default"]
