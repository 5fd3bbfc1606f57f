"""Tables for a terminal."""

from tfgen.metrics import catalogue
from tfgen.reports import comparison


def test_columns_stand_below_their_heads_whatever_a_metric_is_called():
    results = dict.fromkeys(catalogue.METRICS, 0.5)
    lines = list(comparison.table({"vae": results, "best trivial": results}, "FCD"))
    assert len({len(line) for line in lines}) == 1
    assert lines[0].endswith("best")
    assert lines[1].endswith("trivial")
