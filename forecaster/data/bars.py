"""Bars: how much daily bars move, as logarithms of ratios that suit a linear layer.

Every function takes one value a session, oldest first, and returns one a session, made
from that session and those before it: NaN where these are too few, or one is missing.
Volatility is the root mean square of log returns, their mean taken as zero.

References
----------
.. [1] Corsi (2009), A simple approximate long-memory model of realized volatility:
   volatility clusters over several spans at once.
.. [2] Parkinson (1980), The extreme value method for estimating the variance of the
   rate of return: the range of a bar tells more of it than its close.
.. [3] Rogers & Satchell (1991), Estimating variance from high, low and closing prices.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from forecaster.arrays import FloatArray

BASE = 20  # sessions of the volatility that ratios are taken to
SLOW = 60
FLOOR = 1e-8  # a squared move of 0.01%: prices may stand still
# In units of volatility; what lies further off counts no more.
FURTHEST_FALL, FURTHEST_TREND = 5.0, 4.0


def log_volatility(close: FloatArray, length: int) -> FloatArray:
    """Return the logarithm of the volatility of the last `length` moves."""
    return half_log(trailing_mean(_returns(close) ** 2, length))


def volatility_ratio(close: FloatArray, length: int) -> FloatArray:
    """Return `log_volatility` less that over 20 sessions."""
    return log_volatility(close, length) - log_volatility(close, BASE)


def typical_ratio(close: FloatArray, length: int) -> FloatArray:
    """Return the log of the median absolute move less `log_volatility` over 20.

    Rare jumps hardly move the median, so it is low after one.
    """
    median = trailing(np.median, np.abs(_returns(close)), length)
    return np.asarray(half_log(median**2) - log_volatility(close, BASE))


def range_ratio(
    high: FloatArray, low: FloatArray, close: FloatArray, length: int
) -> FloatArray:
    """Return the log of Parkinson's volatility less `log_volatility` over 20."""
    variance = np.log(high / low) ** 2 / (4 * np.log(2))
    return half_log(trailing_mean(variance, length)) - log_volatility(close, BASE)


def bar_ratio(
    open_: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    length: int,
) -> FloatArray:
    """Return the log of the whole day's volatility less `log_volatility` over 20.

    A day's variance is the squared move overnight, and that of Rogers and Satchell
    while the exchange is open, which a trend during the day does not inflate.
    """
    session = np.log(high / open_) * np.log(high / close)
    session = session + np.log(low / open_) * np.log(low / close)
    variance = overnight(open_, close) ** 2 + np.maximum(session, 0.0)
    return half_log(trailing_mean(variance, length)) - log_volatility(close, BASE)


def fall(close: FloatArray, _: int) -> FloatArray:
    """Return the last session's fall over the volatility of 60; 0 after a rise."""
    loss = np.maximum(-_returns(close), 0.0)
    return np.minimum(loss / np.exp(log_volatility(close, SLOW)), FURTHEST_FALL)


def trend(close: FloatArray, length: int) -> FloatArray:
    """Return the move over `length` sessions over what a random walk would move.

    That is the volatility of 60 sessions times the root of the length.
    """
    move = np.full(len(close), np.nan)
    move[length:] = np.log(close[length:] / close[:-length])
    unit = np.exp(log_volatility(close, SLOW)) * np.sqrt(length)
    return np.asarray(np.clip(move / unit, -FURTHEST_TREND, FURTHEST_TREND))


def volume_ratio(volume: FloatArray, length: int) -> FloatArray:
    """Return the mean log volume of `length` sessions less that of 60.

    The logarithm is of one more than the volume, which may be zero.
    """
    logs = np.log1p(volume)
    return trailing_mean(logs, length) - trailing_mean(logs, SLOW)


def overnight(open_: FloatArray, close: FloatArray) -> FloatArray:
    """Return the log move from each close to the next open; NaN at first."""
    moves = np.full(len(close), np.nan)
    moves[1:] = np.log(open_[1:] / close[:-1])
    return moves


def half_log(square: FloatArray) -> FloatArray:
    """Return the logarithm of the root of squares, which may be zero."""
    return np.asarray(0.5 * np.log(square + FLOOR))


def trailing_mean(values: FloatArray, length: int) -> FloatArray:
    """Return the mean of each value and those before it; NaN where too few are."""
    return trailing(np.mean, values, length)


def trailing(
    statistic: Callable[..., FloatArray], values: FloatArray, length: int
) -> FloatArray:
    """Return a statistic of each value and those before it, `length` in all.

    Windows are copied: running sums would remember what came before them.
    """
    found = np.full(len(values), np.nan)
    if len(values) >= length:
        windows = np.lib.stride_tricks.sliding_window_view(values, length)
        found[length - 1 :] = statistic(np.ascontiguousarray(windows), axis=1)
    return found


def _returns(close: FloatArray) -> FloatArray:
    returns = np.full(len(close), np.nan)
    returns[1:] = np.log(close[1:] / close[:-1])
    return returns
