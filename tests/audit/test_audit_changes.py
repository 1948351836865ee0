"""Changes after a cut-off: everything there is other, nothing before it is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.audit.changes import CHANGES, as_numbers, change_rows, same


def frame(n, seed):
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "close": random.uniform(1, 9, n),
            "return": random.normal(0, 1, n),
            "name": ["a"] * n,
        },
        index=pd.date_range("2020-01-01", periods=n),
    )


@given(
    n=st.integers(4, 30),
    cut=st.integers(1, 28),
    seed=st.integers(0, 99),
    change=st.sampled_from(CHANGES),
)
def test_only_the_rows_asked_for_change_and_all_of_them(n, cut, seed, change):
    prices = frame(n, seed)
    prices.attrs = {"ticker": "T"}
    cut = min(cut, n - 2)
    changed = change_rows(prices, slice(cut, None), change, seed=seed)
    pd.testing.assert_frame_equal(changed.iloc[:cut], prices.iloc[:cut])
    assert changed.attrs == prices.attrs
    for column in ("close", "return"):
        assert (changed[column].iloc[cut:] != prices[column].iloc[cut:]).all()
    assert (changed["close"] > 0).all()
    assert (changed["name"] == "a").all()


def test_risen_and_fallen_go_opposite_ways_below_zero_too():
    prices = frame(20, 0)
    risen, fallen = (change_rows(prices, slice(5, None), way) for way in CHANGES[:2])
    for column in ("close", "return"):
        assert (risen[column].iloc[5:] > prices[column].iloc[5:]).all()
        assert (fallen[column].iloc[5:] < prices[column].iloc[5:]).all()


def test_counts_and_flags_may_change_too():
    prices = pd.DataFrame({"volume": [1, 2, 3], "flag": [True, False, True]})
    numbers = as_numbers(prices)
    assert (numbers.dtypes == np.float64).all()
    changed = change_rows(numbers, slice(2, None), "risen")
    assert changed.iloc[2].tolist() == [9.0, 3.0]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ([1.0, np.nan], [1.0, np.nan], True),
        ([1.0], [np.nextafter(1.0, 2)], False),
        ([1.0], np.array([1.0], dtype=np.float32), False),
        ([1.0], [1.0, 1.0], False),
    ],
)
def test_alike_is_to_the_last_bit(one, other, alike):
    assert same(one, other) is alike
