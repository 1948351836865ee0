"""Empirical quantiles: those of the training returns, as they are or by volatility."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.data.table import LEAST_VOLATILITY
from forecaster.data.windows import slide
from forecaster.errors import NotEnoughHistory
from forecaster.models.baselines.scene import Outlook, Question, Scene, log_prices

MEDIAN = 0.5
N_RECENT = 20


@dataclass(frozen=True, eq=False)
class EmpiricalModel:
    """Quantiles of the return over each step, in units of a deviation at the origin.

    Attributes
    ----------
    ticker
        Whose.
    median : ndarray of shape (horizon,)
        Of the log returns over each step.
    quantiles : ndarray of shape (horizon, n_levels)
        The same at the levels asked for.
    usual : float
        Deviation of all training returns: stands for a recent one that is not known.
    n_recent : int
        Returns that the deviation at an origin is taken over; 0 for no scaling.
    """

    ticker: str
    median: FloatArray
    quantiles: FloatArray
    usual: float
    n_recent: int
    fallback: str = ""

    def forecast(self, scene: Scene) -> Outlook:
        """Answer at each place from the prices up to it."""
        logs = log_prices(self.ticker, scene.known)
        units = recent_units(logs, self.n_recent, self.usual)[scene.places, None]
        price = scene.origin_price[:, None]
        centre = price * np.exp(units * self.median)
        quantiles = price[..., None] * np.exp(units[..., None] * self.quantiles)
        return Outlook(centre, quantiles if quantiles.shape[-1] else None)


def fit_scaled_volatility(
    ticker: str, prices: FloatArray, question: Question
) -> EmpiricalModel:
    """Take quantiles of returns over the volatility of the 20 sessions before.

    The log return over `k` steps is divided by ``volatility * sqrt(k)``; quantiles are
    those of all overlapping windows of the prices. The centre is the median.

    Raises
    ------
    NotEnoughHistory
        If fewer than two such returns can be made for some step.
    """
    return _fit(ticker, prices, question, n_recent=N_RECENT)


def fit_constant_quantiles(
    ticker: str, prices: FloatArray, question: Question
) -> EmpiricalModel:
    """Take quantiles of the log returns over each step, the same at every origin.

    Raises
    ------
    NotEnoughHistory
        If there are fewer than two returns over the longest step.
    """
    return _fit(ticker, prices, question, n_recent=0)


def recent_units(logs: FloatArray, n_recent: int, usual: float) -> FloatArray:
    """Return the standard deviation of the last log returns at each session.

    Parameters
    ----------
    logs : ndarray of shape (n_sessions,)
        Logarithms of prices.
    n_recent
        Returns that are looked at; 0 gives 1 everywhere.
    usual
        Stands for the deviation where there are too few returns.

    Returns
    -------
    ndarray of shape (n_sessions,)
        At least 1e-6.
    """
    if not n_recent:
        return np.ones(len(logs))
    units = np.full(len(logs), usual)
    if len(logs) > n_recent:
        units[n_recent:] = slide(np.diff(logs), n_recent).std(axis=1, ddof=1)
    return np.asarray(np.maximum(units, LEAST_VOLATILITY))


def _fit(
    ticker: str, prices: FloatArray, question: Question, *, n_recent: int
) -> EmpiricalModel:
    logs = log_prices(ticker, prices)
    needed = n_recent + question.horizon + 2
    if len(logs) < needed:
        raise NotEnoughHistory(ticker, needed, len(logs))
    usual = float(np.std(np.diff(logs), ddof=1))
    units = recent_units(logs, n_recent, usual)
    levels = [MEDIAN, *question.levels]
    rows = []
    for step in range(1, question.horizon + 1):
        returns = (logs[step:] - logs[:-step])[n_recent:]
        rows.append(np.quantile(returns / units[n_recent:-step], levels))
    found = np.array(rows)
    return EmpiricalModel(ticker, found[:, 0], found[:, 1:], usual, n_recent)
