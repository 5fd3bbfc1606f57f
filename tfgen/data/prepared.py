"""Whether what TFDS has prepared on disk is whole: else the file is named, before training begins.

Disks fill up, copies break off, folders are tidied away; TFDS notices in the middle of a training,
or gives a data set without a split.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tfgen.errors import UserError

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

# Records of a split up to this size are read once, checksums and all; of larger ones, sizes alone.
MOST_READ = 2**30


def data_folder(directory: str = "") -> Path:
    """Where TFDS keeps its data, and we what is made of them; "": its default."""
    import tensorflow_datasets as tfds

    return Path(directory or tfds.core.constants.DATA_DIR).expanduser()


def check_description(builder: "tfds.core.DatasetBuilder") -> None:
    """Raises: UserError for a prepared data set that does not say which splits it has."""
    if not builder.info.splits:
        folder = Path(builder.data_path)
        file = folder / "dataset_info.json" if folder.is_dir() else folder
        what = "is broken" if file.exists() else "is not there"
        raise damaged(builder.name, file, what, folder)


def unreadable_description(name: str, directory: str) -> UserError:
    """What is said where TFDS cannot read the dataset_info.json of the set `name`.

    directory: where TFDS keeps prepared data; "": its default.
    """
    root = data_folder(directory) / name.partition("/")[0]
    files = sorted(root.rglob("dataset_info.json"))
    file = next((file for file in files if not _is_json(file)), None)
    return damaged(name, file or root, "is broken", (file or root / "file").parent)


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_bytes())
    except ValueError:
        return False
    return True


def check_records(builder: "tfds.core.DatasetBuilder", splits: Iterable[str]) -> None:
    """Raises: UserError for a file of the splits that is not there, cut short or changed."""
    folder = Path(builder.data_path)
    for split in splits:
        info = builder.info.splits[split]
        files = [Path(file) for file in info.filepaths]
        for file in files:
            if not file.exists():
                raise damaged(builder.name, file, "is not there", folder)
        size = sum(file.stat().st_size for file in files)
        tfrecord = builder.info.file_format.file_suffix == "tfrecord"
        if tfrecord and (size <= MOST_READ or size < info.num_bytes):
            for file, count in zip(files, info.shard_lengths, strict=True):
                wrong = _fault(file, count)
                if wrong:
                    raise damaged(builder.name, file, wrong, folder)


def _fault(file: Path, count: int) -> str:
    """What is wrong with a TFRecord file of so many records, a predicate; "" where nothing is."""
    import tensorflow as tf

    try:
        records = tf.data.TFRecordDataset(str(file)).batch(1024)
        found = sum(len(batch) for batch in records.as_numpy_iterator())
    except tf.errors.DataLossError:
        return "is cut short or changed"
    return "" if found == count else f"holds {found} records, and not {count}"


def damaged(name: str, file: Path, what: str, folder: Path) -> UserError:
    """What is said of a file of a prepared data set, and how the set is prepared again."""
    return UserError(
        f"the prepared data set {name!r} is damaged: {file} {what}. Take {folder} away, and the "
        "next command prepares the set again; or name another folder of prepared data with "
        "`data.directory`."
    )
