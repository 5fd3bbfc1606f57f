"""Settings as sources declare them: read without TensorFlow, checked and explained in words."""

import dataclasses
import math
import subprocess
import sys
from typing import get_args

import pytest

from tests.conftest import ROOT
from tfgen import declared, models
from tfgen.declared import Range, Setting
from tfgen.errors import UserError

MODELS = ROOT / "tfgen" / "models"


def written(folder, text):
    """The settings of a model in a file of a user's."""
    source = folder / "mine.py"
    source.write_text(text)
    return declared.of_model(source)


PLAIN = '''
from typing import Annotated, Literal

from tfgen.declared import Count, Network, Range, Share
from tfgen.model import GenerativeModel

class Other:
    """No model."""

class Mine(GenerativeModel):
    """A model.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      width: hidden units.
      depth, reach: how often, and how far,
        in pixels: at most 9.
      rate: of what is forgotten.

    Raises: nothing: never.
    """

    def __init__(self, image_shape, levels, seed=0, width: Count = 64, depth: Count = 2,
                 reach: Annotated[int, Range(0, 9)] = 1, rate: Share = 0.5, num_classes=10,
                 kind: Literal["a", "b"] = "a", flag: bool = False, words: str = "no, none",
                 table=(), encoder: Network = None, **kwargs):
        super().__init__(image_shape, levels, seed, **kwargs)
'''


# --- a class -------------------------------------------------------------------------------------


def test_type_default_range_choices_and_meaning_are_read(tmp_path):
    found = written(tmp_path, PLAIN)
    far = "how often, and how far, in pixels: at most 9."
    assert found == {
        "width": Setting("width", int, 64, Range(1), None, "hidden units."),
        "depth": Setting("depth", int, 2, Range(1), None, far),
        "reach": Setting("reach", int, 1, Range(0, 9), None, far),
        "rate": Setting("rate", float, 0.5, Range(0, below=1), None, "of what is forgotten."),
        "kind": Setting("kind", str, "a", None, ("a", "b"), ""),
        "flag": Setting("flag", bool, False, None, None, ""),
        "words": Setting("words", str, "no, none", None, None, ""),
    }


def test_a_class_inherits_what_it_hands_on(tmp_path):
    """From the zoo's own classes, by their file or by `tfgen.models`."""
    for source in ("tfgen.models", "tfgen.models.vae"):
        found = written(
            tmp_path,
            f"""
from {source} import VAE

class Mine(VAE):
    '''A VAE.

    Args:
      strange: new.
      width: of something else.
    '''
    def __init__(self, image_shape, levels, seed=0, strange: float = 1.0, latent_dim: int = 3,
                 samples=7, **kwargs):
        super().__init__(image_shape, levels, seed, latent_dim=latent_dim, dropout=0.2, **kwargs)
""",
        )
        vae = declared.of_model(MODELS / "vae.py")
        assert list(found)[:3] == ["strange", "latent_dim", "samples"]
        assert set(found) == {*vae, "strange"} - {"dropout"}  # it sets that itself
        # Its own default, by choice its own type; its parent's words, where it has none itself.
        assert found["latent_dim"] == Setting(
            "latent_dim", int, 3, None, None, vae["latent_dim"].meaning
        )
        assert found["samples"] == dataclasses.replace(vae["samples"], default=7)
        assert found["width"].meaning == "of something else."
        assert found["width"].default == vae["width"].default
        assert found["warmup"] == vae["warmup"]


VARIANT = """
from tfgen.models import InfoGAN, VAE
from tfgen.objectives import adversarial, penalties

class Base(InfoGAN):
    continuous = 3
    objective = adversarial.hinge
    penalty = penalties.r1
    normalisation = "none"
    def __init__(self, image_shape, levels, seed=0, more: int = 1, **kwargs):
        super().__init__(image_shape, levels, seed, **kwargs)
        self.more = more
"""


def test_a_class_attribute_is_a_default_for_python_and_for_the_settings(tmp_path):
    """Of what the class hands on; a subclass and a call say otherwise."""
    found = written(tmp_path, VARIANT.replace("InfoGAN, VAE", "InfoGAN"))
    wanted = dict(continuous=3, objective="hinge", penalty="r1", normalisation="none", more=1)
    assert {name: found[name].default for name in wanted} == wanted
    assert found["objective"].choices == declared.of_model(MODELS / "gan.py")["objective"].choices
    names: dict = {"__name__": "mine"}
    exec(VARIANT + "\nclass Mine(Base): continuous, more = 1, 2", names)
    small = dict(latent_dim=2, categories=2, width=2, depth=1)
    for kind, given, expected in (
        ("Base", {}, wanted),
        ("Base", {"continuous": 0}, wanted | {"continuous": 0}),
        ("Mine", {}, wanted | {"continuous": 1, "more": 2}),
        ("Mine", {"more": 5}, wanted | {"continuous": 1, "more": 5}),
    ):
        config = names[kind]((4, 4, 1), 17, **small, **given).get_config()
        assert {name: config[name] for name in wanted} == expected
        again = names[kind].from_config(config)
        assert again.get_config() == config
    assert names["Base"].arguments()["network"].default == "conv"  # InfoGAN's own
    # Not of an argument that the class takes itself.
    assert names["VAE"].arguments()["likelihood"].default == "auto"


def test_of_several_classes_the_first_that_names_an_argument_decides(tmp_path):
    """As Python calls their constructors, one after another."""
    text = """
from tfgen.captioned import Captioned
from tfgen.models import VAE

class Mine(Captioned, VAE):
    pass
"""
    found, names = written(tmp_path, text), {"__name__": "mine"}
    exec(text, names)
    arguments = names["Mine"].arguments()
    assert {"most_words", "text_dim", "latent_dim", "warmup"} < set(found) < set(arguments)
    assert all(arguments[name].default == setting.default for name, setting in found.items())
    both = text.replace("pass", "length = 3").replace("Captioned, VAE", "VAE, Captioned")
    # What VAE hands on goes to Captioned, and a class attribute is the default of either's.
    assert written(tmp_path, both) == found | {
        "length": dataclasses.replace(found["length"], default=3)
    }


def test_without_a_constructor_all_is_inherited_and_without_kwargs_nothing(tmp_path):
    vae = declared.of_model(MODELS / "vae.py")
    head = "from tfgen.models import VAE\nclass Mine(VAE):\n    "
    assert written(tmp_path, head + "paper = ()") == vae
    named = "def __init__(self, image_shape, levels, seed=0, width: int = 5): pass"
    assert list(written(tmp_path, head + named)) == ["width"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 3", "must define one model.* it defines none"),
        ("class A: pass\nclass B: pass", "it defines A, B"),
        (
            "class A:\n def __init__(self, image_shape, n: Cuont = 1): pass",
            "n is declared as Cuont",
        ),
        ("class A:\n def __init__(self, image_shape, n: list = 1): pass", "which is no setting"),
        (
            "class A:\n def __init__(self, image_shape, n: list[int] = 1): pass",
            r"list\[int\], which is no setting",
        ),
        (
            "N = 1\nclass A:\n def __init__(self, image_shape, n: int = N): pass",
            "default of n must be a number.* it is N",
        ),
        ("class A:\n def __init__(self, image_shape, n: int): pass", "it is none"),
    ],
)
def test_what_declares_nothing_is_refused_in_words(tmp_path, text, said):
    with pytest.raises(UserError, match=said):
        written(tmp_path, text)


def test_reading_loads_no_tensorflow():
    code = (
        "import sys, pathlib; from tfgen import declared;"
        "declared.of_model(pathlib.Path('tfgen/models/vamp_vae.py'));"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "within", "beyond", "said"),
    [
        (Range(1), [1, 10**9], [0, -1, math.inf], "1 or more"),
        (Range(0, 2**31 - 1), [0, 2**31 - 1], [-1, 2**31], "in [0, 2147483647]"),
        (Range(above=0), [1e-9], [0, -1.0, math.inf, math.nan], "above 0"),
        (Range(0, below=1), [0, 0.999], [1, 1.0, -0.1], "in [0, 1)"),
        (Range(0, 1), [0, 1], [1.1, -0.1], "in [0, 1]"),
        (Range(above=0, high=2), [2, 0.1], [0, 2.1], "in (0, 2]"),
        (Range(above=-1, below=1), [0.5, -0.5], [-1, 1], "in (-1, 1)"),
        (Range(), [-5, 5], [math.inf, -math.inf, math.nan], "a finite number"),
        (Range(high=3), [3, -9], [4], "at most 3"),
        (Range(below=3), [-9], [3], "below 3"),
    ],
)
def test_ranges_hold_what_they_say(limits, within, beyond, said):
    assert all(map(limits.holds, within))
    assert not any(map(limits.holds, beyond))
    assert str(limits) == said


def test_a_setting_says_what_is_wrong():
    count = Setting("width", int, 1, Range(1), None, "")
    count.check(3)
    Setting("rate", float, 0.1, Range(0), None, "").check(1)  # a whole number is one, too
    for value, said in (
        (0, "width is 0, but must be 1 or more"),
        (1.5, "width is 1.5, but must be of type int"),
        (True, "width is True, but must be of type int"),
    ):
        with pytest.raises(UserError, match=said):
            count.check(value)
    with pytest.raises(UserError, match=r"--config\.model\.width is '3'"):
        count.check("3", "--config.model.width")
    with pytest.raises(UserError, match="rate is inf, but must be a finite number"):
        Setting("rate", float, 0.1, None, None, "").check(math.inf)
    with pytest.raises(UserError, match="flag is 1, but must be of type bool"):
        Setting("flag", bool, True, None, None, "").check(1)
    with pytest.raises(UserError, match=r"unknown kind 'denes'\. Did you mean 'dense'"):
        Setting("kind", str, "conv", None, ("conv", "dense"), "").check("denes")
    assert count.says() == "int 1 or more"
    assert Setting("kind", str, "a", None, ("a", "b"), "").says() == "a | b"


# --- the zoo -------------------------------------------------------------------------------------

# What training data give, `data_arguments`, and Python.
GIVEN = {*declared.NOT_SETTINGS, "vocabulary", "examples"}

# Once GANs declare themselves too: models.names().


def arguments(kind):
    """{name: default} of what the constructor takes, with what it hands on; as Python has it."""
    found = {n: p for n, p in kind.arguments().items() if p.annotation is not declared.Network}
    return {n: getattr(p.default, "name", p.default) for n, p in found.items() if n not in GIVEN}


@pytest.mark.parametrize("name", models.names())
def test_each_argument_is_declared_and_explained(name):
    found = declared.of_model(MODELS / f"{name}.py")
    assert {key: setting.default for key, setting in found.items()} == arguments(models.find(name))
    for setting in found.values():
        setting.check(setting.default)
        assert setting.meaning, setting.name


def test_names_are_those_of_the_tables():
    from tfgen.layers import coders, priors
    from tfgen.models import autoencoder, denoising_autoencoder, pixelrnn
    from tfgen.objectives import likelihoods

    def choices(model, name):
        return set(declared.of_model(MODELS / f"{model}.py")[name].choices)

    assert set(get_args(declared.Likelihood)) == {"auto", *likelihoods.KINDS}
    for model in ("vae", "autoencoder", "gsn"):
        assert choices(model, "network") == set(coders.NETWORKS)
    assert choices("autoencoder", "error") == set(autoencoder.ERRORS)
    assert choices("denoising_autoencoder", "corruption") == set(denoising_autoencoder.NOISES)
    assert choices("adversarial_autoencoder", "prior") == set(priors.KINDS)
    assert choices("pixelrnn", "recurrence") == set(pixelrnn.RECURRENCES)
