"""Adding a model touches four places; each must be there, and none left over."""

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


def test_each_file_defines_the_model_of_its_name():
    for name in models.names():
        assert models.find(name).__name__.lower() == name.replace("_", "")
