"""Fetching: brings the stored prices of many tickers up to date, failure by failure."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from forecaster.batch.journal import Advance, Journal
from forecaster.config.batch import SourceConfig
from forecaster.data.history import Source
from forecaster.data.store import PriceStore
from forecaster.errors import (
    BadResponse,
    ConfigError,
    DataError,
    ForecasterError,
    NoDataInRange,
    OutputError,
    RateLimited,
    RunLocked,
    SourceError,
    SourceTimeout,
    SourceUnavailable,
)

# A source that asks to be left alone for longer is not waited for.
LONGEST_WAIT = 900.0
# Failures of as many tickers, one after the other, mean that the source is down.
MOST_IN_A_ROW = 10
# Failures of a source, of which many together mean that it is down ...
SILENT = (RateLimited, SourceTimeout, SourceUnavailable)
# ... and those that may be gone when the ticker is asked for again.
PASSING = (RunLocked, SourceError)
# Events of an update that leave the version before behind.
NEW_VERSIONS = ("append", "split", "dividend", "restated", "stale")


class NotAsked(SourceUnavailable):
    """A source was left alone, since it failed on one ticker after the other."""


@dataclass(frozen=True)
class Failure:
    """Why a ticker could not be brought up to date, and after how many rounds."""

    error: ForecasterError
    n_attempts: int


@dataclass
class Fetcher:
    """Fetches tickers of one source.

    Attributes
    ----------
    now
        The clock.
    sleep
        How to wait between rounds; replaceable in tests.
    """

    settings: SourceConfig
    store: PriceStore
    journal: Journal
    now: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep
    _n_unwritable: int = 0

    def fetch(self, wanted: Mapping[str, date]) -> dict[str, Failure]:
        """Bring tickers up to date, and return those that could not be.

        A ticker whose stored prices reach as far as wanted is not asked for. Those
        that a source failed on are asked for again after all others, round by round.

        Parameters
        ----------
        wanted
            By ticker, the session that its prices have to reach.

        Raises
        ------
        OutputError
            If the store cannot be written for more than one ticker.
        """
        if not self.settings.is_remote or self.settings.offline:
            return {}
        failures: dict[str, Failure] = {}
        left = [name for name, day in wanted.items() if not self._reaches(name, day)]
        may_be_down = True
        for number in range(1, self.settings.attempts + 1):
            if not left:
                break
            if number > 1:
                self._wait(left, failures, number)
            with self.journal.counting("fetch", len(left)) as advance:
                tried = dict(self._round(left, advance, may_be_down))
            for name, error in tried.items():
                failures.pop(name, None)
                if error is not None:
                    failures[name] = Failure(error, number)
            skipped = [n for n, error in tried.items() if isinstance(error, NotAsked)]
            failed = [n for n, error in tried.items() if isinstance(error, PASSING)]
            # Those that were not asked first: of the others, some always fail.
            left = [*dict.fromkeys([*skipped, *failed])]
            may_be_down = bool(skipped)
        return failures

    def _round(
        self, tickers: Sequence[str], advance: Advance, may_be_down: bool
    ) -> Iterator[tuple[str, ForecasterError | None]]:
        n_in_a_row = 0
        for name in tickers:
            if may_be_down and n_in_a_row >= MOST_IN_A_ROW:
                # Each further question would wait for nothing.
                error: ForecasterError | None = self._not_asked(name)
            else:
                error = self._update(name)
            if isinstance(error, SILENT):
                n_in_a_row += 1
            elif not isinstance(error, BadResponse):
                n_in_a_row = 0
            yield name, error
            advance()

    def _update(self, ticker: str) -> ForecasterError | None:
        """Update one ticker, and return what went wrong."""
        from forecaster.data.update import update_ticker

        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                update = update_ticker(
                    self.store,
                    self._source,
                    ticker,
                    now=self.now(),
                    calendar=self.settings.calendar,
                    start=self.settings.start,
                )
            except OutputError as error:
                return self._unwritable(error)
            except ForecasterError as error:
                return error
            except Exception as error:
                # A bug, too, is that of one ticker.
                return self._bug(ticker, error)
        for warning in told:
            self.journal.tell("doubt", ticker=ticker, reason=str(warning.message))
        if update.event in NEW_VERSIONS and self.settings.keep:
            self.store.prune(ticker, keep=self.settings.keep)
        if update.event != "stale":
            return None
        # Without a report the source failed, and stored prices have answered.
        if update.report:
            return NoDataInRange(update.message)
        return SourceUnavailable(update.message)

    def _unwritable(self, error: OutputError) -> OutputError:
        """Return the first such error; a second one is that of the whole store."""
        if self._n_unwritable:
            raise error
        self._n_unwritable += 1
        return error

    def _bug(self, ticker: str, error: Exception) -> ForecasterError:
        self.journal.tell(
            "bug", level="error", ticker=ticker, traceback=traceback.format_exc()
        )
        return ForecasterError(f"{ticker}: {type(error).__name__}: {error}")

    @cached_property
    def _source(self) -> Source:
        from forecaster.data.remote import open_source

        # The rounds try again, and wait once for all tickers.
        return open_source(self.settings.name, attempts=1)

    def _not_asked(self, ticker: str) -> NotAsked:
        return NotAsked(
            f"{ticker}: not asked, because {self.settings.name} failed "
            f"{MOST_IN_A_ROW} times in a row. Try again later."
        )

    def _reaches(self, ticker: str, day: date) -> bool:
        try:
            version = self.store.current(ticker)
            if not self.store.shelf(ticker).is_tidy():
                return False  # a killed update left something half done
        except DataError:
            return False
        # Another source, or another exchange, is refused by the update.
        own = (version.source, version.calendar)
        mine = (self.settings.name, self.settings.calendar)
        return own == mine and date.fromisoformat(version.last_session) >= day

    def _wait(
        self, left: Sequence[str], failures: Mapping[str, Failure], number: int
    ) -> None:
        """Leave the source alone before the next round, as long as it asked for."""
        asked = [
            failures[name].error.retry_after or 0.0  # type: ignore[attr-defined]
            for name in left
            if isinstance(failures[name].error, RateLimited)
        ]
        seconds = min(max([self.settings.wait, *asked]), LONGEST_WAIT)
        self.journal.tell(
            "retry", round=number, tickers=len(left), seconds=round(seconds, 1)
        )
        self.sleep(seconds)


def check_source(settings: SourceConfig) -> None:
    """Refuse a source that cannot be.

    Raises
    ------
    ConfigError
        If the calendar is unknown, or the folder of prices is none.
    """
    from pathlib import Path

    from forecaster.data.calendar import check_calendar

    check_calendar(settings.calendar)
    if settings.path is not None and not Path(settings.path).is_dir():
        raise ConfigError(
            f"source.path: {settings.path} is no folder. Name one that holds a file "
            "for each ticker, such as AAA.csv."
        )
