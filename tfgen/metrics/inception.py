"""The Inception network of 2015-12-05, layer pool_3, as Heusel et al. 2017 use it: for the FID.

The user supplies the weights, a TensorFlow graph that is not ours to ship, and the SHA-256 that its
source states. Images of levels 0 .. 255, grey ones three times; the graph resizes them to 299 x 299
itself, bilinear, without antialiasing, as the original code has it ("legacy" resizing in Parmar et
al. 2022; their "clean" one gives other numbers).
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfgen.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf


def load(path: str, sha256: str) -> Callable[[np.ndarray], np.ndarray]:
    """A function from images [N, H, W, C] in [0, 1] to float64 [N, 2048].

    Args: path: of `classify_image_graph_def.pb`; sha256: of that file, in hex, by its source.
    Raises: UserError for a missing file, another digest, or a file that is no such graph.
    """
    import tensorflow as tf

    file = Path(path).expanduser()
    if not file.is_file():
        raise UserError(f"there is no file {path}: `inception` wants classify_image_graph_def.pb.")
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256.lower():
        raise UserError(
            f"{path} has the SHA-256 {digest}, not {sha256}: it is another file than its source "
            "says, or a broken download."
        )
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(content)

        def pool(x: "tf.Tensor") -> "tf.Tensor":
            (out,) = tf.compat.v1.import_graph_def(
                graph, input_map={"ExpandDims:0": x}, return_elements=["pool_3:0"]
            )
            return tf.reshape(out, [tf.shape(x)[0], -1])

        spec = tf.TensorSpec([None, None, None, 3], tf.float32)
        call = tf.compat.v1.wrap_function(pool, [spec])
    except Exception as error:
        raise UserError(f"{path} is not the Inception graph of 2015-12-05: {error}") from error

    def features(images: np.ndarray) -> np.ndarray:
        images = np.round(255.0 * np.asarray(images)).astype(np.float32)
        images = np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
        parts = [call(tf.constant(images[i : i + 50])) for i in range(0, len(images), 50)]
        return np.concatenate([p.numpy() for p in parts]).astype(np.float64)

    return features
