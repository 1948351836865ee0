"""The made exchange: the same for a seed, and bad in the ways that it promises."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from benchmarks.evening import Comparison, compare_rows
from benchmarks.watched import watch
from forecaster.data.calendar import sessions_between
from forecaster.data.finished import last_finished_session
from forecaster.data.retrying import Gate, RetryPolicy
from forecaster.data.store import PriceStore
from forecaster.data.update import update_ticker
from forecaster.data.yahoo import YahooSource
from forecaster.errors import ForecasterError
from tests.support.clock import Clock
from tests.support.fault_table import TIMEOUT, led_to
from tests.support.nightly import NightlyYahoo, nightly_exchange
from tests.support.synthetic import KINDS, N_SESSIONS, SyntheticExchange

UNTIL, NEXT, START = "2023-09-20", "2023-09-21", "2021-09-01"
# What becomes of each kind of broken ticker in an empty store.
ENDS = {
    "unknown": "SymbolNotFound",
    "crossed": "InvalidPrices",
    "negative": "InvalidPrices",
    "late": "create",
    "short": "create",
    "delisted": "NoDataInRange",
    "down": "SourceUnavailable",
    "garbage": "BadResponse",
    "page": "BadResponse",
    "reset": "SourceUnavailable",
    "silent": "SourceTimeout",
}


def one_of_each(**changes):
    """Make an exchange where every ticker but the last is broken in its own way."""
    n_broken = len(KINDS)
    share = n_broken / (n_broken + 1)
    return SyntheticExchange(n_broken + 1, 0, UNTIL, broken_share=share, **changes)


def test_the_seed_decides_everything():
    first, same, other = (SyntheticExchange(40, seed, UNTIL) for seed in (3, 3, 4))
    for ticker in first.sound:
        pd.testing.assert_frame_equal(
            first.listing(ticker).prices, same.listing(ticker).prices
        )
    assert first.broken == same.broken != other.broken
    assert len(first.broken) == 2
    a_sound_one = next(t for t in first.sound if t in other.sound)
    assert not first.listing(a_sound_one).prices.equals(
        other.listing(a_sound_one).prices
    )


def test_prices_are_possible_and_lie_on_sessions():
    exchange = SyntheticExchange(20, 0, UNTIL, broken_share=0)
    assert list(exchange.listings()) == [f"T{number:04}" for number in range(20)]
    for listing in exchange.listings().values():
        prices = listing.prices
        assert len(prices) == N_SESSIONS
        assert prices.index[-1] == pd.Timestamp(UNTIL)
        assert prices.index.equals(sessions_between(prices.index[0], UNTIL))
        body = prices[["open", "close"]]
        assert (prices["high"] >= body.max(axis="columns")).all()
        assert (prices["low"] <= body.min(axis="columns")).all()
        assert (prices["low"] > 0).all()


def test_volatility_clusters():
    exchange = SyntheticExchange(200, 0, UNTIL, broken_share=0)
    closes = pd.DataFrame(
        {t: s.prices["close"] for t, s in exchange.listings().items()}
    )
    returns = np.log(closes).diff().dropna()
    squares = returns**2
    neighbours = [squares[ticker].autocorr(1) for ticker in squares]
    # In the long run a (1 - a b - b^2) / (1 - 2 a b - b^2) = 0.205 for a = 0.08 and
    # b = 0.90 (Bollerslev 1988), and less in a short sample.
    assert 0.08 < np.mean(neighbours) < 0.25
    assert abs(np.mean([returns[ticker].autocorr(1) for ticker in returns])) < 0.02
    assert returns.std().between(0.005, 0.06).all()


def test_a_later_session_changes_no_former_one():
    exchange = SyntheticExchange(5, 0, UNTIL)
    before = exchange.listing("T0003").prices
    exchange.advance()
    after = exchange.listing("T0003").prices
    assert after.index[-1] == pd.Timestamp(NEXT)
    pd.testing.assert_frame_equal(after.iloc[:-1], before)


@pytest.fixture
def ask(authority, certificate, tmp_path, store):
    """Update tickers from an exchange, without waiting between attempts."""

    def run(exchange, *tickers, attempts=2, day=UNTIL, **settings):
        events = {}
        policy = RetryPolicy(attempts=attempts)
        clock = Clock()
        gate = Gate("yahoo", folder=tmp_path, now=clock.now, sleep=clock.sleep)
        source = YahooSource(timeout=TIMEOUT, policy=policy, gate=gate)
        server = NightlyYahoo(exchange, authority, **settings)
        with server, led_to(server, certificate, tmp_path / "cache"):
            for ticker in tickers:
                now = f"{day}T22:00Z"
                try:
                    update = update_ticker(store, source, ticker, now=now, start=START)
                    events[ticker] = update.event
                except ForecasterError as error:
                    events[ticker] = type(error).__name__
        return events, server.state()

    return run


@pytest.fixture
def store(tmp_path):
    return PriceStore(tmp_path / "prices")


def test_each_broken_ticker_fails_in_its_own_way(ask, store):
    exchange = one_of_each()
    events, _ = ask(exchange, *exchange.tickers, failing_share=0)
    ended = {exchange.broken.get(ticker): event for ticker, event in events.items()}
    assert ended == ENDS | {None: "create"}
    kinds = {kind: ticker for ticker, kind in exchange.broken.items()}
    assert store.read(kinds["late"]).rows.index[-1] < pd.Timestamp(UNTIL)
    assert len(store.read(kinds["short"]).rows) == 3


def test_requests_fail_by_seed_and_another_attempt_succeeds(ask):
    exchange = SyntheticExchange(60, 0, UNTIL, broken_share=0)
    once, state = ask(exchange, *exchange.tickers, attempts=1, failing_share=0.3)
    assert 9 <= state["n_failing"] <= 27  # 18 of 60 are expected
    failed = [ticker for ticker, event in once.items() if event != "create"]
    again, _ = ask(exchange, *failed, attempts=1, failing_share=0.3)
    assert set(again.values()) <= {*once.values(), "StillBlocked"}
    healed, state = ask(exchange, *failed, attempts=9, failing_share=0.3)
    assert Counter(healed.values()) == {"create": len(failed)}


def test_a_child_process_takes_the_server_for_yahoo(tmp_path):
    today = last_finished_session(datetime.now(UTC))
    before = sessions_between(today - pd.Timedelta(days=14), today)[-2]
    settings = {"until": f"{before:%F}", "broken_share": 0.2, "failing_share": 0}
    with nightly_exchange(tmp_path, n_tickers=5, **settings) as exchange:
        (broken,) = exchange.state()["broken"]
        wanted = dict.fromkeys(exchange.tickers, "create") | {broken: "failed"}
        assert fetched(exchange) == wanted
        asked = exchange.state()
        assert asked["until"] == f"{before:%F}"
        assert asked["n_charts"] >= 5
        assert exchange.forget()["n_requests"] == 0
        assert exchange.advance()["until"] == f"{today:%F}"
        wanted = dict.fromkeys(exchange.tickers, "append") | {broken: "failed"}
        assert fetched(exchange) == wanted
        process = json.loads((tmp_path / "address.json").read_text())["pid"]
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def fetched(exchange):
    """Run `forecaster fetch` of all tickers, and return what became of each."""
    answer = subprocess.run(
        [sys.executable, "-m", "forecaster", "fetch", *exchange.tickers, "--json"],
        env=exchange.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 5, answer.stderr
    return {row["ticker"]: row["event"] for row in json.loads(answer.stdout)}


def test_a_killed_command_takes_its_children_along(tmp_path):
    child = "import time; time.sleep(60)"
    parent = (
        "import subprocess, sys; print('begun', flush=True); "
        f"subprocess.run([sys.executable, '-c', {child!r}])"
    )
    log = tmp_path / "log"
    ended = watch([sys.executable, "-c", parent], os.environ, log, kill_after=1.0)
    assert ended.was_killed
    assert ended.n_left == 0
    assert 1.0 <= ended.seconds < 30
    assert log.read_text() == "begun\n"


def test_memory_is_that_of_all_processes(tmp_path):
    hold = "import time; held = bytearray(60_000_000); time.sleep(0.8)"
    both = (
        "import subprocess, sys; held = bytearray(40_000_000); "
        f"sys.exit(subprocess.run([sys.executable, '-c', {hold!r}]).returncode + 5)"
    )
    ended = watch([sys.executable, "-c", both], os.environ, tmp_path / "log")
    assert ended.code == 5
    assert 100 < ended.peak_mb < 200


def test_rows_are_compared_by_key_and_value():
    wanted = {("A", 0.1): (1, 2.0), ("A", 0.9): (1, 3.0), ("B", 0.1): (1, 4.0)}
    assert compare_rows(wanted, dict(wanted)) == Comparison(3, 0, 0, 0)
    assert compare_rows(wanted, dict(wanted)).n_different == 0
    found = {
        ("A", 0.1): (1, 2.0),
        ("A", 0.9): (1, np.nextafter(3.0, 4.0)),
        ("C", 0.1): (1, 4.0),
    }
    assert compare_rows(wanted, found) == Comparison(1, 1, 1, 1)
    assert compare_rows(wanted, found).n_different == 3
