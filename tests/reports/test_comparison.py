"""Tables for a terminal."""

from tfgen.metrics import catalogue
from tfgen.reports import comparison


def test_columns_stand_below_their_heads_whatever_a_metric_is_called():
    results = dict.fromkeys(catalogue.METRICS, 0.5)
    lines = list(comparison.table({"vae": results, "best trivial": results}, "FCD"))
    assert len({len(line) for line in lines}) == 1
    assert lines[0].endswith("best")
    assert lines[1].endswith("trivial")


def test_numbers_of_images_that_have_chosen_the_step_say_so():
    """Data without a test split are measured on the split that a run has looked at."""

    def said(training):
        content = {"model": {"training": training}, "protocol": {"split": "train[90%:]"}}
        return comparison.chosen_on(content)

    kept = {"step": 3000, "metric": "kid", "value": 0.1}
    assert "have also chosen step 3,000" in said({"kept": kept | {"split": "train[90%:]"}})
    assert said({"kept": kept | {"split": "validation"}}) == ""
    assert said({"kept": kept}) == said({}) == ""  # of an older run, and of one that looked at none
