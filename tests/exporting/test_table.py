"""Tables of seeds and conditions: what is read, which rows are bad and where they go."""

import csv
import functools

import numpy as np
import pytest

from tfgen.data import conditions
from tfgen.errors import UserError
from tfgen.exporting import table
from tfgen.exporting.source import Source

CATS = conditions.Labels(("ant", "bee", "cat"))
WORDS = conditions.Captions(("a", "red", "dot"), 4)


def source(known):
    rows = functools.partial(conditions.checked, known, "m")
    return Source("m", lambda signature, inputs: {}, rows, known)


def written(path, text):
    path.write_text(text, "utf-8")
    return path


def test_labels_come_by_number_and_name_and_captions_by_their_words(tmp_path):
    plan = table.read(written(tmp_path / "a.csv", "seed,label\n7,cat\n\n-1,0\n7,1\n"), source(CATS))
    assert plan.seeds.tolist() == [7, -1, 7]
    assert plan.rows.tolist() == [2, 0, 1]
    file = written(tmp_path / "b.csv", '\ufeffseed, caption\n3,"a red, dot"\n')
    plan = table.read(file, source(WORDS))
    assert np.array_equal(plan.rows, WORDS.rows(["a red dot"], 1))
    unknown = Source("m", None, functools.partial(conditions.unchecked, "m"))
    assert table.read(file, unknown).rows.tolist() == ["a red, dot"]


BAD = "seed,label\n1,ant\nx,bee\n2,cow\n3\n4,\n99999999999,ant\n5,7\n6,bee\n"


def test_bad_rows_refuse_the_job_and_are_named(tmp_path):
    file = written(tmp_path / "a.csv", BAD)
    with pytest.raises(UserError, match=r"6 rows that cannot be sampled.*`rejects=") as refused:
        table.read(file, source(CATS))
    lines = str(refused.value).splitlines()[1:]
    for line, said in zip(
        lines,
        [
            "row 3, x,bee: 'x' is no seed",
            "row 4, 2,cow: m has no class 'cow'",
            "row 5, 3: it has 1 cells",
            "row 6, 4,: its label is empty",
            "row 7, 99999999999,ant: '99999999999' is no seed",
            "and 1 more",
        ],
        strict=True,
    ):
        assert said in line


def test_bad_rows_go_to_a_file_and_the_others_are_sampled(tmp_path):
    plan = table.read(written(tmp_path / "a.csv", BAD), source(CATS), tmp_path / "bad.csv")
    assert (plan.seeds.tolist(), plan.rows.tolist()) == ([1, 6], [0, 1])
    with open(tmp_path / "bad.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["row", "seed", "label", "why"]
    assert [row[:3] for row in rows[1:4]] == [["3", "x", "bee"], ["4", "2", "cow"], ["5", "3", ""]]
    assert "out of range" in rows[-1][3]
    with pytest.raises(UserError, match="no row that can be sampled"):
        table.read(written(tmp_path / "b.csv", "seed,label\nx,1\n"), source(CATS), tmp_path / "c")


@pytest.mark.parametrize("text", ["", "label,seed\n1,2\n", "seed\n1\n", "seed,label,more\n1,2,3\n"])
def test_other_columns_are_refused(text, tmp_path):
    with pytest.raises(UserError, match="wanted are seed,label or seed,caption"):
        table.read(written(tmp_path / "a.csv", text), source(CATS))


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"seed,label\n1,\xff\n")
    for name in ("a.csv", "missing.csv"):
        with pytest.raises(UserError, match=f"{name} cannot be read as a CSV file"):
            table.read(tmp_path / name, source(CATS))


@pytest.mark.beam
@pytest.mark.slow
def test_parquet_is_read_as_the_same_table(tmp_path):
    import pyarrow
    from pyarrow import parquet

    columns = {"seed": [7, -1, None, 5], "label": ["cat", "0", "bee", "cow"]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    plan = table.read(tmp_path / "a.parquet", source(CATS), tmp_path / "bad.csv")
    assert (plan.seeds.tolist(), plan.rows.tolist()) == ([7, -1], [2, 0])
    assert len((tmp_path / "bad.csv").read_text().splitlines()) == 3
    (tmp_path / "b.parquet").write_bytes(b"no")
    with pytest.raises(UserError, match="cannot be read as a Parquet file"):
        table.read(tmp_path / "b.parquet", source(CATS))
