"""Splits, dividends and distributions of Yahoo, as they reach the prices."""

import json

import numpy as np
import pandas as pd
import pytest

from forecaster.data.adjust import adjust_prices
from forecaster.data.comparing import compare_rows
from forecaster.data.incoming import check_incoming
from forecaster.data.yahoo_actions import foreign_dividends
from forecaster.data.yahoo_replies import CHART_PATH, PRICES, Exchange, read_chart
from forecaster.data.yahoo_rows import raw_rows
from forecaster.errors import BadResponse, InvalidPrices
from tests.support.memory_source import make_rows

DAYS = pd.DatetimeIndex(
    ["2023-09-11", "2023-09-12", "2023-09-13", "2023-09-14", "2023-09-15"]
)
FIRST = DAYS[0].date()


def make_table(close, **actions):
    """Make the client's table: five sessions with these closes."""
    prices = np.array(close, dtype=float)
    columns = dict.fromkeys(["Open", "High", "Low", "Close"], prices)
    columns["Volume"] = np.where(np.isnan(prices), np.nan, 1e6)
    columns |= {"Dividends": 0.0, "Stock Splits": 0.0}
    columns |= {name.replace("_", " "): values for name, values in actions.items()}
    return pd.DataFrame(columns, index=DAYS.tz_localize("America/New_York"))


def adjusted(table, column, **how):
    rows = raw_rows("TEST", table, FIRST, **how)[0]
    finished = pd.Timestamp("2023-09-20")
    incoming = check_incoming(rows, "TEST", calendar="XNYS", finished=finished)
    return adjust_prices(incoming.rows)[column].tolist()


def test_a_split_on_a_session_without_prices_is_kept():
    table = make_table([25, 25, np.nan, 25, 25], Stock_Splits=[0, 0, 4, 0, 0])
    assert adjusted(table, "close") == [25, 25, 25, 25]


def test_a_dividend_on_a_session_without_prices_is_kept():
    table = make_table([25, 25, np.nan, 24, 24], Dividends=[0, 0, 1.0, 0, 0])
    assert adjusted(table, "adj_close") == [24, 24, 24, 24]


def test_a_capital_gain_counts_as_a_dividend_once():
    gains = [0, 0, 10.0, 0, 0]
    alone = make_table([100, 100, 90, 90, 90], Capital_Gains=gains)
    assert adjusted(alone, "adj_close") == [90] * 5
    double = make_table(
        [100, 100, 90, 90, 90], Capital_Gains=gains, Dividends=[0, 0, 10.0, 0, 0]
    )
    assert adjusted(double, "adj_close") == [90] * 5


def test_an_impossible_capital_gain_is_refused():
    table = make_table([1] * 5, Capital_Gains=[0, 0, -1.0, 0, 0])
    with pytest.raises(InvalidPrices, match="capital gain"):
        raw_rows("TEST", table, FIRST)


@pytest.mark.parametrize("ratio", [1.25, 1.5, 4, 0.1])
def test_a_recent_split_that_prices_do_not_show_is_refused(ratio):
    close = [100 * ratio, 100 * ratio, 100, 100, 100]
    table = make_table(close, Stock_Splits=[0, 0, ratio, 0, 0])
    with pytest.raises(BadResponse, match="has not yet divided"):
        raw_rows("TEST", table, FIRST)


def reply(**dividend):
    event = {"amount": 2.0, "date": 1694610000} | dividend  # 2023-09-13, 9:00 New York
    meta = {"symbol": "TEST", "exchangeTimezoneName": "America/New_York"}
    result = {
        "meta": meta | {"currency": "GBp"},
        "timestamp": [1694610000],
        "events": {"dividends": {"1": event}},
        "indicators": {"quote": [{name: [1.0] for name in PRICES}]},
    }
    body = json.dumps({"chart": {"result": [result], "error": None}}).encode()
    return Exchange(CHART_PATH, CHART_PATH, status=200, body=body, size=len(body))


@pytest.mark.parametrize(
    ("paid_in", "amount", "n_left_out"),
    [("GBp", 2.0, 0), ("GBP", 200.0, 0), ("USD", 0.0, 1)],
)
def test_dividends_in_other_money(paid_in, amount, n_left_out):
    exchange = reply(currency=paid_in)
    foreign = foreign_dividends([exchange], read_chart("TEST", [exchange]))
    table = make_table([1000] * 5, Dividends=[0, 0, 2.0, 0, 0])
    rows, _, left_out = raw_rows("TEST", table, FIRST, foreign, "GBp")
    assert rows.loc["2023-09-13", "dividend"] == amount
    assert len(left_out) == n_left_out


def test_a_dividend_without_a_currency_is_in_that_of_the_prices():
    exchange = reply()
    assert foreign_dividends([exchange], read_chart("TEST", [exchange])) == {}


@pytest.mark.parametrize("ratio", [1.25, 1.5, 20])
def test_a_listed_split_that_is_not_divided_yet_changes_nothing(ratio):
    stored = make_rows()
    late = stored.copy()
    late[["open", "high", "low", "close"]] *= ratio
    late.loc[late.index[-1], "split"] = ratio
    with pytest.raises(BadResponse, match="not yet divided"):
        compare_rows(stored.iloc[:-1], late, since=stored.index[0])


def test_prices_in_another_unit_are_no_restatement():
    stored = make_rows()
    glitch = stored.copy()
    glitch.loc[glitch.index[-20:], ["open", "high", "low", "close"]] *= 100
    with pytest.raises(InvalidPrices, match=r"20 stored closes are now 100 times"):
        compare_rows(stored, glitch, since=stored.index[0])


def test_single_bad_prices_are_corrected():
    stored = make_rows()
    stored.loc[stored.index[5:7], "close"] *= 100
    comparison = compare_rows(stored, make_rows(), since=stored.index[0])
    assert comparison.kind == "restated"
    assert len(comparison.restated) == 2
