import warnings
from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecaster.data import embedded, sources
from forecaster.data.embedded import embedded_tickers, known_moves, known_splits
from forecaster.data.sources import load_prices
from forecaster.errors import (
    ConfigError,
    DataError,
    InvalidPrices,
    PriceWarning,
    SymbolNotFound,
)

TICKERS = ("AAPL", "AMZN", "GOOG", "META", "NFLX", "NVDA")


@pytest.fixture
def tutorial_file(tmp_path):
    """Google 2012-2016 as tutorials pass it round: close unadjusted before a split."""
    prices = load_prices("GOOG", start="2012-01-01", end="2016-12-31")
    before_split = prices.index < "2014-03-27"
    table = pd.DataFrame(
        {
            "Date": [f"{day.month}/{day.day}/{day.year}" for day in prices.index],
            "Open": prices["open"].to_numpy(),
            "High": prices["high"].to_numpy(),
            "Low": prices["low"].to_numpy(),
            "Close": prices["close"]
            .where(~before_split, prices["close"] * 2.002)
            .array,
            "Volume": [f"{volume:,.0f}" for volume in prices["volume"]],
        }
    )
    path = tmp_path / "Google_Stock_Price_Train.csv"
    table.to_csv(path, index=False)
    return path


def test_embedded_tickers():
    assert embedded_tickers() == TICKERS


@pytest.mark.parametrize("ticker", TICKERS)
def test_embedded_prices_need_no_warning(ticker):
    prices = load_prices(ticker)
    assert prices.attrs == {"ticker": ticker, "source": "embedded", "issues": []}
    assert prices.index[-1] == pd.Timestamp("2023-09-21")


def test_a_real_move_is_exempt_only_because_it_is_known(monkeypatch):
    assert "2000-09-29" in known_moves("AAPL")
    assert "2000-09-29" not in known_moves("GOOG")
    monkeypatch.setattr(sources, "known_moves", lambda _: frozenset())
    with pytest.warns(PriceWarning, match="AAPL: close jumps on 2000-09-29"):
        load_prices("AAPL")


def test_without_the_file_no_move_is_known(monkeypatch, tmp_path):
    monkeypatch.setattr(embedded, "resource_folder", lambda _: tmp_path)
    assert known_moves("AAPL") == frozenset()


def test_ticker_in_any_case():
    pd.testing.assert_frame_equal(load_prices(" goog "), load_prices("GOOG"))


def test_range_is_inclusive():
    prices = load_prices(start="2016-01-01", end=date(2016, 12, 30))
    assert len(prices) == 252
    assert prices.index[0] == pd.Timestamp("2016-01-04")
    assert prices.index[-1] == pd.Timestamp("2016-12-30")


def test_nothing_after_the_last_session_known():
    for end in (None, "2017-06-30"):
        prices = load_prices(end=end, as_of="2016-12-30")
        assert prices.index[-1] == pd.Timestamp("2016-12-30")
    assert load_prices(end="2015-12-31", as_of="2016-12-30").index[-1].year == 2015


def test_prices_as_known_before_a_split_are_those_traded():
    # As published on the day: Apple closed at 499.23 dollars, split 4:1 on Monday.
    friday = load_prices("AAPL", as_of="2020-08-28")
    assert friday["close"].iloc[-1] == pytest.approx(499.23, abs=1e-4)
    assert friday["adj_close"].iloc[-1] == pytest.approx(friday["close"].iloc[-1])
    later = load_prices("AAPL", end="2020-08-28")
    np.testing.assert_allclose(friday["close"], later["close"] * 4, rtol=1e-12)
    np.testing.assert_allclose(friday["volume"], later["volume"] / 4, rtol=1e-12)
    ratios = friday["adj_close"] / later["adj_close"]
    np.testing.assert_allclose(ratios, ratios.iloc[0], rtol=1e-9)
    monday = load_prices("AAPL", as_of="2020-08-31")
    assert monday["close"].iloc[-1] == 129.039993


def test_every_known_split_begins_with_a_session_of_its_file():
    for ticker in TICKERS:
        sessions = load_prices(ticker).index
        assert known_splits(ticker).index.isin(sessions).all()
    assert known_splits("GOOG").prod() == pytest.approx(40.1499298)
    assert known_splits("AAPL").prod() == 112


def test_the_splits_of_a_file_are_not_known(tmp_path):
    load_prices("AAPL").to_csv(tmp_path / "aapl.csv")
    prices = load_prices(path=tmp_path / "aapl.csv", as_of="2020-08-28")
    assert prices["close"].iloc[-1] == 124.807503


@pytest.mark.parametrize(
    "bounds",
    [
        {"start": "2030-01-01"},
        {"end": "1999-01-01"},
        {"start": "2017-01-01", "as_of": "2016-12-30"},
        {"start": "2017-01-07", "end": "2017-01-08"},
    ],
)
def test_empty_range_names_wanted_and_available(bounds):
    with pytest.raises(DataError, match="run from 2004-08-19 to 2023-09-21") as caught:
        load_prices(**bounds)
    for day in bounds.values():
        assert day in str(caught.value)


def test_wrong_date_and_calendar_are_setting_errors():
    with pytest.raises(ConfigError, match="'2016'"):
        load_prices(start="2016")
    with pytest.raises(ConfigError, match="XNIS"):
        load_prices(calendar="XNIS")


def test_unknown_ticker_names_near_and_all():
    with pytest.raises(SymbolNotFound) as caught:
        load_prices("GOOGL")
    for part in ["GOOGL", "Did you mean GOOG?", "AAPL, AMZN", "--csv FILE"]:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "ticker", ["../x", "../data/GOOG", "/etc/passwd", "", "known_moves", "GOOG\0"]
)
def test_no_path_passes_for_a_ticker(ticker):
    with pytest.raises(SymbolNotFound):
        load_prices(ticker)


def test_tutorial_file_loads_with_one_warning(tutorial_file):
    with pytest.warns(PriceWarning) as caught:
        prices = load_prices("GOOG", path=tutorial_file)
    (warning,) = caught
    message = str(warning.message)
    for part in ["GOOG", "before 2014-03-27", "560 rows", "2.00", "data.target=open"]:
        assert part in message
    assert warning.filename == __file__
    assert len(prices) == 1258
    assert prices.attrs["issues"] == [message]
    assert prices.attrs["source"] == str(tutorial_file)
    real = load_prices("GOOG", start="2012-01-01", end="2016-12-31")
    columns = ["open", "high", "low", "volume"]
    pd.testing.assert_frame_equal(prices[columns], real[columns], check_exact=True)


def test_same_warnings_for_every_range(tutorial_file):
    with pytest.warns(PriceWarning, match="2014-03-27"):
        prices = load_prices("GOOG", path=tutorial_file, start="2016-01-01")
    assert prices.index[0] == pd.Timestamp("2016-01-04")


def test_a_file_is_checked_at_the_door(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("Date,Close\n2017-01-03,1\n2017-01-04,-1\n")
    with pytest.raises(InvalidPrices, match=r"TSLA: close .* -1 on 2017-01-04"):
        load_prices("tsla", path=path)


def test_a_file_of_every_day(tmp_path):
    path = tmp_path / "btc.csv"
    days = pd.date_range("2020-01-01", periods=30)
    pd.DataFrame({"date": days, "close": 9000.0}).to_csv(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prices = load_prices("BTC-USD", path=path, calendar="24/7")
    assert len(prices) == 30
    with pytest.raises(InvalidPrices, match="24/7"):
        load_prices("BTC-USD", path=path)
