"""Updates: what each change at the source does to the stored prices."""

import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.data.store import PriceStore
from forecaster.data.update import update_ticker
from forecaster.errors import ConfigError, InvalidPrices, OutputError, SourceUnavailable
from tests.support.memory_source import MemorySource, make_rows

EARLIER, EVENING = "2023-09-14T22:00Z", "2023-09-21T22:00Z"


@pytest.fixture
def store(tmp_path):
    return PriceStore(tmp_path / "prices")


@pytest.fixture
def source():
    return MemorySource(make_rows())


def update(store, source, now=EVENING, **how):
    return update_ticker(store, source, "GOOG", now=now, **how)


def test_prices_are_created_left_alone_and_added_to(store, source):
    assert update(store, source, EARLIER).event == "create"
    before = store.read("GOOG").rows
    assert before.index[-1] == pd.Timestamp("2023-09-14")
    n_asked = len(source.asked)
    assert update(store, source, EARLIER).event == "fresh"
    assert len(source.asked) == n_asked
    answer = update(store, source)
    assert (answer.event, answer.report["n_new"]) == ("append", 5)
    after = store.read("GOOG").rows
    pd.testing.assert_frame_equal(after.loc[before.index], before)
    assert source.asked[-1] > "2023-08-20"
    assert answer.version.parent == store.versions("GOOG")[1].sha256


def test_a_session_that_has_not_finished_is_never_stored(store, source):
    answer = update(store, source, "2023-09-21T18:00Z")
    assert answer.version.last_session == "2023-09-20"
    assert list(answer.report["dropped"]) == ["2023-09-21"]


def test_a_split_makes_everything_be_fetched_again(store, source):
    update(store, source, EARLIER)
    later = source.rows.index >= "2023-09-18"
    source.rows.loc[later, ["open", "high", "low", "close"]] /= 20
    source.rows.loc["2023-09-18", "split"] = 20
    answer = update(store, source)
    assert answer.event == "split"
    assert answer.report["splits"] == {"2023-09-18": 20}
    assert "a split" in answer.message
    assert len(store.versions("GOOG")) == 2


def test_a_dividend_makes_everything_be_fetched_again(store, source):
    update(store, source, EARLIER)
    source.rows.loc["2023-09-18", "dividend"] = 0.5
    answer = update(store, source)
    assert answer.event == "dividend"
    assert answer.report["dividends"] == {"2023-09-18": 0.5}


def test_a_restated_price_is_taken_over_and_said_so(store, source):
    update(store, source, EARLIER)
    source.rows.loc["2023-09-12", "high"] *= 1.01
    answer = update(store, source)
    assert answer.event == "restated"
    assert answer.report["restated"] == ["2023-09-12"]
    stored = store.read("GOOG").rows.loc["2023-09-12", "high"]
    assert stored == source.rows.loc["2023-09-12", "high"]


def test_an_old_restatement_is_found_within_a_month(store, source):
    update(store, source, "2023-08-01T22:00Z")
    source.rows.loc["2023-01-10", "high"] *= 1.02
    assert update(store, source, "2023-08-15T22:00Z").event == "append"
    answer = update(store, source, "2023-09-01T22:00Z")
    assert answer.event == "restated"
    assert answer.report["restated"] == ["2023-01-10"]


def test_an_outage_leaves_what_is_stored(store, source):
    update(store, source, EARLIER)
    before = store.read("GOOG").rows
    source.down = True
    answer = update(store, source)
    assert answer.event == "stale"
    assert "out of order" in answer.message
    assert "out of order" in store.read("GOOG").pointer.stale
    pd.testing.assert_frame_equal(store.read("GOOG").rows, before)
    source.down = False
    assert update(store, source).event == "append"
    assert store.read("GOOG").pointer.stale is None


def test_an_outage_with_nothing_stored_is_an_error(store, source):
    source.down = True
    with pytest.raises(SourceUnavailable):
        update(store, source)
    assert store.list_tickers() == ()


def test_a_shrunken_history_is_refused(store, source):
    update(store, source, EARLIER)
    before = store.read("GOOG").rows
    source.rows = source.rows.iloc[100:] / [1.1, 1.1, 1.1, 1.1, 1, 1, 1]
    with pytest.raises(InvalidPrices, match="lacks 100 of"):
        update(store, source)
    pd.testing.assert_frame_equal(store.read("GOOG").rows, before)


def test_a_missing_session_is_asked_for_again(store, source):
    whole, hole = source.rows, pd.Timestamp("2023-08-01")
    source.rows = whole.drop(hole)
    assert update(store, source, EARLIER).version.missing_sessions == ("2023-08-01",)
    source.rows = whole
    answer = update(store, source)
    assert answer.report["filled"] == ["2023-08-01"]
    assert answer.version.missing_sessions == ()


def test_sources_are_never_mixed(store, source):
    update(store, source, EARLIER)
    source.name = "another"
    with pytest.raises(ConfigError, match="never mixes"):
        update(store, source)
    assert update(store, source, replace=True).version.source == "another"


@pytest.mark.parametrize("how", ["truncated", "flipped", "empty", "missing", "pointer"])
def test_damage_costs_one_version_at_most(store, source, how):
    first = update(store, source, EARLIER).version
    last = update(store, source).version
    folder = store.shelf("GOOG").folder
    rows = folder / f"{last.stem}.parquet"
    content = bytearray(rows.read_bytes())
    if how == "pointer":
        (folder / "current.json").write_text("{")
    elif how == "missing":
        rows.unlink()
    else:
        content[len(content) // 2] ^= 1
        kept = {"truncated": content[:900], "flipped": content, "empty": b""}
        rows.write_bytes(kept[how])
    with pytest.warns(UserWarning, match="damage"):
        read = store.read("GOOG").version
    assert read.sha256 == (last if how == "pointer" else first).sha256
    with pytest.warns(UserWarning, match="damage"):
        assert update(store, source).version.last_session == "2023-09-21"
    whole = store.read("GOOG").rows
    np.testing.assert_array_equal(whole["close"], source.rows["close"])


def test_a_full_disk_keeps_the_version_before(store, source, monkeypatch):
    import errno
    import os

    update(store, source, EARLIER)
    before = store.read("GOOG").version

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match="No space left"):
            update(store, source)
    assert store.read("GOOG").version == before
    hidden = [
        p.name for p in store.shelf("GOOG").folder.iterdir() if p.suffix == ".tmp"
    ]
    assert hidden == []
    assert update(store, source).event == "append"


def work(folder, events):
    source = MemorySource(make_rows())
    update(PriceStore(folder), source)
    events.put(len(source.asked))


def test_eight_processes_ask_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    events = context.Queue()
    children = [
        context.Process(target=work, args=(tmp_path / "prices", events))
        for _ in range(8)
    ]
    for child in children:
        child.start()
    asked = sorted(events.get(timeout=120) for _ in children)
    for child in children:
        child.join(60)
    assert asked == [0] * 7 + [1]
    assert len(PriceStore(tmp_path / "prices").versions("GOOG")) == 1


def die_at(folder, step):
    """Update, and be killed at the given step of writing."""
    steps = iter(range(step))

    def counted(call):
        def call_or_die(*args, **how):
            if next(steps, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **how)

        return call_or_die

    os.fsync = counted(os.fsync)
    Path.replace = counted(Path.replace)
    update(PriceStore(folder), MemorySource(make_rows()))


def test_a_kill_at_any_step_of_writing_loses_nothing(store, source):
    context = multiprocessing.get_context("spawn")
    first = update(store, source, EARLIER).version
    before = store.read("GOOG").rows
    for step in range(40):
        child = context.Process(target=die_at, args=(store.folder, step))
        child.start()
        child.join(120)
        read = store.read("GOOG")
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        if read.version.sha256 == first.sha256:
            pd.testing.assert_frame_equal(read.rows, before)
        else:
            np.testing.assert_array_equal(read.rows["close"], source.rows["close"])
    assert step > 3, "the child must have died at several steps before"
    assert read.version.last_session == "2023-09-21"
    assert store.verify() == ()
    hidden = {path.name for path in store.shelf("GOOG").folder.glob(".*")}
    assert len(hidden) <= 1, "only the lock may be hidden"


def test_a_source_that_changes_its_money_is_refused(store, source):
    source.provenance = {"currency": "GBP"}
    update(store, source, EARLIER)
    source.provenance = {"currency": "GBp"}
    with pytest.raises(InvalidPrices, match=r"now quotes GBp.*are in GBP"):
        update(store, source)
    assert update(store, source, replace=True).event == "create"


def test_a_ticker_of_another_exchange_is_refused(store, source):
    source.provenance = {"timezone": "Europe/London", "exchange": "LSE"}
    with pytest.raises(InvalidPrices, match="--calendar XLON"):
        update(store, source)
