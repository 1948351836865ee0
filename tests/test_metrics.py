"""Metrics agree with hand-worked values and with scikit-learn."""

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from forecaster.errors import DataError
from forecaster.metrics import directional_accuracy, mae, mape, mase, rmse

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


def test_mase_by_hand():
    history = np.array([1.0, 3.0, 2.0, 5.0])  # moves of 2, 1 and 3: mean 2
    assert mase(np.array([4.0]), np.array([7.0]), history) == 1.5
    seasonal = mase(np.array([4.0]), np.array([7.0]), history, season=2)
    assert seasonal == pytest.approx(3 / 1.5)


@pytest.mark.parametrize(
    ("history", "reason"), [([2.0, 2.0], "never change"), ([2.0], "more than 1")]
)
def test_mase_without_a_scale_is_refused(history, reason):
    with pytest.raises(DataError, match=reason):
        mase(np.array([1.0]), np.array([1.0]), np.array(history))


def test_mape_of_a_zero_is_refused():
    with pytest.raises(DataError, match="zero"):
        mape(np.array([0.0]), np.array([1.0]))


def test_direction_counts_moves_alone():
    origin = np.array([10.0, 10.0, 10.0, 10.0])
    actual = np.array([11.0, 9.0, 10.0, 12.0])
    predicted = np.array([12.0, 11.0, 15.0, 10.5])
    assert directional_accuracy(actual, predicted, origin) == pytest.approx(2 / 3)
    assert np.isnan(directional_accuracy(actual, origin, origin))
    assert np.isnan(directional_accuracy(origin, predicted, origin))
