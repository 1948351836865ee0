"""Fixtures: the real yfinance client, led to a server on loopback."""

import pytest
import trustme

from forecaster.data.retrying import Gate, RetryPolicy
from forecaster.data.yahoo import YahooSource
from tests.support.clock import Clock
from tests.support.fakeyahoo import FakeYahoo, Listing
from tests.support.fault_table import led_to


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture(scope="session")
def certificate(authority, tmp_path_factory):
    """The file that makes a client trust the loopback server."""
    file = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture
def yahoo(authority, certificate, tmp_path):
    """A loopback Yahoo that the client in this process takes for the real one."""
    listings = {ticker: Listing.embedded(ticker) for ticker in ("GOOG", "AAPL")}
    cache = tmp_path / "cache"
    with FakeYahoo(listings, authority) as server, led_to(server, certificate, cache):
        yield server


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make_gate(clock, tmp_path):
    """Make a gate on the test's clock, in the test's folder."""

    def make(source="yahoo", **changes):
        settings = {"now": clock.now, "sleep": clock.sleep, "folder": tmp_path / "gate"}
        return Gate(source, **(settings | changes))

    return make


@pytest.fixture
def make_source(make_gate):
    """Make a `YahooSource` that waits on the test's clock."""

    def make(*, attempts=4, timeout=1.0, offline=False, gate=None):
        return YahooSource(
            offline=offline,
            timeout=timeout,
            policy=RetryPolicy(attempts=attempts),
            gate=gate or make_gate(),
        )

    return make
