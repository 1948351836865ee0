"""The real yfinance client against a Yahoo in trouble."""

import contextlib
import socket
import time
from pathlib import Path

import pytest
import trustme

from forecaster.errors import (
    RateLimited,
    SourceTimeout,
    SourceUnavailable,
    SymbolNotFound,
)
from tests.support import faults
from tests.support.fakeyahoo import FakeYahoo, Listing
from tests.support.fault_table import FAULTS, ask_in_trouble, led_to, table

START = "2023-06-01"
N_SESSIONS = 78


@pytest.mark.parametrize("name", FAULTS)
def test_persistent_fault_has_one_clear_error(yahoo, tmp_path, name):
    error = ask_in_trouble(yahoo, name, tmp_path)
    assert type(error) is FAULTS[name][1]
    assert str(error).startswith("GOOG: ")
    assert "delisted" not in str(error)
    assert "\n" not in str(error)


def test_the_page_of_faults_says_what_is_seen():
    page = Path(__file__).parents[2] / "docs" / "faults.md"
    assert page.read_text("utf-8").endswith(table())


BLOCKED = faults.status(429, b"Too Many Requests")
BROKEN = faults.status(500, b"<html/>")

TRANSIENT = {
    "half of the JSON": ("chart", [faults.truncated()]),
    "empty twice": ("chart", [faults.body(b"")] * 2),
    "500 twice": ("chart", [BROKEN] * 2),
    "429 once": ("chart", [BLOCKED]),
    "429 in two attempts": ("chart", [BLOCKED] * 4),
    "503 with Retry-After": ("chart", [faults.status(503, Retry_After="20")] * 2),
    "401 once": ("chart", [faults.status(401, b"{}")]),
    "slow once": ("chart", [faults.slow(1.5)]),
    "reset three times": ("chart", [faults.reset()] * 3),
    "cut off once": ("chart", [faults.cut_off()]),
    "one after another": ("chart", [BROKEN, faults.reset(), faults.truncated()]),
    "no crumb": ("getcrumb", [BLOCKED] * 9),
    "no cookie": ("cookie", [faults.hang_up()] * 9),
    "silent cookie": ("cookie", [faults.slow(1.5)] * 9),
    "consent wanted": ("chart", [faults.ask_for_consent()]),
}


@pytest.mark.parametrize("name", TRANSIENT)
def test_transient_fault_is_survived(yahoo, make_source, name):
    key, planted = TRANSIENT[name]
    yahoo.plant(key, *planted)
    history = make_source().history("GOOG", START)
    assert len(history.rows) == N_SESSIONS


def test_unknown_ticker_is_not_asked_for_again(yahoo, make_source, clock):
    with pytest.raises(SymbolNotFound, match="ZZZZQ"):
        make_source().history("ZZZZQ", START)
    assert clock.waits == []
    # Before prices, the client would ask five other addresses for the time zone.
    assert {ask.path for ask in yahoo.charts()} == {"/v8/finance/chart/ZZZZQ"}


def test_rate_limit_is_waited_out_as_told(yahoo, make_source, clock):
    limited = faults.status(429, b"", Retry_After="45")
    yahoo.plant("chart", limited, limited)
    make_source().history("GOOG", START)
    (wait,) = clock.waits
    assert 45 <= wait < 60


def test_long_rate_limit_closes_the_gate_at_once(yahoo, make_source, clock):
    yahoo.plant("chart", faults.status(429, b"", Retry_After="7200"), always=True)
    source = make_source()
    with pytest.raises(RateLimited, match=r"GOOG.*Wait 7200 s"):
        source.history("GOOG", START)
    assert clock.waits == []
    n_requests = len(yahoo.requests)
    with pytest.raises(RateLimited, match=r"AAPL: not asked.*7200 s") as caught:
        source.history("AAPL", START)
    assert caught.value.retry_after == pytest.approx(7200)
    assert len(yahoo.requests) == n_requests
    yahoo.heal()
    clock.time += 7201
    assert len(source.history("AAPL", START).rows) == N_SESSIONS


def test_black_hole_is_left_in_time(yahoo, make_source, make_gate, clock):
    """Without limits of our own, this would take the client 70 seconds."""
    import yfinance

    with socket.create_server(("127.0.0.1", 0)) as hole:
        yfinance.config.network.proxy = f"http://127.0.0.1:{hole.getsockname()[1]}"
        source = make_source(attempts=2, timeout=0.5, gate=make_gate(now=time.time))
        began = time.monotonic()
        with pytest.raises(SourceTimeout, match="GOOG"):
            source.history("GOOG", START)
        assert time.monotonic() - began < 20
    assert len(clock.waits) == 1


def test_attempt_has_a_bound_of_its_own(yahoo, make_source, make_gate):
    """Ten slow replies, each in time, must not add up."""
    yahoo.plant("consent", faults.slow(0.3), always=True)
    yahoo.plant("cookie", faults.slow(0.3), always=True)
    yahoo.plant("getcrumb", faults.slow(0.3), always=True)
    yahoo.plant("chart", faults.slow(0.3), always=True)
    source = make_source(attempts=1, timeout=0.35, gate=make_gate(now=time.time))
    began = time.monotonic()
    with contextlib.suppress(SourceTimeout):
        source.history("GOOG", START)
    assert time.monotonic() - began < 5


def test_untrusted_certificate_is_named(certificate, tmp_path, make_source):
    listings = {"GOOG": Listing.embedded("GOOG")}
    refused = pytest.raises(SourceUnavailable, match="certificate is not trusted")
    server = FakeYahoo(listings, trustme.CA())
    with server, led_to(server, certificate, tmp_path), refused:
        make_source(attempts=1).history("GOOG", START)


def test_nobody_listens(yahoo, make_source):
    import yfinance

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    yfinance.config.network.proxy = f"http://127.0.0.1:{port}"
    with pytest.raises(SourceUnavailable, match="GOOG: cannot reach Yahoo"):
        make_source(attempts=1).history("GOOG", START)
