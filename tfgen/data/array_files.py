"""Files that hold many images: IDX (MNIST and its kin), CIFAR's binary files, NumPy's .npz.

    FOLDER/train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-...      with .gz or without
    FOLDER/data_batch_1.bin ... test_batch.bin, batches.meta.txt           CIFAR-10
    FOLDER/train.bin, test.bin, fine_label_names.txt                       CIFAR-100
    FOLDER/manifest.json, plan.npz, shards/                                of export.batch
    FILE.npz with image, label; x_train, y_train, x_test, y_test; or images alone

Formats: yann.lecun.com/exdb/mnist, www.cs.toronto.edu/~kriz/cifar.html. EMNIST's files hold rows
and columns exchanged; they are exchanged back.
"""

import dataclasses
import gzip
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tfgen import images
from tfgen.data.fitting import Fitting
from tfgen.data.in_memory import Held
from tfgen.data.source import ImageData
from tfgen.errors import UserError
from tfgen.shards.folder import Folder

LEVELS = 256
IDX = re.compile(r"(?P<of>.*?)(?P<split>train|t10k|test)-images[-.]idx3-ubyte(\.gz)?")
SPLIT = {"train": "train", "t10k": "test", "test": "test"}
FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag"),
    "Ankle boot",
)
FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")  # of Debian's dataset-fashion-mnist

Parts = dict[str, dict[str, np.ndarray]]


def reader(path: Path) -> Callable[[Path], tuple[Parts, tuple[str, ...]]] | None:
    """What reads the files at a path: -> ({split: {"image", "label"}}, class names); or None."""
    if path.suffix == ".npz":
        return _npz
    if path.is_dir():
        names = [file.name for file in path.iterdir()]
        if {"manifest.json", "plan.npz"} <= set(names):
            return _samples
        if any(IDX.fullmatch(name) for name in names):
            return _idx
        if "data_batch_1.bin" in names or {"train.bin", "fine_label_names.txt"} <= set(names):
            return _cifar
    return None


class ArrayFiles(Held):
    """Splits that were read from such files."""

    def load(self, split: str, extra: Sequence[str] = ()) -> ImageData:
        return dataclasses.replace(super().load(split, extra), fingerprint=self.fingerprint)


def opened(
    path: Path, fitting: Fitting, name: str = "", classes: tuple[str, ...] = ()
) -> ArrayFiles | None:
    """The data set in the files at a path; None where there are none of these kinds.

    Args:
      fitting: what is done to each image; name: what to call it.
      classes: their names, where files have none.

    Raises: UserError for files that are missing, cut short or of another format.
    """
    read = reader(path)
    if read is None:
        return None
    parts, found = read(path)
    if fitting.changes:
        for part in parts.values():
            part["image"] = _fitted(part["image"], fitting)
    return ArrayFiles(name or str(path), parts, LEVELS, found or classes)


def fashion_mnist(fitting: Fitting) -> ArrayFiles | None:
    """Fashion-MNIST from Debian's package; None where it is not installed."""
    return opened(FASHION_FOLDER, fitting, "fashion_mnist", FASHION)


def _fitted(pictures: np.ndarray, fitting: Fitting) -> np.ndarray:
    import tensorflow as tf

    each = tf.data.Dataset.from_tensor_slices(pictures).map(
        fitting.fit, num_parallel_calls=tf.data.AUTOTUNE
    )
    return np.concatenate(list(each.batch(1024).as_numpy_iterator()))


# --- IDX ------------------------------------------------------------------------------------------


def _idx(folder: Path) -> tuple[Parts, tuple[str, ...]]:
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        match = IDX.fullmatch(file.name)
        if not match:
            continue
        split = SPLIT[match["split"]]
        there = found.setdefault(split, file)
        # A file unpacked beside the packed one is the same.
        if there.name.removesuffix(".gz") != file.name.removesuffix(".gz"):
            raise UserError(
                f"{there} and {file.name} are both images of {split!r}: give each data set a "
                "folder of its own."
            )
    if "train" not in found:
        raise UserError(f"{folder} has test images alone: add its train-images-idx3-ubyte.")
    return {split: _idx_part(file) for split, file in found.items()}, ()


def _idx_part(file: Path) -> dict[str, np.ndarray]:
    pictures = _idx_array(file, 3)
    if file.name.startswith("emnist"):
        pictures = pictures.transpose(0, 2, 1)
    part = {"image": np.ascontiguousarray(pictures)[..., None]}
    name = file.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    labels = next((f for n in (name, f"{name}.gz") if (f := file.parent / n).exists()), None)
    if labels is None:
        return part
    numbers = _idx_array(labels, 1)
    if len(numbers) != len(pictures):
        raise UserError(
            f"{labels} has {len(numbers)} labels, and {file.name} {len(pictures)} images: they are "
            "of two data sets, or one is cut short."
        )
    return part | {"label": numbers.astype(np.int32)}


def _idx_array(file: Path, axes: int) -> np.ndarray:
    """uint8 numbers with so many axes."""
    content = _content(file)
    head = 4 + 4 * axes
    if content[:4] != bytes([0, 0, 8, axes]) or len(content) < head:
        raise UserError(f"{file} is no IDX file of bytes with {axes} axes: download it again.")
    shape = np.frombuffer(content, ">i4", axes, 4)
    wanted = head + int(np.prod(shape, dtype=np.int64))
    if len(content) != wanted:
        raise UserError(
            f"{file} has {len(content)} bytes, and {wanted} for what its head says: it is cut "
            "short, or changed. Download it again."
        )
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)


def _content(file: Path) -> bytes:
    """What is in a file, unpacked.  Raises: UserError."""
    try:
        content = file.read_bytes()
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{file} cannot be read: {error}. Download it again.") from None


# --- CIFAR ----------------------------------------------------------------------------------------


def _cifar(folder: Path) -> tuple[Parts, tuple[str, ...]]:
    ten = (folder / "data_batch_1.bin").exists()
    train = sorted(folder.glob("data_batch_*.bin")) if ten else [folder / "train.bin"]
    test = folder / ("test_batch.bin" if ten else "test.bin")
    parts = {"train": _cifar_part(train, 1 if ten else 2)}
    if test.exists():
        parts["test"] = _cifar_part([test], 1 if ten else 2)
    names = folder / ("batches.meta.txt" if ten else "fine_label_names.txt")
    classes = names.read_text("utf-8").split() if names.exists() else ()
    most = max(int(part["label"].max()) for part in parts.values())
    return parts, tuple(classes) if len(classes) > most else ()


def _cifar_part(files: list[Path], labels: int) -> dict[str, np.ndarray]:
    """Rows of `labels` bytes, of which the last is the label, then planes of red, green, blue."""
    rows, length = [], labels + 3 * 32 * 32
    for file in files:
        content = np.frombuffer(_content(file), np.uint8)
        if not len(content) or len(content) % length:
            raise UserError(
                f"{file} has {len(content)} bytes, and {length} for each image: it is cut short, "
                "or not of CIFAR. Download it again."
            )
        rows.append(content.reshape(-1, length))
    table = np.concatenate(rows)
    planes = table[:, labels:].reshape(-1, 3, 32, 32)
    return {
        "image": np.ascontiguousarray(planes.transpose(0, 2, 3, 1)),
        "label": table[:, labels - 1].astype(np.int32),
    }


# --- samples -------------------------------------------------------------------------------------


def _samples(folder: Path) -> tuple[Parts, tuple[str, ...]]:
    """All shards of `tfgen.shards`, with the labels that they were asked for."""
    held = Folder(folder)
    about, plan = held.read_manifest(), held.plan()
    part = {"image": np.concatenate([held.images(i) for i in range(plan.shards)])}
    if about["condition"].get("name") == "label":
        rows = [plan.block(i)[1] for i in range(plan.shards)]
        part["label"] = np.concatenate([row for row in rows if row is not None])
    return {"train": part}, ()


# --- .npz -----------------------------------------------------------------------------------------

# (images, labels) of a split, by the names that people give them.
KEYS = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels")),
    "validation": (("x_val", "y_val"), ("val_images", "val_labels")),
    "test": (("x_test", "y_test"), ("test_images", "test_labels")),
}
ALONE = (("image", "label"), ("images", "labels"), ("x", "y"), ("arr_0", "arr_1"))


def _npz(file: Path) -> tuple[Parts, tuple[str, ...]]:
    if not file.is_file():
        raise UserError(f"there is no file {file}.")
    try:
        with np.load(file, allow_pickle=False) as held:
            arrays = {key: held[key] for key in held.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{file} cannot be read as .npz: {error}.") from None
    keys = {split: pair for split, some in KEYS.items() for pair in some if pair[0] in arrays}
    alone = next((pair for pair in ALONE if pair[0] in arrays), None)
    if "train" not in keys and alone:
        keys["train"] = alone
    if "train" not in keys:
        raise UserError(
            f"{file} holds {', '.join(arrays) or 'nothing'}: wanted are `image` and, if there are "
            "any, `label`; or `x_train`, `y_train`, `x_test`, `y_test`."
        )
    return {split: _npz_part(file, arrays, *pair) for split, pair in keys.items()}, ()


def _npz_part(
    file: Path, arrays: dict[str, np.ndarray], image: str, label: str
) -> dict[str, np.ndarray]:
    part = {"image": images.levels_of(f"`{image}` of {file}", arrays[image], LEVELS)}
    if label in arrays:
        part["label"] = images.labels_of(arrays[label].ravel(), len(part["image"]))
    return part
