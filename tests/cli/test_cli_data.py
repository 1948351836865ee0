"""`forecaster data` on a store that is damaged, unreadable or empty."""

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from forecaster.cli import console
from forecaster.data.store import PriceStore
from forecaster.data.update import update_ticker
from tests.support.memory_source import MemorySource, make_rows

EVENING = datetime(2023, 9, 21, 22, tzinfo=UTC)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Three tickers of `yahoo`, stored on the evening of the last session."""
    monkeypatch.setenv("FORECASTER_DATA", str(tmp_path))
    monkeypatch.setattr(console, "now", lambda: EVENING)
    source = MemorySource(make_rows())
    source.name = "yahoo"
    store = PriceStore()
    for ticker in ("IBM", "KO", "MSFT"):
        update_ticker(store, source, ticker, now=EVENING)
    return store


def stored(command):
    rows = command.json("data", "list")
    return {
        row["ticker"]: row for row in rows if row["source"] in ("yahoo", "unusable")
    }


def names(store):
    return sorted(path.name for path in store.folder.rglob("*"))


def test_list_reads_no_prices(command, store, monkeypatch):
    original = Path.read_bytes

    def read_bytes(path):
        assert store.folder not in path.parents or path.suffix == ".json"
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    rows = stored(command)
    assert sorted(rows) == ["IBM", "KO", "MSFT"]
    assert rows["KO"]["last"] == "2023-09-21"


@pytest.mark.parametrize("how", ["pointer", "rows", "set aside"])
def test_list_shows_a_damaged_ticker_and_goes_on(command, store, how):
    folder = store.shelf("KO").folder
    (rows,) = folder.glob("*.parquet")
    if how == "pointer":
        (folder / "current.json").write_text("{")
    elif how == "rows":
        rows.unlink()
    else:
        for file in folder.glob("*.*"):
            file.rename(file.with_name(f"{file.name}.damaged"))
    before = names(store)
    answer = command("data", "list")
    assert answer.exit_code == 0
    (told,) = answer.stderr.splitlines()
    assert told.startswith("warning: KO: the stored prices are damaged")
    assert "None" not in answer.stdout
    found = stored(command)
    assert found["KO"]["source"] == "unusable"
    assert found["KO"]["n_sessions"] is None
    assert found["MSFT"]["n_sessions"] > 100
    assert names(store) == before
    assert command("data", "verify").exit_code == 4
    assert command("data", "verify", "MSFT").exit_code == 0


def test_list_shows_a_ticker_that_cannot_be_read(command, store, monkeypatch):
    original = os.listdir

    def listdir(path):
        if Path(path).name == "KO":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return original(path)

    monkeypatch.setattr(os, "listdir", listdir)
    answer = command("data", "list")
    assert answer.exit_code == 0
    assert "KO cannot be read: Permission denied" in answer.stderr
    assert stored(command)["KO"]["source"] == "unusable"


@pytest.mark.parametrize("ticker", ["NOPE", "../../x"])
@pytest.mark.parametrize("verb", ["verify", "history", "prune"])
def test_a_ticker_with_nothing_stored_is_not_found(command, store, verb, ticker):
    answer = command("data", verb, ticker)
    assert answer.exit_code == 3
    assert "no prices are stored" in answer.stderr


def test_offline_shows_a_store_that_may_only_be_read(command, store, monkeypatch):
    def refuse(*_args, **_how):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    for name in ("mkdir", "rename", "replace", "unlink"):
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    show = ("data", "show", "MSFT", "--source", "yahoo")
    answer = command(*show, "--offline")
    assert answer.exit_code == 0
    assert answer.stderr == ""
    monkeypatch.setattr(console, "now", lambda: EVENING.replace(day=25))
    answer = command(*show, "--offline")
    assert answer.exit_code == 0
    assert "warning: MSFT: stale" in answer.stderr
    answer = command(*show)
    assert answer.exit_code == 0
    assert "cannot write" in answer.stderr
