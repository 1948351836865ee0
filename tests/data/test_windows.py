"""Windows: every number lies where it belongs, and scaling is the fitted one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.data.calendar import next_sessions
from forecaster.data.scaling import Scaler
from forecaster.data.table import make_table
from forecaster.data.windows import cut_windows, last_window
from forecaster.errors import InvalidPrices, NotEnoughHistory
from tests.support.tables import cut_positions, make_position_table


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
    table = make_position_table(n, n_features, sign=-1)
    features, days = table.features.to_numpy(), table.sessions
    windows = cut_positions(table, lookback=lookback, horizon=horizon)
    for first in range(extra + 1):
        inside = np.arange(first, first + lookback)
        ahead = np.arange(first + lookback, first + lookback + horizon)
        np.testing.assert_array_equal(windows.inputs[first], features[inside])
        np.testing.assert_array_equal(windows.targets[first], -ahead)
        np.testing.assert_array_equal(windows.sessions[first], days[ahead])
        assert windows.origins[first] == days[inside[-1]]
    assert len(windows) == extra + 1


@pytest.mark.parametrize(("lookback", "horizon"), [(1, 1), (4, 2), (2, 5)])
def test_one_session_too_few_names_what_is_needed(lookback, horizon):
    n = lookback + horizon - 1
    table = make_position_table(n, ticker="GOOG")
    with pytest.raises(NotEnoughHistory, match="GOOG: need at least") as caught:
        cut_positions(table, lookback=lookback, horizon=horizon)
    assert (caught.value.needed, caught.value.found) == (n + 1, n)


def test_the_last_window_ends_with_the_last_session(make_prices, tiny_config):
    prices = make_prices(6)
    scaler = Scaler.fit(prices[["close"]])
    config = tiny_config(window__lookback=3)
    table = make_table(prices, config, ticker="TEST")
    ahead = next_sessions(prices.index[-1], 1)
    window = last_window(table, config, scaler, ahead)
    wanted = scaler.transform(prices[["close"]])[None, 3:]
    np.testing.assert_array_equal(window.inputs, wanted)
    assert window.origins[0] == prices.index[-1]
    assert window.origin_price[0] == prices["close"].iloc[-1]
    longer = tiny_config(window__lookback=7)
    with pytest.raises(NotEnoughHistory, match="need at least 7 sessions, found 6"):
        last_window(table, longer, scaler, ahead)


def test_inputs_and_targets_are_scaled_each_by_its_own_column(make_prices, tiny_config):
    prices = make_prices(20)
    config = tiny_config(
        data__target="open", features__columns=("volume", "close"), window__horizon=2
    )
    scaler = Scaler.fit(prices[["volume", "close", "open"]].iloc[:10])
    windows = cut_windows(make_table(prices, config, ticker="TEST"), config, scaler)
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
    with pytest.raises(InvalidPrices, match="'adj_close' is no column"):
        make_table(prices, config, ticker="TEST")
