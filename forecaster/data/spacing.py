"""Spacing: whether the dates of prices are sessions, each once and in order."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecaster.data.calendar import session_weekdays
from forecaster.data.quality import calendar_range, listed
from forecaster.errors import InvalidPrices

# Fewer rows say little of their spacing.
N_TOLD = 8
# Sessions lie one day apart, a long weekend four.
WIDE_DAYS = 5
# The longest gaps, in days, that go by a name.
GAP_NAMES = (
    (9, "a week"), (18, "every two weeks"), (45, "a month"), (100, "a quarter"),
    (200, "half a year"), (400, "a year"),
)  # fmt: skip
# Prices of every day have at least this share of the days without a session.
MOST = 0.75
# Rows for a day from which on most days have more than one.
SEVERAL = 1.5


def check_spacing(sessions: pd.DatetimeIndex, ticker: str, calendar: str) -> None:
    """Refuse dates that cannot be the sessions of an exchange.

    Parameters
    ----------
    sessions : DatetimeIndex of shape (n_sessions,)
        Naive midnights.
    ticker : str
        Names the prices in messages.
    calendar : str
        The exchange whose sessions are expected.

    Raises
    ------
    InvalidPrices
        If dates repeat, run backwards, lie a week or more apart, or fall on days of
        the week without trading.
    ConfigError
        If the calendar is unknown.
    """
    _check_order(sessions, ticker)
    _check_gaps(sessions, ticker)
    _check_weekdays(calendar_range(sessions, calendar), ticker, calendar)


def _check_order(sessions: pd.DatetimeIndex, ticker: str) -> None:
    repeated = sessions[sessions.duplicated()].unique()
    cure = "Keep one row for each session"
    if len(repeated) and len(sessions) >= SEVERAL * sessions.nunique():
        cure += (
            ": the last of each day if these are prices within the day, those of one "
            "ticker if there are several"
        )
    _refuse(repeated, ticker, "there are several rows for", f"{cure}.")
    backwards = np.flatnonzero(np.diff(sessions.asi8) < 0) + 1
    _refuse(
        sessions[backwards],
        ticker,
        "dates must increase, but they run backwards at",
        "Sort the rows by date, oldest first.",
    )


def _check_gaps(sessions: pd.DatetimeIndex, ticker: str) -> None:
    """Refuse weekly and monthly prices: a step of a forecast is one session."""
    if len(sessions) < N_TOLD:
        return
    gap = float(np.median(np.diff(sessions.to_numpy()) / np.timedelta64(1, "D")))
    if gap >= WIDE_DAYS:
        raise InvalidPrices(
            f"{ticker}: the prices have one row {_gap_name(gap)}, but sessions are "
            "days: the steps of a forecast would have wrong dates. Give daily prices."
        )


def _gap_name(gap: float) -> str:
    """Return how often there is a row.

    >>> _gap_name(7.0), _gap_name(30.5), _gap_name(1000.0)
    ('a week', 'a month', 'every 1000 days')
    """
    for longest, name in GAP_NAMES:
        if gap <= longest:
            return name
    return f"every {gap:.0f} days"


def _check_weekdays(inside: pd.DatetimeIndex, ticker: str, calendar: str) -> None:
    """Refuse dates on days of the week on which the exchange never trades."""
    if inside.empty:
        return
    open_days = list(session_weekdays(inside[0], inside[-1], calendar))
    closed = inside[~inside.day_of_week.isin(open_days)]
    every_day = pd.date_range(inside[0], inside[-1])
    n_closed = int((~every_day.day_of_week.isin(open_days)).sum())
    if n_closed and len(closed) >= MOST * n_closed:
        cure = (
            "If the prices are of every day, name the calendar `24/7` (`--calendar "
            '24/7`; `calendar` in Python; `data.calendar = "24/7"` in settings); '
            "otherwise remove these rows."
        )
    else:
        cure = (
            "Remove them, or name the calendar of the exchange that trades then "
            "(`--calendar`; `calendar` in Python; `data.calendar` in settings)."
        )
    _refuse(
        closed,
        ticker,
        f"calendar {calendar} has no session on such a weekday, but there are rows on",
        cure,
    )


def _refuse(sessions: pd.DatetimeIndex, ticker: str, problem: str, cure: str) -> None:
    if len(sessions):
        raise InvalidPrices(f"{ticker}: {problem} {listed(sessions)}. {cure}")
