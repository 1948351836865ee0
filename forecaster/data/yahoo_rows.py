"""Yahoo's rows: from the client's split-adjusted table to prices as traded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

import numpy as np
import pandas as pd

from forecaster.data.history import RAW_COLUMNS
from forecaster.data.yahoo_actions import (
    add_capital_gains,
    check_gains,
    settle_foreign,
)
from forecaster.data.yahoo_replies import no_rows
from forecaster.errors import BadResponse, InvalidPrices

PRICES = ["open", "high", "low", "close"]
CLIENT_NAMES = {
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Volume": "volume",
    "Dividends": "dividend",
    "Stock Splits": "split",
}
GAINS = "Capital Gains"
# Yahoo's prices are 32-bit numbers, good to 7 digits: 10 keep all that it says, and
# drop what the multiplication by a split adds.
SIGNIFICANT_DIGITS = 10
# A split this recent may be announced before the older prices are divided by it.
RECENT_SESSIONS = 10
CLEAR_SPLIT = 1.2


def raw_rows(
    symbol: str,
    frame: pd.DataFrame,
    first: date,
    foreign: Mapping[pd.Timestamp, tuple[float, str]] = MappingProxyType({}),
    currency: object = None,
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Turn the client's split-adjusted table into rows as traded.

    Parameters
    ----------
    symbol : str
        Named in errors.
    frame : DataFrame
        As yfinance returns it, without its own adjustment.
    first : date
        Sessions before it are dropped.
    foreign, currency
        Dividends in other money, and the money of the prices.

    Returns
    -------
    rows : DataFrame
        As `History.rows`. A session without any price stays if it has a split or a
        dividend, which would be lost with it.
    empty : list of str
        Sessions that came without any price.
    left_out : list of str
        Dividends that cannot be compared with the prices.

    Raises
    ------
    NoDataInRange
        If nothing is left.
    InvalidPrices
        If sessions repeat or a split is impossible.
    BadResponse
        If a recent split is announced, but the older prices are not divided by it yet.
    """
    named = frame.rename(columns=CLIENT_NAMES)
    rows = named[list(RAW_COLUMNS)].astype(float)
    if GAINS in named:
        check_gains(symbol, named[GAINS])
        rows["dividend"] = add_capital_gains(
            rows["dividend"].fillna(0.0), named[GAINS].astype(float)
        )
    # To naive dates: the client stamps each session with its exchange's midnight.
    dates = pd.DatetimeIndex(rows.index).tz_localize(None).normalize()
    rows.index = pd.DatetimeIndex(dates, name="session").as_unit("us")
    rows = rows.sort_index()
    rows["split"] = rows["split"].replace(0.0, 1.0).fillna(1.0)
    rows["dividend"] = rows["dividend"].fillna(0.0)
    _check_rows(symbol, rows)
    rows, left_out = settle_foreign(rows, foreign, currency)
    undone = undo_splits(rows)
    undone = undone.loc[undone.index >= pd.Timestamp(first)]
    empty = undone[PRICES].isna().all(axis="columns")
    if empty.all():
        raise no_rows(symbol)
    acting = (undone["split"] != 1) | (undone["dividend"] != 0)
    missing = [f"{day:%Y-%m-%d}" for day in undone.index[empty]]
    return undone.loc[~empty | acting], missing, left_out


def undo_splits(adjusted: pd.DataFrame) -> pd.DataFrame:
    """Multiply prices and dividends by all later splits; divide volumes by them.

    A split takes effect before its session opens, so that session is as traded.
    """
    splits = adjusted["split"].to_numpy()
    later = np.append(np.cumprod(splits[::-1])[::-1][1:], 1.0)
    rows, split = adjusted.copy(), later != 1.0
    for column in (*PRICES, "dividend"):
        values = adjusted[column].to_numpy()
        rows[column] = np.where(split, round_to_digits(values * later), values)
    volume = adjusted["volume"].to_numpy()
    rows["volume"] = np.where(split, np.rint(volume / later), volume)
    return rows


def round_to_digits(values: np.ndarray) -> np.ndarray:
    """Round to 10 significant digits; zeros and missing values stay.

    >>> float(round_to_digits(np.array([5.283500000000001]))[0])
    5.2835
    """
    size = np.abs(values)
    magnitude = np.floor(np.log10(size, where=size > 0, out=np.zeros_like(size)))
    scale = 10.0 ** (SIGNIFICANT_DIGITS - 1 - magnitude.clip(-30, 30))
    rounded: np.ndarray = np.rint(values * scale) / scale
    return rounded


def _check_rows(symbol: str, rows: pd.DataFrame) -> None:
    if not rows.index.is_unique:
        twice = rows.index[rows.index.duplicated()][0]
        raise InvalidPrices(
            f"{symbol}: Yahoo sent {twice:%Y-%m-%d} twice. Try again tomorrow, or use "
            "another source."
        )
    _check_recent_splits(symbol, rows)


def _check_recent_splits(symbol: str, rows: pd.DataFrame) -> None:
    """Refuse a split that the older prices do not show yet.

    Only recent splits are looked at: an old session that moved as far as its split did
    so in the market.
    """
    recent = rows.loc[rows["close"].notna() & (rows["close"] > 0)].tail(RECENT_SESSIONS)
    moves = np.log(recent["close"]).diff()
    for session, ratio in recent["split"].items():
        size = math.log(ratio)
        shows = abs(moves[session] + size) < abs(size) / 2
        if shows and abs(size) >= math.log(CLEAR_SPLIT):
            raise BadResponse(
                f"{symbol}: Yahoo lists a split on {session:%Y-%m-%d}, but has not yet "
                f"divided the prices before it by {ratio:g}. Try again tomorrow."
            )
