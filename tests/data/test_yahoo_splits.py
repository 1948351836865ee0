"""Splits and dividends: prices as traded, out of prices divided by splits."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.data.yahoo_rows import raw_rows, undo_splits
from forecaster.errors import (
    BadResponse,
    InvalidPrices,
)
from tests.support.fakeyahoo import Listing

START = "2023-06-01"


def split_listing(splits, dividends=()):
    """Return cents as traded, and the listing that Yahoo would make of them."""
    days = pd.bdate_range("2023-06-01", periods=40, name="date")
    random = np.random.default_rng(7)
    factor = np.ones(40)
    for position, (new, old) in splits.items():
        factor[:position] *= new / old
    # Without splits the price would move by a few percent, as prices do.
    adjusted = 30 * np.exp(np.cumsum(random.normal(0, 0.02, 40)))
    traded = pd.DataFrame(index=days)
    for name, spread in {"open": 0.998, "high": 1.01, "low": 0.99, "close": 1}.items():
        traded[name] = np.round(adjusted * factor * spread, 2)
    traded["volume"] = random.integers(1, 900, 40) * 100.0
    served = traded.div(factor, axis="index")
    served["volume"] = traded["volume"] * factor
    served["adj_close"] = served["close"]
    named = {days[position]: ratio for position, ratio in splits.items()}
    paid = {days[position]: amount / factor[position] for position, amount in dividends}
    return traded, Listing(served, dividends=paid, splits=named)


@pytest.mark.parametrize(
    "splits",
    [
        {20: (20, 1)},
        {20: (3, 2)},
        {20: (1, 10)},
        {20: (2002, 1000)},
        {10: (7, 1), 30: (4, 1)},
        {0: (2, 1), 39: (2, 1)},
    ],
    ids=str,
)
def test_splits_are_undone_exactly(yahoo, make_source, splits):
    traded, yahoo.listings["GOOG"] = split_listing(splits)
    rows = make_source().history("GOOG", START).rows
    for name in ("open", "high", "low", "close"):
        np.testing.assert_array_equal(rows[name], traded[name])
    expected = np.ones(40)
    for position, (new, old) in splits.items():
        expected[position] = new / old
    np.testing.assert_array_equal(rows["split"], expected)


def test_volumes_are_whole_shares_as_traded(yahoo, make_source):
    traded, yahoo.listings["GOOG"] = split_listing({10: (7, 1), 30: (4, 1)})
    rows = make_source().history("GOOG", START).rows
    np.testing.assert_array_equal(rows["volume"], traded["volume"])


def test_dividends_are_as_paid(yahoo, make_source):
    paid = [(5, 0.82), (20, 0.24), (35, 0.25)]
    _, yahoo.listings["GOOG"] = split_listing({20: (4, 1)}, paid)
    rows = make_source().history("GOOG", START).rows
    expected = np.zeros(40)
    for position, amount in paid:
        expected[position] = amount
    np.testing.assert_array_equal(rows["dividend"], expected)


def test_split_after_the_range_wanted_is_seen(yahoo, make_source):
    """Whoever asks for a past range must still know of the splits since."""
    traded, yahoo.listings["GOOG"] = split_listing({39: (4, 1)})
    rows = make_source().history("GOOG", "2023-07-20").rows
    np.testing.assert_array_equal(rows["close"], traded["close"].loc["2023-07-20":])


def test_split_today_before_the_first_trade(yahoo, make_source):
    """Yahoo has divided already, but there is no row yet to hold the split."""
    traded, listing = split_listing({39: (4, 1)})
    listing.prices = listing.prices.iloc[:-1]
    yahoo.listings["GOOG"] = listing
    history = make_source().history("GOOG", START)
    assert history.rows["split"].iloc[-1] == 4
    close = history.rows["close"].dropna()
    np.testing.assert_array_equal(close, traded["close"].iloc[:-1])
    assert len(history.provenance["sessions_without_prices"]) == 1


def test_split_not_yet_applied_is_refused(yahoo, make_source, clock):
    _, listing = split_listing({})
    listing.prices.iloc[36:, :4] /= 20
    listing.splits = {listing.prices.index[36]: (20, 1)}
    yahoo.listings["GOOG"] = listing
    with pytest.raises(BadResponse, match=r"GOOG.*not yet divided .* by 20"):
        make_source().history("GOOG", START)
    assert clock.waits == []


def test_old_crash_on_the_day_of_a_split_is_believed(yahoo, make_source):
    _, listing = split_listing({})
    listing.prices.iloc[10:, :4] /= 20
    listing.splits = {listing.prices.index[10]: (20, 1)}
    yahoo.listings["GOOG"] = listing
    assert len(make_source().history("GOOG", START).rows) == 40


def test_repeated_session_is_refused():
    days = pd.DatetimeIndex(["2023-06-01", "2023-06-01"], tz="America/New_York")
    names = ["Open", "High", "Low", "Close", "Volume", "Dividends", "Stock Splits"]
    frame = pd.DataFrame(1.0, index=days, columns=names)
    with pytest.raises(InvalidPrices, match="GOOG: Yahoo sent 2023-06-01 twice"):
        raw_rows("GOOG", frame, pd.Timestamp(START).date())


RATIOS = st.sampled_from(
    [(2, 1), (3, 2), (20, 1), (1, 10), (2002, 1000), (10027455, 10**7)]
)


@given(
    cents=st.lists(st.integers(1, 10**8), min_size=2, max_size=30),
    ratios=st.lists(RATIOS, min_size=0, max_size=4),
)
def test_undoing_splits_loses_nothing(cents, ratios):
    traded = np.array(cents) / 100
    split = np.ones(len(cents))
    for position, (new, old) in zip(range(len(cents)), ratios, strict=False):
        split[position] = new / old
    later = np.append(np.cumprod(split[::-1])[::-1][1:], 1.0)
    adjusted = pd.DataFrame(
        {"dividend": 0.0, "split": split, "volume": 0.0}, range(len(cents))
    )
    for name in ("open", "high", "low", "close"):
        adjusted[name] = traded / later
    np.testing.assert_array_equal(undo_splits(adjusted)["close"], traded)
