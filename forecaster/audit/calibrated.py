"""The audit of calibrated settings: a Forecaster with forecasts to correct by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from forecaster.audit.subject import Subject
from forecaster.correcting import quantile_names
from forecaster.data.prices import ticker_of
from forecaster.data.windows import Windows
from forecaster.forecasting import Forecaster

# Enough for the outermost of the usual quantiles.
N_MADE = 120


def calibrated(subject: Subject, forecaster: Forecaster) -> Forecaster:
    """Return a Forecaster that corrects its quantiles, if the settings want it.

    The forecasts that it learns from are its own of training sessions: too good to
    calibrate by, but what later prices may not touch is the same.
    """
    if forecaster.config.calibration.method == "none":
        return forecaster
    windows = subject.pipeline.prepare(subject.prices(), subject.config).training
    tickers = [name.upper() for name in subject.config.data.tickers] or [
        ticker_of(subject.frame, subject.config)
    ]
    parts = []
    for number in np.unique(windows.ticker_ids):
        chosen = windows[windows.ticker_ids == number][-N_MADE:]
        parts.append(_rows(forecaster, chosen, tickers[max(number - 1, 0)]))
    return replace(forecaster, out_of_fold=pd.concat(parts, ignore_index=True))


def _rows(forecaster: Forecaster, windows: Windows, ticker: str) -> pd.DataFrame:
    levels = forecaster.config.model.quantiles
    _, spread, _ = forecaster.forecast_windows(windows)
    if spread is None:
        raise ValueError("calibrated settings have quantiles")
    n_windows, horizon = windows.actual.shape
    columns = {
        "ticker": ticker,
        "origin": np.repeat(windows.origins, horizon),
        "session": windows.sessions.ravel(),
        "step": np.tile(np.arange(1, horizon + 1), n_windows),
        "actual": windows.actual.ravel(),
    }
    for place, name in enumerate(quantile_names(levels)):
        columns[name] = spread.quantiles[..., place].ravel()
    return pd.DataFrame(columns)
