"""Metrics: pure functions of arrays, actual before predicted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.errors import DataError


def rmse(actual: FloatArray, predicted: FloatArray) -> float:
    """Return the root mean squared error, in the unit of the prices.

    Parameters
    ----------
    actual, predicted : ndarray of one shape
        No missing values.

    Examples
    --------
    >>> rmse(np.array([1.0, 2.0]), np.array([1.0, 4.0])) == 2 ** 0.5
    True
    """
    return float(np.sqrt(np.mean((actual - predicted) ** 2)))


def mae(actual: FloatArray, predicted: FloatArray) -> float:
    """Return the mean absolute error, in the unit of the prices."""
    return float(np.mean(np.abs(actual - predicted)))


def mape(actual: FloatArray, predicted: FloatArray) -> float:
    """Return the mean absolute error as a fraction of the actual price.

    Raises
    ------
    DataError
        If an actual value is zero.
    """
    if np.any(actual == 0):
        raise DataError("MAPE is not defined: an actual value is zero")
    return float(np.mean(np.abs((actual - predicted) / actual)))


def mase(
    actual: FloatArray, predicted: FloatArray, history: FloatArray, *, season: int = 1
) -> float:
    """Score errors against those of a naive forecast in training.

    Parameters
    ----------
    actual, predicted : ndarray of one shape
        Prices in the quote currency. No missing values.
    history : ndarray of shape (n_sessions,)
        Training prices, oldest first; sets the scale.
    season
        Sessions back the naive forecast looks.

    Returns
    -------
    float
        Mean absolute error in units of the naive forecast's on `history`.

    Raises
    ------
    DataError
        If `history` does not vary, so there is no scale.

    References
    ----------
    .. [1] Hyndman & Koehler (2006), Another look at measures of forecast accuracy.
    """
    if len(history) <= season:
        raise DataError(f"MASE needs more than {season} training prices")
    scale = float(np.mean(np.abs(history[season:] - history[:-season])))
    if scale == 0:
        raise DataError("MASE is not defined: the training prices never change")
    return mae(actual, predicted) / scale


def pinball(
    actual: FloatArray, quantiles: FloatArray, levels: Sequence[float]
) -> float:
    """Return the mean pinball loss of quantiles, in the unit of the prices.

    Parameters
    ----------
    actual : ndarray of shape (n_windows, horizon)
        No missing values.
    quantiles : ndarray of shape (n_windows, horizon, n_levels)
        Forecast quantiles.
    levels
        Their probabilities, in (0, 1).

    References
    ----------
    .. [1] Koenker & Bassett (1978), Regression quantiles.

    Examples
    --------
    >>> pinball(np.array([[3.0]]), np.array([[[1.0, 4.0]]]), [0.5, 0.75])
    0.625
    """
    error = actual[..., None] - quantiles
    level = np.asarray(levels)
    return float(np.mean(np.maximum(level * error, (level - 1) * error)))


def coverage(actual: FloatArray, low: FloatArray, high: FloatArray) -> float:
    """Return the share of actual values from `low` to `high`, both included."""
    return float(np.mean((actual >= low) & (actual <= high)))


def directional_accuracy(
    actual: FloatArray, predicted: FloatArray, origin_price: FloatArray
) -> float:
    """Return the share of moves whose sign was forecast.

    Parameters
    ----------
    actual, predicted : ndarray of one shape
        Prices in the quote currency.
    origin_price : ndarray that broadcasts to the same shape
        The price at each origin, from which both moves are counted.

    Returns
    -------
    float
        In 0 to 1; windows whose actual price did not move are left out. NaN if the
        forecast never takes a side (as last-value never does) or nothing moved.
    """
    actual_move = np.sign(actual - origin_price)
    predicted_move = np.sign(predicted - origin_price)
    moved = actual_move != 0
    if not moved.any() or not predicted_move.any():
        return float("nan")
    return float(np.mean(actual_move[moved] == predicted_move[moved]))
