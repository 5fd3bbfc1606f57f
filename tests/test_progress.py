"""What is shown, and what happens when nobody looks any more."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

SAYS = """
import sys
from tfgen import command, progress
def work():
    for i in range(1000):
        {say}
    sys.stderr.write("went on")
sys.exit(command.status(work))
"""


@pytest.mark.parametrize(
    ("say", "status", "said"),
    [("progress.say('x' * 100)", 0, "went on"), ("print('x' * 100, flush=True)", 141, "")],
)
def test_what_is_under_way_does_not_fail_when_nobody_reads(say, status, said):
    """A training looks at `lost` and saves; a measurement goes on; what only prints ends."""
    code = [sys.executable, "-c", SAYS.format(say=say)]
    process = subprocess.Popen(
        code, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == said
    assert process.wait() == status
