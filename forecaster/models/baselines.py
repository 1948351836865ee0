"""Baselines: the forecasts that cost nothing, which a network has to beat."""

from __future__ import annotations

import numpy as np

from forecaster.arrays import FloatArray


def last_value(origin_price: FloatArray, horizon: int) -> FloatArray:
    """Repeat the price at each origin.

    Parameters
    ----------
    origin_price : ndarray of shape (n_windows,)
        Price at each origin, in the quote currency.

    Returns
    -------
    ndarray of shape (n_windows, horizon)
    """
    return np.repeat(origin_price[:, None], horizon, axis=1)


def drift(origin_price: FloatArray, horizon: int, history: FloatArray) -> FloatArray:
    """Go on from each origin by the mean change of the training prices.

    Parameters
    ----------
    origin_price : ndarray of shape (n_windows,)
        Price at each origin, in the quote currency.
    history : ndarray of shape (n_sessions,)
        Training prices, oldest first: ``(last - first) / (n_sessions - 1)`` is the
        change added for each step.

    Returns
    -------
    ndarray of shape (n_windows, horizon)

    References
    ----------
    .. [1] Hyndman & Athanasopoulos (2021), Forecasting: principles and practice, 5.2.
    """
    slope = (history[-1] - history[0]) / max(len(history) - 1, 1)
    return np.asarray(origin_price[:, None] + slope * np.arange(1, horizon + 1))
