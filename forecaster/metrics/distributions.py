"""Distributions: how good quantiles, intervals and sample paths are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.errors import DataError

CENTRE = 0.5
N_DIGITS = 6  # so that 1 - 0.95 is found among the levels as 0.05
MIN_SAMPLES = 2


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
    return float(np.mean(pinball_losses(actual, quantiles, levels)))


def pinball_losses(
    actual: FloatArray, quantiles: FloatArray, levels: Sequence[float]
) -> FloatArray:
    """Return the pinball loss of each quantile, in the shape of the quantiles.

    Parameters
    ----------
    actual : ndarray
    quantiles : ndarray of the shape of `actual`, and an axis of levels behind it
    levels
        Their probabilities, in (0, 1).
    """
    error, level = actual[..., None] - quantiles, np.asarray(levels)
    return np.asarray(np.maximum(level * error, (level - 1) * error))


def crps_of(losses: FloatArray, levels: Sequence[float]) -> FloatArray:
    """Return what `crps` averages, from pinball losses with levels as the last axis."""
    edges = np.concatenate([[0.0], levels, [1.0]])
    ends = [(0, 0)] * (losses.ndim - 1)
    padded = np.pad(losses, [*ends, (1, 1)])
    return np.asarray(2 * np.trapezoid(padded, edges, axis=-1))


def crps(actual: FloatArray, quantiles: FloatArray, levels: Sequence[float]) -> float:
    """Return the continuous ranked probability score that quantiles imply.

    The score is twice the integral of the pinball loss over all probabilities. It is
    integrated by the trapezoid rule over `levels`, with a loss of zero added at 0 and
    at 1, so unevenly spaced levels are weighed by the gap they stand for. With few
    levels the result is too small: 5% for a perfect Gaussian forecast with the levels
    0.05, 0.25, 0.5, 0.75 and 0.95. Compare it only between forecasts with the same
    levels.

    Parameters
    ----------
    actual : ndarray of shape (n_windows, horizon)
        No missing values.
    quantiles : ndarray of shape (n_windows, horizon, n_levels)
        Forecast quantiles.
    levels
        Their probabilities, increasing, in (0, 1).

    Returns
    -------
    float
        In the unit of the prices; the mean absolute error of a forecast that is sure.

    References
    ----------
    .. [1] Gneiting & Ranjan (2011), Comparing density forecasts using threshold- and
       quantile-weighted scoring rules. J. of Business & Economic Statistics 29.
    """
    return float(np.mean(crps_of(pinball_losses(actual, quantiles, levels), levels)))


def crps_samples(actual: FloatArray, samples: FloatArray) -> float:
    """Return the continuous ranked probability score of sample paths.

    The fair form: it estimates without bias the score of the distribution from which
    the samples were drawn, so that forecasts with unequal numbers of samples compare.

    Parameters
    ----------
    actual : ndarray of shape (n_windows, horizon)
        No missing values.
    samples : ndarray of shape (n_windows, horizon, n_samples)
        Forecast prices in any order along the last axis, at least two.

    Raises
    ------
    DataError
        If there are fewer than two samples.

    References
    ----------
    .. [1] Gneiting & Raftery (2007), Strictly proper scoring rules, prediction, and
       estimation. J. of the American Statistical Association 102, 359-378.
    .. [2] Ferro (2014), Fair scores for ensemble forecasts. Quarterly J. of the Royal
       Meteorological Society 140, 1917-1923.
    """
    n_samples = samples.shape[-1]
    if n_samples < MIN_SAMPLES:
        raise DataError(
            f"CRPS of samples needs at least {MIN_SAMPLES} for each forecast, found "
            f"{n_samples}. Draw more samples."
        )
    error = np.mean(np.abs(samples - actual[..., None]))
    # The sum over pairs of |x - x'|, from the ranks of the sorted samples.
    ranks = 2 * np.arange(1, n_samples + 1) - n_samples - 1
    pairs = np.sort(samples, axis=-1) @ ranks / (n_samples * (n_samples - 1))
    return float(error - np.mean(pairs))


def interval_score(
    actual: FloatArray, low: FloatArray, high: FloatArray, *, level: float
) -> float:
    """Return the mean width of intervals plus a penalty for prices outside them.

    Parameters
    ----------
    actual, low, high : ndarray of one shape
        Prices in the quote currency; `low` and `high` bound each interval.
    level
        Probability that an interval is meant to hold, in (0, 1).

    Returns
    -------
    float
        In the unit of the prices; smaller is better.

    References
    ----------
    .. [1] Winkler (1972), A decision-theoretic approach to interval estimation. J. of
       the American Statistical Association 67, 187-191.
    .. [2] Gneiting & Raftery (2007), Strictly proper scoring rules, prediction, and
       estimation. J. of the American Statistical Association 102, 359-378.

    Examples
    --------
    >>> interval_score(np.array([5.0]), np.array([1.0]), np.array([4.0]), level=0.5)
    7.0
    """
    outside = np.maximum(low - actual, 0) + np.maximum(actual - high, 0)
    return float(np.mean(high - low + 2 / (1 - level) * outside))


def coverage(actual: FloatArray, low: FloatArray, high: FloatArray) -> float:
    """Return the share of actual values from `low` to `high`, both included."""
    return float(np.mean((actual >= low) & (actual <= high)))


def central_intervals(levels: Sequence[float]) -> dict[float, tuple[int, int]]:
    """Return the probability of each central interval, with the places of its bounds.

    Examples
    --------
    >>> central_intervals([0.05, 0.25, 0.5, 0.95])
    {0.9: (0, 3)}
    """
    rounded = [round(level, N_DIGITS) for level in levels]
    intervals = {}
    for low, level in enumerate(rounded):
        mirrored = round(1 - level, N_DIGITS)
        if level < CENTRE and mirrored in rounded:
            held = round(mirrored - level, N_DIGITS)
            intervals[held] = (low, rounded.index(mirrored))
    return intervals
