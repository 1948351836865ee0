"""Splits: which rows train, which validate and which test, in that order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from forecaster.errors import DataError


@dataclass(frozen=True)
class Split:
    """Half-open ranges of row positions, in order and disjoint.

    Attributes
    ----------
    training
        Fits the scaler and the weights.
    validation
        Cut from the end of the training range; chooses the epoch. May be empty. The
        test is never among these: it is only scored.
    """

    training: slice
    validation: slice


def split_training(
    sessions: pd.DatetimeIndex,
    *,
    start: date,
    end: date,
    validation_fraction: float,
    ticker: str,
) -> Split:
    """Divide the training range into rows that train and rows that validate.

    Parameters
    ----------
    sessions
        Increasing, unique sessions of the prices.
    start, end
        First and last date of the training range, both included.
    validation_fraction
        Share of the range's sessions, cut from its end.

    Raises
    ------
    DataError
        If no session lies in the range.
    """
    rows = rows_between(sessions, start, end, ticker=ticker, what="training")
    n_rows = rows.stop - rows.start
    n_validation = int(np.ceil(n_rows * validation_fraction))
    cut = rows.stop - n_validation
    return Split(slice(rows.start, cut), slice(cut, rows.stop))


def rows_between(
    sessions: pd.DatetimeIndex, start: date, end: date, *, ticker: str, what: str
) -> slice:
    """Return the row positions of the sessions from `start` to `end`, both included.

    Raises
    ------
    DataError
        If there is none; the message tells the range that the prices cover.
    """
    first = int(sessions.searchsorted(pd.Timestamp(start), side="left"))
    last = int(sessions.searchsorted(pd.Timestamp(end), side="right"))
    if first >= last:
        raise DataError(
            f"{ticker}: no session lies in the {what} range {start} to {end}; the "
            f"prices cover {sessions[0].date()} to {sessions[-1].date()}. "
            "Choose dates inside, or load prices that cover the range. Dates that were "
            "left out are made by `forecaster train --csv FILE`, and in Python by "
            "`with_dates(config, prices)`."
        )
    return slice(first, last)


def session_index(prices: pd.DataFrame) -> pd.DatetimeIndex:
    """Return the index of a price frame, which must hold dates."""
    index = getattr(prices, "index", None)
    if not isinstance(index, pd.DatetimeIndex):
        raise DataError(
            "prices must be indexed by session dates. Get them from `load_prices`, "
            "which takes a table too: `load_prices(frame=TABLE)`."
        )
    return index
