"""The job: a batch as a scheduler starts it, and all who are told of it."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from forecaster.batch.evening import Evening
from forecaster.batch.journal import Journal
from forecaster.batch.metrics import write_failed_metrics, write_metrics
from forecaster.batch.pinging import POLICY, Signal, check_url, ping
from forecaster.batch.run import run_batch
from forecaster.batch.summary import BatchSummary
from forecaster.batch.working import Engine
from forecaster.config.batch import BatchConfig
from forecaster.data.retrying import RetryPolicy
from forecaster.errors import (
    EXIT_INTERRUPTED,
    EXIT_TERMINATED,
    ForecasterError,
    LedgerHeld,
)
from forecaster.interrupts import Terminated

# A watcher's address is a secret: whoever knows it can speak for the batch.
PING_VARIABLE = "FORECASTER_PING"
BUG = 1


def run_scheduled(
    config: BatchConfig, evening: Evening, *, engine: Engine, journal: Journal
) -> BatchSummary:
    """Run a batch, ping whoever watches it, and leave metrics.

    The watcher is told of the beginning, and of success or the exit code at the end.
    Neither it nor the metrics hear of the replay of a past evening, which says nothing
    about tonight; and nothing that goes wrong with them changes what the batch does.

    Raises
    ------
    ConfigError
        If the watcher's address is none; before anything else.
    ForecasterError
        As `forecaster.batch.run.run_batch`.
    """
    watchers, started = _Watchers.of(config, evening, journal), evening.now()

    def begun() -> None:
        watchers.tell("start")

    try:
        summary = run_batch(
            config, evening, engine=engine, journal=journal, begun=begun
        )
    except LedgerHeld:
        raise  # whoever is at work tells the end
    except BaseException as error:
        nothing = _nothing_done(config, started, evening.now())
        watchers.note_error(nothing, _code_of(error))
        watchers.tell("fail", code=_code_of(error), body=str(error))
        raise
    watchers.note(summary)
    body = f"{summary.status}: {summary.counts}"
    if summary.exit_code:
        watchers.tell("fail", code=summary.exit_code, body=body)
    else:
        watchers.tell("success", body=body)
    return summary


@dataclass(frozen=True)
class _Watchers:
    address: str | None
    metrics: Path | None
    journal: Journal

    @classmethod
    def of(cls, config: BatchConfig, evening: Evening, journal: Journal) -> _Watchers:
        if evening.as_of is not None:
            return cls(None, None, journal)
        address = config.outputs.ping or os.environ.get(PING_VARIABLE)
        if address is not None:
            check_url(address)
        metrics = config.outputs.metrics
        return cls(address, None if metrics is None else Path(metrics), journal)

    def tell(self, signal: Signal, *, code: int | None = None, body: str = "") -> None:
        """Ping the watcher, if there is one."""
        if self.address is None:
            return
        # Whoever ends the process soon kills it.
        hurried = code in (EXIT_TERMINATED, EXIT_INTERRUPTED)
        policy = RetryPolicy(attempts=1) if hurried else POLICY
        with self._doubts():
            ping(self.address, signal, code=code, body=body, policy=policy)

    def note(self, summary: BatchSummary) -> None:
        """Write the metrics, if they are wanted."""
        if self.metrics is not None:
            self._write(partial(write_metrics, self.metrics, summary, summary.scores))

    def note_error(self, summary: BatchSummary, code: int) -> None:
        """Write the metrics of a run without outcomes, if they are wanted."""
        if self.metrics is not None:
            self._write(partial(write_failed_metrics, self.metrics, summary, code))

    def _write(self, write: Callable[[], Path]) -> None:
        try:
            with self._doubts():
                write()
        except ForecasterError as error:
            self.journal.tell("no metrics", level="warning", reason=str(error))

    @contextlib.contextmanager
    def _doubts(self) -> Iterator[None]:
        """Put warnings into the journal."""
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            yield
        for warning in told:
            reason = str(warning.message)
            self.journal.tell("not heard", level="warning", reason=reason)


def _nothing_done(
    config: BatchConfig, started: datetime, finished: datetime
) -> BatchSummary:
    """Return the summary of a run that an error ended."""
    return BatchSummary(
        name=config.name,
        model="",
        ledger="",
        origins=(),
        started=started,
        finished=finished,
        outcomes=(),
    )


def _code_of(error: BaseException) -> int:
    """Return the exit code that the command ends with."""
    if isinstance(error, Terminated):
        return EXIT_TERMINATED
    if isinstance(error, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    return getattr(error, "exit_code", BUG)
