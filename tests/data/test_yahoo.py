"""The real yfinance client against a Yahoo on loopback: what comes back."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecaster.data.history import RAW_COLUMNS
from forecaster.errors import (
    ConfigError,
    ForecasterError,
    NoDataInRange,
    SymbolNotFound,
)
from tests.support.fakeyahoo import Listing
from tests.support.mutations import json_values, mutate

START = "2023-06-01"
N_SESSIONS = 78


def test_history_has_every_session_as_traded(yahoo, make_source):
    history = make_source().history(" goog", START)
    served = yahoo.listings["GOOG"].prices.loc[START:]
    assert history.ticker == "GOOG"
    assert tuple(history.rows.columns) == RAW_COLUMNS
    assert history.rows.index.name == "session"
    assert history.rows.index.dtype == np.dtype("datetime64[us]")
    assert set(history.rows.dtypes) == {np.dtype(float)}
    columns = ["open", "high", "low", "close", "volume"]
    np.testing.assert_array_equal(history.rows[columns], served[columns])
    assert (history.rows["dividend"] == 0).all()
    assert (history.rows["split"] == 1).all()
    assert len(history.rows) == N_SESSIONS


def test_provenance_is_plain_and_without_secrets(yahoo, make_source):
    provenance = make_source().history("GOOG", START).provenance
    assert json.loads(json.dumps(provenance)) == provenance
    assert provenance["source"] == "yahoo"
    assert provenance["fetched_at"] == "2023-11-14T22:13:20+00:00"
    assert set(provenance["libraries"]) == {"yfinance", "curl_cffi"}
    assert (provenance["currency"], provenance["exchange"]) == ("USD", "NMS")
    assert provenance["timezone"] == "America/New_York"
    (chart,) = provenance["urls"]
    assert "/v8/finance/chart/GOOG?period1=" in chart["url"]
    assert len(chart["sha256"]) == 64
    assert "rumb" not in json.dumps(provenance)


def test_one_request_for_each_further_ticker(yahoo, make_source):
    source = make_source()
    source.history("GOOG", START)
    assert len(yahoo.requests) == 3  # cookie, crumb, chart
    source.history("AAPL", START)
    source.history("GOOG", START)
    assert len(yahoo.requests) == 5


def test_start_before_the_listing_is_no_error(yahoo, make_source):
    rows = make_source().history("GOOG", "1990-01-01").rows
    assert rows.index[0] == yahoo.listings["GOOG"].prices.index[0]


def test_start_after_the_last_session(yahoo, make_source, clock):
    with pytest.raises(NoDataInRange, match=r"GOOG.*earlier start"):
        make_source().history("GOOG", "2024-01-01")
    assert clock.waits == []


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland"])
def test_first_session_is_right_in_every_zone(yahoo, make_source, zone):
    yahoo.listings["7203.T"] = Listing.embedded("GOOG", zone=zone)
    rows = make_source().history("7203.T", START).rows
    assert rows.index[0] == pd.Timestamp(START)
    assert len(rows) == N_SESSIONS


def test_session_without_prices_is_left_out_and_named(yahoo, make_source):
    prices = yahoo.listings["GOOG"].prices.copy()
    prices.loc["2023-07-05"] = np.nan
    yahoo.listings["GOOG"] = Listing(prices)
    history = make_source().history("GOOG", START)
    assert len(history.rows) == N_SESSIONS - 1
    assert history.provenance["sessions_without_prices"] == ["2023-07-05"]


@pytest.mark.parametrize("ticker", ["", "../X", "GOOG/x", "A?b=1", "A B", "A" * 21])
def test_impossible_tickers_are_not_sent(yahoo, make_source, ticker):
    with pytest.raises(SymbolNotFound, match="cannot be a ticker"):
        make_source().history(ticker, START)
    assert yahoo.requests == []


def test_security_number_is_not_sent(yahoo, make_source):
    with pytest.raises(SymbolNotFound, match=r"US02079K1079.*ISIN"):
        make_source().history("US02079K1079", START)
    assert yahoo.requests == []


def test_start_has_to_be_a_date(yahoo, make_source):
    with pytest.raises(ConfigError, match="start '1 June' is not a date"):
        make_source().history("GOOG", "1 June")


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_mutated_replies_end_in_our_errors(yahoo, make_source, data):
    """Through the real client: whatever it makes of a strange reply, we explain."""
    steps = data.draw(
        st.lists(st.tuples(st.integers(0, 10**6), json_values), max_size=3)
    )
    yahoo.mutate = lambda _, payload: mutate(payload, steps)
    yahoo.listings["GOOG"] = Listing.embedded(
        "GOOG", "2023-09-01", splits={"2023-09-06": (2, 1)}, dividends={"2023-09-11": 1}
    )
    try:
        rows = make_source(attempts=1).history("GOOG", "2023-09-01").rows
    except ForecasterError as error:
        assert "GOOG" in str(error)
    else:
        assert rows.index.is_unique
        assert tuple(rows.columns) == RAW_COLUMNS
