"""The pictures of a font: which, with which names and labels, and what is said without it."""

import unicodedata

import numpy as np
import pytest

from tfgen import data
from tfgen.data import emoji
from tfgen.data.fitting import Fitting
from tfgen.errors import UserError


def test_blocks_are_those_of_unicode():
    assert emoji.block(0x1F600) == emoji.block(0x1F64F) == "Emoticons"
    assert emoji.block(0x1F5FF) == "Miscellaneous Symbols and Pictographs"
    assert emoji.block(0xA9) == "Latin-1 Supplement"
    assert emoji.block(0x1FAE0) == "Symbols and Pictographs Extended-A"


def test_a_missing_font_is_named_with_its_package(monkeypatch, tmp_path):
    monkeypatch.delenv(emoji.NAMED, raising=False)
    monkeypatch.setattr(emoji, "FOLDERS", (str(tmp_path),))
    with pytest.raises(UserError, match=r"apt-get install fonts-noto-color-emoji.*TFGEN_EMOJI"):
        data.open_source("emoji")
    (tmp_path / "mine.ttf").write_bytes(b"none")
    monkeypatch.setenv(emoji.NAMED, str(tmp_path / "mine.ttf"))
    with pytest.raises(UserError, match=r"mine.ttf is no font with pictures of 109 points"):
        data.open_source("emoji")


@pytest.mark.skipif(emoji._found() is None, reason="no font of emoji is installed (.ci/run does)")
def test_each_emoji_stands_in_one_split_with_its_name_and_block(monkeypatch):
    monkeypatch.setattr(emoji, "RANGES", (range(0x1F600, 0x1F650), range(0x1F3E0, 0x1F400)))
    monkeypatch.setattr(emoji, "NAMED", "TFGEN_NONE")
    source = emoji.source(Fitting((24, 24), background="#102030"))
    assert source.classes == ("Miscellaneous Symbols and Pictographs", "Emoticons")
    seen: list[str] = []
    for split in ("train", "validation", "test"):
        part = source.load(split, ("caption",))
        held = data.arrays(part)
        assert part.shape == (24, 24, 3)
        for image, label, caption in zip(*held.values(), strict=True):
            name = caption.decode()
            point = ord(unicodedata.lookup(name))
            assert source.classes[label] == emoji.block(point)
            assert not name.startswith("emoji modifier")
            if emoji.block(point) == "Emoticons" and "face" in name and "cat" not in name:
                assert tuple(image[0, 0]) == (0x10, 0x20, 0x30)  # in a corner the background
            assert len(np.unique(image.reshape(-1, 3), axis=0)) > 20
            seen.append(name)
    assert len(seen) == len(set(seen)) == 80 + 32 - 5 - 3  # less skins and three that are no emoji
    assert set(data.arrays(source.load("train"))) == {"image", "label"}
