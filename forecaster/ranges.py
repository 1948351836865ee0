"""Ranges: the windows of a Forecaster whose sessions all lie between two dates."""

from __future__ import annotations

from datetime import date

import pandas as pd

from forecaster.data.calendar import as_day, next_sessions
from forecaster.data.prices import ticker_of
from forecaster.data.splits import rows_between, session_index
from forecaster.data.table import make_table
from forecaster.data.windows import Windows, last_window
from forecaster.errors import NotEnoughHistory
from forecaster.forecasting import Forecaster
from forecaster.preparing import test_dates, windows_ending_in


def windows_between(
    forecaster: Forecaster,
    prices: pd.DataFrame,
    start: str | date | None = None,
    end: str | date | None = None,
) -> Windows:
    """Return the windows that `Forecaster.evaluate` would score, oldest first.

    Parameters
    ----------
    prices
        Checked price frame that covers the range and a lookback before it.
    start, end
        First and last date forecast; without them as in `Forecaster.evaluate`.

    Raises
    ------
    DataError
        If no session lies in the range, or too few before it.
    ConfigError
        If a date is no date.
    """
    config = forecaster.config
    ticker = ticker_of(prices, config)
    first, last = test_dates(prices, config, start, end)
    rows = rows_between(session_index(prices), first, last, ticker=ticker, what="test")
    table = make_table(prices.iloc[: rows.stop], config, ticker=ticker)
    return windows_ending_in(table, rows, config, forecaster.scaler)


def window_known_at(
    forecaster: Forecaster, prices: pd.DataFrame, as_of: str | date
) -> Windows:
    """Return the one window that knows the prices up to a date and none later.

    Raises
    ------
    DataError
        If the prices are no price frame, or fewer than `lookback` sessions are known
        (`NotEnoughHistory`).
    ConfigError
        If `as_of` is no date.
    """
    config = forecaster.config
    ticker = ticker_of(prices, config)
    known = prices.loc[: as_day(as_of)]
    if known.empty:
        raise NotEnoughHistory(ticker, config.window.lookback, 0)
    table = make_table(known, config, ticker=ticker)
    sessions = next_sessions(
        known.index[-1], config.window.horizon, calendar=config.data.calendar
    )
    return last_window(table, config, forecaster.scaler, sessions)
