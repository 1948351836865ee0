"""Ledgers to look at, an application in this process, and a site with a browser."""

from __future__ import annotations

import contextlib
import threading
import time
import warnings
from datetime import UTC, datetime

import pandas as pd
import pytest
import uvicorn

from forecaster.data.calendar import next_sessions
from forecaster.ledger import Ledger
from forecaster.web.app import create_app
from forecaster.web.guarding import Guard
from forecaster.web.opening import Reader
from forecaster.web.serving import listen, url_of
from tests.support.chromium import Visit
from tests.web.demonstration import fill_ledger

STARTED = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
FINISHED = datetime(2026, 11, 20, 22, 31, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory):
    """The place of a ledger with 12 tickers; nobody changes it."""
    place = tmp_path_factory.mktemp("web") / "ledger.db"
    with Ledger.open(place) as ledger:
        fill_ledger(ledger)
    return place


@pytest.fixture(scope="session")
def days():
    return next_sessions("2020-01-01", 40)


@pytest.fixture
def place(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(place):
    """A ledger to write into."""
    with Ledger.open(place) as opened:
        yield opened


@pytest.fixture(scope="session")
def record(days):
    """Write forecasts of one run: `{(origin, step): {quantile: value}}`, as indices."""

    def write(ledger, forecasts, *, ticker="GOOG", model="lstm", last=100.0, run=None):
        if run is None:
            run = ledger.begin_run("google", model, started=STARTED, version="1")
            ledger.finish_run(run, "finished", {"tickers": 1}, finished=FINISHED)
        rows = [
            {
                "ticker": ticker,
                "model": model,
                "run": run,
                "last_price": last,
                "origin": days[origin],
                "session": days[origin + step],
                "step": step,
                "quantile": quantile,
                "value": value,
            }
            for (origin, step), values in forecasts.items()
            for quantile, value in values.items()
        ]
        ledger.write(pd.DataFrame(rows))
        return run

    return write


@pytest.fixture(scope="session")
def client_of():
    """Make a client of the whole application, guard and all, for one ledger."""
    with warnings.catch_warnings():
        # It would rather have httpx2.
        warnings.simplefilter("ignore")
        from starlette.testclient import TestClient

    def make(place, **guard):
        app = Guard(create_app(Reader.open(place)), **guard)
        base = "http://localhost:8321"
        return TestClient(app, base_url=base, raise_server_exceptions=False)

    return make


@pytest.fixture
def client(ledger, client_of):
    """A client of the ledger that the test writes into."""
    return client_of(ledger.place)


@pytest.fixture(scope="session")
def shown(demonstration, client_of):
    """A client of the demonstration."""
    return client_of(demonstration)


@pytest.fixture(scope="session")
def site(demonstration):
    """The URL of a server of the demonstration, in a thread of its own."""
    with serving(demonstration) as url:
        yield url


@contextlib.contextmanager
def serving(place):
    listening = listen("127.0.0.1", 0)
    with contextlib.closing(Reader.open(place)) as reader:
        config = uvicorn.Config(
            Guard(create_app(reader)), ws="none", lifespan="off", log_level="error"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            deadline = time.monotonic() + 20
            while not server.started and time.monotonic() < deadline:
                time.sleep(0.02)
            yield url_of(listening, "127.0.0.1")
        finally:
            server.should_exit = True
            thread.join(20)
            listening.close()


@pytest.fixture
def visit(chromium, site):
    """Open pages; at the end none may have complained or asked anybody else."""
    opened = []

    def open_page(path="/", **window):
        window.setdefault("viewport", {"width": 1280, "height": 800})
        one = Visit(chromium, site, **window)
        opened.append(one)
        return one.go(path)

    open_page.opened = opened
    yield open_page
    for one in opened:
        one.context.close()
    for one in opened:
        assert one.complaints == []
        assert one.requests
        assert all(url.startswith(site) for url in one.requests)
