"""Point forecasts: how far they fall from the actual prices."""

from __future__ import annotations

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
    steps = _naive_errors(history, season, "MASE")
    return mae(actual, predicted) / float(np.mean(np.abs(steps)))


def rmsse(
    actual: FloatArray, predicted: FloatArray, history: FloatArray, *, season: int = 1
) -> float:
    """Score squared errors against those of a naive forecast in training.

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
        Root mean squared error in units of the naive forecast's on `history`.

    Raises
    ------
    DataError
        If `history` does not vary, so there is no scale.

    References
    ----------
    .. [1] Makridakis, Spiliotis & Assimakopoulos (2022), M5 accuracy competition:
       results, findings, and conclusions. Int. J. of Forecasting 38, 1346-1364.
    """
    steps = _naive_errors(history, season, "RMSSE")
    return rmse(actual, predicted) / float(np.sqrt(np.mean(steps**2)))


def smape(actual: FloatArray, predicted: FloatArray) -> float:
    """Return the mean absolute error as a fraction of actual and forecast together.

    Each error is divided by the mean of the two absolute values, so that the score
    lies in 0 to 2; where both are zero the error counts as zero.

    Parameters
    ----------
    actual, predicted : ndarray of one shape
        No missing values.

    References
    ----------
    .. [1] Makridakis, Spiliotis & Assimakopoulos (2020), The M4 competition: 100,000
       time series and 61 forecasting methods. Int. J. of Forecasting 36, 54-74.

    Examples
    --------
    >>> smape(np.array([3.0, 0.0]), np.array([1.0, 0.0]))
    0.5
    """
    error = np.abs(actual - predicted)
    middle = (np.abs(actual) + np.abs(predicted)) / 2
    shares = np.divide(error, middle, out=np.zeros(np.shape(error)), where=middle > 0)
    return float(np.mean(shares))


def r2_returns(
    actual: FloatArray, predicted: FloatArray, origin_price: FloatArray
) -> float:
    """Return the share of squared log returns that the forecast explains.

    Returns are counted from the origin to each step. The reference is a return of zero,
    which is what last-value forecasts: last-value scores exactly 0, and a forecast that
    errs more than last-value scores below 0.

    Parameters
    ----------
    actual, predicted : ndarray of one shape
        Prices in the quote currency, above zero.
    origin_price : ndarray that broadcasts to the same shape
        The price at each origin, above zero.

    Returns
    -------
    float
        At most 1. NaN if no actual price differs from that of its origin.

    Raises
    ------
    DataError
        If a price is not above zero.

    References
    ----------
    .. [1] Campbell & Thompson (2008), Predicting excess stock returns out of sample.
       Review of Financial Studies 21, 1509-1531. Their reference is the mean return.
    .. [2] Gu, Kelly & Xiu (2020), Empirical asset pricing via machine learning. Review
       of Financial Studies 33, 2223-2273. The reference is a return of zero.
    """
    if any(np.any(prices <= 0) for prices in (actual, predicted, origin_price)):
        raise DataError(
            "R2 of log returns needs prices above zero, found one at or below zero. "
            "Score another metric, or check the prices."
        )
    returns = np.log(actual / origin_price)
    total = float(np.sum(returns**2))
    if total == 0:
        return float("nan")
    return 1 - float(np.sum((returns - np.log(predicted / origin_price)) ** 2)) / total


def _naive_errors(history: FloatArray, season: int, metric: str) -> FloatArray:
    if len(history) <= season:
        raise DataError(f"{metric} needs more than {season} training prices")
    steps = history[season:] - history[:-season]
    if not np.any(steps):
        raise DataError(f"{metric} is not defined: the training prices never change")
    return steps
