"""Updating: what to ask a source for, and what its answer does to the stored rows."""

from __future__ import annotations

from datetime import date, datetime

import pandas as pd

from forecaster.data.calendar import as_day
from forecaster.data.comparing import Comparison, compare_rows, merge_rows
from forecaster.data.finished import as_moment, last_finished_session
from forecaster.data.history import History, Source
from forecaster.data.incoming import Incoming, find_missing
from forecaster.data.quality import listed
from forecaster.data.reporting import (
    attempts_after,
    behind,
    event_of,
    list_dates,
    report_changes,
)
from forecaster.data.shelf import Stored
from forecaster.data.store import PriceStore
from forecaster.data.updating import Job, Update
from forecaster.data.versions import Pointer, Version
from forecaster.errors import (
    ConfigError,
    InvalidPrices,
    NoDataInRange,
    SourceError,
    SymbolNotFound,
)

# The stored sessions that every update asks for again.
N_OVERLAP = 15
FIRST_DAY = "1990-01-01"
# A missing session is asked for again if it is among so many, and so many times.
N_RECENT = 250
MOST_ATTEMPTS = 10
# All rows are compared after so many days, for restatements further back.
FULL_COMPARE = pd.Timedelta(days=30)
# A new history may lack one stored session in a hundred, and never more than five.
SESSIONS_PER_LOSS, MOST_LOST = 100, 5


def update_ticker(
    store: PriceStore,
    source: Source,
    ticker: str,
    *,
    now: str | datetime,
    calendar: str = "XNYS",
    start: str | date | None = None,
    replace: bool = False,
) -> Update:
    """Bring a ticker's stored prices up to the last finished session.

    If that session is stored, the source is not asked. Otherwise the last 15 stored
    sessions are asked for again, and those that are missing. Where they agree with the
    stored ones, the new sessions are added; after a split, a dividend or a restatement
    everything is fetched again, as it is every 30 days. Every change makes a new
    version, and the old ones stay.

    Parameters
    ----------
    store : PriceStore
        Where prices are kept.
    source : Source
        Whom to ask. A series has one source for ever.
    ticker : str
        In any case.
    now : str or datetime
        The time, with its zone; the clock is never read.
    calendar : str
        The exchange whose sessions are expected.
    start : str or date, optional
        The earliest session wanted; if absent, as in former updates, and 1990 in the
        first. An earlier one than in former updates makes
        everything be fetched again; a later one changes nothing.
    replace : bool
        Fetch everything and forget what is stored of prices, though its versions
        stay. This allows another source or calendar, and a shorter history.

    Raises
    ------
    SourceError, SymbolNotFound, NoDataInRange
        If the source fails and nothing is stored (or `replace` was wanted). If
        something is stored, that is the answer: event `stale`.
    InvalidPrices
        If the answer cannot be right, or lacks many stored sessions. What is stored
        stays.
    ConfigError
        If another source or calendar is stored, or an argument is wrong.
    OutputError, RunLocked
        If the store cannot be written. What is stored stays.

    Warns
    -----
    PriceWarning
        If stored files were damaged.
    """
    shelf = store.shelf(ticker)
    finished = last_finished_session(now, calendar)
    with shelf.lock(store.lock_timeout):
        shelf.tidy()
        stored = shelf.read()
        former = FIRST_DAY if stored is None else stored.version.start
        first = as_day(former if start is None else start)
        job = Job(shelf, source, calendar, first, as_moment(now), finished)
        if stored is None or replace:
            return _create(job, stored)
        _check_same_series(job, stored.version)
        if _is_fresh(job, stored):
            return job.answer("fresh", stored.version, {})
        return _refresh_or_keep(job, stored)


def _create(job: Job, stored: Stored | None) -> Update:
    """Store a ticker's first version, or one that owes nothing to those before."""
    history, incoming = job.fetch(job.start)
    missing = find_missing(incoming.rows, job.shelf.ticker, job.calendar)
    report = {
        "whole": True,
        "n_new": len(incoming.rows),
        "dropped": incoming.dropped,
        "missing": list_dates(missing),
    }
    stale = behind(incoming.rows, job.finished, job.source.name)
    return job.publish(
        "create",
        incoming.rows,
        job.start,
        history,
        Pointer("", job.moment, job.moment, stale=stale),
        parent=None if stored is None else stored.version.sha256,
        report=report,
    )


def _check_same_series(job: Job, version: Version) -> None:
    """Refuse to mix sources or calendars within one series."""
    for what, there, here in (
        ("source", version.source, job.source.name),
        ("calendar", version.calendar, job.calendar),
    ):
        if there != here:
            raise ConfigError(
                f"{version.ticker}: the stored prices have the {what} {there}, and now "
                f"{here} is wanted. One series never mixes them: use {there}, or fetch "
                "everything again with `--replace`."
            )


def _is_fresh(job: Job, stored: Stored) -> bool:
    complete = stored.rows.index[-1] >= job.finished
    return (
        complete and not stored.repaired and job.start >= as_day(stored.version.start)
    )


def _refresh_or_keep(job: Job, stored: Stored) -> Update:
    """Update stored rows; if the source fails, let them stand, and note why."""
    try:
        return _refresh(job, stored)
    except InvalidPrices as error:
        job.note_stale(stored, str(error))
        raise
    except (SourceError, NoDataInRange, SymbolNotFound) as error:
        job.note_stale(stored, str(error))
        return job.answer("stale", stored.version, {}, str(error))


def _refresh(job: Job, stored: Stored) -> Update:
    """Ask for the last sessions; ask for all if they differ, or if it is time."""
    if not _whole_is_due(job, stored):
        since = _overlap_start(stored)
        history, tail = job.fetch(since)
        comparison = compare_rows(stored.rows, tail.rows, since=since)
        if comparison.kind == "same":
            return _adopt(job, stored, history, tail, comparison, since)
    since = min(job.start, as_day(stored.version.start))
    history, whole = job.fetch(since)
    comparison = compare_rows(stored.rows, whole.rows, since=since)
    _check_not_shrunk(job, stored, comparison)
    return _adopt(job, stored, history, whole, comparison, since)


def _whole_is_due(job: Job, stored: Stored) -> bool:
    compared = stored.pointer.compared_at
    if compared is None or stored.repaired:
        return True
    overdue = job.now - as_moment(compared) >= FULL_COMPARE
    return overdue or job.start < as_day(stored.version.start)


def _overlap_start(stored: Stored) -> pd.Timestamp:
    """Return the 15th stored session from the end, or an earlier missing one."""
    sessions = stored.rows.index
    recent = sessions[-min(N_RECENT, len(sessions))]
    attempts = stored.pointer.attempts
    holes = [
        as_day(day)
        for day in stored.version.missing_sessions
        if attempts.get(day, 0) < MOST_ATTEMPTS
    ]
    overlap = sessions[-min(N_OVERLAP, len(sessions))]
    earliest: pd.Timestamp = min([overlap, *(hole for hole in holes if hole > recent)])
    return earliest


def _check_not_shrunk(job: Job, stored: Stored, comparison: Comparison) -> None:
    """Refuse a history that lacks many of the stored sessions."""
    n_stored, lost = len(stored.rows), comparison.lost
    if len(lost) > min(MOST_LOST, n_stored // SESSIONS_PER_LOSS):
        raise InvalidPrices(
            f"{job.shelf.ticker}: {job.source.name} lacks {len(lost)} of {n_stored} "
            f"stored sessions: {listed(lost)}. The stored prices are kept. Try again "
            "later, or accept the shorter history with `--replace`."
        )


def _adopt(
    job: Job,
    stored: Stored,
    history: History,
    incoming: Incoming,
    comparison: Comparison,
    since: pd.Timestamp,
) -> Update:
    """Make the next version of stored and incoming rows, if they differ."""
    whole = since <= min(job.start, as_day(stored.version.start))
    rows = merge_rows(stored.rows, incoming.rows, comparison)
    missing = find_missing(rows, job.shelf.ticker, job.calendar)
    report = report_changes(comparison, incoming, missing, whole=whole)
    pointer = Pointer(
        stored.version.sha256,
        checked_at=job.moment,
        compared_at=job.moment if whole else stored.pointer.compared_at,
        attempts=attempts_after(stored.pointer, missing, since),
        stale=behind(rows, job.finished, job.source.name),
    )
    start = min(since, as_day(stored.version.start))
    changed = not rows.equals(stored.rows) or start < as_day(stored.version.start)
    event = event_of(comparison, stale=pointer.stale is not None, changed=changed)
    if event in ("fresh", "stale"):
        job.shelf.write_pointer(pointer, stored.version)
        return job.answer(event, stored.version, report, pointer.stale)
    return job.publish(
        event,
        rows,
        start,
        history,
        pointer,
        parent=stored.version.sha256,
        report=report,
    )
