"""A shard as a file: 1,000 samples, of the same bytes wherever and whenever they are made.

| format | a shard | images |
|---|---|---|
| tfrecord | NAME.tfrecord, each a tf.train.Example: `image`, PNG; `seed`; the condition | uint8 |
| png | a folder NAME/ of pictures, SEED.png | uint8 |
| npz | NAME.npz: "seeds", "images" [N, H, W, C], the condition | float32 in [0, 1] |
"""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfgen import files, startup
from tfgen.images import eight_bits

FORMATS = ("tfrecord", "png", "npz")


def place(folder: Path, index: int, kind: str) -> Path:
    """Where a shard of a format lies."""
    return folder / (f"{index:05d}" if kind == "png" else f"{index:05d}.{kind}")


def write(path: Path, seeds: np.ndarray, images: np.ndarray, rows: Mapping[str, np.ndarray]) -> str:
    """Writes a shard, all of it or nothing. Returns its digest.

    Args: path, of `place`; seeds int32 [N]; images float32 [N, H, W, C] in [0, 1]; rows, what they
      were asked for, {name: [N, ...]} or {}.
    """
    if path.suffix:
        with files.atomic(path) as temporary:
            {".npz": _write_npz, ".tfrecord": _write_tfrecord}[path.suffix](
                temporary, seeds, images, rows
            )
    else:
        with files.folder(path) as new:
            for seed, picture in zip(seeds, eight_bits(images), strict=True):
                (new / f"{seed}.png").write_bytes(_png(picture))
    return digest(path)


def read(path: Path, seeds: np.ndarray) -> np.ndarray:
    """The images of a shard in the order of its seeds [N]: uint8 [N, H, W, C]."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            return eight_bits(file["images"])
    if path.suffix == ".tfrecord":
        return _read_tfrecord(path)
    return np.stack([_picture((path / f"{seed}.png").read_bytes()) for seed in seeds])


def digest(path: Path) -> str:
    """The SHA-256 of a shard: of a file, as sha256sum has it; of a folder that of its pictures, one
    after another in the order of their names."""
    parts = sorted(path.glob("*")) if path.is_dir() else [path]
    found = hashlib.sha256()
    for part in parts:
        found.update(part.read_bytes())
    return found.hexdigest()


def _write_npz(
    path: Path, seeds: np.ndarray, images: np.ndarray, rows: Mapping[str, np.ndarray]
) -> None:
    arrays: dict[str, Any] = {"seeds": seeds, "images": images, **rows}
    np.savez(path, **arrays)


def _write_tfrecord(
    path: Path, seeds: np.ndarray, images: np.ndarray, rows: Mapping[str, np.ndarray]
) -> None:
    with startup.loading_tensorflow():
        import tensorflow as tf
    with tf.io.TFRecordWriter(str(path)) as writer:
        for i, picture in enumerate(eight_bits(images)):
            example = tf.train.Example()
            feature = example.features.feature
            feature["image"].bytes_list.value.append(_png(picture))
            feature["seed"].int64_list.value.append(int(seeds[i]))
            for name, values in rows.items():
                if values.dtype.kind == "U":
                    feature[name].bytes_list.value.append(str(values[i]).encode())
                else:
                    feature[name].int64_list.value.extend(np.ravel(values[i]).tolist())
            # A map has no order of its own.
            writer.write(example.SerializeToString(deterministic=True))


def _read_tfrecord(path: Path) -> np.ndarray:
    with startup.loading_tensorflow():
        import tensorflow as tf
    spec = {"image": tf.io.FixedLenFeature([], tf.string)}
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    pictures = tf.io.parse_example(records, spec)["image"].numpy()
    return np.stack([_picture(content) for content in pictures])


def _png(picture: np.ndarray) -> bytes:
    """uint8 [H, W, C] as a PNG file of its own size and channels."""
    from PIL import Image

    content = io.BytesIO()
    grey = picture.shape[-1] == 1
    Image.fromarray(picture[..., 0] if grey else picture).save(content, "png", compress_level=3)
    return content.getvalue()


def _picture(content: bytes) -> np.ndarray:
    """The inverse of `_png`."""
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        picture = np.asarray(image)
    return picture[..., None] if picture.ndim == 2 else picture
