"""Windows: the examples that a network reads, and the proof of what each may see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.arrays import DateArray, FloatArray
from forecaster.config import Config
from forecaster.data.features import check_complete, make_features
from forecaster.data.scaling import Scaler
from forecaster.data.splits import session_index
from forecaster.errors import NotEnoughHistory


@dataclass(frozen=True, eq=False)
class Windows:
    """Examples cut from one series; nothing in an input is later than its origin.

    Attributes
    ----------
    inputs : ndarray of shape (n_windows, lookback, n_features)
        Oldest session first. A view: overlapping windows share their memory.
    targets : ndarray of shape (n_windows, horizon)
        The target after the origin, nearest step first.
    origins : ndarray of datetime64, shape (n_windows,)
        The last session that each input contains.
    sessions : ndarray of datetime64, shape (n_windows, horizon)
        The sessions that the targets belong to.
    """

    inputs: FloatArray
    targets: FloatArray
    origins: DateArray
    sessions: DateArray

    def __len__(self) -> int:
        return len(self.origins)

    def __repr__(self) -> str:
        n_windows, lookback, n_features = self.inputs.shape
        return (
            f"Windows(n_windows={n_windows}, lookback={lookback}, "
            f"n_features={n_features}, horizon={self.targets.shape[1]})"
        )


def make_windows(
    features: FloatArray,
    target: FloatArray,
    sessions: pd.DatetimeIndex,
    *,
    lookback: int,
    horizon: int,
    ticker: str = "series",
) -> Windows:
    """Cut every window of a series.

    Parameters
    ----------
    features : ndarray of shape (n_sessions, n_features)
        Scaled inputs, oldest first, no missing values.
    target : ndarray of shape (n_sessions,)
        Scaled target of the same sessions.
    sessions
        The sessions of the rows.
    lookback, horizon
        Sessions in an input, and sessions forecast after it.

    Returns
    -------
    Windows
        ``n_sessions - lookback - horizon + 1`` of them.

    Raises
    ------
    NotEnoughHistory
        If not even one window fits.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=4)
    >>> position = np.arange(4.0)
    >>> windows = make_windows(position[:, None], position, days, lookback=2, horizon=1)
    >>> windows.inputs[:, :, 0].tolist(), windows.targets[:, 0].tolist()
    ([[0.0, 1.0], [1.0, 2.0]], [2.0, 3.0])
    """
    needed = lookback + horizon
    if len(sessions) < needed:
        raise NotEnoughHistory(ticker, needed, len(sessions))
    view = np.lib.stride_tricks.sliding_window_view
    dates = sessions.to_numpy()
    return Windows(
        inputs=view(features, lookback, axis=0)[:-horizon].swapaxes(1, 2),
        targets=view(target[lookback:], horizon),
        origins=dates[lookback - 1 : -horizon],
        sessions=view(dates[lookback:], horizon),
    )


def cut_windows(
    prices: pd.DataFrame, config: Config, scaler: Scaler, *, ticker: str
) -> Windows:
    """Return every window of a run of prices, scaled by a fitted scaler."""
    target = config.data.target
    rows = make_features(prices, config.features.columns, ticker=ticker)
    check_complete(rows, ticker=ticker)
    target_row = make_features(prices, [target], ticker=ticker)
    return make_windows(
        scaler.transform(rows),
        scaler.transform(target_row)[:, 0],
        session_index(prices),
        lookback=config.window.lookback,
        horizon=config.window.horizon,
        ticker=ticker,
    )


def last_window(features: FloatArray, lookback: int, *, ticker: str) -> FloatArray:
    """Return the newest input, of shape (1, lookback, n_features).

    Raises
    ------
    NotEnoughHistory
        If there are fewer than `lookback` sessions.
    """
    if len(features) < lookback:
        raise NotEnoughHistory(ticker, lookback, len(features))
    return features[None, -lookback:]
