"""Metrics of point forecasts agree with hand-worked values and other libraries."""

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
import utilsforecast.losses
from hypothesis import given
from hypothesis import strategies as st

from forecaster.errors import DataError
from forecaster.metrics import (
    directional_accuracy,
    mae,
    majority_rate,
    mape,
    mase,
    r2_returns,
    rmse,
    rmsse,
    smape,
)

PAIRS = st.lists(
    st.tuples(st.floats(0.1, 1e4), st.floats(0.1, 1e4)), min_size=1, max_size=30
)


@given(PAIRS)
def test_errors_agree_with_scikit_learn(pairs):
    actual, predicted = np.array(pairs).T
    for ours, theirs in (
        (rmse, sklearn.metrics.root_mean_squared_error),
        (mae, sklearn.metrics.mean_absolute_error),
        (mape, sklearn.metrics.mean_absolute_percentage_error),
    ):
        expected = theirs(actual, predicted)
        assert ours(actual, predicted) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_scaled_errors_agree_with_utilsforecast():
    random = np.random.default_rng(0)
    actual, predicted = random.lognormal(size=(2, 40))
    history = random.lognormal(size=100)
    table = pd.DataFrame({"unique_id": "A", "y": actual, "ours": predicted})
    table["ds"] = np.arange(100, 140)
    train = pd.DataFrame({"unique_id": "A", "y": history, "ds": np.arange(100)})
    halved = utilsforecast.losses.smape(table, ["ours"])["ours"].item()
    assert smape(actual, predicted) == pytest.approx(2 * halved)
    for season in (1, 5):
        for ours in (mase, rmsse):
            theirs = getattr(utilsforecast.losses, ours.__name__)
            expected = theirs(table, ["ours"], season, train)["ours"].item()
            answer = ours(actual, predicted, history, season=season)
            assert answer == pytest.approx(expected)


def test_scaled_errors_by_hand():
    history = np.array([1.0, 3.0, 2.0, 5.0])  # moves of 2, 1 and 3: mean 2
    actual, predicted = np.array([4.0]), np.array([7.0])
    assert mase(actual, predicted, history) == 1.5
    assert rmsse(actual, predicted, history) == pytest.approx(3 / np.sqrt(14 / 3))
    # Two sessions back: moves of 1 and 2.
    assert mase(actual, predicted, history, season=2) == pytest.approx(3 / 1.5)
    seasonal = rmsse(actual, predicted, history, season=2)
    assert seasonal == pytest.approx(3 / np.sqrt(5 / 2))


@pytest.mark.parametrize("metric", [mase, rmsse])
@pytest.mark.parametrize(
    ("history", "reason"), [([2.0, 2.0], "never change"), ([2.0], "more than 1")]
)
def test_errors_without_a_scale_are_refused(metric, history, reason):
    with pytest.raises(DataError, match=f"{metric.__name__.upper()}.*{reason}"):
        metric(np.array([1.0]), np.array([1.0]), np.array(history))


def test_mape_of_a_zero_is_refused():
    with pytest.raises(DataError, match="zero"):
        mape(np.array([0.0]), np.array([1.0]))


@given(PAIRS)
def test_smape_treats_both_alike_and_stays_in_0_to_2(pairs):
    actual, predicted = np.array(pairs).T
    score = smape(actual, predicted)
    assert 0 <= score <= 2
    assert score == pytest.approx(smape(predicted, actual))


def test_smape_by_hand():
    actual = np.array([[100.0, 0.0], [0.0, 3.0]])
    predicted = np.array([[50.0, 0.0], [7.0, 3.0]])
    # 50 over 75, nothing over nothing, 7 over 3.5, and no error.
    assert smape(actual, predicted) == pytest.approx((50 / 75 + 0 + 2 + 0) / 4)


def test_r2_of_returns_by_hand():
    origin = np.array([[100.0], [50.0]])
    actual = origin * np.exp([[0.1, 0.2], [-0.1, 0.0]])
    predicted = origin * np.exp([[0.0, 0.1], [-0.1, 0.1]])
    # Squared errors 0.01 + 0.01 + 0 + 0.01; squared returns 0.01 + 0.04 + 0.01 + 0.
    assert r2_returns(actual, predicted, origin) == pytest.approx(1 - 0.03 / 0.06)
    assert r2_returns(actual, actual, origin) == 1
    last_value = np.broadcast_to(origin, actual.shape)
    assert r2_returns(actual, last_value, origin) == 0
    assert np.isnan(r2_returns(last_value, predicted, origin))


@given(PAIRS, st.floats(0.01, 100))
def test_r2_of_returns_does_not_depend_on_the_unit(pairs, unit):
    actual, predicted = np.array(pairs).T
    origin = np.full(len(pairs), 77.7)
    score = r2_returns(actual, predicted, origin)
    rescaled = r2_returns(unit * actual, unit * predicted, unit * origin)
    assert rescaled == pytest.approx(score, rel=1e-6, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("place", range(3))
def test_r2_of_a_price_of_zero_is_refused(place):
    prices = [np.ones(2), np.ones(2), np.ones(2)]
    prices[place] = np.array([1.0, 0.0])
    with pytest.raises(DataError, match="above zero"):
        r2_returns(*prices)


def test_direction_counts_moves_alone():
    origin = np.array([10.0, 10.0, 10.0, 10.0])
    actual = np.array([11.0, 9.0, 10.0, 12.0])
    predicted = np.array([12.0, 11.0, 15.0, 10.5])
    assert directional_accuracy(actual, predicted, origin) == pytest.approx(2 / 3)
    assert np.isnan(directional_accuracy(actual, origin, origin))
    assert np.isnan(directional_accuracy(origin, predicted, origin))


def test_the_majority_is_what_always_guessing_it_scores():
    origin = np.full((50, 1), 10.0)
    actual = np.random.default_rng(0).normal(10.3, 1, (50, 3)).round(1)
    always_up = directional_accuracy(actual, origin + np.ones((50, 3)), origin)
    assert majority_rate(actual, origin) == pytest.approx(always_up)
    assert always_up > 0.5
    mirrored = 20 - actual
    assert majority_rate(mirrored, origin) == pytest.approx(always_up)
    assert np.isnan(majority_rate(origin, origin))
