"""Updating: one update on its way, and what became of it."""

from __future__ import annotations

import errno
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from forecaster.data.calendar import as_day
from forecaster.data.exchanges import check_exchange
from forecaster.data.history import History, Source
from forecaster.data.incoming import Incoming, check_incoming
from forecaster.data.reporting import describe
from forecaster.data.shelf import Shelf, Stored
from forecaster.data.versions import Event, Pointer, Version
from forecaster.errors import ConfigError, OutputError, SourceError, SourceUnavailable

READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True)
class Update:
    """What became of an update.

    Attributes
    ----------
    ticker
        Whose.
    event
        `create`: nothing was stored, or it was to be replaced. `fresh`: the stored
        rows are complete. `append`: sessions were added. `split`, `dividend`,
        `restated`: all rows were fetched again because of it. `stale`: the source
        failed, or has nothing new; the stored rows are older than they should be.
    message
        One line that says so.
    version
        The version that is current now.
    report
        Plain JSON values: `n_new`, `filled`, `dropped`, `missing`, `restated` and so
        on. Empty if the source was not asked or failed.
    n_fetches
        How often the source was asked.
    """

    ticker: str
    event: Event
    message: str
    version: Version
    report: dict[str, Any]
    n_fetches: int


@dataclass
class Job:
    """One update on its way; `start` is the earliest date wanted."""

    shelf: Shelf
    source: Source
    calendar: str
    start: pd.Timestamp
    now: pd.Timestamp
    finished: pd.Timestamp
    n_fetches: int = 0

    def check_series(self, version: Version) -> None:
        """Refuse to mix sources or calendars within one series.

        Raises
        ------
        ConfigError
            If another source or calendar is stored.
        """
        for what, there, here in (
            ("source", version.source, self.source.name),
            ("calendar", version.calendar, self.calendar),
        ):
            if there != here:
                raise ConfigError(
                    f"{version.ticker}: the stored prices have the {what} {there}, and "
                    f"now {here} is wanted. One series never mixes them: use {there}, "
                    "or fetch everything again with `--replace`."
                )

    def is_fresh(self, stored: Stored) -> bool:
        """Tell whether nothing need be asked."""
        complete = stored.rows.index[-1] >= self.finished
        # After damage, everything is still to be compared.
        whole = stored.pointer.compared_at is not None and not stored.repaired
        return complete and whole and self.start >= as_day(stored.version.start)

    def serve(self, stored: Stored | None, refusal: SourceError) -> Update:
        """Answer with what is stored; ask nobody and write nothing.

        Raises
        ------
        SourceError
            The refusal, if nothing is stored.
        ConfigError
            If another source or calendar is stored.
        """
        if stored is None:
            raise refusal
        self.check_series(stored.version)
        if self.is_fresh(stored):
            return self.answer("fresh", stored.version, {})
        return self.answer("stale", stored.version, {}, str(refusal))

    def not_asked(self) -> SourceUnavailable:
        """Say that nobody is asked in offline mode."""
        return SourceUnavailable(
            f"{self.shelf.ticker}: {self.source.name} was not asked, because of "
            "offline mode, and nothing is stored. Leave out `--offline`, or use "
            "embedded prices or your own."
        )

    def fetch(self, start: pd.Timestamp) -> tuple[History, Incoming]:
        """Ask the source, and check its answer."""
        self.n_fetches += 1
        history = self.source.history(self.shelf.ticker, f"{start:%Y-%m-%d}")
        check_exchange(self.shelf.ticker, history.provenance, self.calendar)
        incoming = check_incoming(
            history.rows,
            self.shelf.ticker,
            calendar=self.calendar,
            finished=self.finished,
        )
        return history, incoming

    def publish(
        self,
        event: Event,
        rows: pd.DataFrame,
        start: pd.Timestamp,
        history: History,
        pointer: Pointer,
        *,
        parent: str | None,
        report: dict[str, Any],
    ) -> Update:
        """Write the next version and make it the current one."""
        missing = report["missing"]
        version = Version(
            ticker=self.shelf.ticker,
            source=self.source.name,
            calendar=self.calendar,
            event=event,
            parent=parent,
            stored_at=self.moment,
            start=f"{start:%Y-%m-%d}",
            n_sessions=len(rows),
            first_session=f"{rows.index[0]:%Y-%m-%d}",
            last_session=f"{rows.index[-1]:%Y-%m-%d}",
            missing_sessions=tuple(missing),
            report=report,
            provenance=history.provenance,
        )
        published = self.shelf.publish(version, rows, pointer)
        return self.answer(event, published, report, pointer.stale)

    def answer(
        self,
        event: Event,
        version: Version,
        report: dict[str, Any],
        reason: str | None = None,
    ) -> Update:
        """Say what became of the update."""
        message = describe(event, version, reason)
        ticker = self.shelf.ticker
        return Update(ticker, event, message, version, report, self.n_fetches)

    def note_stale(self, stored: Stored, reason: str) -> None:
        """Remember why the stored rows were not brought up to date."""
        self.shelf.write_pointer(replace(stored.pointer, stale=reason), stored.version)

    @property
    def moment(self) -> str:
        """The time of the update, for records."""
        return self.now.isoformat()


def is_read_only(error: OutputError) -> bool:
    """Tell whether writing failed because it is not allowed."""
    return getattr(error.__cause__, "errno", None) in READ_ONLY
