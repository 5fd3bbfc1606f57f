"""Every metric says what it is."""

from tfgen.metrics import (
    catalogue,
)


def test_every_metric_has_a_title_and_a_meaning():
    for key, metric in catalogue.METRICS.items():
        assert metric.key == key
        assert metric.title
        assert len(metric.meaning) > 10
        assert metric.better in ("lower", "higher", "")
