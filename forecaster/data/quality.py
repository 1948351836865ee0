"""Quality: what is odd about prices that are fit for use, as issues to report."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.data.calendar import calendar_bounds, sessions_between

# Prices are often rounded to 6 digits, each column on its own.
TOLERANCE = 1e-6

# Below any split (3 for 2 is rare, 2 for 1 is not), above nearly all real moves.
SPLIT_RATIO = 1.9

# A block of close prices on another scale than the rest of their rows: how many rows
# make a block, how far its factor lies from 1, how much the factor may scatter (the
# close wanders within the day's range), and for what share of the block it must hold.
MIN_BLOCK = 5
MIN_FACTOR = 1.2
MAX_SCATTER = 0.1
MIN_SHARE = 0.95

# A close may stand still for some sessions; over this many it is no price.
N_STILL = 60

# How many dates a message spells out.
N_SHOWN = 3


@dataclass(frozen=True)
class PriceIssue:
    """Something about usable prices that deserves a look.

    Attributes
    ----------
    kind : str
        `calendar_bounds`, `holiday_rows`, `missing_sessions`, `jump`, `no_volume`,
        `constant_close` or `unadjusted_close`.
    sessions : tuple of str
        All dates concerned, ISO, oldest first.
    message : str
        One line: ticker, dates, values, cure.
    """

    kind: str
    ticker: str
    sessions: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class SplitBlock:
    """The first `n_rows` rows, whose close is `factor` times the other columns."""

    n_rows: int
    factor: float


def find_issues(
    prices: pd.DataFrame, ticker: str, calendar: str, known_moves: Collection[str]
) -> tuple[PriceIssue, ...]:
    """Return everything worth a look in checked prices, most serious first.

    Raises
    ------
    ConfigError
        If the calendar is unknown.
    """
    block = split_block(prices)
    exempt = set(known_moves)
    if block is not None:
        exempt.update(_iso(_index(prices)[block.n_rows : block.n_rows + 1]))
    return (
        *_unadjusted_close(prices, ticker, block),
        *_constant_close(prices["close"], ticker),
        *_jumps(prices["close"], ticker, exempt),
        *_session_issues(_index(prices), ticker, calendar),
        *_no_volume(prices, ticker),
    )


def split_block(prices: pd.DataFrame) -> SplitBlock | None:
    """Recognise a close that is not adjusted for a split, beside columns that are.

    A well-known tutorial file has this fault: Google 2012 to 2016, where close is
    2.002 times too high before 2014-03-27.

    Returns
    -------
    SplitBlock or None
        None unless the rows whose close lies outside low to high fill one block from
        the first row, over which close stands at a near constant multiple of the
        other columns.
    """
    outside = outside_range(prices, "close").to_numpy()
    n_rows = int(np.flatnonzero(outside)[-1]) + 1 if outside.any() else 0
    if n_rows < MIN_BLOCK or outside[:n_rows].mean() < MIN_SHARE:
        return None
    middle = prices[_range_columns(prices)].mean(axis=1)
    ratios = (prices["close"] / middle).to_numpy()[:n_rows]
    factor = float(np.median(ratios))
    steady = np.abs(ratios / factor - 1) <= MAX_SCATTER
    if max(factor, 1 / factor) < MIN_FACTOR or steady.mean() < MIN_SHARE:
        return None
    return SplitBlock(n_rows, factor)


def outside_range(prices: pd.DataFrame, name: str) -> pd.Series[bool]:
    """Mark the rows where a column lies outside low to high, as far as both are known.

    Returns
    -------
    Series of bool, shape (n_sessions,)
    """
    outside = pd.Series(False, index=prices.index)
    if name not in prices.columns:
        return outside
    if "high" in prices.columns:
        outside |= prices[name] > prices["high"] * (1 + TOLERANCE)
    if "low" in prices.columns:
        outside |= prices[name] < prices["low"] * (1 - TOLERANCE)
    return outside


def calendar_range(sessions: pd.DatetimeIndex, calendar: str) -> pd.DatetimeIndex:
    """Return the dates about which a calendar knows something."""
    earliest, latest = calendar_bounds(calendar)
    return sessions[(sessions >= earliest) & (sessions <= latest)]


def listed(sessions: pd.DatetimeIndex, n_shown: int = N_SHOWN) -> str:
    """Write the first few dates and the count of the rest."""
    shown = ", ".join(_iso(sessions[:n_shown]))
    more = len(sessions) - n_shown
    return f"{shown} and {more} more ({len(sessions)} in all)" if more > 0 else shown


def _unadjusted_close(
    prices: pd.DataFrame, ticker: str, block: SplitBlock | None
) -> Iterator[PriceIssue]:
    if block is None:
        return
    sessions = _index(prices)
    whole = block.n_rows == len(sessions)
    where = (
        f"up to {sessions[-1]:%F}" if whole else f"before {sessions[block.n_rows]:%F}"
    )
    others = "/".join(_range_columns(prices))
    yield PriceIssue(
        "unadjusted_close",
        ticker,
        _iso(sessions[: block.n_rows]),
        f"{ticker}: close is not adjusted for a split {where}: {block.n_rows} "
        f"rows have a close about {block.factor:.2f} times their {others}. Do not "
        "train on this close: use `--set data.target=open`, or the embedded prices.",
    )


def _constant_close(close: pd.Series[float], ticker: str) -> Iterator[PriceIssue]:
    if len(close) >= N_STILL and (close == close.iloc[0]).all():
        yield PriceIssue(
            "constant_close",
            ticker,
            _iso(close.index),
            f"{ticker}: close never changes: it is {close.iloc[0]:.6g} on all "
            f"{len(close)} dates. Repeating it is right every time, so there is "
            "nothing to learn: correct the source.",
        )


def _jumps(
    close: pd.Series[float], ticker: str, exempt: Collection[str]
) -> Iterator[PriceIssue]:
    """Report moves between neighbouring rows that are as large as a split's."""
    ratios = (close / close.shift(1)).iloc[1:]
    large = ratios[(ratios > SPLIT_RATIO) | (ratios < 1 / SPLIT_RATIO)]
    large = large[[date not in exempt for date in _iso(large.index)]]
    if large.empty:
        return
    shown = large.head(N_SHOWN)
    dates = zip(_iso(shown.index), shown, strict=True)
    texts = [f"{date} (ratio {ratio:.4g})" for date, ratio in dates]
    rest = len(large) - N_SHOWN
    more = f" and on {rest} more dates" if rest > 0 else ""
    yield PriceIssue(
        "jump",
        ticker,
        _iso(large.index),
        f"{ticker}: close jumps on {', '.join(texts)}{more}; a split may not be "
        "applied. Use split-adjusted prices, unless the move is real.",
    )


def _session_issues(
    sessions: pd.DatetimeIndex, ticker: str, calendar: str
) -> Iterator[PriceIssue]:
    """Compare dates with the exchange's sessions, as far as the calendar knows them."""
    inside = calendar_range(sessions, calendar)
    unknown = sessions.difference(inside)
    if len(unknown):
        yield PriceIssue(
            "calendar_bounds",
            ticker,
            _iso(unknown),
            f"{ticker}: calendar {calendar} knows nothing of {listed(unknown)}, so "
            "these dates were not compared with sessions. "
            "Set `data.calendar` to another one.",
        )
    if len(inside):
        expected = sessions_between(inside[0], inside[-1], calendar)
        yield from _holiday_rows(inside.difference(expected), ticker, calendar)
        yield from _missing_sessions(expected.difference(inside), ticker, calendar)


def _holiday_rows(
    holidays: pd.DatetimeIndex, ticker: str, calendar: str
) -> Iterator[PriceIssue]:
    if len(holidays):
        yield PriceIssue(
            "holiday_rows",
            ticker,
            _iso(holidays),
            f"{ticker}: there are rows on {listed(holidays)}, when {calendar} has no "
            "session. Remove them, or name the right exchange with `--calendar` "
            "(`data.calendar` in settings).",
        )


def _missing_sessions(
    missing: pd.DatetimeIndex, ticker: str, calendar: str
) -> Iterator[PriceIssue]:
    if len(missing):
        noun = "session is" if len(missing) == 1 else "sessions are"
        yield PriceIssue(
            "missing_sessions",
            ticker,
            _iso(missing),
            f"{ticker}: {len(missing)} {noun} missing: {listed(missing)}. Fill the "
            "gaps from the source, or name the right exchange with `--calendar` "
            f"(`data.calendar` in settings) if it is not {calendar}.",
        )


def _no_volume(prices: pd.DataFrame, ticker: str) -> Iterator[PriceIssue]:
    if "volume" not in prices.columns:
        return
    silent = _index(prices)[~(prices["volume"] > 0).to_numpy()]
    if len(silent):
        yield PriceIssue(
            "no_volume",
            ticker,
            _iso(silent),
            f"{ticker}: volume is zero or missing on {listed(silent)}. "
            "Leave `volume` out of `features`, or fill it in from the source.",
        )


def _range_columns(prices: pd.DataFrame) -> list[str]:
    return [name for name in ("open", "high", "low") if name in prices.columns]


def _index(prices: pd.DataFrame) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(prices.index)


def _iso(sessions: pd.Index) -> tuple[str, ...]:
    return tuple(pd.DatetimeIndex(sessions).strftime("%Y-%m-%d"))
