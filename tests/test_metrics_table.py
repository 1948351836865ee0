"""The table of scores holds each metric of each step."""

import numpy as np
import pytest

from forecaster import metrics
from forecaster.metrics import score_steps

POINT = [
    *("mae", "rmse", "mape", "smape", "mase", "rmsse", "r2_returns"),
    *("directional_accuracy", "majority_rate"),
]
SPREAD = [
    *("pinball", "crps", "coverage_0.9", "interval_score_0.9"),
    *("coverage_0.5", "interval_score_0.5"),
]
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def forecasts(seed=0, n_windows=30, horizon=3):
    random = np.random.default_rng(seed)
    history = 100 * np.exp(np.cumsum(random.normal(0, 0.01, 80)))
    origin = 100 * np.exp(np.cumsum(random.normal(0, 0.01, n_windows)))
    shape = n_windows, horizon
    actual, predicted = origin[:, None] * np.exp(random.normal(0, 0.02, (2, *shape)))
    quantiles = predicted[..., None] + np.array([-4.0, -1.0, 0.0, 1.0, 4.0])
    return actual, predicted, origin, history, quantiles


@pytest.fixture
def table():
    actual, predicted, origin, history, quantiles = forecasts()
    return score_steps(
        actual,
        predicted,
        origin_price=origin,
        history=history,
        quantiles=quantiles,
        levels=LEVELS,
    )


def test_there_is_a_row_for_each_step_and_one_for_all(table):
    assert table.index.tolist() == [1, 2, 3, "all"]
    assert table.index.name == "step"
    assert table.columns.tolist() == POINT + SPREAD
    assert table.notna().all(axis=None)


@pytest.mark.parametrize(
    ("row", "steps"), [(1, [0]), (3, [2]), ("all", [0, 1, 2])], ids=str
)
def test_each_row_holds_the_metrics_of_its_steps(table, row, steps):
    actual, predicted, origin, history, quantiles = forecasts()
    actual, predicted = actual[:, steps], predicted[:, steps]
    quantiles = quantiles[:, steps]
    from_origin = {"r2_returns", "directional_accuracy"}
    for name in POINT[:-1]:
        more = [history] if name in {"mase", "rmsse"} else []
        more = [origin[:, None]] if name in from_origin else more
        expected = getattr(metrics, name)(actual, predicted, *more)
        assert table.loc[row, name] == pytest.approx(expected)
    majority = metrics.majority_rate(actual, origin[:, None])
    assert table.loc[row, "majority_rate"] == majority
    for name in ("pinball", "crps"):
        expected = getattr(metrics, name)(actual, quantiles, LEVELS)
        assert table.loc[row, name] == pytest.approx(expected)
    low, high = quantiles[..., 1], quantiles[..., 3]
    held = metrics.coverage(actual, low, high)
    assert table.loc[row, "coverage_0.5"] == held
    score = metrics.interval_score(actual, low, high, level=0.5)
    assert table.loc[row, "interval_score_0.5"] == pytest.approx(score)


def test_the_means_of_steps_are_those_of_all(table):
    for name in ("mae", "mape", "smape", "mase", "pinball", "crps", "coverage_0.9"):
        steps = table.loc[[1, 2, 3], name]
        assert table.loc["all", name] == pytest.approx(steps.mean())


def test_a_step_does_not_depend_on_later_ones(table):
    actual, predicted, origin, history, quantiles = forecasts()
    actual[:, 2] *= 1.5
    quantiles[:, 2] -= 7
    other = score_steps(
        actual,
        predicted,
        origin_price=origin,
        history=history,
        quantiles=quantiles,
        levels=LEVELS,
    )
    assert other.loc[[1, 2]].equals(table.loc[[1, 2]])
    assert (other.loc["all"] != table.loc["all"]).any()


def test_a_series_that_never_moves_has_no_scale_and_no_direction():
    flat = np.full((4, 2), 5.0)
    scores = score_steps(flat, flat, origin_price=flat[:, 0], history=np.full(9, 5.0))
    assert scores.columns.tolist() == POINT
    undefined = ["mase", "rmsse", "r2_returns", "directional_accuracy", "majority_rate"]
    assert scores[undefined].isna().all(axis=None)
    assert (scores.drop(columns=undefined) == 0).all(axis=None)


def test_prices_of_zero_leave_the_other_scores():
    actual, predicted, origin, history, _ = forecasts()
    actual[0, 1] = 0
    scores = score_steps(actual, predicted, origin_price=origin, history=history)
    missing = scores.isna()
    assert missing.loc[[2, "all"], ["mape", "r2_returns"]].all(axis=None)
    assert missing.to_numpy().sum() == 4
