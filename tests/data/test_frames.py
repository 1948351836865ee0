"""Pandas tables of prices, whoever made them, as checked prices."""

import pandas as pd
import pytest

import forecaster as fc
from forecaster.errors import ConfigError, InvalidPrices


@pytest.fixture
def closes(make_prices):
    return make_prices(30)[["close"]].rename_axis(None)


MADE = {
    "dates as index": lambda t: t.rename(columns={"close": "Close"}),
    "dates in a column": lambda t: t.rename_axis("Date").reset_index(),
    "dates as text": lambda t: t.set_axis(t.index.strftime("%d.%m.%Y")).rename_axis(
        "Datum"
    ),
    "dates as text without a name": lambda t: t.set_axis(t.index.strftime("%F")),
    "a Series": lambda t: t["close"],
    "a Series with another name": lambda t: t["close"].rename("MINE"),
    "periods": lambda t: t.to_period("D"),
    "newest first": lambda t: t.iloc[::-1],
    "rows left out before": lambda t: (
        pd.concat([t.head(1), t]).rename_axis("day").reset_index().iloc[1:]
    ),
    "local midnights": lambda t: t.tz_localize("America/New_York"),
    "fields over tickers": lambda t: t.set_axis(
        pd.MultiIndex.from_tuples([("Close", "MINE")], names=["Price", "Ticker"]),
        axis="columns",
    ),
    "decimal commas": lambda t: t.map(lambda value: repr(value).replace(".", ",")),
}


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_a_table_is_read_however_it_is_written(closes, made):
    table = made(closes)
    before = table.copy()
    prices = fc.load_prices("mine", frame=table)
    pd.testing.assert_frame_equal(prices, closes, check_names=False, check_freq=False)
    assert prices.attrs == {"ticker": "MINE", "source": "a table", "issues": []}
    assert table.equals(before)


def test_several_tickers_in_a_table_are_chosen_in_python_too(closes):
    table = pd.concat([closes.assign(ticker=name) for name in ("AAA", "BBB")])
    for ticker in (None, "CCC"):
        with pytest.raises(fc.ForecasterError, match=r"as in `load_prices\('AAA', "):
            fc.load_prices(ticker, frame=table)


def test_a_table_without_a_ticker_and_with_further_columns(closes):
    table = closes.assign(mood=1.0, rest="x")
    prices = fc.load_prices(frame=table, extra=["mood"], start=closes.index[3].date())
    assert list(prices) == ["close", "mood"]
    assert len(prices) == 27
    assert prices.attrs["ticker"] == "PRICES"


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda t: t.rename(columns={"close": "value"}), InvalidPrices, "no close col"),
        (lambda t: t.reset_index(drop=True), InvalidPrices, "no date column"),
        (lambda t: t.head(0), InvalidPrices, "the table has no rows"),
        (lambda t: t.assign(Date=t.index), InvalidPrices, "several columns `date`"),
        (lambda t: t["close"].to_list(), ConfigError, "no list"),
        (lambda t: t["close"].reset_index(drop=True), InvalidPrices, "no date column"),
    ],
)
def test_what_is_no_table_of_prices_is_refused(closes, change, error, said):
    with pytest.raises(error, match=said):
        fc.load_prices(frame=change(closes))


def test_a_table_in_the_wrong_place_is_led_to_the_right_one(closes):
    with pytest.raises(ConfigError, match="a table goes to `frame`"):
        fc.load_prices(closes)
    with pytest.raises(ConfigError, match="a pandas table goes to `frame`"):
        fc.load_prices(path=closes)
    with pytest.raises(ConfigError, match="exclude each other"):
        fc.load_prices(path="prices.csv", frame=closes)
    with pytest.raises(fc.ForecasterError, match="`path=FILE` or `frame=TABLE`"):
        fc.load_prices("mine.csv")


def test_training_leads_an_unread_table_to_the_reader(closes):
    config = fc.load_config("own-close")
    with pytest.raises(InvalidPrices, match=r"load_prices\(frame=TABLE\)"):
        fc.train(closes.rename(columns={"close": "Close"}), config)
    with pytest.raises(fc.ForecasterError, match=r"load_prices\(frame=TABLE\)"):
        fc.train(closes.reset_index(), config)


def test_prices_and_settings_in_the_wrong_order_are_told(closes):
    config = fc.load_config("own-close")
    for train in (fc.train, fc.train_calibrated):
        with pytest.raises(ConfigError, match=r"`train\(prices, config\)`; got Config"):
            train(config, closes)
        with pytest.raises(ConfigError, match="got str and Config"):
            train("GOOG", config)
    with pytest.raises(ConfigError, match=r"`with_dates\(config, prices\)`"):
        fc.with_dates(closes, config)
