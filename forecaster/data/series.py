"""Series: any numbers by date, as a frame that a network can learn like prices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.config.places import ticker_of_file
from forecaster.data.features import check_complete
from forecaster.data.files import read_price_file
from forecaster.errors import InvalidPrices

COSINE = "cosine"
FIRST_DAY = "2000-01-01"


def cosine_series(n_points: int = 3000) -> pd.DataFrame:
    """Return the tutorials' cosine: ``cos(x)`` for evenly spaced x from 1 to 100.

    Returns
    -------
    DataFrame of shape (n_points, 1)
        Column `close`; the points stand one day apart, from 2000-01-01 on.
    """
    days = pd.date_range(FIRST_DAY, periods=n_points, name="session")
    values = np.cos(np.linspace(1.0, 100.0, n_points))
    frame = pd.DataFrame({"close": values}, index=days.as_unit("us"))
    frame.attrs = {"ticker": COSINE.upper(), "source": COSINE, "issues": []}
    return frame


def read_series(path: str | Path, ticker: str | None = None) -> pd.DataFrame:
    """Read any numbers by date, unchecked but for their order and their gaps.

    Parameters
    ----------
    path
        A CSV or Parquet file with a date column and one called `close` or `value`.
    ticker
        Names the series; the file's own name if absent.

    Raises
    ------
    DataError
        If the file cannot be read, dates repeat or do not increase, or a value is
        missing.
    """
    frame = read_price_file(path)
    name = (ticker or ticker_of_file(path)).upper()
    if not frame.index.is_unique or not frame.index.is_monotonic_increasing:
        raise InvalidPrices(f"{name}: dates repeat or do not increase. Sort the rows.")
    check_complete(frame[["close"]], ticker=name)
    frame.attrs = {"ticker": name, "source": str(path), "issues": []}
    return frame
