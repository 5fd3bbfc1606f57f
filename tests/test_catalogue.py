"""A model touches four places; each must be there, none left over, and no test is a fifth."""

import dataclasses
import importlib
import re

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests.conftest import ROOT
from tests.zoo import ROWS
from tfgen import data, models, settings


def results_rows():
    return re.findall(
        r"^\| \[`(\w+)`\]\(tfgen/models/\1\.py\)", (ROOT / "RESULTS.md").read_text(), re.M
    )


def test_models_configs_rows_and_results_agree():
    names = models.names()
    assert names == settings.names()
    assert names == sorted({row.name for row in ROWS})
    assert names == sorted(set(results_rows()))


def test_links_within_the_documents_lead_somewhere():
    documents = "\n".join(path.read_text() for path in ROOT.glob("*.md"))
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", documents) if "://" not in link]
    assert "RESULTS.md" in links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_each_file_defines_the_model_of_its_name():
    for name in models.names():
        assert models.find(name).__name__.lower() == name.replace("_", "")


def test_settings_for_a_data_set_are_settings_of_the_model():
    """What a config's `ON` changes exists, and goes no further."""
    for name in settings.names():
        changes = getattr(settings.config_file(name), "ON", {})
        for on, values in changes.items():
            plain, config = settings.find(name), settings.find(name, on)
            settings.check(config)
            assert config.data.name == on
            flat, other = (settings.flat(c) for c in (plain, config))
            changed = {key for key in flat | other if flat.get(key) != other.get(key)}
            assert changed <= {"data.name", *values}
            assert set(flat) == set(other)
    assert SETTINGS, "nothing was looked at"
    assert settings.find("vae", "digits").to_dict() == settings.find("vae").to_dict()


# What TFDS does not know.
PACKAGED = {
    "photographs": ["image"],
    "emoji": ["image", "label", "caption"],
    "emoji_styles": ["image", "label", "caption"],
}


def described(name):
    """A data set as its TFDS builder describes it, without the data: `ImageData` of no image."""
    if name in data.EMBEDDED:
        importlib.import_module(f"tfgen.data.{data.EMBEDDED[name]}")
    features = dict.fromkeys(PACKAGED.get(name, ()))
    if not features:
        kind, config = tfds.builder_cls(name.partition("/")[0]), name.partition("/")[2]
        features = dict(kind(**({"config": config} if config else {})).info.features)
    classes = getattr(features.get("label"), "names", ())
    told = {"caption": ["a word"]} if {"caption", "captions"} & set(features) else {}
    held = tf.data.Dataset.from_tensor_slices({"image": np.zeros((1, 8, 8, 1), np.uint8)} | told)
    about = data.ImageData(name, "train", 1, (8, 8, 1), 256, tuple(classes), (), lambda: held)
    # Features do not say that there are two domains.
    pair = name.startswith("cycle_gan/") or name == "emoji_styles"
    return dataclasses.replace(about, other=about) if pair else about


SETTINGS = [
    (model, name)
    for model in settings.names()
    for name in getattr(settings.config_file(model), "ON", {})
]


@pytest.mark.parametrize("name", sorted({name for _, name in SETTINGS}))
def test_data_that_a_model_has_settings_for_have_what_it_wants(name):
    """Labels, captions, two domains; and batches can be divided among the updates of D."""
    about = described(name)
    for model in (model for model, other in SETTINGS if other == name):
        config, kind = settings.find(model, name), models.find(model)
        kind.data_arguments(about, dict(config.model))
        assert config.batch_size % config.model.get("critic_steps", 1) == 0, model


# --- the tests themselves ------------------------------------------------------------------------

# What would make a test one more place to touch, or send its reader elsewhere.
REFUSED = {
    "imports from a file of tests": r"^ *(from|import) tests\.(\w+\.)*test_",
    "names an issue by its number": r"\b[Ii]ssues? #?\d",
    "counts models": r"\blen\((\w+\.)*(names\(\)|ROWS|EACH|EXPORTED|gans)\) *[=<>]+ *\d",
}


@pytest.mark.parametrize("what", REFUSED)
def test_no_test(what):
    texts = {path.relative_to(ROOT): path.read_text() for path in (ROOT / "tests").rglob("*.py")}
    assert not [str(p) for p, text in texts.items() if re.search(REFUSED[what], text, re.M)]


def test_tests_stand_where_what_they_test_stands():
    """A folder of tests a room of the library, and those of what stands beside the library."""
    rooms, found = (
        {path.parent.name for path in (ROOT / top).glob("*/__init__.py")}
        for top in ("tfgen", "tests")
    )
    assert found == rooms | {"benchmarks", "cli", "support"}
