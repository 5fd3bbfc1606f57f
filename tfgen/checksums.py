"""The SHA-256 of an export's files, which its golden.json holds: a damaged file is not sampled.

Loads no TensorFlow, for devices that have a LiteRT file alone.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tfgen import reading
from tfgen.errors import UserError
from tfgen.run_dir import RunDir


def of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """{name of a file in the folder: SHA-256 in hexadecimal}."""
    found = {}
    for name in sorted(names):
        with open(folder / name, "rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def of_model(path: str | os.PathLike) -> str:
    """The SHA-256 of a model: of a file, of a run's model.keras, of all files of a SavedModel."""
    model = Path(path)
    if (model / "saved_model.pb").exists():
        names = [str(file.relative_to(model)) for file in model.rglob("*") if file.is_file()]
        text = "".join(f"{sha}  {name}\n" for name, sha in of(model, names).items())
        return hashlib.sha256(text.encode()).hexdigest()
    if model.is_dir():
        model = RunDir(model).model
    return of(model.parent, [model.name])[model.name]


def read_golden(path: Path) -> dict[str, Any]:
    """What a golden.json says; files of versions before name no checksums.

    Raises: UserError for one that is broken.
    """
    about = reading.read_json(path, {"num_classes": int}, "export the run again")
    wrong = reading.misfit(about.setdefault("files", {}), {str: str}, "'files'")
    wrong = wrong or reading.misfit(about.setdefault("apart", {}), {str: int}, "'apart'")
    if wrong:
        raise UserError(f"{path} is broken ({wrong}); export the run again.")
    return about


def check(files: dict[str, str], folder: Path, advice: str = "export the run again") -> None:
    """Looks at the files of a folder, {name: SHA-256}; one that is none of them is not looked at.

    advice: what to do for one that cannot be copied again, a clause.

    Raises: UserError for a file that is missing or not as it was written.
    """
    for name, wanted in files.items():
        path = folder / name
        if not path.is_file() or of(folder, [name])[name] != wanted:
            fault = "is not the file that was exported" if path.is_file() else "is missing"
            raise UserError(
                f"{path} {fault}: golden.json has its SHA-256, {wanted[:12]} ... Copy it again, or "
                f"{advice}."
            )
