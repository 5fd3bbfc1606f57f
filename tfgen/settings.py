"""What a config is: the settings of every run, the files that fill them in, and their check.

A file of configs/ holds `get_config()`, which says what differs from `defaults` and from the
defaults that the model's class declares (`tfgen/declared.py`), and `ON`, {data set: {setting:
value}}, which says what differs on that data set. Its `rule` derives settings from the data's
shape and count (`tfgen/rules.py`), which are known once the data are open: `derive`.

In a checkout the files are those of configs/ at its top; an installed tfgen carries the same files.
They are loaded here and not imported, so that none of them is two modules.
"""

import functools
import hashlib
import importlib.util
import math
import sys
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from tfgen import declared, rules, sizes, startup
from tfgen.declared import Range
from tfgen.errors import UserError, nearest, one_of

SECTIONS = ("data", "model", "optimizers")
DECAYS = ("none", "cosine", "linear")
PRECISIONS = ("float32", "bfloat16", "float16")
COMPILE = ("auto", "xla", "fused", "none")
# Which settings each kind of optimizer reads beside those that all read.
KINDS = {
    "adam": ("beta_1", "beta_2"),
    "adamw": ("beta_1", "beta_2", "weight_decay"),
    "sgd": ("momentum", "weight_decay"),
    "rmsprop": ("beta_2", "momentum", "weight_decay"),
    "lion": ("beta_1", "beta_2", "weight_decay"),
}


class Derived(NamedTuple):
    """What a rule makes of the data: {setting: value}, and the seconds of a step (0: unknown)."""

    values: dict[str, Any]
    seconds: float


_ONE, _ZERO = Range(1), Range(0)
# What every run has: {setting: (default, what a number may be, meaning)}.
RUN = {
    "seed": (
        0,
        Range(0, 2**31 - 1),
        "of weights, data order and noise: the run is a function of it",
    ),
    "steps": (10_000, _ONE, "updates"),
    "batch_size": (64, _ONE, "images a step, of all replicas together"),
    "accumulate": (
        *(1, _ONE),
        "parts in which a step takes its batch, one after another: less memory, the same step",
    ),
    "log_every": (100, _ONE, "steps between rows of log.csv"),
    "save_every": (1000, _ONE, "steps between checkpoints and grids; a multiple of log_every"),
    "eval_every": (
        *(0, _ZERO),
        "steps between looks at the validation split, of which the best is kept; 0: none",
    ),
    "eval_metric": (
        *("auto", None),
        'what "best" means, the less the better: a term, frechet, kid',
    ),
    "patience": (0, _ZERO, "stop after so many looks without a better one; 0: never"),
    "replicas": (0, _ZERO, "0: one for each GPU, or one CPU; n: n GPUs, or n logical CPU devices"),
    "init": ("", None, "a run of the same model whose weights this one begins with"),
    "precision": (
        *("float32", None),
        "that networks compute in: float32, bfloat16, float16; all else is float32",
    ),
    "tf32": (False, None, "products of float32 in 19 bits, on GPUs that have them"),
    "deterministic": (
        *(True, None),
        "bit-identical runs; on a GPU they take 1.5 to 8.5 times as long",
    ),
    "compile": (
        *("auto", None),
        "auto: by XLA on a GPU unless deterministic; xla: in any case; fused: all but "
        "convolutions and matrix products; none: op by op",
    ),
    "data.name": ("digits", None, 'an embedded set, any TFDS name, or a folder ("./pictures")'),
    "data.split": ("train", None, "what is trained on; with slices: train[:90%]"),
    "data.validation": ("", None, "'': the data's own, else the last tenth of data.split"),
    "data.leave_out": ("", None, "a class whose images are not used; train.anomaly looks for them"),
    "data.size": ("0", None, "of images, 64 or 48x64 (height x width); 0: as they are"),
    "data.resize": ("crop", None, "how: crop to the shape, pad with data.background, or stretch"),
    "data.channels": ("auto", None, "auto: as they are; 1: grey; 3: greys in three channels too"),
    "data.binarise": (
        *("none", None),
        "threshold: two levels, split at half; dynamic: drawn at each step, 1 with a pixel's share",
    ),
    "data.flip": (False, None, "train on images mirrored from left to right as well, half of them"),
    "data.background": (
        "white",
        None,
        "the colour below what is transparent in a folder's pictures, and beside what is padded",
    ),
    "data.directory": ("", None, "where TFDS keeps data; '': $TFDS_DATA_DIR or the home directory"),
}
# What every optimizer has, as RUN.
OPTIMIZER = {
    "kind": ("adam", None, f"one of {', '.join(KINDS)}"),
    "learning_rate": (1e-3, Range(above=0), "the length of a step"),
    "beta_1": (0.9, Range(0, below=1), "of adam, adamw, lion: decay of the mean of gradients"),
    "beta_2": (
        *(0.999, Range(0, below=1)),
        "of adam, adamw, rmsprop: decay of the mean of their squares; of lion: of what it keeps",
    ),
    "momentum": (0.0, Range(0, below=1), "of sgd, rmsprop: the share of the last step in the next"),
    "weight_decay": (
        *(0.0, Range(0)),
        "of all but adam: a step takes this times the rate off matrices and kernels; 0: nothing",
    ),
    "clip": (0.0, Range(0), "the most that the gradient's norm may be, over all weights; 0: any"),
    "warmup": (0, _ZERO, "steps over which the rate rises from 0 along a line, before its decay"),
    "decay": (
        *("none", None),
        "of the rate: none, cosine (to zero), linear (to zero in the second half)",
    ),
}


def defaults() -> ConfigDict:
    """The settings of every run; a model's file fills in `model` and `optimizers`."""
    config = ConfigDict({section: {} for section in SECTIONS})
    for key, (value, _, _) in RUN.items():
        section, _, last = key.rpartition(".")
        (config[section] if section else config)[last] = value
    # In the order of RUN: what every run has first, then the data, the model, its optimizers.
    first = {key: config[key] for key in config if not isinstance(config[key], ConfigDict)}
    return ConfigDict(first | {key: config[key] for key in SECTIONS})


def meaning(key: str, model: str = "") -> str:
    """Type, range and meaning of a setting, for a help text; "" for one that says nothing."""
    section, _, last = key.rpartition(".")
    if key in RUN:
        _, limits, words = RUN[key]
        return f"{words} ({limits})" if limits else words
    if section.startswith("optimizers."):
        _, limits, words = OPTIMIZER.get(last, (None, None, ""))
        return f"{words} ({limits})" if limits else words
    setting = of_class(model).get(last) if model else None
    return f"{setting.meaning} ({setting.says()})" if setting else ""


def optimizer(**given: float | str) -> ConfigDict:
    """The settings of an optimizer, by default those of Keras' Adam: {name of `OPTIMIZER`: value}.

    Raises: UserError for a name that is none.
    """
    for key in given:
        known(key, list(OPTIMIZER))
    return ConfigDict({key: given.get(key, value) for key, (value, _, _) in OPTIMIZER.items()})


def adam(
    learning_rate: float = 1e-3, beta_1: float = 0.9, beta_2: float = 0.999, decay: str = "none"
) -> ConfigDict:
    """Adam (Kingma and Ba 2015).

    decay: "none"; "cosine", to zero (Loshchilov, Hutter 2017); "linear", to zero in the second half
    of the steps (Zhu et al. 2017).
    """
    return optimizer(learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, decay=decay)


def _all_of_optimizers(sections: Mapping[str, Any]) -> ConfigDict:
    """The sections of optimizers, with the defaults of what a file from before does not name."""
    return ConfigDict(
        {
            name: section if "keras" in section else optimizer(**section)
            for name, section in sections.items()
        }
    )


def for_both(**settings: float | str) -> dict[str, float | str]:
    """Settings of the optimizers of G and D, as `ON` has them.

    RMSProp is Adam with beta_1 = 0 and its alpha as beta_2, but for the correction of the start.
    """
    return {f"optimizers.{name}.{key}": value for name in "GD" for key, value in settings.items()}


def is_file(model: str) -> bool:
    """Whether a model's name is the path of a file of the user's own."""
    return model.endswith(".py")


def kept(model: str) -> str:
    """A model's name as a run keeps it: of a file its absolute path."""
    return str(Path(model).expanduser().resolve()) if is_file(model) else model


def folder() -> Path:
    """Where the config files are."""
    package = Path(__file__).parent
    carried = package / "configs"
    return carried if carried.is_dir() else package.parent / "configs"


def names() -> list[str]:
    """The models that can be run: the files of configs/."""
    return sorted(file.stem for file in folder().glob("*.py"))


def config_file(model: str) -> ModuleType:
    """The module that a model's config file is; of a user's own model, its only file.

    Raises: UserError with a suggestion, for an unknown name; for a file with an error.
    """
    if not is_file(model):
        return _config_module(model)
    file = Path(model).expanduser()
    module = _own_module(file, _state(file))
    if not hasattr(module, "get_config"):
        raise UserError(
            f"{file} has no get_config(): it says what the run is, see a file of configs/."
        )
    return module


@functools.cache
def _config_module(model: str) -> ModuleType:
    return _loaded(folder() / f"{one_of('model', model, names())}.py", f"configs.{model}")


@functools.cache
def _own_module(file: Path, state: object) -> ModuleType:
    """A user's file as it is now: once it is changed, it is another module."""
    place = hashlib.sha256(f"{file.resolve()} {state}".encode()).hexdigest()[:8]
    with startup.loading_tensorflow():
        return _loaded(file, f"own_{place}_{file.stem}")


def _state(file: Path) -> object:
    """What changes when a file does."""
    return (file.stat().st_mtime_ns, file.stat().st_size) if file.exists() else None


def _loaded(file: Path, name: str) -> ModuleType:
    """A file as the module `name`.

    Raises: UserError for one that is not there, or raises an error itself.
    """
    if not file.is_file():
        raise UserError(f"there is no file {file}: a model's name, or the file that defines it.")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec  # there is one of any file *.py
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a stranger's file raises
        del sys.modules[name]
        if isinstance(error, UserError) or file.parent == folder():
            raise
        where = [
            at.lineno
            for at in traceback.extract_tb(error.__traceback__)
            if at.filename == str(file)
        ]
        line = error.lineno if isinstance(error, SyntaxError) else where[-1] if where else "?"
        said = error.msg if isinstance(error, SyntaxError) else error
        raise UserError(f"{file}, line {line}: {type(error).__name__}: {said}.") from error
    return module


def model_file(model: str) -> Path:
    """The source of a model's class."""
    if is_file(model):
        return Path(model).expanduser()
    return Path(__file__).parent / "models" / f"{model}.py"


def of_class(model: str) -> dict[str, declared.Setting]:
    """What the class of a model declares, {argument: Setting}; nothing of a class without a file.

    Raises: UserError for a user's file that does not define one model, or not with plain settings.
    """
    file = model_file(model)
    return _declared(file, _state(file))


@functools.cache
def _declared(file: Path, state: object) -> dict[str, declared.Setting]:
    try:
        return declared.of_model(file) if file.exists() else {}
    except SyntaxError as error:
        raise UserError(f"{file}, line {error.lineno}: {error.msg}.") from error


def filled(model: str, optimizers: Mapping[str, Any] | None = None) -> ConfigDict:
    """The settings of every run and the defaults of a model's class.

    optimizers: sections, of which what they do not name has its default.
    """
    config = defaults()
    config.optimizers = _all_of_optimizers(optimizers or {})
    config.model = ConfigDict({name: s.default for name, s in of_class(model).items()})
    return config


def find(model: str, data: str = "") -> ConfigDict:
    """The config of a model: that of its file, with what the file's `ON` changes for the data set.

    Raises: UserError with a suggestion, for an unknown name.
    """
    module = config_file(model)
    config = module.get_config()
    arguments = filled(model).model.to_dict()
    config.model = ConfigDict(arguments | config.model.to_dict())
    config.optimizers = _all_of_optimizers(config.optimizers)
    if data:
        config.data.name = data
        config.update_from_flattened_dict(getattr(module, "ON", {}).get(data, {}))
    return config


def derive(
    model: str, config: ConfigDict, data: rules.Data, given: Collection[str] = ()
) -> Derived:
    """Sets in the config what the rule of the model's file makes of the data (`tfgen/rules.py`).

    given: the dotted names of what a user has chosen. They stand, as does what `ON` says.
    """
    known = is_file(model) or model in names()
    module = config_file(model) if known else None
    named = getattr(module, "ON", {}).get(config.data.name, {})
    found = rules.Settings(flat(config), {*named, *given})
    getattr(module, "rule", rules.none)(data, found)
    if "batch_size" not in given:
        rules.of_few(data, found)
    config.update_from_flattened_dict(found.derived)
    return Derived(found.derived, found.seconds)


def keys(config: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Every setting as a dotted name: "steps", "data.name", ..."""
    for key, value in config.items():
        if isinstance(value, ConfigDict):
            yield from keys(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def value(config: Any, key: str) -> Any:
    """A setting by its dotted name."""
    return functools.reduce(lambda section, part: section[part], key.split("."), config)


def flat(config: Any) -> dict[str, Any]:
    """{dotted name: value} of a config, or of a dict as config.json holds it."""
    config = ConfigDict(config)
    return {key: value(config, key) for key in keys(config)}


# What other libraries call it: {their word: ours, or how ours ends}.
ELSEWHERE = {
    "lr": "learning_rate",
    "epochs": "steps",
    "iterations": "steps",
    "batch": "batch_size",
    "dataset": "data.name",
    "data_dir": "data.directory",
    "image_size": "data.size",
    "gpus": "replicas",
    "optimizer": "learning_rate",
    "z_dim": "model.latent_dim",
    "latent_size": "model.latent_dim",
    "hidden_size": "model.width",
}


def meant(key: str, names: Sequence[str]) -> str:
    """Which of the settings `names` was meant, by its meaning or its letters; "" if none is near.

    `epochs` is `steps`, `lr` the rate of the first optimizer.
    """
    ours = ELSEWHERE.get(key.rpartition(".")[2].lower(), "")
    ends = [name for name in names if ours and f".{name}".endswith(f".{ours}")]
    return ends[0] if ends else nearest(key, names)


def known(key: str, names: Sequence[str]) -> None:
    """Raises: UserError for a setting that is none of `names`, with what was meant."""
    if key not in names:
        near = meant(key, names)
        raise UserError(
            f"there is no setting `{key}`."
            + (f" Did you mean `{near}`?" if near else "")
            + f" There are: {', '.join(names)}."
        )


def check(config: ConfigDict, model: str = "") -> None:
    """Refuses values that no run can have, nor a model of that name, where one is given.

    Raises: UserError that names the setting, its value and what fits.
    """

    def need(key: str, fits: Callable[[Any], object], wanted: object) -> None:
        found = value(config, key)
        if not fits(found):
            raise UserError(f"`{key}` is {found!r}, but must be {wanted}.")

    for key, (_, limits, _) in RUN.items():
        if limits:
            need(key, limits.holds, limits)
    need("precision", lambda v: v in PRECISIONS, f"one of {', '.join(PRECISIONS)}")
    need("compile", lambda v: v in COMPILE, f"one of {', '.join(COMPILE)}")
    sizes.size_of(config.data.size)
    need("data.resize", lambda v: v in sizes.RESIZE, f"one of {', '.join(sizes.RESIZE)}")
    need("data.binarise", lambda v: v in sizes.BINARISE, f"one of {', '.join(sizes.BINARISE)}")
    need("data.channels", lambda v: v in sizes.CHANNELS, f"one of {', '.join(sizes.CHANNELS)}")
    need("data.name", bool, "the name of a data set or the path of a folder")
    need("data.split", bool, "a split such as train or train[:90%]")
    every = config.log_every
    need("save_every", lambda v: v % every == 0, f"a multiple of log_every, {every}")
    need("eval_every", lambda v: v % every == 0, f"a multiple of log_every, {every}, or 0")
    need("patience", lambda v: not v or config.eval_every, "0 unless eval_every is set")
    for name, section in config.optimizers.items():
        if "keras" not in section:  # one of Keras' own, made in Python
            _check_optimizer(f"optimizers.{name}", config, model, need)
    declares = of_class(model) if model else {}
    for key, given in config.model.items():
        if key in declares:
            declares[key].check(given, f"`model.{key}`")
            continue
        # All numbers of all models are sizes, rates or decays: none is negative or infinite.
        if isinstance(given, (int, float)):
            need(f"model.{key}", lambda v: 0 <= v < math.inf, "a number, 0 or more")


def _check_optimizer(
    name: str, config: ConfigDict, model: str, need: Callable[[str, Callable, object], None]
) -> None:
    """Of one section. A setting that its kind does not read is refused where it was changed.

    Raises: UserError.
    """
    section = value(config, name)
    kind = one_of(f"`{name}.kind`", section.kind, KINDS)
    for part, (_, limits, _) in OPTIMIZER.items():
        if limits:
            need(f"{name}.{part}", limits.holds, limits)
    need(f"{name}.decay", lambda v: v in DECAYS, f"one of {', '.join(DECAYS)}")
    need(f"{name}.warmup", lambda v: v < config.steps, f"less than `steps`, {config.steps}")
    if kind == "lion":
        need(f"{name}.beta_1", bool, "above 0 with lion")
    known = is_file(model) or model in names()
    usual = find(model, config.data.name).optimizers.get(name.partition(".")[2]) if known else None
    reads = KINDS[kind]
    for part in {part for others in KINDS.values() for part in others} - set(reads):
        default = (usual or optimizer())[part]
        if section[part] != default:
            others = [other for other, parts in KINDS.items() if part in parts]
            raise UserError(
                f"`{name}.{part}={section[part]}` has no effect: {kind} reads {', '.join(reads)}. "
                f"Leave it out, or set `{name}.kind` to {' or '.join(others)}."
            )
