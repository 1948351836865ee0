"""Indicators: TA-Lib's answers as features that do not depend on the price level.

Those that smooth without end (`rsi`, `macd`, `atr`, `adx`) also depend, ever more
faintly, on where the prices begin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray

NEUTRAL = 0.5


def indicator(
    kind: str, prices: pd.DataFrame, columns: Sequence[str], length: int
) -> FloatArray:
    """Return an indicator of prices, NaN in the rows with too little past.

    Parameters
    ----------
    kind : str
        Out of `INDICATORS`.
    prices : DataFrame of shape (n_sessions, n_columns)
        Checked prices.
    columns : sequence of str
        The columns that the kind is made from, in TA-Lib's order.
    length : int
        Sessions looked back on. Plays no part in `macd`, which has its own three.

    Returns
    -------
    ndarray of shape (n_sessions,)
        `macd` (the histogram) and `atr` as shares of the close, `bollinger` as the
        place between the lower band (0) and the upper one (1), others as TA-Lib
        gives them.
    """
    import talib

    make = INDICATORS[kind]
    return _floats(make(talib, *(_values(prices, name) for name in columns), length))


def _macd(talib: Any, close: FloatArray, _: int) -> FloatArray:
    return _floats(talib.MACD(close)[2] / close)


def _bollinger(talib: Any, close: FloatArray, length: int) -> FloatArray:
    """Return where the close lies between the bands; in the middle if they meet."""
    upper, _, lower = talib.BBANDS(close, length)
    width = upper - lower
    flat = width == 0
    return np.where(flat, NEUTRAL, (close - lower) / np.where(flat, 1.0, width))


def _atr(
    talib: Any, high: FloatArray, low: FloatArray, close: FloatArray, length: int
) -> FloatArray:
    return _floats(talib.ATR(high, low, close, length) / close)


def _stochastic(
    talib: Any, high: FloatArray, low: FloatArray, close: FloatArray, length: int
) -> FloatArray:
    fast, _ = talib.STOCHF(high, low, close, fastk_period=length, fastd_period=1)
    return _floats(fast)


def _mfi(
    talib: Any,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    length: int,
) -> FloatArray:
    """Return the money flow index, NaN as long as a missing volume is looked back on.

    TA-Lib itself gives NaN from a missing volume on for good.
    """
    missing = np.isnan(volume)
    flow = talib.MFI(high, low, close, np.where(missing, 0.0, volume), length)
    n_missing = np.cumsum(missing)
    n_before = np.concatenate((np.zeros(min(length, len(volume))), n_missing[:-length]))
    return np.where(n_missing > n_before, np.nan, flow)


INDICATORS: dict[str, Callable[..., FloatArray]] = {
    "rsi": lambda talib, *values: talib.RSI(*values),
    "macd": _macd,
    "bollinger": _bollinger,
    "atr": _atr,
    "adx": lambda talib, *values: talib.ADX(*values),
    "stochastic": _stochastic,
    "cci": lambda talib, *values: talib.CCI(*values),
    "mfi": _mfi,
}


def _values(prices: pd.DataFrame, column: str) -> FloatArray:
    # TA-Lib wants them without gaps in memory.
    return np.ascontiguousarray(prices[column].to_numpy(dtype=np.float64))


def _floats(values: Any) -> FloatArray:
    return np.asarray(values, dtype=np.float64)
