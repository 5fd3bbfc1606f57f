"""The arguments of `tfgen.train`, checked and made into a job for the loop."""

import json
import os
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ml_collections import ConfigDict

from tfgen import declared, presets, progress, settings, startup
from tfgen.errors import UserError

if TYPE_CHECKING:
    import keras

    from tfgen.data.source import Source
    from tfgen.model import GenerativeModel
    from tfgen.run import Run


def train(
    model: Any,
    data: Any = "",
    *,
    workdir: str | os.PathLike = "",
    labels: Any = None,
    validation: Any = None,
    optimizers: Any = None,
    callbacks: Any = (),
    verbose: bool = True,
    init: str | os.PathLike = "",
    **changes: Any,
) -> "Run":
    """See `tfgen.train`."""
    named = isinstance(data, (str, os.PathLike))
    if named and not isinstance(data, str):
        data = str(Path(data).expanduser().resolve())  # a path is a folder, however it is written
    if named and not isinstance(validation, (str, type(None))):
        raise UserError(
            f"validation of the data set {data!r} is a split, as 'train[90%:]'; arrays go with "
            "arrays."
        )
    if not named and labels is not None and hasattr(data, "as_numpy_iterator"):
        raise UserError("a tf.data.Dataset holds its labels: (image, label); leave `labels` out.")
    if named and labels is not None:
        raise UserError("labels are given with an array of images; a data set has its own.")
    kind, config, made = _config_of(model, data if named else "")
    given = dict(changes.pop("settings", {}))
    _refuse_ignored(given, named, made)
    given |= {key: value for key, value in changes.items() if value is not None}
    _apply(config, given | ({"init": os.fspath(init)} if init else {}))
    source = None
    if named:
        _apply(config, {"data.validation": validation} if validation else {})
    else:
        source = _source(data, labels, validation, made, config)
    found = _optimizers(optimizers, made, config) if made or optimizers else None
    settings.check(config, kind)
    run_directory = workdir or default_workdir(kind, config)
    say = progress.say if verbose else progress.silent
    callbacks = tuple(callbacks or ())
    chosen = None if made else set(given)
    return run_job(kind, config, run_directory, made, source, found, callbacks, say, chosen)


# What a config says of data that have no name, too.
OF_ARRAYS = ("data.leave_out", "data.binarise", "data.flip")


def _refuse_ignored(changes: Mapping[str, Any], named: bool, made: Any) -> None:
    """Raises: UserError for settings that what was given has decided already."""
    for key in changes:
        if made is not None and (key == "seed" or key.startswith("model.")):
            raise UserError(f"`{key}` is decided: the model is made. Make it with what you want.")
        if not named and key.startswith("data.") and key not in OF_ARRAYS:
            raise UserError(f"`{key}` is for data that have a name: change the arrays instead.")


def run_job(
    kind: str,
    config: ConfigDict,
    workdir: str | os.PathLike,
    model: Any = None,
    source: Any = None,
    optimizers: dict | None = None,
    callbacks: Any = (),
    say: Callable[[str], None] = progress.say,
    given: Collection[str] | None = None,
) -> "Run":
    """Trains by a checked config; loads TensorFlow, if nobody has.

    given: the dotted names of what a user chose; the rest follows from the data (None: nothing).
    """
    presets.refuse_to_train("workdir", workdir)
    loop = _loop()
    job = loop.Job(kind, config, model, source, optimizers, callbacks, given, say=say)
    return loop.train(job, workdir)


def try_job(kind: str, config: ConfigDict, given: Collection[str] | None = None) -> None:
    """Opens the data and builds the model of a checked config, and trains nothing.

    given: as of `run_job`; what follows from the data stands in `config` then.

    Raises: UserError for what `run_job` refuses.
    """
    loop = _loop()
    _, model, _, _ = loop.prepare(loop.Job(kind, config, given=given))
    if config.init:
        from tfgen.training import initial

        initial.copy_weights(config.init, model, progress.silent)


def _loop() -> ModuleType:
    """The training loop, with TensorFlow loaded."""
    with startup.loading_tensorflow():
        import tensorflow as tf

        from tfgen.training import devices, loop

        tf.config.list_physical_devices()
    devices.use_cores()
    return loop


def default_workdir(kind: str, config: ConfigDict) -> Path:
    """runs/<model>-<data>."""
    from tfgen.run_dir import short_name

    name = config.data.name
    name = Path(name).name if name.startswith(("/", ".", "~")) else name
    name = re.sub(r"[^\w.-]+", "-", name)
    return Path("runs") / f"{short_name(kind)}-{name}"


def _config_of(model: Any, data: str) -> "tuple[str, ConfigDict, GenerativeModel | None]":
    """(the model's name, its config, the model if a user made one)."""
    if isinstance(model, (str, os.PathLike)):
        kind = settings.kept(os.fspath(model))
        return kind, settings.find(kind, data), None
    from tfgen.model import GenerativeModel

    if not isinstance(model, GenerativeModel):
        given = model.__name__ if isinstance(model, type) else type(model).__name__
        raise UserError(
            f"model is {given}; wanted is a name, as 'vae', the path of a file that defines a "
            "model, or a model that is made: VAE(image_shape=(28, 28, 1), levels=256)."
        )
    kind = _name_of(type(model))
    config = settings.find(kind, data) if kind in settings.names() else settings.defaults()
    if data:
        config.data.name = data
    config.seed = model.seed
    config.model = ConfigDict(_arguments(model))
    return kind, config, model


def _name_of(kind: "type[GenerativeModel]") -> str:
    """What a run keeps of a class: the name of a model of the zoo, or Keras' name of it."""
    import keras

    from tfgen import models

    package, _, name = kind.__module__.rpartition(".")
    if package == "tfgen.models":
        return name
    return str(keras.saving.get_registered_name(models.registered(kind)))


def _arguments(model: "GenerativeModel") -> dict[str, Any]:
    """The constructor's arguments as config.json has them; of networks a fingerprint."""
    from tfgen import networks

    found = {}
    for name, value in model.get_config().items():
        if name in declared.NOT_SETTINGS:
            continue
        if isinstance(value, dict):
            value = f"a network of one's own, {networks.fingerprint(value)}"
        if value is not None:
            found[name] = list(value) if isinstance(value, tuple) else value
    return found


def _apply(config: ConfigDict, changes: Mapping[str, Any]) -> None:
    """Sets settings by their dotted names.

    Raises: UserError for a name that is none, or a value of another type.
    """
    known = list(settings.keys(config))
    for key, value in changes.items():
        settings.known(key, known)
        value = value.item() if hasattr(value, "item") else value  # a number of NumPy
        value = str(value) if key == "data.size" and isinstance(value, int) else value
        kind = type(settings.value(config, key)).__name__
        try:
            if value is None:  # which any setting of ml_collections may be
                raise TypeError
            config.update_from_flattened_dict({key: value})
        except TypeError:
            raise UserError(
                f"`{key}` is {value!r}, of type {type(value).__name__}; wanted is {kind}."
            ) from None


def _source(
    data: Any, labels: Any, validation: Any, made: "GenerativeModel | None", config: ConfigDict
) -> "Source":
    """The data set of arrays, which the config knows by their fingerprint."""
    with startup.loading_tensorflow():
        from tfgen.data import changed, in_memory
    source = in_memory.given(data, labels, validation, made.levels if made else 256)
    config.data = ConfigDict(config.data.to_dict() | {"name": source.name, "split": "train"})
    config.data.fingerprint = source.fingerprint
    images = source.parts["train"]["image"]
    config.data.shape = [len(images), *images.shape[1:]]
    return changed(source, config.data)


def _optimizers(
    given: Any, made: "GenerativeModel | None", config: ConfigDict
) -> "dict[str, keras.optimizers.Optimizer] | None":
    """{name: Keras optimizer} where they are the user's own, and their settings in the config."""
    import keras

    names = sorted(made.trained()) if made else sorted(config.optimizers)
    if given is None and made and not config.optimizers:
        given = made.optimizers or None
        if given is None:
            raise UserError(
                f"{type(made).__name__} has no config with optimizers: give `optimizers`, one for "
                f"each of {', '.join(names)}, or a name for all, as 'adam'."
            )
    if given is None:
        return None
    if not isinstance(given, dict):
        given = dict.fromkeys(names, given)
    if sorted(given) != names:
        raise UserError(f"optimizers are {sorted(given)}; wanted is one for each of {names}.")
    try:
        found = {name: keras.optimizers.get(one) for name, one in given.items()}
    except ValueError as error:
        raise UserError(f"optimizers: {str(error).splitlines()[0]}") from None
    # Copies: an optimizer of Keras trains the variables that it has seen first, and no others.
    given = {name: type(one).from_config(one.get_config()) for name, one in found.items()}
    # Without the names, which Keras numbers.
    kept = {
        name: json.dumps({k: v for k, v in one.get_config().items() if k != "name"}, default=str)
        for name, one in given.items()
    }
    config.optimizers = ConfigDict(
        {name: {"keras": type(given[name]).__name__, "of": text} for name, text in kept.items()}
    )
    return given
