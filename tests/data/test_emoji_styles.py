"""Emoji in two styles: unpaired in training, paired as truth; Twemoji's pictures drawn once."""

import sys
import unicodedata

import numpy as np
import pytest
from PIL import Image

from tfgen import data
from tfgen.data import emoji, emoji_styles
from tfgen.errors import UserError


@pytest.mark.skipif(emoji._found() is None, reason="no font of emoji is installed (.ci/run does)")
def test_no_emoji_is_in_both_domains_and_its_truth_is_the_other_style(monkeypatch, tmp_path):
    monkeypatch.setattr(emoji, "RANGES", (range(0x1F600, 0x1F640),))
    folder = tmp_path / "tfgen_twemoji"
    folder.mkdir()
    for i in range(0x1F600, 0x1F63F):  # all but the last: what one style lacks is left out
        Image.new("RGBA", (16, 16), (i & 63, 200, 0, 255)).save(folder / f"{i:x}.png")
    source = data.open_source("emoji_styles", str(tmp_path), size=8)
    points = {"image": [], "other": []}
    for split in source.splits:
        held = data.arrays(source.sources[0].load(split + "A", ("truth", "caption")))
        theirs = data.arrays(source.sources[1].load(split + "B", ("truth", "caption")))
        for kind, arrays, style in (("image", held, "truth"), ("other", theirs, "image")):
            for caption, plain in zip(arrays["caption"], arrays[style], strict=True):
                point = ord(unicodedata.lookup(caption.decode()))
                assert (plain == [point & 63, 200, 0]).all()
                points[kind].append(point)
    assert not set(points["image"]) & set(points["other"])
    assert sorted(points["image"] + points["other"]) == list(range(0x1F600, 0x1F63F))
    training, _ = source.training_and_validation("train", "", ("truth",))
    assert {"image", "truth", "other", "other_truth"} <= set(data.arrays(training))


def test_what_is_missing_is_said_with_what_draws_it(monkeypatch, tmp_path):
    with pytest.raises(UserError, match=r"`python -m train.twemoji` draws them once"):
        data.open_source("emoji_styles", str(tmp_path))
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(UserError, match="pip install resvg-py"):
        emoji_styles.draw(str(tmp_path), str(tmp_path))


def test_drawings_of_one_code_point_are_drawn_and_their_authors_named(monkeypatch, tmp_path):
    for name in ("1f600", "a9", "1f1e6-1f1e8"):
        (tmp_path / f"{name}.svg").write_text(name)
    monkeypatch.setattr(emoji_styles, "_rasteriser", lambda: (str.encode, "a pencil 1.0"))
    folder, count = emoji_styles.draw(str(tmp_path / "data"), str(tmp_path))
    assert (count, (folder / "a9.png").read_bytes()) == (2, b"a9")
    assert {file.name for file in folder.iterdir()} == {"1f600.png", "a9.png", "README"}
    assert "CC BY 4.0" in (folder / "README").read_text()
    assert "a pencil 1.0" in (folder / "README").read_text()
    with pytest.raises(UserError, match="holds no SVG"):
        emoji_styles.draw(str(tmp_path / "data"), str(folder))


def test_points_of_a_split_are_even():
    places = np.array([emoji.place(point) for point in range(0x1F300, 0x1F700)])
    assert abs(places.mean() - 0.5) < 0.05
    letters = (places * 2**20).astype(int) % 2
    assert 0.4 < letters.mean() < 0.6
