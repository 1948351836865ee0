"""Fetching: brings the stored prices of many tickers up to date, failure by failure."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from forecaster.batch.journal import Advance, Journal
from forecaster.config.batch import SourceConfig
from forecaster.data.store import PriceStore
from forecaster.errors import (
    ConfigError,
    DataError,
    ForecasterError,
    OutputError,
    RateLimited,
    SourceError,
)

# A source that asks to be left alone for longer is not waited for.
LONGEST_WAIT = 900.0


@dataclass(frozen=True)
class Failure:
    """Why a ticker could not be brought up to date, and after how many rounds."""

    error: ForecasterError
    n_attempts: int


@dataclass(frozen=True)
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
            If the store cannot be written: that is the same for all tickers.
        """
        if not self.settings.is_remote or self.settings.offline:
            return {}
        failures: dict[str, Failure] = {}
        left: Sequence[str] = [
            name for name, day in wanted.items() if not self._reaches(name, day)
        ]
        for number in range(1, self.settings.attempts + 1):
            if not left:
                break
            if number > 1:
                self._wait(left, failures, number)
            with self.journal.counting("fetch", len(left)) as advance:
                tried = [*self._round(left, advance)]
            again = []
            for name, error in tried:
                failures.pop(name, None)
                if error is not None:
                    failures[name] = Failure(error, number)
                    again += [name] if isinstance(error, SourceError) else []
            left = again
        return failures

    def _round(
        self, tickers: Sequence[str], advance: Advance
    ) -> Iterator[tuple[str, ForecasterError | None]]:
        for name in tickers:
            yield name, self._update(name)
            advance()

    def _update(self, ticker: str) -> ForecasterError | None:
        """Update one ticker, and return what went wrong."""
        from forecaster.data.remote import open_source
        from forecaster.data.update import update_ticker

        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                update = update_ticker(
                    self.store,
                    open_source(self.settings.name),
                    ticker,
                    now=self.now(),
                    calendar=self.settings.calendar,
                    start=self.settings.start,
                )
            except OutputError:
                raise
            except ForecasterError as error:
                return error
        for warning in told:
            self.journal.tell("warning", ticker=ticker, reason=str(warning.message))
        # Stored prices answer where the source failed: it may be asked again.
        return SourceError(update.message) if update.event == "stale" else None

    def _reaches(self, ticker: str, day: date) -> bool:
        try:
            version = self.store.current(ticker)
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
