"""Nothing leaks: the future is changed, and the past is asked to stand still."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.preparing import prepare_training
from forecaster.training import train
from tests.support.tables import cut_positions, make_position_table


@given(
    lookback=st.integers(1, 8),
    horizon=st.integers(1, 4),
    n_features=st.integers(1, 3),
    extra=st.integers(0, 10),
)
def test_no_window_sees_past_its_origin(lookback, horizon, n_features, extra):
    n = lookback + horizon + extra
    table = make_position_table(n, n_features)
    table.features.iloc[:, 1:] %= 1000
    days = table.sessions
    windows = cut_positions(table, lookback=lookback, horizon=horizon)
    origin = days.get_indexer(pd.DatetimeIndex(windows.origins))
    assert len(windows) == extra + 1
    assert windows.inputs.shape == (extra + 1, lookback, n_features)
    np.testing.assert_array_equal(windows.inputs.max(axis=(1, 2)), origin)
    np.testing.assert_array_equal(windows.inputs[:, 0, 0], origin - lookback + 1)
    steps = origin[:, None] + np.arange(1, horizon + 1)
    np.testing.assert_array_equal(windows.targets, steps)
    np.testing.assert_array_equal(windows.sessions, days.to_numpy()[steps])


def change_after(prices, date, random):
    """Return prices whose rows after a date are others; the rest is untouched."""
    changed = prices.copy()
    changed.attrs = dict(prices.attrs)
    later = changed.index > pd.Timestamp(date)
    factors = np.exp(random.normal(0, 0.5, (later.sum(), prices.shape[1])))
    changed.loc[later] = changed.loc[later].to_numpy() * factors
    assert later.sum() > 0
    return changed


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), fraction=st.sampled_from([0.0, 0.2]))
def test_test_rows_move_no_scaler_and_no_window(
    make_prices, tiny_config, seed, fraction
):
    config = tiny_config(training__validation_fraction=fraction)
    prices = make_prices(80)
    changed = change_after(prices, config.training.end, np.random.default_rng(seed))
    before, after = (prepare_training(rows, config) for rows in (prices, changed))
    assert before.scaler == after.scaler
    assert before.trained_on == after.trained_on
    np.testing.assert_array_equal(before.training.inputs, after.training.inputs)
    np.testing.assert_array_equal(before.training.targets, after.training.targets)
    if fraction:
        np.testing.assert_array_equal(before.validation.inputs, after.validation.inputs)
        np.testing.assert_array_equal(
            before.validation.targets, after.validation.targets
        )


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_validation_rows_move_no_scaler_and_no_training_window(
    make_prices, tiny_config, seed
):
    config = tiny_config(training__validation_fraction=0.2)
    prices = make_prices(80)
    last = prepare_training(prices, config).trained_on.last
    changed = change_after(prices, last, np.random.default_rng(seed))
    before, after = (prepare_training(rows, config) for rows in (prices, changed))
    assert before.scaler == after.scaler
    np.testing.assert_array_equal(before.training.inputs, after.training.inputs)
    assert not np.array_equal(before.validation.targets, after.validation.targets)


def test_test_rows_move_no_weight_and_no_validation_score(make_prices, tiny_config):
    config = tiny_config(
        training__validation_fraction=0.2,
        training__early_stopping=2,
        training__epochs=4,
    )
    prices = make_prices(80)
    changed = change_after(prices, config.training.end, np.random.default_rng(1))
    before, after = (train(rows, config, progress=False) for rows in (prices, changed))
    pd.testing.assert_frame_equal(before.history, after.history, check_exact=True)
    assert "val_loss" in before.history
    weights = zip(
        before.network.get_weights(), after.network.get_weights(), strict=True
    )
    for one, other in weights:
        np.testing.assert_array_equal(one, other)


def test_validation_comes_after_training_and_before_the_test(make_prices, tiny_config):
    config = tiny_config(training__validation_fraction=0.2)
    prices = make_prices(80)
    data = prepare_training(prices, config)
    last_trained = data.training.sessions.max()
    assert last_trained == np.datetime64(data.trained_on.last)
    assert data.validation.sessions.min() > last_trained
    assert data.validation.sessions.max() <= np.datetime64(config.training.end)
    assert len(data.training) + len(data.validation) + config.window.lookback == 60


def test_forecasts_of_a_session_do_not_know_it(trained):
    forecaster, prices = trained
    before = forecaster.evaluate(prices).predictions
    middle = before["origin"].iloc[5]
    changed = change_after(prices, middle, np.random.default_rng(2))
    after = forecaster.evaluate(changed).predictions
    known = before["origin"] <= middle
    assert known.sum() == 6
    np.testing.assert_array_equal(
        before.loc[known, "predicted"], after.loc[known, "predicted"]
    )
    assert not np.array_equal(before["predicted"], after["predicted"])


@pytest.mark.parametrize("column", ["last_value", "drift"])
def test_baselines_of_a_session_do_not_know_it(trained, column):
    forecaster, prices = trained
    before = forecaster.evaluate(prices).predictions
    first = before["origin"].iloc[0]
    changed = change_after(prices, first, np.random.default_rng(3))
    after = forecaster.evaluate(changed).predictions
    assert before[column].iloc[0] == after[column].iloc[0]


def test_validation_rows_move_no_training_loss(make_prices, tiny_config):
    config = tiny_config(training__validation_fraction=0.2, training__epochs=3)
    prices = make_prices(80)
    last = prepare_training(prices, config).trained_on.last
    changed = change_after(prices, last, np.random.default_rng(4))
    before, after = (
        train(rows, config, progress=False).history for rows in (prices, changed)
    )
    np.testing.assert_array_equal(before["loss"], after["loss"])
    assert not np.array_equal(before["val_loss"], after["val_loss"])
