"""Reading the store: what counts as damage, who may write, and what is remembered."""

import errno
import json
import os
import warnings
from pathlib import Path

import pandas as pd
import pytest

from forecaster.data.store import PriceStore
from forecaster.data.update import update_ticker
from forecaster.errors import (
    ConfigError,
    DataError,
    OutputError,
    PriceWarning,
    SourceUnavailable,
    SymbolNotFound,
)
from tests.support.memory_source import MemorySource, make_rows

EARLIER, EVENING = "2023-09-14T22:00Z", "2023-09-21T22:00Z"


@pytest.fixture
def store(tmp_path):
    return PriceStore(tmp_path / "prices")


@pytest.fixture
def source():
    return MemorySource(make_rows("2022-01-03"))


def update(store, source, now=EVENING, **how):
    return update_ticker(store, source, "GOOG", now=now, **how)


def offline(source):
    source.offline = True
    return source


def content(store):
    """Every name below the store with its bytes."""
    return {
        path: path.read_bytes() if path.is_file() else None
        for path in store.folder.rglob("*")
    }


def spoil(store, version):
    file = store.shelf("GOOG").folder / f"{version.stem}.parquet"
    changed = bytearray(file.read_bytes())
    changed[len(changed) // 2] ^= 1
    file.write_bytes(changed)
    return file


def refuse_reads(patch, ending, code):
    """Let the system refuse to read files whose name ends so."""
    original = Path.read_bytes

    def read_bytes(path):
        if path.name.endswith(ending):
            raise OSError(code, os.strerror(code), str(path))
        return original(path)

    patch.setattr(Path, "read_bytes", read_bytes)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("ending", [".parquet", "current.json"])
def test_a_refused_read_is_no_damage(store, source, monkeypatch, ending, code):
    update(store, source, EARLIER)
    update(store, source)
    before = content(store)
    with monkeypatch.context() as patch:
        refuse_reads(patch, ending, code)
        with pytest.raises(DataError, match=rf"cannot be read: {os.strerror(code)}"):
            store.read("GOOG")
        with pytest.raises(DataError, match="cannot be read"):
            update(store, source)
        assert "cannot be read" in store.verify("GOOG")[0].message
    assert content(store) == before
    assert update(store, source).event == "fresh"


def test_a_folder_that_cannot_be_listed_is_not_empty(store, source, monkeypatch):
    update(store, source, EARLIER)
    (store.shelf("GOOG").folder / "current.json").unlink()

    original = os.listdir

    def listdir(path):
        if Path(path).name == "GOOG":
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return original(path)

    monkeypatch.setattr(os, "listdir", listdir)
    with pytest.raises(DataError, match="Too many open files"):
        store.read("GOOG")
    assert store.list_tickers() == ("GOOG",)


@pytest.mark.parametrize("ending", ["current.json", ".json"])
def test_files_of_a_newer_forecaster_are_left_alone(store, source, ending):
    version = update(store, source, EARLIER).version
    name = ending if ending == "current.json" else version.stem + ending
    file = store.shelf("GOOG").folder / name
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 2}))
    before = content(store)
    with pytest.raises(DataError, match="written by a newer forecaster"):
        update(store, source)
    assert content(store) == before


def test_a_reader_without_the_lock_renames_nothing(store, source):
    first = update(store, source, EARLIER).version
    spoil(store, update(store, source).version)
    before = content(store)
    with pytest.warns(PriceWarning, match="Left where it is; using the prices up to"):
        assert store.read("GOOG").version.sha256 == first.sha256
    store.versions("GOOG")
    store.verify("GOOG")
    assert content(store) == before


def test_a_writer_sets_damage_aside_and_keeps_it(store, source):
    update(store, source, EARLIER)
    file = spoil(store, update(store, source).version)
    spoiled = file.read_bytes()
    with pytest.warns(PriceWarning, match="Set aside") as told:
        assert update(store, source).version.last_session == "2023-09-21"
    assert len(told) == 1
    assert file.with_name(f"{file.name}.damaged").read_bytes() == spoiled


def test_a_reader_looks_again_when_files_vanish_meanwhile(store, source, monkeypatch):
    update(store, source, EARLIER)
    shelf = store.shelf("GOOG")
    old = (shelf.folder / "current.json").read_bytes()
    last = update(store, source).version
    original, seen = Path.read_bytes, []

    def read_bytes(path):
        """Show once what was there before another process published and pruned."""
        if path.name == "current.json" and not seen:
            seen.append(path)
            shelf.remove(json.loads(old)["sha256"][:16])
            return old
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert store.read("GOOG").version.sha256 == last.sha256


@pytest.mark.parametrize("lost", ["rows", "sidecar too", "pointer too"])
def test_after_damage_and_an_outage_everything_is_fetched(store, source, lost):
    update(store, source, start="2023-01-03")
    last = update(store, source, start="2022-01-03").version
    file = spoil(store, last)
    if lost == "sidecar too":
        file.with_suffix(".json").unlink()
    elif lost == "pointer too":
        (file.parent / "current.json").write_text("{")
    source.down = True
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PriceWarning)
            answer = update(store, source)
        assert (answer.event, answer.version.start) == ("stale", "2023-01-03")
    source.down = False
    source.asked.clear()
    answer = update(store, source)
    assert source.asked == ["2022-01-03"]
    assert answer.version.start == answer.version.first_session == "2022-01-03"
    assert update(store, source).event == "fresh"
    assert source.asked == ["2022-01-03"]


def test_a_later_start_after_damage_forgets_nothing(store, source):
    update(store, source, start="2023-01-03")
    spoil(store, update(store, source, start="2022-01-03").version)
    with pytest.warns(PriceWarning, match="Set aside"):
        answer = update(store, source, start="2023-06-01")
    assert answer.version.start == "2022-01-03"


def test_verify_finds_what_is_gone(store, source):
    version = update(store, source, start="2022-01-03").version
    folder = store.shelf("GOOG").folder
    (folder / f"{version.stem}.parquet").unlink()
    assert store.list_tickers() == ("GOOG",)
    found = {problem.file: problem.message for problem in store.verify()}
    assert found[f"{version.stem}.json"] == "its rows are missing"
    (folder / "current.json").unlink()
    assert [problem.file for problem in store.verify()][-1] == f"{version.stem}.json"
    sidecar = folder / f"{version.stem}.json"
    sidecar.rename(folder / f"{sidecar.name}.damaged")
    found = {problem.file: problem.message for problem in store.verify()}
    assert "set aside" in found[f"{sidecar.name}.damaged"]
    with pytest.raises(SymbolNotFound, match="no whole version is left"):
        store.versions("GOOG")


@pytest.mark.parametrize("ticker", ["NOPE", "../../x"])
def test_a_ticker_with_nothing_stored_is_not_found(store, source, ticker):
    update(store, source)
    before = content(store)
    for ask in (
        store.verify,
        store.versions,
        store.current,
        lambda name: store.prune(name, keep=1),
    ):
        with pytest.raises(DataError, match=r"no prices are stored|damaged") as told:
            ask(ticker)
        assert ask == store.current or isinstance(told.value, SymbolNotFound)
    assert content(store) == before


@pytest.mark.parametrize("now", [EARLIER, EVENING])
def test_offline_writes_nothing(store, source, now):
    update(store, source, EARLIER)
    before, n_asked = content(store), len(source.asked)
    answer = update(store, offline(source), now)
    assert answer.event == ("fresh" if now == EARLIER else "stale")
    assert ("offline mode" in answer.message) == (now == EVENING)
    assert content(store) == before
    assert len(source.asked) == n_asked


def test_offline_with_nothing_stored_makes_no_folder(store, source):
    with pytest.raises(SourceUnavailable, match="offline mode"):
        update(store, offline(source))
    assert not store.folder.exists()
    source.offline = False
    update(store, source, EARLIER)
    with pytest.raises(SourceUnavailable, match="offline mode"):
        update(store, offline(source), replace=True)


@pytest.mark.parametrize(
    ("ticker", "start", "error"),
    [("../../x", None, SymbolNotFound), ("GOOG", "yesterday", ConfigError)],
)
def test_arguments_are_checked_before_the_disk_is_touched(
    store, source, ticker, start, error
):
    with pytest.raises(error):
        update_ticker(store, source, ticker, now=EVENING, start=start)
    assert not store.folder.exists()


@pytest.fixture
def read_only(monkeypatch):
    """A file system that may only be read, for any user."""

    def refuse(*_args, **_how):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    original = os.open

    def open_(path, flags, *args, **how):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            refuse()
        return original(path, flags, *args, **how)

    def set_up():
        monkeypatch.setattr(os, "open", open_)
        for name in ("rename", "replace", "unlink", "chmod"):
            monkeypatch.setattr(os, name, refuse)
        monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)

    return set_up


def test_a_store_that_may_only_be_read_serves_what_it_has(store, source, read_only):
    update(store, source, EARLIER)
    read_only()
    assert update(store, source, EARLIER).event == "fresh"
    answer = update(store, source)
    assert (answer.event, answer.n_fetches) == ("stale", 0)
    assert "cannot write" in answer.message
    assert update(store, offline(source)).event == "stale"


def test_a_store_that_may_only_be_read_cannot_create(store, source, read_only):
    store.folder.mkdir()
    (store.folder / "GOOG").mkdir()
    read_only()
    with pytest.raises(OutputError, match="cannot write"):
        update(store, source)


def test_a_fresh_ticker_is_answered_without_the_lock(store, source):
    update(store, source)
    (store.shelf("GOOG").folder / ".lock").unlink(missing_ok=True)
    before = content(store)
    assert update(store, source).event == "fresh"
    assert content(store) == before


def test_only_half_done_files_are_tidied_away(store, source):
    version = update(store, source).version
    folder = store.shelf("GOOG").folder
    half = [".current.json.ab_3cd12", f".{version.stem}.parquet.abcdefgh"]
    other = [".nfs000000000abc", ".DS_Store", ".current.json.swp.txt"]
    for name in half + other:
        (folder / name).write_text("")
    (folder / f"{version.stem}.json").write_text("{")
    assert update(store, source).event == "fresh"
    left = {path.name for path in folder.iterdir()}
    assert left.isdisjoint(half)
    assert left >= set(other)
    said = (folder / f"{version.stem}.json").read_text()
    assert json.loads(said)["last_session"] == "2023-09-21"
    pd.testing.assert_frame_equal(
        store.read("GOOG").rows, source.rows, check_freq=False
    )
