"""What a run was trained on, data.json, so that other images than those are noticed."""

import json
from typing import TYPE_CHECKING, Any

from tfgen import files, reading

if TYPE_CHECKING:
    from tfgen.data.source import ImageData
    from tfgen.run_dir import RunDir

SHAPE = {"split": str, "size": int, "classes": [str], "fingerprint": str}


def write(run: "RunDir", training: "ImageData", validation: "ImageData") -> None:
    content = {"training": described(training), "validation": described(validation)}
    files.write_text(run.data_file, json.dumps(content, indent=1) + "\n")


def changed(run: "RunDir", training: "ImageData", validation: "ImageData") -> str:
    """What is not as the run was begun with, a clause; "" where all is, or nothing was recorded.

    Raises: UserError for a broken data.json.
    """
    if not run.data_file.exists():
        return ""
    shape = {"training": SHAPE, "validation": SHAPE}
    then = reading.read_json(run.data_file, shape, "without it changes of the data go unnoticed")
    for key, data in (("training", training), ("validation", validation)):
        old, now = then[key], described(data)
        if old["classes"] != now["classes"]:
            return (
                f"{data.name} had the classes {', '.join(old['classes']) or 'none'} when the run "
                f"in {run.address} was begun, and has {', '.join(now['classes']) or 'none'} now"
            )
        if old != now:
            return (
                f"the {key} split of {data.name} had {old['size']} images when the run in "
                f"{run.address} was begun, and has {now['size']} now"
                + (" of other names or content" if old["size"] == now["size"] else "")
            )
    return ""


def classes(run: "RunDir") -> list[str] | None:
    """The classes of the data that a run was trained on; None where it recorded none.

    Raises: UserError for a broken data.json.
    """
    if not run.data_file.exists():
        return None
    found = reading.read_json(
        run.data_file, {"training": SHAPE}, "without it changes of the data go unnoticed"
    )
    return list(found["training"]["classes"])


def described(data: "ImageData") -> dict[str, Any]:
    other = f" {data.other.fingerprint}" if data.other else ""
    return {
        "split": data.split,
        "size": data.size,
        "classes": list(data.classes),
        "fingerprint": data.fingerprint + other,
    }
