"""Summaries: what became of each ticker of a batch, and of the batch as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import pandas as pd

from forecaster.errors import EXIT_PARTLY

Status = Literal["forecast", "known", "failed"]
STATUSES: tuple[Status, ...] = ("forecast", "known", "failed")


@dataclass(frozen=True)
class TickerOutcome:
    """What became of one ticker and one origin.

    Attributes
    ----------
    origin
        The session after which the forecast is made.
    status
        `forecast`: its rows are new. `known`: they were there already. `failed`: there
        are none.
    kind, reason
        Of a failure: the class of the error, and its message.
    n_attempts
        How often it was tried.
    exit_code
        Of a failure: the code that the error alone would have ended a command with.
    """

    ticker: str
    origin: date
    status: Status
    kind: str = ""
    reason: str = ""
    n_attempts: int = 1
    exit_code: int = 0

    @classmethod
    def failure(
        cls, ticker: str, origin: date, error: Exception, n_attempts: int = 1
    ) -> TickerOutcome:
        """Return the outcome of a ticker that failed."""
        return cls(
            ticker=ticker,
            origin=origin,
            status="failed",
            kind=type(error).__name__,
            reason=str(error),
            n_attempts=n_attempts,
            exit_code=getattr(error, "exit_code", 1),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; the facts of a failure only if there was one."""
        facts: dict[str, Any] = {
            "ticker": self.ticker,
            "origin": self.origin.isoformat(),
            "status": self.status,
        }
        if self.status == "failed":
            failure = {"kind": self.kind, "reason": self.reason}
            facts |= failure | {"n_attempts": self.n_attempts}
        return facts


@dataclass(frozen=True)
class BatchSummary:
    """What became of a batch.

    Attributes
    ----------
    name
        Of its settings.
    model
        Name of the model in the ledger.
    ledger
        Where the forecasts lie, without any password.
    origins
        The sessions after which forecasts were due, oldest first.
    started, finished
        With a time zone.
    outcomes
        One for each ticker and origin.
    ages
        Sessions by which the newest prices of a ticker are behind the newest origin; 0
        is up to date. Tickers whose prices were not read are absent.
    files
        What was written for people to read.
    scores
        Of `Ledger.score`, if earlier forecasts were scored.
    """

    name: str
    model: str
    ledger: str
    origins: tuple[date, ...]
    started: datetime
    finished: datetime
    outcomes: tuple[TickerOutcome, ...]
    ages: Mapping[str, int] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    scores: pd.DataFrame | None = field(default=None, repr=False, compare=False)

    @property
    def counts(self) -> dict[Status, int]:
        """How many tickers and origins have each status."""
        found = Counter(outcome.status for outcome in self.outcomes)
        return {status: found[status] for status in STATUSES}

    @property
    def failures(self) -> tuple[TickerOutcome, ...]:
        """The outcomes without a forecast."""
        return tuple(one for one in self.outcomes if one.status == "failed")

    @property
    def newest(self) -> tuple[TickerOutcome, ...]:
        """The outcomes of the newest origin: what tonight is about."""
        last = max((one.origin for one in self.outcomes), default=None)
        return tuple(one for one in self.outcomes if one.origin == last)

    @property
    def status(self) -> str:
        """Return `up to date`, `finished`, `partly` or `failed`.

        `failed` if nothing was forecast, and the newest origin has nothing: that
        earlier ones are known already is no success of this run.
        """
        counts = self.counts
        if counts["failed"]:
            nothing = all(one.status == "failed" for one in self.newest)
            return "failed" if nothing and not counts["forecast"] else "partly"
        return "finished" if counts["forecast"] else "up to date"

    @property
    def exit_code(self) -> int:
        """0 for all; 5 if some failed; of all, the code of the commonest failure."""
        if self.status == "failed":
            codes = Counter(one.exit_code for one in self.failures)
            return codes.most_common(1)[0][0]
        return EXIT_PARTLY if self.status == "partly" else 0

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.finished - self.started).total_seconds()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "name": self.name,
            "model": self.model,
            "ledger": self.ledger,
            "status": self.status,
            "origins": [origin.isoformat() for origin in self.origins],
            "started": self.started.isoformat(timespec="seconds"),
            "finished": self.finished.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "counts": self.counts,
            "ages": dict(self.ages),
            "outcomes": [outcome.to_dict() for outcome in self.outcomes],
            "files": [*self.files],
        }
