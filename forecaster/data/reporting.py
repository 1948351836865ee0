"""Reporting: what an update found, as plain values and as one line for a reader."""

from __future__ import annotations

from typing import Any

import pandas as pd

from forecaster.data.comparing import Comparison
from forecaster.data.incoming import Incoming
from forecaster.data.versions import Event, Pointer, Version


def list_dates(sessions: pd.DatetimeIndex) -> list[str]:
    """Return sessions as ISO dates."""
    return [f"{session:%Y-%m-%d}" for session in sessions]


def report_changes(
    comparison: Comparison,
    incoming: Incoming,
    missing: pd.DatetimeIndex,
    *,
    whole: bool,
) -> dict[str, Any]:
    """Return what an answer changed, as plain JSON values.

    Parameters
    ----------
    missing
        Sessions that the rows lack after the change.
    whole
        Whether all sessions were asked for, or only the last ones.
    """
    return {
        "whole": whole,
        "n_new": len(comparison.new),
        "filled": list_dates(comparison.filled),
        "lost": list_dates(comparison.lost),
        "restated": list_dates(comparison.restated),
        "revised_volume": list_dates(comparison.revised_volume),
        "splits": comparison.splits,
        "dividends": comparison.dividends,
        "dropped": incoming.dropped,
        "missing": list_dates(missing),
    }


def event_of(comparison: Comparison, *, stale: bool, changed: bool) -> Event:
    """Name what an answer meant for the stored rows."""
    if comparison.kind in ("split", "dividend", "restated"):
        return comparison.kind
    if changed:
        return "append" if comparison.kind == "same" else "restated"
    return "stale" if stale else "fresh"


def attempts_after(
    pointer: Pointer, missing: pd.DatetimeIndex, since: pd.Timestamp
) -> dict[str, int]:
    """Count one more attempt for each session that was asked for and is missing."""
    days = list_dates(missing)
    asked = set(list_dates(missing[missing >= since]))
    before = pointer.attempts
    return {day: before.get(day, 0) + (day in asked) for day in days}


def behind(rows: pd.DataFrame, finished: pd.Timestamp, source: str) -> str | None:
    """Say that a source's rows end before the last finished session, if they do."""
    last = rows.index[-1]
    if last >= finished:
        return None
    return f"{source} has nothing after {last:%F}, though {finished:%F} is over"


def describe(event: Event, version: Version, reason: str | None) -> str:
    """Return one line on what became of an update."""
    last = f"{version.n_sessions} sessions to {version.last_session}"
    done = {
        "create": f"stored {last}",
        "fresh": f"up to date, {last}",
        "append": f"added sessions, {last}",
        "split": f"a split changed the history: fetched everything again, {last}",
        "dividend": f"a dividend was paid: fetched everything again, {last}",
        "restated": f"the source restated prices: fetched everything again, {last}",
        "stale": f"stale, {last} are used",
    }[event]
    missing = len(version.missing_sessions)
    gaps = f"; {missing} missing: {', '.join(version.missing_sessions[:3])}"
    return f"{version.ticker}: {done}{gaps if missing else ''}" + (
        f" ({reason})" if reason else ""
    )
