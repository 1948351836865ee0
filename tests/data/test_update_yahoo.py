"""Updates through the real yfinance client: what Yahoo does to the stored prices."""

import errno
import functools
import io
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.data.store import PriceStore
from forecaster.data.update import update_ticker
from forecaster.data.yahoo_client import forget_client
from forecaster.errors import InvalidPrices, OutputError
from tests.support.fakeyahoo import Listing
from tests.support.fault_table import FAULTS, TIMEOUT
from tests.support.memory_source import make_rows

EARLIER, EVENING = "2023-09-14", "2023-09-21"
OHLC = ["open", "high", "low", "close"]


@pytest.fixture
def store(tmp_path):
    return PriceStore(tmp_path / "prices")


@pytest.fixture
def source(make_source):
    return make_source(attempts=2, timeout=TIMEOUT)


def update(store, source, day=EVENING):
    return update_ticker(store, source, "GOOG", now=f"{day}T22:00Z", start="2022-01-01")


def listed(ticker="GOOG", last=EVENING, **details):
    listing = Listing.embedded(ticker, **details)
    listing.prices = listing.prices.loc[:last].copy()
    return listing


def create(yahoo, store, source, listing):
    """Store a listing and return the rows; the next update is as in a new process."""
    yahoo.listings["GOOG"] = listing
    assert update(store, source, listing.prices.index[-1].date()).event == "create"
    assert len(yahoo.charts()) == 1
    yahoo.requests.clear()
    forget_client()
    return store.read("GOOG").rows


def written(store):
    """Every byte that must not change; a temporary file would be there as well."""
    files = store.shelf("GOOG").folder.iterdir()
    kept = [path for path in files if path.name not in ("current.json", ".lock")]
    return {path.name: path.read_bytes() for path in kept}


def first_days(yahoo):
    """From which day on each chart was asked for."""
    stamps = [int(ask.query["period1"]) for ask in yahoo.charts()]
    return [datetime.fromtimestamp(stamp, UTC).date().isoformat() for stamp in stamps]


def split():
    """Alphabet's own, 20 for 1: that night Yahoo divided all former prices."""
    later = listed(last="2022-07-22", splits={"2022-07-18": (20, 1)})
    former = listed(last="2022-07-15")
    former.prices[[*OHLC, "adj_close"]] *= 20
    former.prices["volume"] //= 20
    return former, later, {"splits": {"2022-07-18": 20}}


def dividend():
    """Apple's of August 2023, under GOOG's name."""
    paid = {"dividends": {"2023-08-11": 0.24}}
    return listed("AAPL", "2023-08-10"), listed("AAPL", "2023-08-18", **paid), paid


def restated():
    later = listed()
    later.prices.loc["2023-09-12", "high"] *= 1.01
    return listed(last=EARLIER), later, {"restated": ["2023-09-12"]}


@pytest.mark.parametrize("change", [split, dividend, restated])
def test_a_change_makes_everything_be_fetched_again(yahoo, store, source, change):
    former, later, report = change()
    create(yahoo, store, source, former)
    yahoo.listings["GOOG"] = later
    answer = update(store, source, later.prices.index[-1].date())
    assert answer.event == change.__name__
    assert report.items() <= answer.report.items()
    rows, traded = store.read("GOOG").rows, later.prices[OHLC]
    if change is split:
        traded = pd.concat([former.prices[OHLC], traded.loc["2022-07-18":]])
    np.testing.assert_allclose(rows[OHLC], traded, rtol=1e-8)
    acting = rows[(rows["split"] != 1) | (rows["dividend"] != 0)]
    assert len(acting) == (change is not restated)
    short, whole = first_days(yahoo)
    assert short > "2022-06-01" > whole


@pytest.mark.parametrize(
    ("day", "rest", "n_charts"),
    [("2023-08-15", slice(100, None), 1), (EARLIER, slice(-7, None), 2)],
)
def test_a_shrunken_history(yahoo, store, source, day, rest, n_charts):
    before = create(yahoo, store, source, listed(last=day))
    yahoo.listings["GOOG"].prices = listed().prices.iloc[rest]
    with pytest.raises(InvalidPrices, match=r"lacks \d+ of \d+ stored sessions"):
        update(store, source)
    stored = store.read("GOOG")
    pd.testing.assert_frame_equal(stored.rows, before)
    assert "stored sessions" in stored.pointer.stale
    assert len(yahoo.charts()) == n_charts
    yahoo.listings["GOOG"] = listed()
    assert update(store, source).event == "append"


@pytest.mark.parametrize("how", ["absent", "empty"])
def test_a_hole_that_is_filled_later(yahoo, store, source, how):
    former, hole = listed(last=EARLIER), "2023-08-01"
    former.prices.loc[hole] = np.nan
    if how == "absent":
        former.prices = former.prices.dropna()
    before = create(yahoo, store, source, former)
    yahoo.listings["GOOG"] = whole = listed()
    answer = update(store, source)
    assert (answer.event, answer.report["filled"]) == ("append", [hole])
    assert answer.version.missing_sessions == ()
    after = store.read("GOOG").rows
    pd.testing.assert_frame_equal(after.loc[before.index], before)
    np.testing.assert_allclose(after[OHLC], whole.prices[OHLC], rtol=1e-8)
    (since,) = first_days(yahoo)
    assert "2023-07-15" < since <= hole


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_leaves_what_is_stored(yahoo, store, source, name):
    before = create(yahoo, store, source, listed(last=EARLIER))
    content = written(store)
    yahoo.listings["GOOG"] = listed()
    FAULTS[name][0](yahoo)
    if FAULTS[name][1] is InvalidPrices:
        with pytest.raises(InvalidPrices, match=r"^GOOG: .*\Z"):
            update(store, source)
    else:
        answer = update(store, source)
        assert (answer.event, answer.message.count("\n")) == ("stale", 0)
    stored = store.read("GOOG")
    assert stored.pointer.stale.startswith("GOOG: ")
    pd.testing.assert_frame_equal(stored.rows, before)
    assert written(store) == content


def test_eight_processes_ask_yahoo_once(yahoo, certificate, tmp_path):
    today = datetime.now(UTC).date()
    rows = make_rows(today - timedelta(days=500), today + timedelta(days=5))
    yahoo.listings["GOOG"] = Listing(rows.assign(adj_close=rows["close"]))
    changes = {"FORECASTER_DATA": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "c")}
    changes |= {"HTTPS_PROXY": yahoo.url, "CURL_CA_BUNDLE": str(certificate)}
    command = [sys.executable, "-m", "forecaster", "fetch", "GOOG", "--json"]
    how = {"stdout": subprocess.PIPE, "text": True, "env": os.environ | changes}
    children = [subprocess.Popen(command, **how) for _ in range(8)]
    said = [child.communicate(timeout=300)[0] for child in children]
    assert [child.returncode for child in children] == [0] * 8
    events = sorted(json.loads(output)[0]["event"] for output in said)
    assert events == ["create", *["fresh"] * 7]
    assert len(yahoo.charts()) == 1
    assert PriceStore(tmp_path / "prices").verify() == ()


class Paper(io.FileIO):
    """A file that a full disk leaves half written."""

    def write(self, content):
        half = super().write(content[: len(content) // 2])
        self.step("write")
        return half + super().write(content[half:])


def fill_disk(patch, full_at):
    """Let one step of writing fail, and return the list of those that were taken."""
    steps = []

    def step(name):
        steps.append(name)
        if len(steps) == full_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def counted(name, call):
        def count_and_call(what, *args, **how):
            # Neither what is there already nor a folder's list of names takes space.
            there = name in ("open", "mkdir") and os.access(what, os.F_OK)
            if not there and (name != "fsync" or Path(f"/dev/fd/{what}").is_file()):
                step(name)
            return call(what, *args, **how)

        return count_and_call

    for name in ("open", "mkdir", "fsync", "chmod", "replace"):
        patch.setattr(os, name, counted(name, getattr(os, name)))
    patch.setattr(Paper, "step", staticmethod(step), raising=False)
    patch.setattr(os, "fdopen", Paper)
    return steps


@pytest.mark.parametrize("event", ["create", "append"])
def test_a_disk_full_at_any_step(yahoo, source, tmp_path, monkeypatch, event):
    first = PriceStore(tmp_path / "first")
    first.folder.mkdir()
    if event == "append":
        create(yahoo, first, source, listed(last=EARLIER))
    yahoo.listings["GOOG"] = listed()
    # The answer is kept: what the client writes into its own cache does not count.
    source.history = functools.cache(source.history)

    def copy_of_first(name):
        return PriceStore(shutil.copytree(first.folder, tmp_path / name))

    assert update(copy_of_first("whole"), source).event == event
    store = copy_of_first("counted")
    with monkeypatch.context() as patch:
        steps = fill_disk(patch, full_at=None)
        update(store, source)
    after = store.read("GOOG").rows
    before = first.read("GOOG").rows if event == "append" else after
    assert min(steps.count(name) for name in ("write", "fsync", "replace")) == 3
    for full_at in range(1, len(steps) + 1):
        store = copy_of_first(f"full at {full_at}")
        with monkeypatch.context() as patch, pytest.raises(OutputError, match="space"):
            fill_disk(patch, full_at)
            update(store, source)
        assert {path.name for path in store.folder.rglob(".*")} <= {".lock"}
        if event == "append" or store.list_tickers():
            pd.testing.assert_frame_equal(store.read("GOOG").rows, before)
        update(store, source)
        pd.testing.assert_frame_equal(store.read("GOOG").rows, after)
        assert store.verify() == ()
