"""Adding a model touches four places; each must be there, and none left over."""

import importlib
import re

from configs import base
from tests.conftest import ROOT
from tests.zoo import ROWS
from tfgen import models


def readme_rows():
    return re.findall(
        r"^\| \[`(\w+)`\]\(tfgen/models/\1\.py\)", (ROOT / "README.md").read_text(), re.M
    )


def test_models_configs_rows_and_readme_agree():
    names = models.names()
    assert names == base.names()
    assert names == sorted({row.name for row in ROWS})
    assert names == sorted(set(readme_rows()))


def test_links_within_the_documents_lead_somewhere():
    documents = "\n".join(path.read_text() for path in ROOT.glob("*.md"))
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", documents) if "://" not in link]
    assert "RESULTS.md" in links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_each_file_defines_the_model_of_its_name():
    for name in models.names():
        assert models.find(name).__name__.lower() == name.replace("_", "")


def flattened(config):
    """{dotted key: value}"""
    found = {}
    for key in base.keys(config):
        value = config
        for part in key.split("."):
            value = value[part]
        found[key] = value
    return found


def test_settings_for_a_data_set_are_settings_of_the_model():
    """What a config's `ON` changes exists, and goes no further."""
    found = 0
    for name in base.names():
        changes = getattr(importlib.import_module(f"configs.{name}"), "ON", {})
        for data, values in changes.items():
            plain, config = base.find(name), base.find(name, data)
            base.check(config)
            assert config.data.name == data
            flat, other = (flattened(c) for c in (plain, config))
            changed = {key for key in flat | other if flat.get(key) != other.get(key)}
            assert changed <= {"data.name", *values}
            assert set(flat) == set(other)
            found += 1
    assert found >= 4
    assert base.find("vae", "digits").to_dict() == base.find("vae").to_dict()
