"""Scaling: scikit-learn's numbers, an exact inverse, and nothing unfit accepted."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler

from forecaster.data.embedded import embedded_tickers
from forecaster.data.scaling import Scaler
from forecaster.data.sources import load_prices
from forecaster.errors import BundleError


@pytest.mark.parametrize("ticker", embedded_tickers())
def test_the_inverse_restores_every_embedded_price(ticker):
    prices = load_prices(ticker)[["open", "high", "low", "close"]]
    scaler = Scaler.fit(prices.iloc[:1000])
    scaled = scaler.transform(prices)
    assert scaled.dtype == np.float32
    for position, column in enumerate(prices.columns):
        restored = scaler.inverse(scaled[:, position], column)
        np.testing.assert_allclose(restored, prices[column], rtol=1e-6)


def test_it_scales_as_scikit_learn_does():
    prices = load_prices("GOOG")[["close", "volume"]]
    training, later = prices.loc[:"2016"], prices.loc["2017":]
    expected = MinMaxScaler().fit(training.to_numpy()).transform(later.to_numpy())
    np.testing.assert_allclose(Scaler.fit(training).transform(later), expected, 1e-6)


def test_new_highs_lie_above_one():
    training = pd.DataFrame({"close": [10.0, 20.0]})
    scaled = Scaler.fit(training).transform(pd.DataFrame({"close": [5.0, 15.0, 30.0]}))
    assert scaled[:, 0].tolist() == [-0.5, 0.5, 2.0]


def test_a_column_that_never_moves_is_zero():
    rows = pd.DataFrame({"close": [5.0, 5.0]})
    scaler = Scaler.fit(rows)
    assert scaler.transform(rows)[:, 0].tolist() == [0, 0]
    assert scaler.inverse(np.zeros(2), "close").tolist() == [5, 5]


def test_columns_far_outside_are_named():
    scaler = Scaler.fit(pd.DataFrame({"close": [10.0, 20.0], "open": [10.0, 20.0]}))
    rows = pd.DataFrame({"close": [12.0, 25.1], "open": [12.0, 24.9]})
    assert scaler.outside(rows) == ["close"]


def test_it_survives_json_and_refuses_what_is_unfit():
    scaler = Scaler({"close": 1.5}, {"close": 1e300})
    numbers = json.loads(json.dumps(scaler.to_dict()))
    assert Scaler.from_dict(numbers) == scaler
    for unfit in (
        {},
        {**numbers, "kind": "other"},
        {**numbers, "maximum": {}},
        {**numbers, "maximum": {"close": "x"}},
        {**numbers, "maximum": {"close": float("nan")}},
        {**numbers, "minimum": 3},
    ):
        with pytest.raises(BundleError, match="scaler"):
            Scaler.from_dict(unfit)


@given(
    st.lists(st.floats(0.01, 1e5), min_size=2, max_size=20, unique=True),
    st.lists(st.floats(0.01, 1e5), min_size=1, max_size=5),
)
def test_any_prices_scale_as_scikit_learn_scales_them(training, later):
    rows, new = (pd.DataFrame({"close": values}) for values in (training, later))
    fitted = MinMaxScaler().fit(rows.to_numpy())
    scaler = Scaler.fit(rows)
    assert scaler.low["close"] == min(training)
    assert scaler.high["close"] == max(training)
    expected = fitted.transform(new.to_numpy())
    span = max(training) - min(training)
    rounding = 1e-10 * (1 + 1e5 / span)
    np.testing.assert_allclose(
        scaler.transform(new), expected, rtol=1e-5, atol=rounding
    )
