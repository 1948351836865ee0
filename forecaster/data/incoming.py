"""Incoming rows: what of a source's answer may enter the store, and what may not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.data.adjust import dividend_factors
from forecaster.data.calendar import sessions_between
from forecaster.data.history import RAW_COLUMNS
from forecaster.data.quality import TOLERANCE, calendar_range, listed
from forecaster.errors import InvalidPrices, NoDataInRange

RAW_PRICES = ("open", "high", "low", "close")
# The largest share of sessions that may be missing, and of rows on days without one.
MOST_MISSING = 0.02

UNFINISHED = "its session has not finished"
NO_SESSION = "the exchange held no session"
UNKNOWN = "the calendar does not reach so far"
INCOMPLETE = "a price is missing, zero or negative"
IMPOSSIBLE = "open or close is not between low and high"


@dataclass(frozen=True)
class Incoming:
    """A source's answer after its check.

    Attributes
    ----------
    rows
        As `History.rows`, each on a finished session and possible in itself.
    dropped
        Why a row was left out, by its date (ISO).
    """

    rows: pd.DataFrame
    dropped: dict[str, str]


def check_incoming(
    rows: pd.DataFrame, ticker: str, *, calendar: str, finished: pd.Timestamp
) -> Incoming:
    """Drop the rows that cannot be right; refuse an answer that cannot be.

    A dividend or split on a dropped row takes effect on the next row that is kept.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, 7)
        As `History.rows`. Not modified.
    ticker : str
        Named in messages.
    calendar : str
        The exchange whose sessions are expected.
    finished : Timestamp
        The last finished session; later rows are dropped.

    Raises
    ------
    NoDataInRange
        If no row is left.
    InvalidPrices
        If columns are missing, dates repeat, dividends or splits are impossible, or
        many rows lie on days without a session.
    """
    table = _as_raw_rows(rows, ticker)
    _check_actions(table, ticker)
    reasons = _reasons_to_drop(table, ticker, calendar, finished)
    good = reasons == ""
    if not good.any():
        raise NoDataInRange(
            f"{ticker}: the source has no finished session in the range asked for. "
            "Ask again after the next close, or choose an earlier start."
        )
    kept = _carry_actions(table, good.to_numpy()).loc[good]
    wrong_volume = (kept["volume"] < 0) | np.isinf(kept["volume"])
    kept["volume"] = kept["volume"].mask(wrong_volume)
    _check_dividends(kept, ticker)
    left_out = reasons[~good]
    dropped = {f"{day:%Y-%m-%d}": str(why) for day, why in left_out.items()}
    return Incoming(kept, dropped)


def find_missing(rows: pd.DataFrame, ticker: str, calendar: str) -> pd.DatetimeIndex:
    """Return the sessions between the first and the last row that have no row.

    Raises
    ------
    InvalidPrices
        If they are more than 2 % of all (one is always allowed).
    """
    expected = sessions_between(rows.index[0], rows.index[-1], calendar)
    missing = expected.difference(pd.DatetimeIndex(rows.index))
    if len(missing) > max(1, MOST_MISSING * len(expected)):
        raise InvalidPrices(
            f"{ticker}: {len(missing)} of {len(expected)} sessions are missing: "
            f"{listed(missing)}. Try again later, ask another source, or set "
            f"`data.calendar` if {calendar} is not the right exchange."
        )
    return missing


def _as_raw_rows(rows: pd.DataFrame, ticker: str) -> pd.DataFrame:
    """Bring an answer into canonical form: seven float columns on increasing dates."""
    absent = [name for name in RAW_COLUMNS if name not in rows.columns]
    if absent or not isinstance(rows.index, pd.DatetimeIndex):
        what = ", ".join(absent) or "dates as index"
        raise InvalidPrices(f"{ticker}: the source's answer lacks {what}.")
    table = rows[list(RAW_COLUMNS)].astype(np.float64).sort_index()
    days = rows.index.sort_values().tz_localize(None).normalize().as_unit("us")
    table.index = pd.DatetimeIndex(days.to_numpy(), name="session")
    if not table.index.is_unique:
        twice = pd.DatetimeIndex(table.index[table.index.duplicated()])
        raise InvalidPrices(
            f"{ticker}: the source sent several rows for {listed(twice)}. Try again "
            "later, or ask another source."
        )
    return table


def _check_actions(table: pd.DataFrame, ticker: str) -> None:
    dividends, splits = table["dividend"], table["split"]
    bad = ~(np.isfinite(dividends) & (dividends >= 0))
    bad |= ~(np.isfinite(splits) & (splits > 0))
    if bad.any():
        row = table[bad].iloc[0]
        raise InvalidPrices(
            f"{ticker}: the source lists an impossible dividend ({row['dividend']:g}) "
            f"or split ({row['split']:g}) on {table.index[bad][0]:%Y-%m-%d}. Try again "
            "later, or ask another source."
        )


def _reasons_to_drop(
    table: pd.DataFrame, ticker: str, calendar: str, finished: pd.Timestamp
) -> pd.Series[str]:
    """Return for each row why it cannot stay, or an empty text."""
    reasons = pd.Series("", index=table.index, dtype=object)
    prices = table[list(RAW_PRICES)]
    low, high = prices["low"] * (1 - TOLERANCE), prices["high"] * (1 + TOLERANCE)
    crossed = (high < prices.max(axis="columns")) | (low > prices.min(axis="columns"))
    reasons[crossed] = IMPOSSIBLE
    usable = np.isfinite(prices) & (prices > 0)
    reasons[~pd.DataFrame(usable).all(axis="columns")] = INCOMPLETE
    known = table.index.isin(calendar_range(pd.DatetimeIndex(table.index), calendar))
    off = np.zeros(len(table), dtype=bool)
    off[known] = _off_calendar(table.index[known], ticker, calendar)
    reasons[off] = NO_SESSION
    reasons[~known] = UNKNOWN
    reasons[table.index > finished] = UNFINISHED
    return reasons


def _off_calendar(index: pd.Index, ticker: str, calendar: str) -> np.ndarray:
    """Mark the dates on which the exchange held no session."""
    if not len(index):
        return np.zeros(0, dtype=bool)
    sessions = sessions_between(index[0], index[-1], calendar)
    off: np.ndarray = ~index.isin(sessions)
    # A few are a source's slips; many mean another exchange's ticker.
    if off.sum() > max(2, MOST_MISSING * len(index)):
        raise InvalidPrices(
            f"{ticker}: {off.sum()} of {len(index)} rows lie on days when {calendar} "
            f"held no session: {listed(pd.DatetimeIndex(index[off]))}. Choose the "
            "ticker's own exchange, or 24/7, with `--calendar` (in settings: "
            "`data.calendar`)."
        )
    return off


def _carry_actions(table: pd.DataFrame, good: np.ndarray) -> pd.DataFrame:
    """Move dividends and splits from rows that go to the next row that stays."""
    carried = table.copy()
    acting = ((table["dividend"] != 0) | (table["split"] != 1)).to_numpy()
    stays = np.flatnonzero(good)
    for place in np.flatnonzero(acting & ~good):
        following = stays[stays > place]
        if not len(following):
            continue
        target = carried.index[following[0]]
        dividend, split = carried[["dividend", "split"]].iloc[place]
        # A later split on the way divides what one share was paid.
        between = table["split"].iloc[place + 1 : following[0] + 1].prod()
        carried.loc[target, "dividend"] += dividend / between
        carried.loc[target, "split"] *= split
    return carried


def _check_dividends(kept: pd.DataFrame, ticker: str) -> None:
    try:
        dividend_factors(kept)
    except InvalidPrices as error:
        raise InvalidPrices(f"{ticker}: {error}") from None
