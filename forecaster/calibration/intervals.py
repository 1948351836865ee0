"""Intervals: central intervals from quantiles, and where actual prices fell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.calibration.spread import (
    check_levels,
    check_prices,
    interpolate,
)
from forecaster.errors import ConfigError, DataError


@dataclass(frozen=True, eq=False)
class Interval:
    """Low and high ends of a central interval, prices of shape (n_windows, horizon)."""

    low: FloatArray
    high: FloatArray


def intervals(
    quantiles: FloatArray,
    levels: Sequence[float],
    wanted: Sequence[float] = (0.8, 0.9, 0.95),
) -> dict[float, Interval]:
    """Return the central interval of each wanted level.

    The interval of 0.9 goes from the quantile 0.05 to 0.95: exactly those where the
    levels have them; else between the two next ones, linear in log price against the
    normal score of the level. Beyond the outermost levels nothing is made up.

    Parameters
    ----------
    quantiles : ndarray of shape (n_windows, horizon, n_levels)
        Prices that do not cross.
    levels
        Their probabilities, increasing.
    wanted
        Coverage of the intervals, in (0, 1).

    Raises
    ------
    ConfigError
        If an interval would reach beyond the outermost levels: names the quantiles
        that the model lacks.
    """
    check_levels(levels)
    check_prices(quantiles, "quantiles", n_dims=3)
    log_price = np.log(np.asarray(quantiles, float))
    return {level: _interval(log_price, levels, level) for level in wanted}


def _interval(
    log_price: FloatArray, levels: Sequence[float], wanted: float
) -> Interval:
    if not 0 < wanted < 1:
        raise ConfigError(f"an interval's level must lie in (0, 1), not {wanted}")
    tail = round((1 - wanted) / 2, 12)
    low, high = (interpolate(log_price, levels, end) for end in (tail, 1 - tail))
    return Interval(np.exp(low), np.exp(high))


def pits(
    actual: FloatArray, quantiles: FloatArray, levels: Sequence[float]
) -> FloatArray:
    """Return the probability that each forecast gave to prices up to the actual one.

    Uniform on (0, 1) where the forecasts are calibrated (the probability integral
    transform). The distribution between and beyond the quantiles is that of
    `value_at`.

    Parameters
    ----------
    actual : ndarray of shape (n_windows, horizon)
        Prices.
    quantiles : ndarray of shape (n_windows, horizon, n_levels)
        Prices that do not cross.

    Returns
    -------
    ndarray of shape (n_windows, horizon)

    References
    ----------
    .. [1] Diebold, Gunther & Tay (1998), Evaluating density forecasts.
    """
    from scipy.special import ndtr, ndtri

    _check_outer(levels)
    check_prices(actual, "actual", n_dims=2)
    check_prices(quantiles, "quantiles", n_dims=3)
    log_actual, log_price = np.log(actual), np.log(quantiles)
    scores = ndtri(np.asarray(levels, float))
    inner = np.empty(log_actual.shape)
    for place in np.ndindex(inner.shape):
        inner[place] = np.interp(log_actual[place], log_price[place], scores)
    low, high = _decay(log_price, levels)
    below = log_actual < log_price[..., 0]
    above = log_actual > log_price[..., -1]
    gap_below = np.where(below, log_price[..., 0] - log_actual, 0.0)
    gap_above = np.where(above, log_actual - log_price[..., -1], 0.0)
    answer = ndtr(inner)
    answer = np.where(below, levels[0] * np.exp(-gap_below / low), answer)
    return np.where(above, 1 - (1 - levels[-1]) * np.exp(-gap_above / high), answer)


def value_at(
    probability: FloatArray, quantiles: FloatArray, levels: Sequence[float]
) -> FloatArray:
    """Return the prices of one step that lie at probabilities of its forecast.

    Between quantiles, log price is linear in the normal score of the level. Beyond
    the outermost two, the probability left decays exponentially in log price, at the
    rate that leads through those two: the tails are fatter than normal ones, and
    finite in every moment that matters.

    Parameters
    ----------
    probability : ndarray of any shape
        In (0, 1).
    quantiles : ndarray of shape (n_levels,)
        Prices of the step that do not cross.

    Raises
    ------
    ConfigError
        If the levels do not lie on both sides of the median.
    """
    from scipy.special import ndtri

    _check_outer(levels)
    log_price = np.log(np.asarray(quantiles, float))
    low, high = _decay(log_price, levels)
    inner = np.interp(ndtri(probability), ndtri(np.asarray(levels, float)), log_price)
    below = np.minimum(probability / levels[0], 1.0)
    above = np.minimum((1 - probability) / (1 - levels[-1]), 1.0)
    return np.asarray(np.exp(inner + low * np.log(below) - high * np.log(above)))


def _decay(
    log_price: FloatArray, levels: Sequence[float]
) -> tuple[FloatArray, FloatArray]:
    """Return the log price over which each tail falls to 1/e."""
    low = (log_price[..., 1] - log_price[..., 0]) / np.log(levels[1] / levels[0])
    high = (log_price[..., -1] - log_price[..., -2]) / np.log(
        (1 - levels[-2]) / (1 - levels[-1])
    )
    return np.maximum(low, 1e-12), np.maximum(high, 1e-12)


def _check_outer(levels: Sequence[float]) -> None:
    check_levels(levels)
    if len(levels) < 2 or not levels[0] < 0.5 < levels[-1]:  # noqa: PLR2004
        raise ConfigError(
            f"a whole distribution needs quantiles on both sides of the median, not "
            f"{list(levels)}: add to `model.quantiles`"
        )


def check_actual(actual: FloatArray, quantiles: FloatArray) -> None:
    """Refuse actual prices that do not belong to the quantiles."""
    if actual.shape != quantiles.shape[:2]:
        raise DataError(
            f"actual prices of shape {actual.shape} do not fit quantiles of shape "
            f"{quantiles.shape}: want one price for each window and step"
        )
