"""Baselines: each by hand, and what is true of all of them."""

import dataclasses

import numpy as np
import pytest

from forecaster.data.sequences import PADDING
from forecaster.data.table import make_table
from forecaster.data.windows import cut_windows
from forecaster.errors import ConfigError, DataError, InvalidPrices
from forecaster.models.baselines import (
    BASELINES,
    POINT_BASELINES,
    QUANTILE_BASELINES,
    Scene,
    drift,
    last_value,
    make_baseline,
    scene_of,
)
from forecaster.models.baselines.learned import flatten
from forecaster.models.baselines.simple import (
    historical_mean,
    moving_average,
    seasonal_naive,
)
from forecaster.preparing import fit_scaler

LEVELS = (0.1, 0.5, 0.9)
N_TRAINING, N_SESSIONS = 200, 240


@pytest.fixture(scope="module")
def make_scenes(make_prices, tiny_config):
    """Make a training scene of 200 sessions and a later one that goes on to 240."""

    def make(horizon, *, seed=0, change=None):
        config = tiny_config(
            window__horizon=horizon,
            target={"form": "scaled_return", "volatility": 5},
            features__columns=["log_return", "close"],
            features__scaling="standard",
        )
        prices = make_prices(N_SESSIONS + 5, seed=seed)
        if change is not None:
            prices = change(prices)
        table = make_table(prices, config, ticker="TEST")
        table = table.rows(slice(5, None))
        training = table.rows(slice(0, N_TRAINING))
        scaler = fit_scaler([training], config)
        windows = cut_windows(table, config, scaler)
        later = windows[windows.origins >= training.sessions[-1].to_datetime64()]
        return (
            scene_of(training, cut_windows(training, config, scaler)),
            scene_of(table, later),
        )

    return make


@pytest.fixture(scope="module", params=[1, 5])
def horizon(request):
    return request.param


@pytest.fixture(scope="module")
def scenes(make_scenes, horizon):
    return make_scenes(horizon)


@pytest.fixture(scope="module")
def fitted(scenes, horizon):
    """Every baseline, fitted once."""
    return {name: fit(name, scenes[0], horizon) for name in BASELINES}


def fit(name, training, horizon, levels=LEVELS):
    return make_baseline(name).fit(
        {"TEST": training}, levels=levels, horizon=horizon, seed=3
    )


def assert_same(one, other, n_windows=None):
    assert np.array_equal(one.centre[:n_windows], other.centre[:n_windows])
    if one.quantiles is not None:
        assert np.array_equal(one.quantiles[:n_windows], other.quantiles[:n_windows])


def test_last_value_repeats_the_price_at_each_origin():
    assert last_value(np.array([3.0, 5.0]), 2).tolist() == [[3, 3], [5, 5]]


def test_drift_goes_on_by_the_mean_change():
    history = np.array([1.0, 9.0, 2.0, 7.0])  # from 1 to 7 in three changes
    assert drift(np.array([10.0]), 3, history).tolist() == [[12, 14, 16]]


def test_historical_mean_compounds():
    history = np.array([1.0, 9.0, 4.0])  # doubles with each of two changes
    assert np.allclose(historical_mean(np.array([5.0]), 3, history), [[10, 20, 40]])


def test_seasonal_naive_repeats_the_week():
    prices, places = np.arange(1.0, 13.0), np.array([2, 6])
    found = seasonal_naive(prices, places, 7)
    assert found[1].tolist() == [3, 4, 5, 6, 7, 3, 4]
    assert found[0].tolist() == [1, 1, 1, 2, 3, 1, 1]  # two prices are before the first


def test_moving_average_takes_the_last_prices():
    prices, places = np.array([1.0, 3.0, 8.0, 100.0]), np.array([0, 2])
    assert moving_average(prices, places, 2, n_sessions=2).tolist() == [
        [1, 1],
        [5.5, 5.5],
    ]


def test_names_divide_into_two_sets():
    assert not set(POINT_BASELINES) & set(QUANTILE_BASELINES)
    assert set(POINT_BASELINES) | set(QUANTILE_BASELINES) == set(BASELINES)
    assert all(make_baseline(name).name == name for name in BASELINES)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'garch'"):
        make_baseline("garhc")


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("levels", [(0.9, 0.1), (0.0, 0.5), (0.5, 0.5)])
def test_levels_must_increase_inside_0_and_1(scenes, horizon, name, levels):
    with pytest.raises(ConfigError, match="levels of quantiles must increase"):
        fit(name, scenes[0], horizon, levels)


@pytest.mark.parametrize("name", BASELINES)
def test_an_answer_at_each_place_step_and_level(fitted, scenes, horizon, name):
    outlook = fitted[name].forecast("TEST", scenes[1])
    n_windows = N_SESSIONS - N_TRAINING - horizon + 1
    assert outlook.centre.shape == (n_windows, horizon)
    # Nothing here strays far: a wrong unit or place would.
    nearness = outlook.centre / scenes[1].origin_price[:, None]
    assert ((nearness > 0.8) & (nearness < 1.25)).all()
    if name in POINT_BASELINES:
        assert outlook.quantiles is None
    else:
        assert outlook.quantiles.shape == (n_windows, horizon, len(LEVELS))
        assert (np.diff(outlook.quantiles) >= 0).all()


@pytest.mark.parametrize("name", QUANTILE_BASELINES)
def test_no_levels_no_quantiles(scenes, horizon, name):
    outlook = fit(name, scenes[0], horizon, ()).forecast("TEST", scenes[1])
    assert outlook.quantiles is None
    assert np.isfinite(outlook.centre).all()


@pytest.mark.parametrize("name", BASELINES)
def test_later_prices_do_not_move_earlier_forecasts(
    make_scenes, fitted, scenes, horizon, name
):
    _, later = scenes
    n_before = 12

    def double_after(prices):
        changed = prices.copy()
        first = 5 + later.places[n_before - 1] + 1
        columns = ["open", "high", "low", "close"]
        changed.iloc[first:, changed.columns.get_indexer(columns)] *= 2.0
        return changed

    _, changed = make_scenes(horizon, change=double_after)
    one = fitted[name].forecast("TEST", later)
    other = fitted[name].forecast("TEST", changed)
    assert_same(one, other, n_before)
    assert not np.array_equal(one.centre[n_before:], other.centre[n_before:])
    short = slice(0, n_before)
    cut = Scene(
        later.prices[: later.places[n_before - 1] + 1],
        later.places[short],
        later.windows[short],
    )
    assert_same(one, fitted[name].forecast("TEST", cut), n_before)


@pytest.mark.parametrize("name", BASELINES)
def test_an_unknown_ticker_is_forecast_from_what_was_known(
    make_scenes, fitted, scenes, horizon, name
):
    later = scenes[1]
    outlook = fitted[name].forecast("OTHER", later)
    assert np.isfinite(outlook.centre).all()
    first = slice(0, 1)
    stop = later.places[0] + 1
    known = Scene(later.prices[:stop], later.places[first], later.windows[first])
    assert_same(outlook, fitted[name].forecast("OTHER", known), 1)


@pytest.mark.parametrize("name", BASELINES)
def test_the_same_seed_gives_the_same_answer(fitted, scenes, horizon, name):
    again = fit(name, scenes[0], horizon)
    one = fitted[name].forecast("TEST", scenes[1])
    assert_same(one, again.forecast("TEST", scenes[1]))


@pytest.mark.parametrize("name", BASELINES)
def test_prices_that_never_move_are_forecast_to_stay(make_scenes, horizon, name):
    def stand_still(prices):
        still = prices.copy()
        still[["open", "high", "low", "close"]] = 50.0
        return still

    training, later = make_scenes(horizon, change=stand_still)
    outlook = fit(name, training, horizon).forecast("TEST", later)
    assert np.allclose(outlook.centre, 50.0)
    if outlook.quantiles is not None:
        assert np.allclose(outlook.quantiles, 50.0, rtol=1e-4)


@pytest.mark.parametrize(
    "name",
    sorted({*QUANTILE_BASELINES, "historical_mean"} - {"gradient_boosting"}),
)
def test_prices_without_a_logarithm_are_refused(scenes, horizon, name):
    sunk = dataclasses.replace(scenes[0], prices=scenes[0].prices - 500)
    with pytest.raises(InvalidPrices, match="takes logarithms"):
        fit(name, sunk, horizon)


@pytest.mark.parametrize("name", ["garch", "ets", "arima", "scaled_volatility"])
def test_too_few_prices_are_refused(scenes, horizon, name):
    short = dataclasses.replace(scenes[0], prices=scenes[0].prices[:2])
    with pytest.raises(DataError, match="TEST: need at least"):
        fit(name, short, horizon)


def test_a_scene_has_its_places_where_the_origins_are(scenes, horizon):
    later = scenes[1]
    assert later.places.tolist() == list(range(N_TRAINING - 1, N_SESSIONS - horizon))
    assert np.array_equal(later.origin_price, later.windows.origin_price)


def test_a_scene_needs_windows_of_its_table(make_prices, tiny_config):
    config = tiny_config()
    table = make_table(make_prices(30), config, ticker="TEST")
    windows = cut_windows(table, config, fit_scaler([table], config))
    with pytest.raises(DataError, match="Cut the windows from this table"):
        scene_of(table.rows(slice(10, None)), windows)
    with pytest.raises(DataError, match="there is no window"):
        scene_of(table, windows[:0])


def test_learned_baselines_read_all_that_a_network_reads(make_prices, tiny_config):
    config = tiny_config(
        window__shortest=2,
        window__horizon=2,
        target={"form": "log_return"},
        features__columns=["log_return", "range"],
        features__scaling="standard",
        features__known_future=["weekday_sin", "weekday_cos"],
        features__static=["range"],
        data={"ticker": "TEST", "tickers": ["OTHER", "TEST"]},
    )
    table = make_table(make_prices(30), config, ticker="TEST").rows(slice(1, None))
    windows = cut_windows(table, config, fit_scaler([table], config))
    rows = flatten(windows, padding=-7.0, n_tickers=2)
    n_known = windows.known.shape[2]
    assert rows.shape == (len(windows), 4 * 2 + 2 * n_known + 1 + 2)
    assert (windows.inputs[0, :2] == PADDING).all()
    assert rows[0, :4].tolist() == [-7] * 4
    assert rows[5, :8].tolist() == windows.inputs[5].ravel().tolist()
    assert rows[5, 8:-3].tolist() == windows.known[5].ravel().tolist()
    assert rows[5, -3] == windows.static[5, 0]
    assert rows[5, -2:].tolist() == [0, 1]
