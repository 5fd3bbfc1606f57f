"""What `tfgen.train` was given, as a job for the loop."""

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_collections import ConfigDict

from tfgen import declared, progress, quiet, settings
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
    data = os.fspath(data) if named else data
    if not named and labels is not None and hasattr(data, "as_numpy_iterator"):
        raise UserError("a tf.data.Dataset holds its labels: (image, label); leave `labels` out.")
    if named and labels is not None:
        raise UserError("labels are given with an array of images; a data set has its own.")
    kind, config, made = _config_of(model, data if named else "")
    _apply(config, changes.pop("settings", {}) | changes | {"init": os.fspath(init)})
    source = None
    if named:
        _apply(config, {"data.validation": validation or None})
    else:
        source = _source(data, labels, validation, made, config)
    found = _optimizers(optimizers, made, config) if made or optimizers else None
    settings.check(config, kind)
    run_directory = workdir or default_workdir(kind, config)
    say = progress.say if verbose else progress.silent
    return run_job(kind, config, run_directory, made, source, found, callbacks, say)


def run_job(
    kind: str,
    config: ConfigDict,
    workdir: str | os.PathLike,
    model: Any = None,
    source: Any = None,
    optimizers: dict | None = None,
    callbacks: Any = (),
    say: Callable[[str], None] = progress.say,
) -> "Run":
    """Trains by a checked config; loads TensorFlow, if nobody has."""
    with quiet.loading_tensorflow():
        import tensorflow as tf

        from tfgen.training import devices, loop

        tf.config.list_physical_devices()
    devices.use_cores()
    job = loop.Job(kind, config, model, source, optimizers, callbacks, say)
    return loop.train(job, workdir)


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
        kind = os.fspath(model)
        if settings.is_file(kind):
            kind = str(Path(kind).expanduser().resolve())
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

    package, _, name = kind.__module__.rpartition(".")
    if package == "tfgen.models":
        return name
    registered = keras.saving.get_registered_name(kind)
    if registered == kind.__name__:
        raise UserError(
            f"Keras cannot find {kind.__name__} again when its model is loaded: put "
            f'@keras.saving.register_keras_serializable("mine") before the class.'
        )
    return registered


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
    """Sets settings by their dotted names; None leaves one as it is.

    Raises: UserError for a name that is none, or a value of another type.
    """
    known = list(settings.keys(config))
    for key, value in changes.items():
        if value is None:
            continue
        settings.known(key, known)
        *sections, last = key.split(".")
        section = config
        for part in sections:
            section = section[part]
        try:
            section[last] = value
        except TypeError:
            kind = type(section[last]).__name__
            raise UserError(
                f"`{key}` is {value!r}, of type {type(value).__name__}; wanted is {kind}."
            ) from None


def _source(
    data: Any, labels: Any, validation: Any, made: "GenerativeModel | None", config: ConfigDict
) -> "Source":
    """The data set of arrays, which the config knows by their fingerprint."""
    with quiet.loading_tensorflow():
        from tfgen.data import in_memory
        from tfgen.data.without import without
    source = in_memory.given(data, labels, validation, made.levels if made else 256)
    config.data = ConfigDict(config.data.to_dict() | {"name": source.name, "split": "train"})
    if isinstance(source, in_memory.ArraySource):
        config.data.fingerprint = source.fingerprint
        images = source.parts["train"]["image"]
        config.data.shape = [len(images), *images.shape[1:]]
    return without(source, config.data.leave_out)


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
        one = keras.optimizers.get(given)
        given = {name: type(one).from_config(one.get_config()) for name in names}
    if sorted(given) != names:
        raise UserError(f"optimizers are {sorted(given)}; wanted is one for each of {names}.")
    kept = {name: json.dumps(o.get_config(), default=str) for name, o in given.items()}
    config.optimizers = ConfigDict(
        {name: {"keras": type(given[name]).__name__, "of": text} for name, text in kept.items()}
    )
    return given
