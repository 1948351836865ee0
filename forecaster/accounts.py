"""Accounts: what positions were worth, session by session, and figures of that."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.intervals import SESSIONS_PER_YEAR, sharpe_interval

MIN_SESSIONS = 30


def capital(
    positions: pd.DataFrame, moves: pd.DataFrame, cost: float, start: pd.Timestamp
) -> pd.Series[float]:
    """Return the capital after each session, 1 at the start and never below 0.

    Parameters
    ----------
    positions, moves
        One row for each session, one column for each ticker: the share of the ticker's
        capital held in the session, and the simple return of its price.
    cost
        Of one unit of turnover, as a share.
    """
    paid = cost * _turnover(positions)
    growth = (1 + positions * moves.fillna(0.0) - paid).clip(lower=0.0)
    grown = growth.cumprod().mean(axis="columns")
    before = pd.Series([1.0], index=[start])
    curve: pd.Series[float] = pd.concat([before, grown]).rename_axis("session")
    return curve


def drawdown(curve: pd.Series[float]) -> pd.Series[float]:
    """Return the loss since the highest capital so far, as a share of it."""
    loss: pd.Series[float] = 1 - curve / curve.cummax()
    return loss


def figures_of(
    curve: pd.Series[float],
    returns: pd.Series[float],
    positions: pd.DataFrame,
    moves: pd.DataFrame,
    level: float,
) -> dict[str, float]:
    """Return total and yearly return, risk, drawdown, hits and trades of a book.

    Parameters
    ----------
    curve, returns
        Capital by session, 1 at the start, and the returns between.
    positions, moves
        One row for each session, one column for each ticker; a move that is missing
        is not counted.
    level
        Confidence level of the interval of the Sharpe ratio.
    """
    years = len(returns) / SESSIONS_PER_YEAR
    final, enough = float(curve.iloc[-1]), len(returns) >= MIN_SESSIONS
    sharpe = sharpe_interval(returns.to_numpy(), level=level)
    turnover = _turnover(positions)
    return {
        "total_return": final - 1,
        "yearly_return": final ** (1 / years) - 1 if enough else math.nan,
        "volatility": float(returns.std() * math.sqrt(SESSIONS_PER_YEAR)),
        "sharpe": sharpe.estimate,
        "sharpe_low": sharpe.low if enough else math.nan,
        "sharpe_high": sharpe.high if enough else math.nan,
        "max_drawdown": float(drawdown(curve).max()),
        "hit_rate": _hit_rate((positions * moves).to_numpy()),
        "turnover": float(turnover.mean(axis="columns").sum() / years),
        "n_trades": int((turnover > 0).to_numpy().sum()),
    }


def _turnover(positions: pd.DataFrame) -> pd.DataFrame:
    return positions.diff().fillna(positions).abs()


def _hit_rate(gains: FloatArray) -> float:
    """Return the share of gains among positions whose price moved."""
    counted = gains[np.isfinite(gains) & (gains != 0)]
    return float((counted > 0).mean()) if len(counted) else math.nan
