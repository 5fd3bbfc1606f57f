"""Tables as Markdown, as a page and as a plot."""

import json
import re

import pytest

from benchmarks import peers, pictures, reading, render, table
from tests.support.measured import content
from tests.support.page import Page
from tfgen.errors import UserError


def test_rows_of_an_older_version_stand_apart_and_say_so(tmp_path):
    old = table.aggregate({"vae": [content()], "dcgan": [content("dcgan")]})
    new = table.aggregate({"vae": [content(version=2, nll=80.0)]})
    merged = table.merge(old, new)
    assert [name for name, _ in reading.rows_of(merged)] == ["vae", "dcgan"]
    lines = [line for line in render.markdown(merged) if line.startswith("|")]
    places = [i for i, line in enumerate(lines) if re.search("`vae`|`dcgan`|version 1", line)]
    assert len(places) == 3
    assert "version 1" in lines[places[1]]
    assert "`dcgan`" in lines[places[2]]
    assert len({line.count("|") for line in lines}) == 1
    grids = dict.fromkeys(merged["models"], tmp_path / "none")
    assert "dcgan (version 1)" in pictures.html_page(merged, grids)
    # They keep their own when versions go on, and lose it when they are measured again.
    third = table.merge(merged, table.aggregate({"gan": [content("gan", version=3)]}))
    assert {name: row.get("version") for name, row in third["models"].items()} == {
        "vae": 2, "dcgan": 1, "gan": None,
    }  # fmt: skip
    again = table.merge(third, table.aggregate({"dcgan": [content("dcgan", version=3)]}))
    assert again["models"]["dcgan"].get("version") is None
    # Numbers of a later version are no rows of this one.
    with pytest.raises(UserError, match="version: 3 in the table that there is, 1"):
        table.merge(third, old | {"models": {"vae": old["models"]["vae"]}})


def test_rows_stand_in_the_order_of_the_taxonomy():
    made = table.aggregate({"vae": [content()], "dcgan": [content("dcgan")]})
    made["models"]["dcgan"]["density"] = "implicit"
    made["models"]["exact"] = made["models"]["vae"] | {"density": "exact"}
    assert [name for name, _ in reading.rows_of(made)] == ["exact", "vae", "dcgan"]


def test_a_model_without_numbers_has_a_row_that_says_so():
    made = table.aggregate({"vae": [content()]})
    lines = [line for line in render.markdown(made) if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    rows = {m[1]: line for line in lines if (m := re.match(r"\| \[`(\w+)`\]\(tfgen/models/", line))}
    assert sorted(rows) == table.models_of("digits")
    said = {name for name, line in rows.items() if "not yet measured" in line}
    assert said == set(rows) - {"vae"}
    # Last among the models, before what others get.
    assert next(iter(rows)) == "vae"
    assert "Gaussian" in lines[-1]


def test_the_code_of_others_stands_beside_with_what_it_cost(tmp_path, monkeypatch):
    """Below our rows; the best of a column is of ours alone."""
    monkeypatch.setattr(peers, "FOUND", tmp_path / "peers.json")
    row = {
        "paper": "https://example.org/paper",
        "metrics": {"frechet": 0.01},
        "cpu_seconds": 1200.4,
        "parameters": 829232,
        "peak_memory_mb": 1300,
    }
    made = table.aggregate({"vae": [content()]})
    without = list(render.markdown(made))
    peers.FOUND.write_text(json.dumps({"digits": {"VAE of pythae": row}, "shapes": {}}))
    lines = list(render.markdown(made))
    (said,) = set(lines) - set(without)
    assert said.startswith("| *VAE of pythae* | [its own code](https://example.org/paper) | |")
    assert said.endswith("| 829,232 | 600 | 1300 |")
    assert "| 0.01 |" in said
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    assert lines.index(said) > next(i for i, line in enumerate(lines) if "`vae`" in line)


def test_markdown_is_a_table_and_stays_where_it_was():
    made = table.aggregate({"vae": [content(nll=n) for n in (90.0, 94.0)]})
    lines = list(render.markdown(made))
    rows = [line for line in lines if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1
    assert "92.00 ± 2.83" in "".join(rows)
    readme = f"before\n{render.BEGIN.format('digits')}\nold\n{render.END}\nafter\n"
    new = render.insert(readme, made)
    assert new.startswith("before\n")
    assert new.endswith("\nafter\n")
    assert "old" not in new
    assert render.insert(new, made) == new


def test_the_table_says_what_an_estimate_of_Z_is_worth():
    """Its error, direction and effective chains; where the bracket is inverted, in which seed."""
    known = {"log_z_error": 0.134, "log_z_chains": 46.0}
    contents = [content("rbm", seed=s) for s in (0, 1)]
    for one, reverse in zip(contents, (97.0, 89.0), strict=True):
        one["results"] |= known | {"nll_reverse": reverse, "nll_kind": "Z by AIS"}
    made = table.aggregate({"rbm": contents, "vae": [content(), content(seed=1)]})
    (said,) = [line for line in render.markdown(made) if "AIS" in line]
    assert "too low and no bound" in said
    assert "`rbm`: error 0.134 at most, from 46 effective chains" in said
    assert "in seed 1: there one of them is wrong" in said
    assert "vae" not in said
    for one in contents:
        for key in known:
            del one["results"][key]
    old = "\n".join(render.markdown(table.aggregate({"rbm": contents})))
    assert "`rbm`: error and effective chains were not kept" in old
    # Where Z is exact there is nothing to say.
    for one in contents:
        del one["results"]["nll_reverse"]
    assert "AIS" not in "\n".join(render.markdown(table.aggregate({"rbm": contents})))


def test_the_caption_names_bounds_without_draws():
    made = table.aggregate({"vae": [content()]})
    assert "by 10 importance samples. FDC" in "\n".join(render.markdown(made))
    made["models"]["vq_vae"] = made["models"]["vae"] | {"nll_kind": "upper bound, one term"}
    assert "by 10 importance samples, of `vq_vae` by one term. FDC" in "\n".join(
        render.markdown(made)
    )


def test_the_page_and_the_plot(tmp_path):
    made = table.aggregate({"vae": [content(nll=n) for n in (90.0, 94.0)]})
    page = Page(pictures.html_page(made, {"vae": tmp_path / "absent.png"}))
    assert "92.00 ± 2.83" in page.text
    assert "script" not in page.tags
    pictures.plot(made, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5000
