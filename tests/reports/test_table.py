"""The table of figures: what is a row of it is shown wherever the row says, and nowhere else."""

import dataclasses
import itertools

import numpy as np
import pytest
from PIL import Image

from tests.support import small
from tests.support.page import Page
from tests.zoo import ROWS
from tfgen import data, models
from tfgen.analysis import explore
from tfgen.errors import Notice
from tfgen.reports import drawing, page, report, table
from tfgen.reports.subject import OTHER_NEEDS, Subject
from tfgen.run_dir import RunDir


def test_a_figure_is_a_function_and_a_row(monkeypatch, tmp_path, digits):
    """It is in the folder, the report, on the page of explore, and drawn while training."""

    def brightest(subject):
        return np.broadcast_to(255 - subject.labels[:30, None], (20, 30, 3)).astype(np.uint8)

    row = table.Figure(
        "brightest",
        "The brightest",
        "Labels < 9, as shades.",
        brightest,
        needs=("encode", "labels"),
        pages=("folder", "report", "explore"),
        preview=True,
    )
    others = (
        dataclasses.replace(row, key="missing", title="Missing", needs=("encode", "fly")),
        dataclasses.replace(row, key="worse", title="Worse", unless=("labels",)),
    )
    monkeypatch.setattr(table, "FIGURES", (*others, row))
    model = next(row for row in ROWS if row.name == "vae").build()
    held_out = digits.load("validation")
    subject = Subject(model, lambda: data.arrays(held_out), held_out.classes)
    expected = brightest(subject)

    run = RunDir(tmp_path)
    drawing.draw(run, model, held_out)
    assert [file.name for file in run.figures.iterdir()] == ["brightest.png"]
    assert np.array_equal(Image.open(run.figures / "brightest.png"), expected)

    ((figure, pixels),) = explore.pictures(model, held_out)
    assert figure is row
    assert np.array_equal(pixels, expected)

    page = Page(report.pictures(subject))
    assert page.text == "The brightestLabels < 9, as shades."
    assert page.tags.count("img") == 1

    assert np.array_equal(drawing.preview(model, held_out)(), expected)


def test_a_figure_that_fails_costs_no_other(monkeypatch):
    def fail(subject):
        raise ZeroDivisionError("of a model of one's own")

    figures = [
        table.Figure("bad", "Bad", "", fail, needs=()),
        table.Figure("good", "Good", "", lambda subject: np.zeros((2, 2, 3), np.uint8), needs=()),
    ]
    monkeypatch.setattr(table, "FIGURES", figures)
    subject = Subject(next(row for row in ROWS if row.name == "vae").build(), dict)
    with pytest.warns(Notice, match="'bad' could not be drawn: ZeroDivisionError"):
        ((figure, _),) = table.drawn(subject, "folder")
    assert figure.key == "good"


def test_figures_of_a_users_own_class_are_tried_before_it_is_trained(monkeypatch, digits):
    seen = []

    def fail(subject):
        seen.append(len(subject.arrays["image"]))
        raise ZeroDivisionError("of a model of one's own")

    monkeypatch.setattr(table, "FIGURES", [table.Figure("bad", "Bad", "", fail, needs=())])
    held_out = digits.load("validation")
    with pytest.warns(Notice, match="'bad' could not be drawn: ZeroDivisionError"):
        drawing.try_out(small.make(), held_out)
    drawing.try_out(next(row for row in ROWS if row.name == "vae").build(), held_out)  # ours
    assert seen == [drawing.TRIED]


def test_a_command_on_a_page_is_broken_between_its_arguments_alone():
    command = "python -m train.run --config.data.name='./my <pictures>'"
    shown = Page(page.command(command))
    assert shown.text == command
    assert shown.tags.count("span") == len(command.split(" "))
    assert page.words("set `steps=<n>` & see") == "set <code>steps=&lt;n&gt;</code> &amp; see"


def test_points_are_shown_by_the_rows_that_say_so():
    row = next(row for row in ROWS if row.id == "realnvp-points")
    points = np.zeros((4, *row.image_shape), np.uint8)
    subject = Subject(row.build(), lambda: {"image": points})
    shown = {figure.key for figure in table.FIGURES if figure.fits(subject)}
    assert shown == {"samples", "held_out", "codes"}


def test_other_needs_than_those_listed_are_methods_of_some_model():
    kinds = [models.find(row.name) for row in ROWS]
    for figure in table.FIGURES:
        for need in (*figure.needs, *figure.unless):
            assert need in OTHER_NEEDS or any(callable(getattr(kind, need, None)) for kind in kinds)


def test_of_figures_of_one_name_a_page_shows_one():
    for one, other in itertools.combinations(table.FIGURES, 2):
        if one.key == other.key and {*one.pages} & {*other.pages}:
            assert {*one.needs} & {*other.unless} or {*other.needs} & {*one.unless}, one.key
