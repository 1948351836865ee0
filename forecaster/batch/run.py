"""The run of a batch: fetch, check, train what is due, forecast, record, report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain

import pandas as pd

from forecaster.batch.actuals import bring_actuals
from forecaster.batch.asking import Made
from forecaster.batch.due import Due, Wanted, find_due, wanted_origins
from forecaster.batch.evening import Evening
from forecaster.batch.fetching import Failure, Fetcher, check_source
from forecaster.batch.journal import Journal
from forecaster.batch.models import Fit, Model, choose_model
from forecaster.batch.outputs import (
    check_writable,
    is_written,
    outcomes_known,
    write_outputs,
)
from forecaster.batch.provenance import Provenance
from forecaster.batch.reading import Reader
from forecaster.batch.recording import Recorder
from forecaster.batch.summary import BatchSummary, TickerOutcome
from forecaster.batch.universe import read_universe
from forecaster.batch.working import (
    Engine,
    Forecasting,
    Pair,
    split_pairs,
    train_due,
)
from forecaster.config.batch import BatchConfig
from forecaster.data.store import PriceStore
from forecaster.ledger import Ledger
from forecaster.loading import companions_of

# Errors that say no more than that prices are missing.
ABSENT = ("NoDataInRange", "SourceUnavailable", "SymbolNotFound")


def run_batch(
    config: BatchConfig,
    evening: Evening,
    *,
    engine: Engine | None = None,
    journal: Journal | None = None,
    begun: Callable[[], None] = lambda: None,
) -> BatchSummary:
    """Make the forecasts that are due and not in the ledger, and record them.

    Doing it again does nothing. A ticker that fails does not stop the others; its
    reason is in the summary and in the ledger. Whatever ends the process, what was
    recorded stays, and the next call makes the rest.

    Parameters
    ----------
    engine
        Where the work is done; by default in this process.
    journal
        Is told what happens.
    begun
        Is called once no other process can be at work on this batch.

    Returns
    -------
    BatchSummary
        What became of each ticker and origin.

    Raises
    ------
    ConfigError, BundleError
        If the settings contradict each other, or the network cannot be read.
    LedgerHeld
        If another process is at work on the same batch (exit code 75).
    LedgerError, OutputError, ClusterFailed
        If the ledger, the disk or the cluster fails. What was recorded stays.
    """
    started = evening.now()
    told = Journal() if journal is None else journal
    check_source(config.source)
    universe = read_universe(config.universe, config.source)
    model = choose_model(config, universe, evening.runs_dir)
    origins = wanted_origins(
        config, now=started, as_of=evening.as_of, catch_up=evening.catch_up
    )
    with Ledger.open(config.ledger.place) as ledger, ledger.lock(config.name):
        begun()
        n_killed = ledger.abandon_runs(config.name, finished=started)
        if n_killed:
            told.tell("earlier runs were killed", runs=n_killed)
        wanted = Wanted.of(model.config, config.forecast)
        due = find_due(ledger, model.label, wanted, universe, origins)
        told.tell(
            "due",
            batch=config.name,
            model=model.label,
            tickers=len(universe),
            origins=[str(day) for day in origins],
            missing=len(due.pairs),
        )
        job = _Job(config, evening, engine or Engine(), told, model, ledger, universe)
        summary = job.work(due, started)
    told.tell(
        "end",
        status=summary.status,
        counts=summary.counts,
        seconds=round(summary.seconds, 3),
        files=summary.files,
    )
    return summary


@dataclass
class _Job:
    config: BatchConfig
    evening: Evening
    engine: Engine
    journal: Journal
    model: Model
    ledger: Ledger
    universe: tuple[str, ...]

    def __post_init__(self) -> None:
        self.reader = Reader(self.config.source, self.model.config)
        self.recorder = Recorder(
            self.ledger,
            self.journal,
            self.config.name,
            self.model.label,
            self.model.config.data.target,
            self.evening.now,
        )

    def work(self, due: Due, started: datetime) -> BatchSummary:
        """Do what is due, and return what became of it.

        An evening is done once its outputs are written: where the process was ended
        before that, they are made now.
        """
        unwritten = [
            origin
            for origin in due.origins
            if due.missing[origin] or not is_written(self.config, origin)
        ]
        if not unwritten:
            return self.summary(due, started)
        check_writable(self.config)
        if due.pairs:
            self._make(due)
        scores = self._score(due)
        summary = self.summary(due, started)
        sources = Provenance(self.config, self.model, self.ledger)
        files = write_outputs(
            self.config, self.ledger, summary, unwritten, scores, sources
        )
        return replace(summary, files=files, scores=scores)

    def _make(self, due: Due) -> None:
        """Fetch, train and forecast what is missing, and record it."""
        pairs, early = split_pairs(self.model, due.pairs, {})
        fits = self._due_fits(pairs)
        failures = self._fetch(pairs, fits)
        failed = train_due(self.model, fits, self.reader, self.engine, self.journal)
        ready, untrained = split_pairs(self.model, pairs, failed)
        for origin in due.origins:
            if due.missing[origin]:
                self.recorder.begin(origin, self._fingerprint(origin, ready))
        try:
            for made in chain(early, untrained, self._forecast(ready)):
                self.recorder.add(_explained(made, failures))
                self.evening.heed()
            self.recorder.finish()
        except BaseException:
            # Also on Ctrl-C and SIGTERM: what was made is kept.
            self.recorder.finish(abandoned=True)
            raise

    def _fingerprint(self, origin: date, ready: Sequence[Pair]) -> str | None:
        """Return what identifies the network of an evening, if there is one."""
        is_ready = any(day == origin for day, _ in ready)
        return self.model.fingerprint_for(origin) if is_ready else None

    def summary(self, due: Due, started: datetime) -> BatchSummary:
        """Return what became of every ticker so far."""
        known = [
            outcome
            for origin in due.origins
            for outcome in outcomes_known(self.universe, due.missing[origin], origin)
        ]
        return BatchSummary(
            name=self.config.name,
            model=self.model.label,
            ledger=self.ledger.place,
            origins=due.origins,
            started=started,
            finished=self.evening.now(),
            outcomes=tuple(
                sorted(
                    [*known, *self.recorder.outcomes],
                    key=lambda one: (one.origin, one.ticker),
                )
            ),
            ages=dict(self.reader.ages),
        )

    def _fetch(self, pairs: Sequence[Pair], fits: Sequence[Fit]) -> dict[str, Failure]:
        if not pairs:
            return {}
        fetcher = Fetcher(
            self.config.source,
            PriceStore(),
            self.journal,
            self.evening.now,
            self.evening.sleep,
        )
        newest = {ticker: origin for origin, ticker in pairs}
        last = max(newest.values())
        return fetcher.fetch(dict.fromkeys(self._further_tickers(fits), last) | newest)

    def _further_tickers(self, fits: Sequence[Fit]) -> tuple[str, ...]:
        """Return the tickers that networks need beside those that they forecast."""
        further = list(companions_of(self.model.config))
        for fit in fits:
            further += self.model.tickers_of(fit)
        return tuple(dict.fromkeys(name.upper() for name in further))

    def _due_fits(self, pairs: Sequence[Pair]) -> list[Fit]:
        """Return the networks that are to be trained, each once."""
        fits = [self.model.fit_for(name, day) for day, name in pairs]
        wanted = [fit for fit in dict.fromkeys(fits) if fit is not None]
        for fit in wanted:
            damage = self.model.set_aside(fit)
            if damage is not None:
                self.journal.tell("trained again", level="warning", reason=damage)
        return [fit for fit in wanted if not self.model.is_there(fit)]

    def _forecast(self, pairs: Sequence[Pair]) -> Iterator[Made]:
        forecasting = Forecasting(
            self.model, self.config.forecast, self.reader, self.engine, self.journal
        )
        return forecasting.forecast(pairs)

    def _score(self, due: Due) -> pd.DataFrame | None:
        """Store the prices that came, and score what was forecast before.

        A replay of an evening sees no later prices than that evening did, so it adds
        nothing to what is known.
        """
        if not self.config.ledger.score or self.evening.as_of is not None:
            return None
        newest = dict.fromkeys(self.universe, due.origins[-1])
        bring_actuals(self.ledger, self.model.label, newest, self.reader, self.journal)
        return self.ledger.score(model=self.model.label, keep=True)


def _explained(made: Made, failures: Mapping[str, Failure]) -> Made:
    """Say why prices are missing, where the source was asked for them."""
    outcome = made.outcome
    failure = failures.get(outcome.ticker)
    if failure is None or outcome.kind not in ABSENT:
        return made
    told = TickerOutcome.failure(
        outcome.ticker, outcome.origin, failure.error, failure.n_attempts
    )
    return replace(made, outcome=told)
