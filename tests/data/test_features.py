"""Features: the wanted columns in the wanted order, untouched."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.data.features import make_features
from forecaster.errors import InvalidPrices

COLUMNS = ("open", "high", "low", "close", "volume")


@given(wanted=st.lists(st.sampled_from(COLUMNS), min_size=1, unique=True))
def test_columns_come_in_the_wanted_order_and_keep_their_values(make_prices, wanted):
    prices = make_prices(12)
    before = prices.copy()
    rows = make_features(prices, wanted, ticker="TEST")
    assert list(rows.columns) == wanted
    assert rows.index.equals(prices.index)
    for column in wanted:
        assert rows[column].equals(before[column])
    pd.testing.assert_frame_equal(prices, before, check_exact=True)


@given(cut=st.integers(1, 29), wanted=st.sampled_from([("close",), ("volume", "open")]))
def test_a_row_is_the_same_whatever_follows_it(make_prices, cut, wanted):
    prices = make_prices(30)
    whole = make_features(prices, wanted, ticker="TEST")
    known = make_features(prices.iloc[:cut], wanted, ticker="TEST")
    pd.testing.assert_frame_equal(known, whole.iloc[:cut], check_exact=True)


def test_every_missing_column_is_named_with_those_there_are(make_prices):
    prices = make_prices(5)[["open", "close"]]
    with pytest.raises(
        InvalidPrices,
        match=r"TEST: feature 'volume' is no column; the prices have open, close\.",
    ):
        make_features(prices, ["close", "volume", "low"], ticker="TEST")
