"""The one door: the name of a data set, a folder, or two domains -> a source."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfgen import addresses
from tfgen.addresses import FROM_FOLDERS
from tfgen.data.array_files import fashion_mnist, opened
from tfgen.data.binarised import binarised
from tfgen.data.domains import LETTERS, Domains, is_pair
from tfgen.data.fitting import WHITE, Fitting, of_settings
from tfgen.data.folder import FolderSource
from tfgen.data.in_memory import NAME
from tfgen.data.source import PACKAGED, TfdsSource, Unreachable
from tfgen.data.without import without
from tfgen.errors import UserError
from tfgen.sizes import size_of

if TYPE_CHECKING:
    from tfgen.data.source import Source


def of_run(settings: Mapping[str, Any]) -> "Source":
    """The data set of a run, from the "data" of its config: a mapping.

    Raises: UserError for a run of arrays, which no name brings back.
    """
    if settings["name"] == NAME:
        raise UserError(
            "the run was trained on arrays, which it does not hold: from Python, "
            "tfgen.load(DIR).evaluate(data=..., labels=..., validation=...) takes them again."
        )
    source = _opened(settings["name"], settings["directory"], of_settings(settings))
    return changed(source, settings)


def changed(source: "Source", settings: Mapping[str, Any]) -> "Source":
    """A source as the "data" of a config change it, wherever its images come from."""
    less = without(source, settings.get("leave_out", ""))
    return binarised(less, settings.get("binarise", "none"))


def name_of(settings: Mapping[str, Any], name: str = "") -> str:
    """What the "data" of a config are called, and what is done to them; name: another than its."""
    less, how = settings.get("leave_out", ""), settings.get("binarise", "none")
    return (
        (name or settings["name"])
        + (f" without {less}" if less else "")
        + {"none": "", "threshold": " in two levels", "dynamic": " drawn in two levels"}[how]
    )


def open_source(
    name: str,
    directory: str = "",
    size: int | str = 0,
    background: str = WHITE,
    resize: str = "crop",
    channels: str = "auto",
) -> "Source":
    """The data set `name`.

    Args:
      name: an embedded set, one of `PACKAGED`, a TFDS name ("mnist",
        "cycle_gan/horse2zebra"), or the path of a folder of images, which begins with "/", "." or
        "~"; or two of these with a comma, two domains.
      directory: where TFDS keeps prepared data; "" for its default ($TFDS_DATA_DIR or home).
      size: of the images, 64 or "48x64" (height x width); 0 keeps them as they are.
      background, resize, channels: see `Fitting`.

    Raises: UserError for an unknown name, an unreachable download, or an unusable folder.
    """
    return _opened(name, directory, Fitting(size_of(size), resize, channels, background))


def _opened(name: str, directory: str, fitting: Fitting) -> "Source":
    if "," in name:
        names = [part.strip() for part in name.split(",")]
        if len(names) != 2 or not all(names):
            raise UserError(f"{name!r} are not two domains: write two names with a comma.")
        return Domains(name, [_opened(part, directory, fitting) for part in names])
    addresses.refuse(name, FROM_FOLDERS)
    source: Source
    if name.startswith(("/", ".", "~")):
        path = Path(name).expanduser()
        source = opened(path, fitting) or FolderSource(path, fitting, directory)
    else:
        source = _by_name(name, directory, fitting)
    return Domains(name, [source, source], LETTERS) if is_pair(source.splits) else source


def _by_name(name: str, directory: str, fitting: Fitting) -> "Source":
    """A set of a system's package, or TFDS' own, or Debian's files of that without network."""
    if name in PACKAGED:
        return importlib.import_module(f"tfgen.data.{name}").source(fitting, directory)
    try:
        return TfdsSource(name, directory, fitting)
    except Unreachable as error:
        if name != "fashion_mnist":
            raise
        found = fashion_mnist(fitting)
        if found is None:
            raise UserError(
                f"{error} Debian and Ubuntu have it as a package: `apt-get install "
                "dataset-fashion-mnist`."
            ) from None
        return found
