"""Scores by step: every metric of one forecast, in one table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.errors import DataError
from forecaster.metrics.direction import directional_accuracy, majority_rate
from forecaster.metrics.distributions import (
    central_intervals,
    coverage,
    crps,
    interval_score,
    pinball,
)
from forecaster.metrics.points import mae, mape, mase, r2_returns, rmse, rmsse, smape

ALL_STEPS = "all"


def score_steps(
    actual: FloatArray,
    predicted: FloatArray,
    *,
    origin_price: FloatArray,
    history: FloatArray,
    quantiles: FloatArray | None = None,
    levels: Sequence[float] = (),
) -> pd.DataFrame:
    """Score each step of a forecast, and all steps together.

    Parameters
    ----------
    actual, predicted : ndarray of shape (n_windows, horizon)
        Prices in the quote currency, no missing values.
    origin_price : ndarray of shape (n_windows,)
        Price at each origin.
    history : ndarray of shape (n_sessions,)
        Training prices, oldest first; they set the scale of MASE and RMSSE.
    quantiles : ndarray of shape (n_windows, horizon, n_levels), optional
        Forecast quantiles.
    levels
        Their probabilities, increasing.

    Returns
    -------
    DataFrame
        Rows `1` to the horizon, then `all`. Columns `mae rmse mape smape mase rmsse
        r2_returns directional_accuracy majority_rate`, with quantiles also `pinball
        crps` and for each central interval `coverage_0.9 interval_score_0.9` and so
        on. NaN where a metric is not defined.
    """
    origins = origin_price[:, None]
    rows: dict[int | str, dict[str, float]] = {}
    for label, steps in _selections(actual.shape[1]).items():
        rows[label] = _point_scores(
            actual[:, steps], predicted[:, steps], origins, history
        )
        if quantiles is not None:
            rows[label] |= _quantile_scores(
                actual[:, steps], quantiles[:, steps], levels
            )
    index = pd.Index(list(rows), dtype=object, name="step")
    return pd.DataFrame(list(rows.values()), index=index)


def _selections(horizon: int) -> dict[int | str, slice]:
    single: dict[int | str, slice] = {
        step: slice(step - 1, step) for step in range(1, horizon + 1)
    }
    return {**single, ALL_STEPS: slice(None)}


def _point_scores(
    actual: FloatArray, predicted: FloatArray, origins: FloatArray, history: FloatArray
) -> dict[str, float]:
    return {
        "mae": mae(actual, predicted),
        "rmse": rmse(actual, predicted),
        "mape": _where_defined(mape, actual, predicted),
        "smape": smape(actual, predicted),
        "mase": _where_defined(mase, actual, predicted, history),
        "rmsse": _where_defined(rmsse, actual, predicted, history),
        "r2_returns": _where_defined(r2_returns, actual, predicted, origins),
        "directional_accuracy": directional_accuracy(actual, predicted, origins),
        "majority_rate": majority_rate(actual, origins),
    }


def _quantile_scores(
    actual: FloatArray, quantiles: FloatArray, levels: Sequence[float]
) -> dict[str, float]:
    scores = {
        "pinball": pinball(actual, quantiles, levels),
        "crps": crps(actual, quantiles, levels),
    }
    for level, (lower, upper) in central_intervals(levels).items():
        low, high = quantiles[..., lower], quantiles[..., upper]
        scores[f"coverage_{level:g}"] = coverage(actual, low, high)
        scores[f"interval_score_{level:g}"] = interval_score(
            actual, low, high, level=level
        )
    return scores


def _where_defined(metric: Callable[..., float], *arrays: FloatArray) -> float:
    try:
        return metric(*arrays)
    except DataError:  # a zero price, or training prices that never change
        return math.nan
