"""A page that runs a finished model in the browser.

A static page: a grid of samples, sliders for the latents, an interpolation. It runs the LiteRT file
with LiteRT.js, whose WebAssembly is copied into the page, so that any static web server will do and
no network is needed. LiteRT.js comes from npm, once, and is kept in the user's cache.

Nearly all of the page's weight is that runtime, whatever the model's size. So the page has one
build of it, for every browser, packed to a third: 2.8 MB, which the page unpacks itself, for not
every server would. The browser keeps it for the next visit.
"""

import gzip
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen import data, files, latents, startup
from tfgen.compiling import compiled
from tfgen.data import conditions
from tfgen.errors import UserError, one_of
from tfgen.exporting import golden, tflite
from tfgen.reports import kept_codes, provenance
from tfgen.run_dir import data_name

if TYPE_CHECKING:
    from tfgen.evaluation.finished import FinishedRun
    from tfgen.model import GenerativeModel


LITERT_JS = "2.5.3"
# Of its builds the one that every browser runs. Threads would need special headers of the server,
# and relaxed SIMD, which some browsers lack, a second build of the same size beside this one.
BUILD = "litert_wasm_compat_internal"
SLIDERS = 8
ABOUT = "about.json"  # what a page of ours has


def runtime() -> Path:
    """The folder of LiteRT.js as npm installs it, from the cache or from npm.

    Raises: UserError if it is not there and npm cannot bring it.
    """
    cache = files.cache()
    folder = cache / f"litertjs-{LITERT_JS}"
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        install = ["npm", "install", "--ignore-scripts", "--no-save", "--no-audit", "--no-fund"]
        packages = [f"@litertjs/{name}@{LITERT_JS}" for name in ("core", "wasm-utils")]
        try:
            subprocess.run(
                [*install, "--prefix", temporary, *packages],
                check=True,
                capture_output=True,
                text=True,
            )
        except FileNotFoundError:
            raise UserError("npm is needed once, to bring LiteRT.js: install Node.js.") from None
        except subprocess.CalledProcessError as error:
            raise UserError(f"npm cannot bring LiteRT.js {LITERT_JS}: {error.stderr}") from None
        try:
            os.rename(Path(temporary) / "node_modules" / "@litertjs", folder)
        except OSError:
            if not folder.exists():  # else another process has brought the same meanwhile
                raise
    return folder


def export_run(
    run: "FinishedRun", out: str | os.PathLike = "site", precision: str = "float32"
) -> Path:
    """Writes the page of a `Run` into the folder `out`. Returns its path.

    Raises: UserError for an unknown precision, or a folder that holds something else.
    """
    one_of("precision", precision, tflite.PRECISIONS)
    run.warn_of_unreached()
    with startup.loading_tensorflow():
        name = data_name(run.config["data"]["name"])
        whence = provenance.of(run.dir, run.model)
        write(run.model, run.name, name, precision, out, attributes(run), whence)
    return Path(out)


def write(
    model: "GenerativeModel",
    name: str,
    data_name: str,
    precision: str,
    out: str | os.PathLike,
    directions: Mapping[str, np.ndarray] | None = None,
    whence: Mapping[str, str] | None = None,
) -> None:
    """Writes the page into the folder `out`, which must be empty or a page of ours.

    directions: attribute vectors {name: [Z]} to add to latents; whence: `provenance.of` a run.

    Raises: UserError if it is neither.
    """
    check_out(out)
    about, content = described(model, name, data_name, precision, directions, whence)
    with files.folder(out) as new:
        about["runtime_bytes"] = copy_site("demo", new)
        (new / "model.tflite").write_bytes(content)
        files.write_text(new / ABOUT, json.dumps(about, indent=1) + "\n")


def check_out(out: str | os.PathLike) -> None:
    """Raises: UserError for a folder that is neither empty nor a page of ours."""
    out = Path(out)
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / ABOUT).exists())):
        raise UserError(f"{out} is not an empty folder: choose another `out`.")


def described(
    model: "GenerativeModel",
    name: str,
    data_name: str,
    precision: str,
    directions: Mapping[str, np.ndarray] | None = None,
    whence: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], bytes]:
    """(what a page has to know of a model, its LiteRT file); see `write` for the arguments.

    Raises: UserError for a model that does not sample.
    """
    if not model.can("sample"):
        raise UserError(f"{name} makes images of images; the page shows what seeds give.")
    noise = model.noise(np.zeros(1, np.int32))
    content = tflite.convert(model, precision, sampling_alone=True)
    about = {
        "model": name,
        "data": data_name,
        "precision": precision,
        "bytes": len(content),
        "whence": dict(whence or {}),
        "prior": getattr(model, "prior", "normal"),
        "noise": {key: list(value.shape) for key, value in noise.items()},
        "latents": telling_latents(model) if "z" in noise else [],
        "directions": {key: np.round(v, 4).tolist() for key, v in (directions or {}).items()},
        **golden.describe(model),
    }
    return about, content


def copy_site(page: str, out: Path) -> int:
    """A page, "demo" or "gallery", what both share, and the runtime; how many bytes that has."""
    library, site = runtime(), Path(__file__).parent / "site"
    for file in [*(site / "shared").iterdir(), *(site / page).iterdir()]:
        shutil.copyfile(file, out / file.name)
    vendor, core = out / "vendor", library / "core"
    for package in ("core", "wasm-utils"):
        (vendor / package).mkdir(parents=True)
        shutil.copyfile(library / package / "dist" / "index.js", vendor / package / "index.js")
    shutil.copyfile(core / "wasm" / f"{BUILD}.js", vendor / "core" / "litert.js")
    packed = gzip.compress((core / "wasm" / f"{BUILD}.wasm").read_bytes(), mtime=0)
    return (vendor / "core" / "litert.wasm.gz").write_bytes(packed)


def telling_latents(model: "GenerativeModel", count: int = SLIDERS, samples: int = 16) -> list[int]:
    """The latents that change images most: how far pixels move when one goes from -1 to 1."""
    if model.can("guided"):  # the noise of a diffusion has a number for each pixel, none for more
        return []
    noise = {k: np.asarray(v) for k, v in model.noise(np.arange(samples, dtype=np.int32)).items()}
    rows = conditions.defaults(model.condition, samples)
    # Compiled: a sampler of many steps would take minutes op by op.
    decode = compiled(lambda z: model.generate(noise | {"z": z}, rows))
    order, _ = latents.by_change(decode, noise["z"])
    return order[:count].tolist()


def attributes(run: "FinishedRun") -> dict[str, np.ndarray]:
    """Attribute vectors of the run's data, {name: [Z]}.

    None where the latents that the page moves are not the codes that images have.
    """
    model = run.model
    moved = model.can("encode") and set(model.noise(np.zeros(1, np.int32))) == {"z"}
    if not moved:
        return {}
    kept = kept_codes.read(run.dir)
    if kept:
        return kept.directions
    if not run.finds_data("the page has no buttons for attributes"):  # a run of an older version
        return {}
    arrays = data.arrays(run.training)
    images = run.images(arrays)[: kept_codes.MOST]
    labels = arrays["label"][: kept_codes.MOST] if "label" in arrays else None
    return latents.directions(model, images, labels, run.training.classes)
