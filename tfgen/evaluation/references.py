"""What real images and trivial generators get on a data set, which depends on no model.

Where images are many that takes longer than what a model gets, so it is found once:

    DATA/tfgen_references/KEY.json

DATA is where TFDS keeps its data. KEY is of the images and labels, of the protocol, and of the code
that measures: where one of them changes, all is found anew.
"""

import contextlib
import dataclasses
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import tfgen
from tfgen import files
from tfgen.data.prepared import data_folder
from tfgen.evaluation.absent import Absent

if TYPE_CHECKING:
    from tfgen.evaluation.protocol import Protocol, Splits
    from tfgen.evaluation.samples import Comparison

# Pairs of samples and training images from which on it is worth a file: fewer take seconds.
MANY = 50_000_000
OF_LIKELIHOODS = ("k", "nll_n")


@dataclasses.dataclass(frozen=True)
class References:
    """Attributes: floor, of real images, and its `errors`; baselines, {name: {metric: number}};
    absent, {metric of the floor: why there is none}."""

    floor: dict[str, float]
    errors: dict[str, float]
    baselines: dict[str, dict[str, float]]
    absent: dict[str, str]


def known_references(comparison: "Comparison", directory: str) -> References:
    """Those of a data set, from their file if there is one.

    directory: where TFDS keeps its data; "": its default.
    """
    splits, protocol = comparison.splits, comparison.protocol
    if protocol.n * len(splits.train["image"]) < MANY:
        return _found(comparison)
    file = data_folder(directory) / "tfgen_references" / f"{_key(splits, protocol)}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):  # none, or none that can be read
        return References(**json.loads(file.read_bytes()))
    found = _found(comparison)
    with contextlib.suppress(OSError):  # found again by the next command
        files.write_text(file, json.dumps(dataclasses.asdict(found)))
    return found


def _found(comparison: "Comparison") -> References:
    absent = Absent()
    floor = comparison.floor(absent)
    return References(floor, comparison.floor_errors(), comparison.baselines(), absent.reasons)


def _key(splits: "Splits", protocol: "Protocol") -> str:
    named = {k: v for k, v in dataclasses.asdict(protocol).items() if k not in OF_LIKELIHOODS}
    digest = hashlib.sha256(json.dumps([named, splits.about.levels], sort_keys=True).encode())
    for arrays in (splits.train, splits.held_out):
        for name in ("image", "label"):
            if name in arrays:
                digest.update(arrays[name].tobytes())
    package = Path(tfgen.__file__).parent
    for part in ("metrics", "evaluation"):
        for file in sorted((package / part).glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
