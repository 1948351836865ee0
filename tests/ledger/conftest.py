"""Ledgers in both databases, and rows to write into them."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pandas as pd
import pytest

from forecaster.data.calendar import next_sessions
from forecaster.ledger import Ledger

STARTED = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
NUMBERS = itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """Where no ledger is yet: a file, and an empty database of a server."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    return request.getfixturevalue("postgres").url(f"ledger{next(NUMBERS)}")


@pytest.fixture
def ledger(place):
    with Ledger.open(place) as opened:
        yield opened


@pytest.fixture
def small(tmp_path):
    """A ledger in a file, for what does not depend on the database."""
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


@pytest.fixture(scope="session")
def begin():
    def begin_run(ledger, model="lstm", **more):
        return ledger.begin_run("google", model, started=STARTED, version="1", **more)

    return begin_run


@pytest.fixture(scope="session")
def days():
    """The sessions of 2020 and half of 2021."""
    return next_sessions("2020-01-01", 380)


@pytest.fixture(scope="session")
def make_rows(days):
    """Make forecasts of `last * factor`, a row for each origin, step and quantile."""

    def make(run, prices, *, factors=None, horizon=1, ticker="GOOG", model="lstm"):
        factors = {0.0: 1.01, 0.1: 0.95, 0.9: 1.06} if factors is None else factors
        rows = pd.DataFrame(
            [
                (days[n], days[n + step], level, step, price * factor, price)
                for n, price in enumerate(prices)
                for step in range(1, horizon + 1)
                for level, factor in factors.items()
            ],
            columns=["origin", "session", "quantile", "step", "value", "last_price"],
        )
        return rows.assign(ticker=ticker, model=model, run=run)

    return make


@pytest.fixture(scope="session")
def price_frame(days):
    def make(prices, first=0):
        index = days[first : first + len(prices)]
        return pd.DataFrame({"close": [float(price) for price in prices]}, index=index)

    return make
