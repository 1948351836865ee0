"""Windows: every number lies where it belongs, and scaling is the fitted one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.data.scaling import Scaler
from forecaster.data.windows import cut_windows, last_window, make_windows
from forecaster.errors import InvalidPrices, NotEnoughHistory


def days(n):
    return pd.date_range("2024-01-01", periods=n, name="session")


@given(
    lookback=st.integers(1, 9),
    horizon=st.integers(1, 5),
    n_features=st.integers(1, 4),
    extra=st.integers(0, 12),
)
def test_every_feature_and_step_lies_at_its_own_place(
    lookback, horizon, n_features, extra
):
    n = lookback + horizon + extra
    position = np.arange(n, dtype=float)
    features = position[:, None] + 1000 * np.arange(n_features)
    windows = make_windows(
        features, -position, days(n), lookback=lookback, horizon=horizon
    )
    for first in range(extra + 1):
        inside = np.arange(first, first + lookback)
        ahead = np.arange(first + lookback, first + lookback + horizon)
        np.testing.assert_array_equal(windows.inputs[first], features[inside])
        np.testing.assert_array_equal(windows.targets[first], -ahead)
        np.testing.assert_array_equal(windows.sessions[first], days(n)[ahead])
        assert windows.origins[first] == days(n)[inside[-1]]
    assert len(windows) == extra + 1


@pytest.mark.parametrize(("lookback", "horizon"), [(1, 1), (4, 2), (2, 5)])
def test_one_session_too_few_names_what_is_needed(lookback, horizon):
    n = lookback + horizon - 1
    values = np.zeros(n)
    with pytest.raises(NotEnoughHistory, match="GOOG: need at least") as caught:
        make_windows(
            values[:, None],
            values,
            days(n),
            lookback=lookback,
            horizon=horizon,
            ticker="GOOG",
        )
    assert (caught.value.needed, caught.value.found) == (n + 1, n)


def test_the_last_window_ends_with_the_last_session():
    features = np.arange(12.0).reshape(6, 2)
    window = last_window(features, 3, ticker="TEST")
    np.testing.assert_array_equal(window, features[None, 3:])
    with pytest.raises(NotEnoughHistory, match="need at least 7 sessions, found 6"):
        last_window(features, 7, ticker="TEST")


def test_inputs_and_targets_are_scaled_each_by_its_own_column(make_prices, tiny_config):
    prices = make_prices(20)
    config = tiny_config(
        data__target="open", features__columns=("volume", "close"), window__horizon=2
    )
    scaler = Scaler.fit(prices[["volume", "close", "open"]].iloc[:10])
    windows = cut_windows(prices, config, scaler, ticker="TEST")
    assert windows.inputs.dtype == windows.targets.dtype == np.float32
    assert windows.inputs.shape == (15, 4, 2)
    for position, column in enumerate(("volume", "close")):
        restored = scaler.inverse(windows.inputs[3, :, position], column)
        np.testing.assert_allclose(restored, prices[column].iloc[3:7], rtol=1e-6)
    restored = scaler.inverse(windows.targets[3], "open")
    np.testing.assert_allclose(restored, prices["open"].iloc[7:9], rtol=1e-6)
    assert "n_windows=15, lookback=4, n_features=2, horizon=2" in repr(windows)


def test_a_missing_input_is_named(make_prices, tiny_config):
    prices = make_prices(20)
    config = tiny_config(features__columns=("close", "adj_close"))
    with pytest.raises(InvalidPrices, match="no column adj_close"):
        cut_windows(prices, config, Scaler.fit(prices), ticker="TEST")
