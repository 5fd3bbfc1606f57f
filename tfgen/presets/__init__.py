"""Trained models that travel in the package, and where a model is that a user names.

    tfgen/presets/<model>/<data>/
        model.keras    float16 weights of what sampling and encoding need; all others are zero
        config.json, data.json, training.json, codes.npz: those of the run
        metrics.json   what these weights are worth, measured anew
        card.md        the same for people, the licence of the data, and the command that trained it
        golden.json    images of some seeds, and the SHA-256 of the other files

A `.zip` holds the same files (`tfgen/packing.py` makes both). Loads no TensorFlow.
"""

import dataclasses
import hashlib
import os
import zipfile
from pathlib import Path

from tfgen import addresses, checksums, files
from tfgen.errors import UserError, nearest, one_of
from tfgen.run_dir import RunDir

FOLDER = Path(__file__).parent
ZOO = "zoo:"
GOLDEN = "golden.json"
# All that a preset may hold: of a zip from elsewhere nothing else is unpacked.
FILES = (
    *("config.json", "data.json", "training.json", "metrics.json", "codes.npz", "card.md"),
    *("model.keras", GOLDEN),
)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a model is: path, its folder; out, where what is made of it goes, "": there."""

    path: Path
    out: str = ""


def names() -> list[str]:
    """The presets, as "dcgan/digits"."""
    return sorted("/".join(file.parts[-3:-1]) for file in FOLDER.glob(f"*/*/{GOLDEN}"))


def locate(given: str | os.PathLike, sha256: str = "") -> Place:
    """The folder of a run, a preset or a zip.

    given: "zoo:dcgan/digits", a preset; a folder, or a run in a store; a `.zip`; or "dcgan/digits",
      a preset where there is no folder of this name.
    sha256: of the zip, in hexadecimal; "": it is not compared.

    Raises: UserError for an unknown preset, and for files that are damaged or others.
    """
    text = os.fspath(given)
    path = Path(text).expanduser()
    zipped = path.suffix == ".zip" and not path.is_dir()
    if sha256 and not zipped:
        raise UserError(f"`sha256` is of a .zip, and {text} is none.")
    if text.startswith(ZOO):
        return _preset(text.removeprefix(ZOO))
    if zipped:
        addresses.refuse(text, "a .zip is read from a disk")
        return _unpacked(path, sha256)
    if addresses.is_one(text):
        return Place(RunDir(text).path)
    if not path.exists() and (text in names() or nearest(text, names())):
        return _preset(text)
    return Place(path)


def run_dir(given: str | os.PathLike) -> RunDir:
    """What lies in that folder.  Raises: UserError, as `locate`."""
    return RunDir(locate(given).path)


def refuse_to_train(argument: str, given: str | os.PathLike) -> None:
    """Raises: UserError for a preset, of which a training would begin with zeros."""
    if os.fspath(given).startswith(ZOO):
        raise UserError(
            f"`{argument}={given}` is a preset, which has the weights of samples and codes alone: "
            "name the folder of a run."
        )


def _preset(name: str) -> Place:
    one_of("preset", name, names())
    folder = FOLDER / name
    _check(folder, "install tfgen again")
    # Beside the runs of the user: the package is not theirs to write into.
    return Place(folder, str(Path("runs") / f"zoo-{name.replace('/', '-')}"))


def _unpacked(path: Path, sha256: str) -> Place:
    """A zip, unpacked into the cache, once for each content."""
    if not path.is_file():
        raise UserError(f"there is no file {path}.")
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 and digest != sha256.lower():
        raise UserError(
            f"{path} has the SHA-256 {digest}, and given is `sha256={sha256}`: it is another file, "
            "or damaged. Bring it again, and the digest from who made it."
        )
    folder = files.cache() / "presets" / digest
    if not folder.exists():
        _unpack(path, folder)
    _check(folder, f"take {folder} away, and it is unpacked again")
    return Place(folder, str(Path("runs") / f"zip-{path.stem}"))


def _unpack(path: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            held = set(archive.namelist()) & set(FILES)
            if not {"config.json", "model.keras", GOLDEN} <= held:
                raise UserError(f"{path} is no packed run: export.pack makes such files.")
            with files.folder(folder) as new:
                for name in held:
                    (new / name).write_bytes(archive.read(name))
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError) as error:
        raise UserError(f"{path} cannot be read as a zip: {error}. Bring it again.") from None


def _check(folder: Path, advice: str) -> None:
    """Raises: UserError for files that golden.json does not know as they are."""
    known = checksums.read_golden(folder / GOLDEN)["files"]
    checksums.check({name: known.get(name, "") for name in _held(folder)}, folder, advice)


def _held(folder: Path) -> list[str]:
    return [name for name in FILES if name != GOLDEN and (folder / name).exists()]
