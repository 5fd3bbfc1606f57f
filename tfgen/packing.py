"""Packs a finished run into a preset: a folder or a `.zip` of what sampling and encoding need.

    packing.pack(run, "tfgen/presets/dcgan/digits")      # travels in the package
    packing.pack(run, "dcgan-digits.zip")                # travels by itself; tfgen.load takes it

Weights are float16, an error of 0.05 % of each; those that no image and no code depends on, as a
GAN's discriminator and the generator that its average stands for, are zero, which takes no room.
What the packed model is worth is measured anew.
"""

import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfgen import checksums, files, presets, startup
from tfgen.errors import UserError
from tfgen.run import Run

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel

# Who may say what of a data set, of those that come with tfgen or by their names.
LICENCES = {
    "digits": "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine "
    "Learning Repository 1998, CC BY 4.0",
    "fashion_mnist": "Fashion-MNIST, H. Xiao, K. Rasul and R. Vollgraf, Zalando SE 2017, MIT",
    "shapes": "sprites drawn by tfgen, Apache 2.0",
    "mnist": "MNIST, Y. LeCun and C. Cortes, CC BY-SA 3.0",
}
for _variant in ("digits_binary", "digit_styles"):
    LICENCES[_variant] = LICENCES["digits"]
for _variant in ("shapes_binary", "shapes_by_caption"):
    LICENCES[_variant] = LICENCES["shapes"]

# What a model is asked beside its endpoints, by images alone.
OF_IMAGES = (
    *("classify", "cluster", "class_log_prob", "code_kl", "denoise", "log_density"),
    *("pixel_log_prob",),
)
SMALLEST = 256  # numbers of an array that is halved: gains and log Z cost little and count for much


def pack(run: Run, out: str | os.PathLike, licence: str = "", **how: Any) -> Path:
    """Writes a finished run as a preset: a folder, or a file where `out` ends in ".zip".

    licence: of the data, where it is of none of `LICENCES`.
    how: it is measured, n=, k= and parts= as `Run.evaluate` takes them.

    Returns: the path.
    Raises: UserError for an unknown licence, or data that are not at hand to measure by.
    """
    out = Path(out).expanduser()
    data = run.config["data"]["name"]
    licence = licence or LICENCES.get(data, "")
    if not licence:
        raise UserError(f"the licence of {data} is not known: give `licence`, as 'CC BY 4.0, WHO'.")
    run.warn_of_unreached()
    with tempfile.TemporaryDirectory() as temporary:
        new = Path(temporary) / "preset"
        new.mkdir()
        _fill(run, new, licence, how)
        if out.suffix == ".zip":
            with files.atomic(out) as whole, zipfile.ZipFile(whole, "w") as archive:
                for file in sorted(new.iterdir()):
                    archive.write(file, file.name, zipfile.ZIP_DEFLATED)
        else:
            with files.folder(_ours(out)) as place:
                shutil.copytree(new, place, dirs_exist_ok=True)
    return out


def _ours(out: Path) -> Path:
    """Raises: UserError for a folder that holds something else than a preset."""
    held = {file.name for file in out.iterdir()} if out.is_dir() else set()
    if out.is_file() or not held <= set(presets.FILES):
        raise UserError(f"`out={out}` holds something else: choose another.")
    return out


def _fill(run: Run, new: Path, licence: str, how: Mapping[str, Any]) -> None:
    with startup.loading_tensorflow():
        from tfgen.evaluation.measure import measure
        from tfgen.exporting import golden
        from tfgen.reports import card

    for file in (run.dir.config_file, run.dir.data_file, run.dir.training, run.dir.codes):
        if file.exists():
            shutil.copyfile(file, new / file.name)
    small(run.model, new / "model.keras", run.dir.model)
    (new / "card.md").write_text("")  # what is measured is complete
    packed = Run(new)
    content, _ = measure(packed, **how)
    files.write_text(new / "metrics.json", json.dumps(content, indent=1, allow_nan=False) + "\n")
    files.write_text(new / "card.md", card.of_preset(run.dir, packed.model, content, licence))
    (new / "classifier.npz").unlink(missing_ok=True)  # of the data, and made again from them
    held = [file.name for file in new.iterdir()]
    golden.write(new / presets.GOLDEN, packed.model, checksums.of(new, held))


def small(model: "GenerativeModel", path: Path, original: Path) -> None:
    """Writes `model.keras` with float16 weights, and zeros for those that nothing depends on.

    original: the file that the model was loaded from, whose date and config are kept.
    """
    copy = model.without_optimizers()
    used = set(_used(copy))
    for weight in copy.weights:
        if id(weight) not in used and weight.dtype.startswith("float"):
            weight.assign(np.zeros(weight.shape, np.float32))
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "model.keras"
        copy.save_networks(whole)
        with zipfile.ZipFile(whole) as old, zipfile.ZipFile(original) as first:
            held = {name: old.read(name) for name in old.namelist()}
            held["metadata.json"] = first.read("metadata.json")
    (weights,) = (name for name in held if name.endswith(".h5"))
    held[weights] = _halved(held[weights])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in held.items():
            new.writestr(name, content)


def _used(model: "GenerativeModel") -> Iterator[int]:
    """The ids of the weights that a sample, a code or a likelihood depends on."""
    import tensorflow as tf

    from tfgen.exporting.endpoints import endpoints

    image = [tf.TensorSpec([1, *model.image_shape], tf.float32)]
    asked = [(end.function, list(end.inputs)) for end in endpoints(model, 1)]
    asked += [(getattr(model, name), image) for name in OF_IMAGES if model.can(name)]
    handles = {id(weight.value.handle): id(weight) for weight in model.weights}
    for function, inputs in asked:
        graph = tf.function(function, autograph=False).get_concrete_function(*inputs).graph
        yield from (handles[id(t)] for t in graph.external_captures if id(t) in handles)


def _halved(content: bytes) -> bytes:
    """An HDF5 file with its large float32 arrays as float16, packed."""
    import h5py

    halved = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as old, h5py.File(halved, "w") as new:

        def copy(name: str, item: Any) -> None:
            if not isinstance(item, h5py.Dataset):
                new.require_group(name).attrs.update(item.attrs)
                return
            value = item[()]
            half = value.astype(np.float16) if item.dtype == np.float32 else value
            if item.size < SMALLEST or not np.isfinite(half).all():
                half = value
            how = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
            made = new.create_dataset(name, data=half, **(how if item.size >= SMALLEST else {}))
            made.attrs.update(item.attrs)

        old.visititems(copy)
    return halved.getvalue()
