"""Files and folders appear whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from forecaster.atomic import new_folder, write_bytes, write_text
from forecaster.errors import OutputError


def failing(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "old")
    write_bytes(path, b"new")
    assert path.read_text() == "new"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("step", ["fsync", "fdopen", "replace"])
def test_a_full_disk_keeps_the_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with monkeypatch.context() as patch:
        patch.setattr(os, step, failing)
        patch.setattr("pathlib.Path.replace", failing)
        with pytest.raises(OutputError, match=r"No space left.*Free some space"):
            write_text(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_a_file_where_a_folder_should_be_is_named(tmp_path):
    (tmp_path / "blocked").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*blocked"):
        write_text(tmp_path / "blocked" / "file.txt", "new")


def test_a_folder_appears_when_its_block_ends(tmp_path):
    target = tmp_path / "folder"
    with new_folder(target) as staging:
        (staging / "a").write_text("1")
        assert not target.exists()
    assert (target / "a").read_text() == "1"
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_failing_block_leaves_no_folder(tmp_path):
    def fill():
        with new_folder(tmp_path / "folder") as staging:
            (staging / "a").write_text("1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, "mine"])
def test_an_existing_folder_is_refused(tmp_path, content):
    target = tmp_path / "folder"
    target.mkdir()
    if content:
        (target / "note.txt").write_text(content)

    def fill():
        with new_folder(target) as staging:
            (staging / "a").write_text("1")

    with pytest.raises(OutputError, match=r"already. Choose another name, or"):
        fill()
    assert [p.name for p in target.iterdir()] == (["note.txt"] if content else [])
    assert list(tmp_path.iterdir()) == [target]


def test_a_replaced_folder_stays_until_the_new_one_is_whole(tmp_path):
    target = tmp_path / "folder"

    def fill(text):
        with new_folder(target, replaces=True) as staging:
            (staging / text).write_text(text)
            if text == "bad":
                raise ValueError(text)

    fill("first")
    with pytest.raises(ValueError, match="bad"):
        fill("bad")
    assert [path.name for path in target.iterdir()] == ["first"]
    fill("second")
    assert [path.name for path in target.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("stopped", [OSError, KeyboardInterrupt])
def test_an_earlier_folder_comes_back_if_the_new_one_gets_no_name(
    tmp_path, monkeypatch, stopped
):
    target, rename = tmp_path / "folder", Path.rename
    target.mkdir()
    (target / "first").touch()

    def refuse_the_new_one(path, to):
        if to == target and not path.name.endswith(".old"):
            raise stopped
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", refuse_the_new_one)
    with (
        pytest.raises(OutputError if stopped is OSError else stopped),
        new_folder(target, replaces=True) as staging,
    ):
        (staging / "second").touch()
    assert [path.name for path in target.iterdir()] == ["first"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_name_that_no_disk_takes_is_an_output_error(tmp_path):
    with (
        pytest.raises(OutputError, match="File name too long"),
        new_folder(tmp_path / ("a" * 300), replaces=True),
    ):
        raise AssertionError("nothing is to be written")


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.rename"])
def test_a_full_disk_leaves_no_folder(tmp_path, monkeypatch, step):
    def fill():
        with new_folder(tmp_path / "folder") as staging:
            (staging / "a").write_text("1")

    monkeypatch.setattr(step, failing)
    with pytest.raises(OutputError, match=r"No space left.*Free some space"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_a_block_that_cannot_write_is_told_as_the_folder(tmp_path):
    def fill():
        with new_folder(tmp_path / "folder") as staging:
            (staging / "missing" / "a").write_text("1")

    with pytest.raises(OutputError, match=r"cannot write .*/folder: No such file"):
        fill()
    assert list(tmp_path.iterdir()) == []
