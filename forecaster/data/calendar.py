"""Calendars: the days on which an exchange held, holds or will hold a session."""

from __future__ import annotations

import difflib
import warnings
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import pandas as pd

from forecaster.errors import ConfigError

EARLIEST = pd.Timestamp("1800-01-01")
LATEST = pd.Timestamp("2199-12-31")

# Every calendar is built over whole decades from here on, so that an answer depends
# neither on today's date (the library's own default range does) nor on the question.
FIRST_DAY = pd.Timestamp("1990-01-01")
# Most questions end before: building costs a tenth of a second, whatever the range.
LAST_DAY = pd.Timestamp("2039-12-31")

# Every calendar of the library can be built over this year, to ask for its bounds.
PROBE_START, PROBE_END = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-12-31")


def sessions_between(
    first: str | date, last: str | date, calendar: str = "XNYS"
) -> pd.DatetimeIndex:
    """Return the sessions of an exchange from `first` to `last`, both included.

    Returns
    -------
    DatetimeIndex of shape (n_sessions,)
        Naive dates, unit us, increasing. Empty if `first` is after `last`.

    Raises
    ------
    ConfigError
        If the calendar is unknown, or knows nothing of a part of the range.
    """
    start, end = as_day(first), as_day(last)
    if start > end:
        return pd.DatetimeIndex([], dtype="datetime64[us]", name="session")
    sessions = _known_sessions(calendar, start, end)
    begin = int(sessions.searchsorted(start, side="left"))
    return sessions[begin : int(sessions.searchsorted(end, side="right"))]


def next_sessions(
    after: str | date, n: int, calendar: str = "XNYS"
) -> pd.DatetimeIndex:
    """Return the `n` sessions that follow a date, which need not be a session.

    Returns
    -------
    DatetimeIndex of shape (n,)
        Naive dates, unit us, increasing, all later than `after`.

    Raises
    ------
    ConfigError
        If `n` is negative, the calendar is unknown, or it ends too early.
    """
    if n < 0:
        raise ConfigError(f"cannot name {n} sessions. Ask for 0 or more.")
    return _next_sessions(as_day(after), n, calendar)


# Many tickers have the same last session.
@lru_cache(maxsize=256)
def _next_sessions(start: pd.Timestamp, n: int, calendar: str) -> pd.DatetimeIndex:
    # Weekends take 2 days in 7; the longest closure on record (Athens, 2015) took 36.
    n_days = min(2 * n + 60, (LATEST - EARLIEST).days)
    end = min(start + pd.Timedelta(days=n_days), calendar_bounds(calendar)[1])
    sessions = _known_sessions(calendar, start, max(start, end))
    begin = int(sessions.searchsorted(start, side="right"))
    following = sessions[begin : begin + n]
    if len(following) < n:
        raise ConfigError(_bounds_message(calendar, f"{n} sessions after {start:%F}"))
    return following


def session_weekdays(
    first: str | date, last: str | date, calendar: str = "XNYS"
) -> frozenset[int]:
    """Return the days of the week (Monday is 0) on which an exchange ever trades.

    The decades around `first` and `last` are looked at, not the range alone.
    """
    sessions = _known_sessions(calendar, as_day(first), as_day(last))
    return frozenset(int(day) for day in sessions.day_of_week.unique())


def check_calendar(name: str) -> None:
    """Refuse the name of a calendar that does not exist.

    Raises
    ------
    ConfigError
        With the nearest names that do exist.
    """
    import exchange_calendars

    names: list[str] = exchange_calendars.get_calendar_names()
    if name in names:
        return
    near = difflib.get_close_matches(str(name).upper(), names, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    raise ConfigError(
        f"unknown calendar {name!r}. {hint}Set `data.calendar` to a code such as "
        "XNYS (New York), XLON (London) or 24/7 (every day)."
    )


def calendar_bounds(name: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first and the last day that a calendar knows something about.

    Raises
    ------
    ConfigError
        If the calendar is unknown or cannot be built.
    """
    check_calendar(name)
    return _bounds(name)


@lru_cache(maxsize=32)
def calendar_zone(name: str) -> str:
    """Return the time zone of an exchange, such as ``America/New_York``.

    Raises
    ------
    ConfigError
        If the calendar is unknown or cannot be built.
    """
    check_calendar(name)
    return str(_build(name, PROBE_START, PROBE_END).tz)


@lru_cache(maxsize=32)
def _bounds(name: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    try:
        built = _build(name, FIRST_DAY, LAST_DAY)
    except ConfigError:
        built = _build(name, PROBE_START, PROBE_END)
    earliest, latest = built.bound_min(), built.bound_max()
    return (
        EARLIEST if earliest is None else max(EARLIEST, earliest),
        LATEST if latest is None else min(LATEST, latest),
    )


def _known_sessions(
    calendar: str, start: pd.Timestamp, end: pd.Timestamp
) -> pd.DatetimeIndex:
    """Return all sessions of the decades around a range, within the bounds."""
    earliest, latest = calendar_bounds(calendar)
    if start < earliest or end > latest:
        raise ConfigError(_bounds_message(calendar, f"{start:%F} to {end:%F}"))
    first = min(FIRST_DAY, pd.Timestamp(year=start.year // 10 * 10, month=1, day=1))
    decade = pd.Timestamp(year=end.year // 10 * 10 + 19, month=12, day=31)
    last = max(LAST_DAY, decade)
    return _sessions(calendar, max(first, earliest), min(last, latest))


@lru_cache(maxsize=32)
def _sessions(name: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    sessions: pd.DatetimeIndex = _build(name, first, last).sessions
    # From plain values: the library's index carries a frequency that equality looks at.
    return pd.DatetimeIndex(sessions.to_numpy(), name="session").as_unit("us")


@lru_cache(maxsize=8)
def _build(name: str, first: pd.Timestamp, last: pd.Timestamp) -> Any:
    import exchange_calendars

    try:
        with warnings.catch_warnings():
            # The library's use of pandas is not the reader's business.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            return exchange_calendars.get_calendar(name, start=first, end=last)
    except ValueError as error:
        raise ConfigError(
            f"calendar {name} cannot be built by exchange_calendars "
            f"{exchange_calendars.__version__}: {str(error)[:80]}... "
            "Set `data.calendar` to another one."
        ) from error


def _bounds_message(calendar: str, wanted: str) -> str:
    earliest, latest = calendar_bounds(calendar)
    return (
        f"calendar {calendar} knows sessions from {earliest:%F} to {latest:%F}, "
        f"wanted {wanted}. Set `data.calendar` to another one, or use other dates."
    )


def as_day(value: str | date) -> pd.Timestamp:
    """Return a naive midnight for ISO text, a date or a timestamp.

    Raises
    ------
    ConfigError
        If the value is no date between the years 1800 and 2199.
    """
    try:
        # Not pd.Timestamp(text): that reads "today" from the clock, and 2016 as a day.
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        day = pd.Timestamp(moment.year, moment.month, moment.day)
        if EARLIEST <= day <= LATEST:
            return day.as_unit("us")
    except (ValueError, TypeError, AttributeError):
        pass
    raise ConfigError(
        f"{value!r} is not a date between {EARLIEST:%F} and {LATEST:%F}. "
        "Write it as 2016-12-30."
    )
