"""Other people's own code, trained on the same images for the same time, and measured alike."""

import json

from benchmarks.table import RESULTS

FOUND = RESULTS / "peers.json"


def read_all():
    """{data set: what `read` gives of it}."""
    return json.loads(FOUND.read_text()) if FOUND.exists() else {}


def read(data):
    """{what a table calls it: its row} of the peers that were measured on a data set."""
    return read_all().get(data, {})
