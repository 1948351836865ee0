"""Finished sessions: which day's prices can be known at a moment."""

from __future__ import annotations

import warnings
from datetime import datetime
from functools import lru_cache

import numpy as np
import pandas as pd

from forecaster.data.calendar import calendar_bounds
from forecaster.errors import ConfigError

# Closing auctions and corrections take some minutes.
SETTLING_TIME = pd.Timedelta(minutes=30)


def last_finished_session(now: str | datetime, calendar: str = "XNYS") -> pd.Timestamp:
    """Return the newest session that closed at least half an hour ago.

    Half days end early, as the exchange's calendar says.

    Parameters
    ----------
    now : str or datetime
        A moment with its zone.
    calendar : str
        The exchange.

    Returns
    -------
    Timestamp
        A naive date, unit us.

    Raises
    ------
    ConfigError
        If the moment has no zone, or the calendar is unknown or ends before it.

    Examples
    --------
    The Friday after Thanksgiving is a half day: it ends at 13:00 in New York.

    >>> last_finished_session("2023-11-24T18:29Z").date().isoformat()
    '2023-11-22'
    >>> last_finished_session("2023-11-24T18:30Z").date().isoformat()
    '2023-11-24'
    """
    moment = as_moment(now)
    sessions, closes = _closes(calendar, moment.year)
    finished = closes + SETTLING_TIME.to_timedelta64()
    naive = moment.tz_localize(None).to_datetime64()
    place = int(np.searchsorted(finished, naive, side="right")) - 1
    if place < 0 or moment.tz_localize(None) > calendar_bounds(calendar)[1]:
        raise ConfigError(
            f"calendar {calendar} knows no sessions around {moment:%Y-%m-%d}. Update "
            "exchange_calendars, or choose another calendar."
        )
    return pd.Timestamp(sessions[place]).as_unit("us")


def as_moment(now: str | datetime) -> pd.Timestamp:
    """Return a moment in UTC, for ISO text or a datetime.

    Raises
    ------
    ConfigError
        If it is no moment, or its zone is unknown.
    """
    try:
        # Not pd.Timestamp(text): that reads "now" from the clock.
        moment = datetime.fromisoformat(now) if isinstance(now, str) else now
        if moment.tzinfo is not None:
            return pd.Timestamp(moment).tz_convert("UTC").as_unit("us")
    except (ValueError, TypeError, AttributeError):
        pass
    raise ConfigError(
        f"{str(now)[:40]!r} is not a moment with a zone. Give one such as "
        "2023-09-21T22:00:00+00:00."
    )


@lru_cache(maxsize=32)
def _closes(calendar: str, year: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sessions from a year ago to a year ahead, and their closes in UTC."""
    import exchange_calendars

    earliest, latest = calendar_bounds(calendar)
    first = max(earliest, pd.Timestamp(year=year - 1, month=1, day=1))
    last = min(latest, pd.Timestamp(year=year + 1, month=12, day=31))
    if first > last:
        nothing = np.array([], dtype="datetime64[us]")
        return nothing, nothing
    with warnings.catch_warnings():
        # The library's use of pandas is not the reader's business.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        built = exchange_calendars.get_calendar(calendar, start=first, end=last)
        closes = built.closes
    utc = pd.DatetimeIndex(closes).tz_convert("UTC").tz_localize(None)
    return closes.index.to_numpy(), utc.to_numpy()
