"""What a config is: the settings of every run, the files that fill them in, and their check.

A file of configs/ holds `get_config()`, which says what differs from `defaults` and from the
defaults that the model's class declares (`tfgen/declared.py`), and `ON`, {data set: {setting:
value}}, which says what differs on that data set.

In a checkout the files are those of configs/ at its top; an installed tfgen carries the same files.
They are loaded here and not imported, so that none of them is two modules.
"""

import functools
import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

from ml_collections import ConfigDict

from tfgen import declared
from tfgen.errors import UserError, one_of

DECAYS = ("none", "cosine", "linear")


def defaults():
    """The settings of every run; a model's file fills in `model` and `optimizers`."""
    config = ConfigDict()
    config.seed = 0  # of weights, data order and noise: the run is a function of it
    config.steps = 10_000  # updates
    config.batch_size = 64  # of all replicas together
    config.log_every = 100  # steps between rows of log.csv
    config.save_every = 1000  # steps between checkpoints and sample grids; a multiple of log_every
    config.eval_every = 0  # steps between looks at the validation split; 0: none. The best is kept
    config.eval_metric = "auto"  # what "best" means, the less the better: a term, frechet, kid
    config.patience = 0  # stop after so many looks without a better one; 0: never
    config.replicas = 0  # 0: one for each GPU, or one CPU; n: n GPUs, or n logical CPU devices
    config.deterministic = True  # bit-identical runs; on a GPU this may cost speed

    config.data = ConfigDict()
    config.data.name = "digits"  # an embedded set, any TFDS name, or a folder ("./pictures")
    config.data.split = "train"  # with slices: train[:90%]
    config.data.validation = ""  # "": the data's own, else the last tenth of data.split
    config.data.leave_out = ""  # a class whose images are not used; `train.anomaly` looks for them
    config.data.size = 0  # crop and resize images to size x size; 0: as they are
    config.data.directory = ""  # where TFDS keeps data; "": $TFDS_DATA_DIR or the home directory

    config.model = ConfigDict()  # arguments of the model's class
    config.optimizers = ConfigDict()  # one for each entry of the model's `trained`
    return config


def adam(learning_rate=1e-3, beta_1=0.9, beta_2=0.999, decay="none"):
    """Adam (Kingma and Ba 2015).

    decay: "none"; "cosine", to zero (Loshchilov, Hutter 2017); "linear", to zero in the second half
    of the steps (Zhu et al. 2017).
    """
    return ConfigDict(dict(learning_rate=learning_rate, beta_1=beta_1, beta_2=beta_2, decay=decay))


def for_both(**settings):
    """Settings of the optimizers of G and D, as `ON` has them.

    RMSProp is Adam with beta_1 = 0 and its alpha as beta_2, but for the correction of the start.
    """
    return {f"optimizers.{name}.{key}": value for name in "GD" for key, value in settings.items()}


def folder() -> Path:
    """Where the config files are."""
    package = Path(__file__).parent
    carried = package / "configs"
    return carried if carried.is_dir() else package.parent / "configs"


def names() -> list[str]:
    """The models that can be run: the files of configs/."""
    return sorted(file.stem for file in folder().glob("*.py"))


@functools.cache
def config_file(model: str) -> ModuleType:
    """The module that a model's config file is.

    Raises: UserError with a suggestion, for an unknown name.
    """
    file = folder() / f"{one_of('model', model, names())}.py"
    spec = importlib.util.spec_from_file_location(f"configs.{model}", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def model_file(model: str) -> Path:
    """The source of a model's class."""
    return Path(__file__).parent / "models" / f"{model}.py"


@functools.cache
def of_class(model: str) -> dict[str, declared.Setting]:
    """What the class of a model declares, {argument: Setting}."""
    return declared.of_model(model_file(model))


def find(model: str, data: str = "") -> ConfigDict:
    """The config of a model: that of its file, with what the file's `ON` changes for the data set.

    Raises: UserError with a suggestion, for an unknown name.
    """
    module = config_file(model)
    config = module.get_config()
    arguments = {name: setting.default for name, setting in of_class(model).items()}
    config.model = ConfigDict(arguments | config.model.to_dict())
    if data:
        config.data.name = data
        config.update_from_flattened_dict(getattr(module, "ON", {}).get(data, {}))
    return config


def keys(config, prefix=""):
    """Every setting as a dotted name: "steps", "data.name", ..."""
    for key, value in config.items():
        if isinstance(value, ConfigDict):
            yield from keys(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def check(config):
    """Refuses values that no run can have.

    Raises: UserError that names the setting, its value and what fits.
    """

    def need(key, fits, wanted):
        value = config
        for part in key.split("."):
            value = value[part]
        if not fits(value):
            raise UserError(f"`{key}` is {value!r}, but must be {wanted}.")

    for key in ("steps", "batch_size", "log_every", "save_every"):
        need(key, lambda v: v >= 1, "at least 1")
    for key in ("replicas", "data.size", "eval_every", "patience"):
        need(key, lambda v: v >= 0, "0 or more")
    need("seed", lambda v: 0 <= v < 2**31, "between 0 and 2**31 - 1")
    need("data.name", bool, "the name of a data set or the path of a folder")
    need("data.split", bool, "a split such as train or train[:90%]")
    every = config.log_every
    need("save_every", lambda v: v % every == 0, f"a multiple of log_every, {every}")
    need("eval_every", lambda v: v % every == 0, f"a multiple of log_every, {every}, or 0")
    need("patience", lambda v: not v or config.eval_every, "0 unless eval_every is set")
    for name in config.optimizers:
        key = f"optimizers.{name}"
        need(f"{key}.learning_rate", lambda v: 0 < v < math.inf, "a positive number")
        need(f"{key}.beta_1", lambda v: 0 <= v < 1, "in [0, 1)")
        need(f"{key}.beta_2", lambda v: 0 <= v < 1, "in [0, 1)")
        need(f"{key}.decay", lambda v: v in DECAYS, f"one of {', '.join(DECAYS)}")
    for key, value in config.model.items():
        # All numbers of all models are sizes, rates or decays: none is negative or infinite.
        if isinstance(value, (int, float)):
            need(f"model.{key}", lambda v: 0 <= v < math.inf, "a number, 0 or more")
