"""Adjusting: by hand, and without knowledge of what came later."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.data.adjust import adjust_prices
from forecaster.errors import InvalidPrices
from tests.support.memory_source import make_rows


def rows_of(closes, dividends=None, splits=None):
    rows = make_rows().iloc[: len(closes)].copy()
    for name in ("open", "high", "low", "close"):
        rows[name] = np.array(closes, float)
    rows["dividend"] = 0.0 if dividends is None else np.array(dividends, float)
    rows["split"] = 1.0 if splits is None else np.array(splits, float)
    return rows


def test_a_split_and_a_dividend_by_hand():
    prices = adjust_prices(
        rows_of([400, 404, 101, 100], dividends=[0, 0, 0, 1], splits=[1, 1, 4, 1])
    )
    assert prices["close"].tolist() == [100, 101, 101, 100]
    assert prices["volume"].tolist() == [4000, 4000, 1000, 1000]
    factor = 1 - 1 / 101
    np.testing.assert_allclose(
        prices["adj_close"], [100 * factor, 101 * factor, 101 * factor, 100]
    )


def test_a_dividend_not_smaller_than_the_close_is_refused():
    with pytest.raises(InvalidPrices, match="dividend of 100"):
        adjust_prices(rows_of([100, 100], dividends=[0, 100]))


@given(place=st.integers(1, 30), ratio=st.sampled_from([0.1, 0.5, 1.5, 2, 4, 20]))
def test_the_day_before_a_split_knows_nothing_of_it(place, ratio):
    plain = make_rows().iloc[:40]
    split = plain.copy()
    split.iloc[place:, :4] /= ratio
    split.iloc[place, split.columns.get_loc("split")] = ratio
    before = plain.index[place - 1]
    pd.testing.assert_frame_equal(
        adjust_prices(split, as_of=before), adjust_prices(plain, as_of=before)
    )
    returns = adjust_prices(split)["close"].pct_change().iloc[1:]
    np.testing.assert_allclose(returns, plain["close"].pct_change().iloc[1:])
