"""Recording: puts what a batch makes into the ledger, a few tickers at a time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib.metadata import version

import pandas as pd

from forecaster.batch.asking import Made
from forecaster.batch.journal import Journal
from forecaster.batch.summary import TickerOutcome
from forecaster.errors import LedgerError
from forecaster.ledger import Ledger

# What is not in the ledger yet is lost if the process is killed.
MOST_WAITING, LONGEST_WAIT = 64, 5.0
CHANGED = "If the settings were changed, give the model another name in `model.name`."


@dataclass
class Recorder:
    """Writes forecasts and failures of one batch: one run of the ledger an origin.

    Attributes
    ----------
    settings
        Name of the batch.
    model
        Its name in the ledger.
    target
        Which price is forecast.
    outcomes
        Of all tickers and origins that were handed over.
    """

    ledger: Ledger
    journal: Journal
    settings: str
    model: str
    target: str
    now: Callable[[], datetime]
    outcomes: list[TickerOutcome] = field(default_factory=list)
    _runs: dict[date, int] = field(default_factory=dict)
    _waiting: list[Made] = field(default_factory=list)
    _written_at: float = field(default_factory=time.monotonic)

    def begin(self, origin: date, fingerprint: str | None) -> None:
        """Begin the run of an origin, if it has not begun."""
        if origin not in self._runs:
            self._runs[origin] = self.ledger.begin_run(
                self.settings,
                self.model,
                started=self.now(),
                version=version("forecaster"),
                target=self.target,
                origin=origin,
                fingerprint=fingerprint,
            )

    def add(self, made: Made) -> None:
        """Take what came of one ticker, and write it soon."""
        self._tell(made)
        self._waiting.append(made)
        late = time.monotonic() - self._written_at > LONGEST_WAIT
        if late or len(self._waiting) >= MOST_WAITING:
            self.flush()

    def flush(self) -> None:
        """Write everything that waits, in one transaction."""
        waiting = [*self._waiting]
        self._written_at = time.monotonic()
        rows = [
            one.rows.assign(model=self.model, run=self._runs[one.outcome.origin])
            for one in waiting
            if one.rows is not None
        ]
        refused: dict[str, LedgerError] = {}
        if rows:
            _, refused = self.ledger.write_all(pd.concat(rows, ignore_index=True))
        # Only now: what is interrupted before is written by the next flush.
        del self._waiting[: len(waiting)]
        failures: dict[date, list[TickerOutcome]] = {}
        for one in waiting:
            outcome = one.outcome
            if outcome.ticker in refused and one.rows is not None:
                error = LedgerError(f"{refused[outcome.ticker]} {CHANGED}")
                outcome = TickerOutcome.failure(outcome.ticker, outcome.origin, error)
                self._tell(Made(outcome))
            if outcome.status == "failed":
                failures.setdefault(outcome.origin, []).append(outcome)
            self.outcomes.append(outcome)
        for origin, failed in failures.items():
            self._add_failures(origin, failed)

    def finish(self, *, abandoned: bool = False) -> None:
        """Write what waits, and note how the run of each origin ended."""
        self.flush()
        for origin, run in self._runs.items():
            own = [one.status for one in self.outcomes if one.origin == origin]
            counts = Counter[str](own)
            status = "finished"
            if counts["failed"]:
                status = "partly" if counts["forecast"] else "failed"
            self.ledger.finish_run(
                run,
                "abandoned" if abandoned else status,
                {"tickers": len(own), **counts},
                finished=self.now(),
            )

    def _add_failures(self, origin: date, failed: list[TickerOutcome]) -> None:
        table = pd.DataFrame(
            {
                "ticker": [one.ticker for one in failed],
                "origin": [pd.Timestamp(one.origin) for one in failed],
                "kind": [one.kind for one in failed],
                "reason": [one.reason for one in failed],
                "n_attempts": [one.n_attempts for one in failed],
            }
        )
        self.ledger.add_failures(self._runs[origin], table)

    def _tell(self, made: Made) -> None:
        outcome = made.outcome
        for text in made.warnings:
            self.journal.tell("doubt", ticker=outcome.ticker, reason=text)
        if outcome.status == "failed":
            facts = {"ticker": outcome.ticker, "origin": outcome.origin}
            more = {"traceback": made.traceback} if made.traceback else {}
            self.journal.tell(
                "failed",
                level="error",
                **facts,
                kind=outcome.kind,
                reason=_named(outcome),
                **more,
            )


def _named(outcome: TickerOutcome) -> str:
    """Return the reason with the ticker in front of it."""
    told = outcome.reason.startswith(outcome.ticker)
    return outcome.reason if told else f"{outcome.ticker}: {outcome.reason}"
