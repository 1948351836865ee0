"""Prices that a batch fetches itself: the real client, against a Yahoo on loopback."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from forecaster.batch import fetching
from forecaster.batch.evening import Evening
from forecaster.batch.fetching import Fetcher
from forecaster.batch.run import run_batch
from forecaster.config.batch import BatchConfig, SourceConfig
from forecaster.config.files import check_settings
from forecaster.data.retrying import Gate
from forecaster.data.store import PriceStore
from forecaster.errors import (
    BadResponse,
    OutputError,
    RateLimited,
    RunLocked,
    SourceUnavailable,
    SymbolNotFound,
)
from tests.batch.conftest import Notes
from tests.support import faults
from tests.support.fakeyahoo import Listing

BUNDLE = Path(__file__).parents[1] / "data" / "tiny-bundle"
EVENING = datetime(2023, 9, 21, 22, tzinfo=UTC)
LAST = EVENING.date()


@pytest.fixture
def listings(yahoo):
    yahoo.listings |= {
        name: Listing.embedded(name) for name in ("AMZN", "META", "NFLX", "NVDA")
    }
    # The newest embedded session is the one before: serve one more.
    for name, listing in yahoo.listings.items():
        prices = listing.prices.copy()
        prices.loc["2023-09-21"] = prices.iloc[-1]
        yahoo.listings[name] = dataclasses.replace(listing, prices=prices)
    return yahoo.listings


@pytest.fixture
def evening(yahoo, listings, tmp_path, monkeypatch):
    """Run a batch of some tickers; waits are noted, not waited for."""
    monkeypatch.setenv("FORECASTER_DATA", str(tmp_path / "data"))
    monkeypatch.setitem(Gate.__init__.__kwdefaults__, "sleep", lambda _: None)
    waited = []

    def run(*tickers, now=EVENING, **source):
        settings = {
            "name": "nightly",
            "universe": {"tickers": list(tickers)},
            "source": {"start": "2023-01-01", **source},
            "model": {"bundle": str(BUNDLE)},
            "outputs": {"folder": str(tmp_path / "batches")},
        }
        run.notes, run.waited = Notes(), waited
        return run_batch(
            check_settings(BatchConfig, settings),
            Evening(lambda: now, sleep=waited.append),
            journal=run.notes,
        )

    return run


def test_a_universe_is_fetched_and_forecast(evening, yahoo):
    summary = evening("GOOG", "AAPL", "NFLX")
    assert summary.counts == {"forecast": 3, "known": 0, "failed": 0}
    assert len(yahoo.charts()) == 3
    assert evening("GOOG", "AAPL", "NFLX").status == "up to date"
    assert len(yahoo.charts()) == 3


def test_a_failure_that_passes_is_asked_again(evening, yahoo):
    # The client sends a failed request twice by itself.
    yahoo.plant("AAPL", faults.status(503), faults.status(503))
    summary = evening("GOOG", "AAPL")
    assert summary.status == "finished"
    assert evening.waited == [30.0]
    (retry,) = [one for one in evening.notes.told if one["event"] == "retry"]
    assert retry["tickers"] == 1
    assert [ask.path.rpartition("/")[2] for ask in yahoo.charts()] == [
        *("AAPL", "AAPL", "GOOG", "AAPL"),
    ]


def test_a_failure_that_stays_is_told_with_its_reason(evening, yahoo):
    yahoo.plant("AAPL", faults.status(503), always=True)
    summary = evening("GOOG", "AAPL", "NOSUCH", attempts=2, wait=5)
    failed = {one.ticker: one for one in summary.failures}
    assert failed["AAPL"].kind == "SourceUnavailable"
    assert failed["AAPL"].n_attempts == 2
    assert failed["NOSUCH"].kind == "SymbolNotFound"
    # What the source knows nothing of is not asked for again.
    assert failed["NOSUCH"].n_attempts == 1
    assert summary.exit_code == 5
    assert evening.waited == [5.0]


def test_a_source_that_is_down_is_soon_left_alone(evening, yahoo, monkeypatch):
    monkeypatch.setattr(fetching, "MOST_IN_A_ROW", 2)
    yahoo.plant("chart", faults.status(500), always=True)
    names = ("AAPL", "AMZN", "GOOG", "META", "NFLX", "NVDA")
    summary = evening(*names, attempts=2)
    assert (summary.status, summary.exit_code) == ("failed", 7)
    # Two in the first round, and two others in the second.
    asked = {ask.path.rpartition("/")[2] for ask in yahoo.charts()}
    assert asked == {"AAPL", "AMZN", "GOOG", "META"}
    assert "2 times in a row" in summary.failures[-1].reason


def test_the_source_may_ask_for_a_longer_wait(evening, yahoo, tmp_path):
    error = RateLimited("too many", retry_after=120.0)
    waited = []
    fetcher = Fetcher(
        SourceConfig(),
        PriceStore(tmp_path / "none"),
        Notes(),
        lambda: EVENING,
        waited.append,
    )
    answers = iter([error, None])
    fetcher._update = lambda _: next(answers)
    assert fetcher.fetch({"GOOG": LAST}) == {}
    assert waited == [120.0]


def test_stored_prices_are_used_where_they_reach(evening, yahoo):
    evening("GOOG")
    n_asked = len(yahoo.charts())
    yahoo.plant("chart", faults.status(500), always=True)
    again = evening("GOOG", "AAPL", attempts=1)
    assert again.counts == {"forecast": 0, "known": 1, "failed": 1}
    asked = {ask.path.rpartition("/")[2] for ask in yahoo.charts()[n_asked:]}
    assert asked == {"AAPL"}


def test_a_source_without_the_newest_session_is_not_asked_again(evening, yahoo):
    late = yahoo.listings["AAPL"]
    evening("AAPL", "GOOG", now=datetime(2023, 9, 20, 22, tzinfo=UTC))
    yahoo.listings["AAPL"] = dataclasses.replace(late, prices=late.prices.iloc[:-1])
    summary = evening("AAPL", "GOOG")
    (failure,) = summary.failures
    assert (failure.ticker, failure.kind) == ("AAPL", "NoDataInRange")
    assert failure.n_attempts == 1
    assert evening.waited == []


def test_offline_asks_nobody(evening, yahoo):
    evening("GOOG", now=datetime(2023, 9, 20, 22, tzinfo=UTC))
    n_asked = len(yahoo.requests)
    summary = evening("GOOG", offline=True)
    assert summary.failures[0].kind == "NoDataInRange"
    assert len(yahoo.requests) == n_asked


@pytest.mark.parametrize("kind", [SymbolNotFound, SourceUnavailable])
def test_only_sources_are_asked_again(kind, tmp_path):
    fetcher = Fetcher(
        SourceConfig(attempts=4),
        PriceStore(tmp_path / "none"),
        Notes(),
        lambda: EVENING,
        lambda _: None,
    )
    asked = []

    def update(ticker):
        asked.append(ticker)
        return kind("no")

    fetcher._update = update
    (failure,) = fetcher.fetch({"GOOG": LAST}).values()
    n_wanted = 4 if kind is SourceUnavailable else 1
    assert len(asked) == failure.n_attempts == n_wanted


def in_rounds(monkeypatch, tmp_path, answer, *, attempts, n_tickers):
    """Fetch from a source that answers by round and ticker; return what was asked."""
    monkeypatch.setattr(fetching, "MOST_IN_A_ROW", 3)
    rounds = [[]]
    fetcher = Fetcher(
        SourceConfig(attempts=attempts),
        PriceStore(tmp_path / "none"),
        Notes(),
        lambda: EVENING,
        lambda _: rounds.append([]),
    )

    def update(ticker):
        rounds[-1].append(ticker)
        return answer(len(rounds), ticker)

    fetcher._update = update
    failures = fetcher.fetch({f"T{number}": LAST for number in range(n_tickers)})
    return rounds, failures


def test_tickers_that_always_fail_do_not_hide_the_others(monkeypatch, tmp_path):
    def answer(number, ticker):
        always, once = int(ticker[1:]) % 2 == 0, ticker == "T9"
        fails = always or (once and number == 1)
        return SourceUnavailable("no") if fails else None

    rounds, failures = in_rounds(
        monkeypatch, tmp_path, answer, attempts=2, n_tickers=10
    )
    # In the second round five fail in a row, which is no sign of anything.
    assert rounds[1] == ["T0", "T2", "T4", "T6", "T8", "T9"]
    assert {*failures} == {"T0", "T2", "T4", "T6", "T8"}


def test_after_an_outage_those_not_asked_come_first(monkeypatch, tmp_path):
    def answer(number, _):
        return SourceUnavailable("down") if number == 1 else None

    rounds, failures = in_rounds(monkeypatch, tmp_path, answer, attempts=3, n_tickers=6)
    assert rounds == [["T0", "T1", "T2"], ["T3", "T4", "T5", "T0", "T1", "T2"]]
    assert failures == {}


def test_old_versions_are_pruned(evening, yahoo, tmp_path):
    whole = yahoo.listings["GOOG"]
    for n_left in (4, 3, 2, 1):
        end = len(whole.prices) - n_left
        day = whole.prices.index[end - 1]
        prices = whole.prices.iloc[:end]
        yahoo.listings["GOOG"] = dataclasses.replace(whole, prices=prices)
        now = datetime(day.year, day.month, day.day, 22, tzinfo=UTC)
        assert evening("GOOG", now=now, keep=2).status == "finished"
    assert len(PriceStore().versions("GOOG")) == 2


@pytest.mark.parametrize(
    ("error", "n_asked", "kind"),
    [
        (BadResponse("odd"), 2, "BadResponse"),
        (RunLocked("held"), 2, "RunLocked"),
        (KeyError("no such"), 1, "ForecasterError"),
    ],
)
def test_a_tickers_own_trouble_stops_no_other(
    monkeypatch, tmp_path, error, n_asked, kind
):
    """Twenty of them in a row are no sign of a source that is down."""
    from forecaster.data import update

    asked = []

    def answer(store, source, ticker, **more):
        asked.append(ticker)
        if ticker != "GOOD":
            raise error
        return SimpleNamespace(event="fresh", message="", report={})

    monkeypatch.setattr(update, "update_ticker", answer)
    fetcher = Fetcher(
        SourceConfig(attempts=2),
        PriceStore(tmp_path / "none"),
        Notes(),
        lambda: EVENING,
        lambda _: None,
    )
    names = [*(f"B{number}" for number in range(20)), "GOOD"]
    failures = fetcher.fetch(dict.fromkeys(names, LAST))
    assert {*failures} == {*names[:-1]}
    assert {type(one.error).__name__ for one in failures.values()} == {kind}
    assert asked.count("GOOD") == 1
    assert asked.count("B0") == n_asked


def test_a_store_that_cannot_be_written_ends_the_batch(monkeypatch, tmp_path):
    from forecaster.data import update

    def answer(store, source, ticker, **more):
        raise OutputError(f"cannot write {ticker}")

    monkeypatch.setattr(update, "update_ticker", answer)
    names = {f"T{number}": LAST for number in range(3)}
    fetcher = Fetcher(
        SourceConfig(), PriceStore(tmp_path / "none"), Notes(), lambda: EVENING
    )
    with pytest.raises(OutputError, match="T1"):
        fetcher.fetch(names)
