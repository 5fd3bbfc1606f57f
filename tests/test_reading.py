"""Files of a run that are damaged: read for what they hold, or answered in a sentence."""

import json

import pytest

from tfgen import reading, run_dir
from tfgen.errors import UserError
from tfgen.training.log import Log

CONFIG = {"steps": 9, "data": {"name": "digits"}, "model": {}, "optimizers": {}}
GOOD = {"model": "vae", "config": CONFIG}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "Expecting value"),
        ('{"model": "v', "Unterminated string"),
        ("\xff\xfe{}", "broken"),
        ("[" * 100_000, "broken"),
        ("[]", r"it is \[\], not a dict"),
        (json.dumps(GOOD | {"model": 3}), "'model' is 3, not text"),
        (json.dumps(GOOD | {"config": None}), "'config' is None, not a dict"),
        (json.dumps(GOOD | {"config": CONFIG | {"data": {}}}), "'data' lacks 'name'"),
        (json.dumps(GOOD | {"config": CONFIG | {"a.b": 1}}), "'a.b' is no setting"),
        (json.dumps(GOOD | {"config": CONFIG | {"model": {"a.b": 1}}}), "'a.b' is no setting"),
        (json.dumps(GOOD | {"tfgen": 7}), "'tfgen' is 7"),
        (json.dumps(GOOD | {"tfgen": "new"}), "'tfgen' is 'new'"),
    ],
)
def test_a_config_that_is_none_is_named(tmp_path, content, said):
    (tmp_path / "config.json").write_text(content, "latin-1")
    with pytest.raises(UserError, match=said) as told:
        run_dir.RunDir(tmp_path).read_config()
    assert str(tmp_path / "config.json") in str(told.value)


def test_shapes():
    shape = {"n": float, "of": {str: (int, type(None))}, "all": [{"name": str}]}
    assert reading.misfit({"n": 3, "of": {"a": 1, "b": None}, "all": [], "more": 0}, shape) == ""
    assert reading.misfit({"n": True, "of": {}, "all": []}, shape) == "'n' is True, not a number"
    assert "'b' is 1.5" in reading.misfit({"n": 1, "of": {"b": 1.5}, "all": []}, shape)
    assert "an item of 'all' is 3" in reading.misfit({"n": 1, "of": {}, "all": [3]}, shape)


def test_a_log_is_read_for_the_rows_that_it_holds(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("step,a,b\n5,1.0,nan\n\n10,2.0\n15,x,3\nnan,1,2\n20,3.5,4\n25,1.0,2.0")
    names, rows = reading.read_rows(file)
    assert names == ["a", "b"]
    assert list(rows) == [5, 20]
    assert rows[20] == [3.5, 4.0]
    assert reading.read_rows(tmp_path / "none") == ([], {})
    file.write_bytes(b"")
    assert reading.read_rows(file)[1] == {}


def test_rows_that_others_took_from_a_log_are_named(tmp_path):
    file = tmp_path / "log.csv"
    log = Log(file, ["a"], 0, 5)
    for step in (5, 10, 15, 20, 22):
        log.write(step, {"a": step / 3})
    whole = file.read_text()
    again = Log(file, ["a"], 22, 5)
    assert (file.read_text(), again.last) == (whole, 22)
    Log(file, ["a"], 15, 5)
    assert file.read_text() == whole[: whole.index("20,")]
    file.write_text("step,a\n5,1.0\n")
    with pytest.warns(UserWarning, match="rows of 2 steps"):
        Log(file, ["a"], 15, 5)
