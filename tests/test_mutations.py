"""The faults that `python -m tests.mutations` puts in, which takes long, have their places."""

import shutil

import pytest

from tests import mutations
from tests.conftest import ROOT


@pytest.mark.parametrize("fault", mutations.FAULTS, ids=lambda fault: fault.name)
def test_a_fault_has_its_place_and_its_tests(fault, tmp_path):
    (tmp_path / fault.file).parent.mkdir(parents=True)
    shutil.copy(ROOT / fault.file, tmp_path / fault.file)
    mutations.put(fault, tmp_path)
    compile((tmp_path / fault.file).read_text(), fault.file, "exec")
    assert (ROOT / fault.tests).is_file()
