"""Updating: what to ask a source for, and what its answer does to the stored rows."""

from __future__ import annotations

import contextlib
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
from forecaster.data.symbols import check_ticker
from forecaster.data.updating import Job, Update, is_read_only
from forecaster.data.versions import Pointer
from forecaster.errors import (
    InvalidPrices,
    NoDataInRange,
    OutputError,
    SourceError,
    SourceUnavailable,
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

    If that session is stored, the source is not asked. If the source is offline, it is
    not asked either: what is stored is the answer, and nothing is written.

    Otherwise the last 15 stored sessions are asked for again, and those that are
    missing. Where they agree with the stored ones, the new sessions are added; after a
    split, a dividend or a restatement everything is fetched again, as it is every 30
    days. Every change makes a new version, and the old ones stay.

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
    DataError
        If the system refuses to read what is stored, or a newer forecaster wrote it.
    OutputError, RunLocked
        If the store cannot be written. What is stored stays. If it may only be read
        and something is stored, that is the answer: event `stale`.

    Warns
    -----
    PriceWarning
        If stored files were damaged.
    """
    wanted = None if start is None else as_day(start)
    shelf = store.shelf(check_ticker(ticker))
    finished = last_finished_session(now, calendar)
    job = Job(shelf, source, calendar, as_day(FIRST_DAY), as_moment(now), finished)
    offline = bool(getattr(source, "offline", False))
    # A look without the lock, which writes nothing: often nothing needs to be written.
    seen = None if replace else shelf.read(warn=offline)
    job.start = _first_wanted(seen, wanted)
    if offline:
        return job.serve(seen, job.not_asked())
    if seen is not None and not seen.repaired and shelf.is_tidy():
        job.check_series(seen.version)
        if job.is_fresh(seen):
            return job.answer("fresh", seen.version, {})
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(shelf.lock(store.lock_timeout))
        except OutputError as error:
            if seen is None or not is_read_only(error):
                raise
            return job.serve(shelf.read(), SourceUnavailable(str(error)))
        return _update_locked(job, wanted, replace=replace)


def _update_locked(job: Job, wanted: pd.Timestamp | None, *, replace: bool) -> Update:
    """Look again under the lock, and do what is to be done."""
    job.shelf.tidy()
    stored = job.shelf.read(repair=True)
    if stored is None or replace:
        job.start = _first_wanted(stored, None) if wanted is None else wanted
        return _create(job, stored)
    job.start = _first_wanted(stored, wanted)
    job.check_series(stored.version)
    if job.is_fresh(stored):
        return job.answer("fresh", stored.version, {})
    return _refresh_or_keep(job, stored)


def _first_wanted(stored: Stored | None, wanted: pd.Timestamp | None) -> pd.Timestamp:
    """Return the earliest date wanted now or in a former update."""
    if stored is None:
        return as_day(FIRST_DAY) if wanted is None else wanted
    former = as_day(stored.pointer.start or stored.version.start)
    return former if wanted is None else min(former, wanted)


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
        comparison = _compare(job, stored, history, tail, since)
        if comparison.kind == "same":
            return _adopt(job, stored, history, tail, comparison, since)
    since = min(job.start, as_day(stored.version.start))
    history, whole = job.fetch(since)
    comparison = _compare(job, stored, history, whole, since)
    _check_not_shrunk(job, stored, comparison)
    return _adopt(job, stored, history, whole, comparison, since)


def _compare(
    job: Job, stored: Stored, history: History, incoming: Incoming, since: pd.Timestamp
) -> Comparison:
    """Compare an answer with the stored rows, which must be in the same money."""
    was = stored.version.provenance.get("currency")
    now = history.provenance.get("currency")
    if was and now and was != now:
        raise InvalidPrices(
            f"{job.shelf.ticker}: {job.source.name} now quotes {now}, and the stored "
            f"prices are in {was}. They are kept. Fetch everything again with "
            "`--replace`."
        )
    return compare_rows(
        stored.rows, incoming.rows, since=since, ticker=job.shelf.ticker
    )


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
