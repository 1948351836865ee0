"""Calendar features: what the date of a session tells, for the future as for the past.

Weekdays and months are points on a circle, so that December lies beside January.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.config.feature_names import CALENDAR_KINDS
from forecaster.data.calendar import sessions_between
from forecaster.errors import ConfigError


def calendar_features(
    sessions: pd.DatetimeIndex,
    names: Sequence[str],
    *,
    calendar: str = "XNYS",
    before: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Return calendar features of sessions, of which no price need be known.

    Parameters
    ----------
    sessions : DatetimeIndex of shape (n_sessions,)
        Naive dates, increasing.
    names : sequence of str
        Out of `CALENDAR_KINDS`.
    calendar : str
        The exchange that tells the last session of a month.
    before : Timestamp, optional
        The session before the first one. Without it, `days_since_last` of the first
        session is NaN.

    Returns
    -------
    DataFrame of shape (n_sessions, n_names)
        float64 columns in the order of `names`.

    Raises
    ------
    ConfigError
        If a name is no calendar feature, `before` is not earlier than the sessions,
        or the calendar is unknown or knows nothing of them.
    """
    unknown = [name for name in names if name not in CALENDAR_KINDS]
    if unknown:
        raise ConfigError(
            f"{', '.join(unknown)}: not known from dates alone. "
            f"Choose from {', '.join(CALENDAR_KINDS)}."
        )
    if before is not None and len(sessions) and before >= sessions[0]:
        raise ConfigError(
            f"the session before {sessions[0]:%F} cannot be {before:%F}. "
            "Give an earlier one."
        )
    columns = {name: _values(name, sessions, calendar, before) for name in names}
    return pd.DataFrame(columns, index=sessions, columns=list(names), dtype=np.float64)


def _values(
    name: str, sessions: pd.DatetimeIndex, calendar: str, before: pd.Timestamp | None
) -> FloatArray:
    if name == "month_end":
        return _month_end(sessions, calendar)
    if name == "days_since_last":
        return _days_since_last(sessions, before)
    unit, _, wave = name.partition("_")
    turns = sessions.day_of_week / 7 if unit == "weekday" else (sessions.month - 1) / 12
    angles = 2 * np.pi * turns.to_numpy(dtype=np.float64)
    return np.sin(angles) if wave == "sin" else np.cos(angles)


def _days_since_last(
    sessions: pd.DatetimeIndex, before: pd.Timestamp | None
) -> FloatArray:
    """Return the days without a session between each session and the one before."""
    passed = np.diff(sessions.to_numpy(), prepend=np.datetime64(before or "NaT"))
    days: FloatArray = passed / np.timedelta64(1, "D") - 1
    return days


def _month_end(sessions: pd.DatetimeIndex, calendar: str) -> FloatArray:
    """Return 1 where the exchange holds no later session in the same month."""
    if sessions.empty:
        return np.zeros(0)
    last_day = sessions[-1] + pd.offsets.MonthEnd(0)
    held = sessions_between(sessions[0], last_day, calendar)
    following = held.searchsorted(sessions, side="right")
    # After the last session held there is none in the month, whatever the month.
    months = np.append(_months(held), -1)
    ends: FloatArray = (months[following] != _months(sessions)).astype(np.float64)
    return ends


def _months(sessions: pd.DatetimeIndex) -> np.ndarray:
    months: np.ndarray = (sessions.year * 12 + sessions.month).to_numpy()
    return months
