"""Bars: how much daily bars move, as logarithms of ratios that suit a linear layer.

Volatility clusters over several spans at once (Corsi, 2009, A simple approximate
long-memory model of realized volatility), and the range of a bar tells more of it than
its close (Parkinson, 1980; Rogers & Satchell, 1991).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from forecaster.arrays import FloatArray

BASE = 20  # sessions of the volatility that ratios are taken to
SLOW = 60
FLOOR = 1e-8  # a squared move of 0.01%: prices may stand still
FURTHEST_FALL, FURTHEST_TREND = 5.0, 4.0


def log_volatility(close: FloatArray, length: int) -> FloatArray:
    """Return the logarithm of the root mean squared log return."""
    return half_log(trailing_mean(_returns(close) ** 2, length))


def volatility_ratio(close: FloatArray, length: int) -> FloatArray:
    """Return `log_volatility` less that over 20 sessions."""
    return log_volatility(close, length) - log_volatility(close, BASE)


def typical_ratio(close: FloatArray, length: int) -> FloatArray:
    """Return the log median move less `log_volatility`: rare jumps hardly count."""
    median = trailing(np.median, np.abs(_returns(close)), length)
    return np.asarray(half_log(median**2) - log_volatility(close, BASE))


def range_ratio(
    high: FloatArray, low: FloatArray, close: FloatArray, length: int
) -> FloatArray:
    """Return the log of Parkinson's volatility less `log_volatility`."""
    variance = np.log(high / low) ** 2 / (4 * np.log(2))
    return half_log(trailing_mean(variance, length)) - log_volatility(close, BASE)


def bar_ratio(
    open_: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    length: int,
) -> FloatArray:
    """Return the log of the whole day's volatility less `log_volatility`.

    The squared move overnight, and Rogers and Satchell's variance of the session.
    """
    session = np.log(high / open_) * np.log(high / close)
    session = session + np.log(low / open_) * np.log(low / close)
    variance = overnight(open_, close) ** 2 + np.maximum(session, 0.0)
    return half_log(trailing_mean(variance, length)) - log_volatility(close, BASE)


def fall(close: FloatArray, _: int) -> FloatArray:
    """Return the last fall in units of volatility; 0 after a rise."""
    loss = np.maximum(-_returns(close), 0.0)
    return np.minimum(loss / np.exp(log_volatility(close, SLOW)), FURTHEST_FALL)


def trend(close: FloatArray, length: int) -> FloatArray:
    """Return the move over some sessions in units of what a random walk would move."""
    move = np.full(len(close), np.nan)
    move[length:] = np.log(close[length:] / close[:-length])
    unit = np.exp(log_volatility(close, SLOW)) * np.sqrt(length)
    return np.asarray(np.clip(move / unit, -FURTHEST_TREND, FURTHEST_TREND))


def volume_ratio(volume: FloatArray, length: int) -> FloatArray:
    """Return the mean log volume less that over 60 sessions."""
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
