"""Doubts: warnings about forecasts that mean less than they seem to."""

from __future__ import annotations

import warnings
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from forecaster.data.calendar import next_sessions
from forecaster.data.scaling import Scaler
from forecaster.errors import ForecastWarning

if TYPE_CHECKING:
    from forecaster.config import Config
    from forecaster.forecast import TrainedOn


def warn_if_outside(scaler: Scaler, rows: pd.DataFrame, ticker: str) -> None:
    """Warn of inputs far outside the range that the network was trained on."""
    for column in scaler.outside(rows):
        _warn(
            f"{ticker}: recent {column} ({rows[column].min():.6g} to "
            f"{rows[column].max():.6g}) lies far outside the range of training "
            f"({scaler.low[column]:.6g} to {scaler.high[column]:.6g}): the "
            "forecast means little. Train on a range that reaches closer to today."
        )


def warn_of_gap(newest: date, as_of: date, ticker: str) -> None:
    """Warn that the prices end before the date that the forecast is asked for."""
    _warn(
        f"{ticker}: the prices end on {newest}, before {as_of}: the sessions between "
        "are unknown. Load prices that reach closer to that date."
    )


def warn_if_seen(first: date, training_end: date, ticker: str) -> None:
    """Warn of scores on dates that the network was trained on."""
    if first <= training_end:
        _warn(
            f"{ticker}: the range from {first} begins before training ends "
            f"({training_end}): these scores flatter the model."
        )


def warn_if_lost(prices: pd.DataFrame, trained_on: TrainedOn, config: Config) -> None:
    """Warn of a file that ends before the test range does, or lost training sessions.

    Prices of another ticker than the network's own are not compared.
    """
    ticker = str(prices.attrs.get("ticker"))
    if ticker != trained_on.ticker:
        return
    newest, end = prices.index[-1], config.evaluation.end
    following = next_sessions(newest, 1, config.data.calendar)[0]
    if following.date() <= end:
        _warn(
            f"{ticker}: the prices end on {newest:%F}, but the settings of the run "
            f"test up to {end}: has the file lost rows? The forecast is for the "
            f"sessions after {newest:%F}."
        )
    first, last = pd.Timestamp(trained_on.first), pd.Timestamp(trained_on.last)
    n_left = int(((prices.index >= first) & (prices.index <= last)).sum())
    if n_left < trained_on.n_sessions:
        _warn(
            f"{ticker}: the prices have {n_left} of the {trained_on.n_sessions} "
            f"sessions from {first:%F} to {last:%F} that the run was trained on: is "
            "this the same file?"
        )


def _warn(message: str) -> None:
    warnings.warn(message, ForecastWarning, stacklevel=4)
