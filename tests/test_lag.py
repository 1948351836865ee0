"""The lag detector accuses copies and smoothers, and leaves true skill in peace."""

import json

import numpy as np
import pytest

from forecaster.errors import ConfigError, DataError
from forecaster.lag import MIN_WINDOWS, detect_lag, shift_curve
from forecaster.metrics import rmse

N_WINDOWS = 500


def prices_of(returns):
    return 100 * np.exp(np.cumsum(returns))


def random_walk(seed, n=N_WINDOWS):
    """Actual prices and those one session earlier."""
    prices = prices_of(np.random.default_rng(seed).normal(0, 0.01, n + 1))
    return prices[1:], prices[:-1]


def autoregressive(seed, phi, n=N_WINDOWS):
    """Actual prices, those one session earlier, and the best forecast of them."""
    random = np.random.default_rng(seed)
    returns = np.zeros(n + 2)
    for place in range(1, n + 2):
        returns[place] = phi * returns[place - 1] + random.normal(0, 0.01)
    prices = prices_of(returns)
    origin = prices[1:-1]
    return prices[2:], origin, origin * np.exp(phi * returns[1:-1])


@pytest.mark.parametrize("step", [1, 3])
def test_last_value_copies(step):
    prices, _ = random_walk(0)
    actual, origin = prices[step:], prices[:-step]
    found = detect_lag(actual, origin, origin, step=step)
    assert (found.outcome, found.shift, found.rmse_to_last) == ("copies", step, 0)
    assert found.r2 == pytest.approx(0, abs=1e-12)
    assert np.isnan(found.correlation.estimate)
    assert "the returns that they imply never change" in str(found)


def test_a_copy_with_noise_copies_and_its_figures_are_those_of_numpy():
    actual, origin = random_walk(1)
    random = np.random.default_rng(2)
    predicted = origin * np.exp(random.normal(0, 0.003, N_WINDOWS))
    found = detect_lag(actual, predicted, origin)
    assert (found.outcome, found.shift) == ("copies", 1)
    moved, foretold = np.log(actual / origin), np.log(predicted / origin)
    by_numpy = np.corrcoef(moved, foretold)[0, 1]
    assert found.correlation.estimate == pytest.approx(by_numpy)
    explained = 1 - ((moved - foretold) ** 2).sum() / (moved**2).sum()
    assert found.r2 == pytest.approx(explained)
    assert found.rmse_to_last == pytest.approx(
        rmse(predicted, origin) / rmse(actual, origin)
    )
    assert str(found).startswith("The forecasts copy yesterday's price: they align")
    assert "one session earlier, and the returns that they imply tell nothing" in str(
        found
    )


def test_a_moving_average_lags():
    prices = prices_of(np.random.default_rng(3).normal(0, 0.01, N_WINDOWS + 5))
    smooth = np.convolve(prices, np.full(5, 0.2), mode="valid")[:-1]
    found = detect_lag(prices[5:], smooth, prices[4:-1])
    assert (found.outcome, found.shift) == ("lags", 3)  # halfway back, and one ahead
    assert "3 sessions earlier" in str(found)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("phi", [0.3, -0.3])
def test_true_skill_is_not_accused(seed, phi):
    actual, origin, predicted = autoregressive(seed, phi)
    found = detect_lag(actual, predicted, origin)
    assert found.outcome == "clear"
    assert found.correlation.low > 0
    assert "copy a known price" in str(found)


def test_a_good_forecast_aligns_with_its_own_session():
    actual, origin = random_walk(4)
    error = np.random.default_rng(5).normal(0, 0.003, N_WINDOWS)
    found = detect_lag(actual, actual * np.exp(error), origin)
    assert (found.outcome, found.shift) == ("clear", 0)
    assert found.r2 > 0.8


def test_forecasts_that_turn_skill_upside_down_are_not_clear():
    actual, origin, predicted = autoregressive(0, 0.4)
    found = detect_lag(actual, origin**2 / predicted, origin)
    assert found.correlation.high < 0
    assert found.outcome != "clear"
    assert "point the wrong way" in str(found)


def test_a_random_walk_is_cleared_about_one_time_in_forty():
    n_cleared = 0
    for seed in range(400):
        actual, origin = random_walk(seed, 250)
        random = np.random.default_rng(1000 + seed)
        predicted = origin * np.exp(random.normal(0, 0.003, 250))
        n_cleared += detect_lag(actual, predicted, origin).outcome == "clear"
    assert 0.005 < n_cleared / 400 < 0.06


def test_overlapping_forecasts_widen_the_interval():
    """Of five sessions ahead, with forecasts that change slowly."""
    n_cleared = 0
    for seed in range(300):
        prices = prices_of(np.random.default_rng(seed).normal(0, 0.01, 400))
        slow = np.random.default_rng(1000 + seed).normal(0, 0.01, 404)
        slow = np.convolve(slow, np.full(10, 0.1), mode="valid")
        origin, actual = prices[:-5], prices[5:]
        predicted = origin * np.exp(slow)
        found = detect_lag(actual, predicted, origin, step=5)
        n_cleared += found.outcome == "clear"
    assert n_cleared / 300 < 0.08  # an interval blind to overlap clears 0.14


def test_the_curve_is_the_error_at_each_shift():
    actual = np.array([1.0, 2.0, 4.0, 8.0])
    predicted = np.array([9.0, 9.0, 2.0, 4.0])
    curve = shift_curve(actual, predicted, max_shift=2)
    assert curve.tolist() == pytest.approx([np.sqrt(10), 0, np.sqrt(2.5)])
    assert (curve.index.name, curve.name) == ("shift", "rmse")


def test_too_few_forecasts_are_not_judged():
    actual, origin = random_walk(0, MIN_WINDOWS + 9)
    found = detect_lag(actual, origin, origin)
    assert found.outcome == "too_few"
    assert "cannot be told from 39 of them" in str(found)
    actual, origin = random_walk(0, MIN_WINDOWS + 10)
    assert detect_lag(actual, origin, origin).outcome == "copies"


def test_it_is_plain_json():
    actual, origin = random_walk(0)
    facts = json.loads(json.dumps(detect_lag(actual, origin, origin).to_dict()))
    assert facts["outcome"] == "copies"
    assert facts["correlation"]["estimate"] is None
    assert facts["sentence"].startswith("The forecasts copy")


def test_what_cannot_be_judged_is_refused():
    prices = np.linspace(1, 2, 60)
    with pytest.raises(ConfigError, match="step at least 1"):
        detect_lag(prices, prices, prices, step=0)
    with pytest.raises(DataError, match="one length"):
        detect_lag(prices, prices[1:], prices)
    with pytest.raises(DataError, match="above zero"):
        detect_lag(prices, prices - 1, prices)
    with pytest.raises(DataError, match="more than 60 windows"):
        shift_curve(prices, prices, max_shift=60)
