"""Files that are whole or not there, and paths that TensorFlow reads as they are."""

import errno
import os

import pytest

from tests.conftest import ROOT
from tfgen import files


def test_a_folder_takes_its_place_when_it_is_whole(tmp_path):
    place = tmp_path / "page"
    for text in ("old", "new"):
        with files.folder(place) as folder:
            (folder / "a").write_text(text)
            assert not place.exists() or (place / "a").read_text() == "old"
        assert (place / "a").read_text() == text

    def fail():
        with files.folder(place) as folder:
            (folder / "a").write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"No space left on device: '.*page'"):
        fail()
    assert (place / "a").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


def test_an_error_of_the_disk_names_the_file_that_was_wanted(tmp_path, monkeypatch):
    for where in ("", str(tmp_path / ".writing-xy.txt")):
        error = OSError(errno.ENOSPC, "No space left", *([where] if where else []))
        with pytest.raises(OSError, match=r"a\.txt'$"), files.atomic(tmp_path / "a.txt"):
            raise error
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(tmp_path, monkeypatch):
    place = tmp_path / "page"
    place.mkdir()
    (place / "a").write_text("old")
    rename = os.rename

    def broken(source, target):
        if source.name == "new":
            raise OSError("Input/output error")
        rename(source, target)

    monkeypatch.setattr(os, "rename", broken)
    with pytest.raises(OSError, match="Input"), files.folder(place):
        pass
    assert (place / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


@pytest.mark.parametrize("name", ["runs[1]", "a,b", "what?", "{x}*"])
def test_a_path_without_patterns_leads_to_the_same_folder(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    plain = files.plain(folder)
    assert not set(str(plain)) & files.PATTERNS
    (plain / "a").write_text("x")
    assert (folder / "a").read_text() == "x"
    assert files.plain(folder) == plain
    assert files.plain(tmp_path) == tmp_path


def test_the_cache_is_where_the_user_wants_it(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert files.cache() == tmp_path / "tfgen"
    assert not str(files.cache()).startswith(str(ROOT))
