"""Doubts: warnings about forecasts that mean less than they seem to."""

from __future__ import annotations

import warnings
from datetime import date

import pandas as pd

from forecaster.data.scaling import Scaler
from forecaster.errors import ForecastWarning


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


def _warn(message: str) -> None:
    warnings.warn(message, ForecastWarning, stacklevel=4)
