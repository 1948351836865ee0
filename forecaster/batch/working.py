"""Working: hands trainings and forecasts to the engine, and survives its failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby

from forecaster.batch.asking import Made, Question, answer
from forecaster.batch.bundles import PackedBundle
from forecaster.batch.journal import Journal
from forecaster.batch.models import Fit, Model, SavedModel, TrainedModel
from forecaster.batch.reading import Reader
from forecaster.batch.summary import TickerOutcome
from forecaster.batch.training import Training, train_packed
from forecaster.config.batch import ForecastConfig
from forecaster.engine import Outcome, run_each
from forecaster.errors import ForecasterError, NoDataInRange

# Tickers of a task: they share what it costs to send a network to a worker.
N_TOGETHER = 16
# Tasks that a cluster is given at once: it keeps the prices of all in its memory.
MOST_SENT = 64
# Of the tickers that a network is to be trained on.
LEAST_SHARE = 0.9

Pair = tuple[date, str]


@dataclass(frozen=True)
class Engine:
    """Where tasks are done; see `forecaster.engine.run_each`."""

    n_workers: int = 1
    scheduler: str | None = None


@dataclass(frozen=True)
class Task:
    """Tickers that are forecast together, by the same network."""

    fit: Fit | None
    pairs: tuple[Pair, ...]

    @property
    def name(self) -> str:
        """What the engine calls it in its messages."""
        names = [ticker for _, ticker in self.pairs]
        return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def train_due(
    model: Model,
    due: Sequence[Fit],
    reader: Reader,
    engine: Engine,
    journal: Journal,
) -> dict[Fit, Exception]:
    """Train and keep the networks that are not there yet; return what failed.

    Parameters
    ----------
    due
        The networks that are to be trained.
    """
    failed: dict[Fit, Exception] = {}
    if not due or isinstance(model, SavedModel):
        return failed

    def prepare(fit: Fit) -> Training:
        return _training(model, fit, reader, journal)

    outcomes = run_each(
        train_packed,
        due,
        n_workers=engine.n_workers,
        scheduler=engine.scheduler,
        name_of=lambda fit: f"training of {fit.ticker} to {fit.end}",
        prepare=prepare,
    )
    with journal.counting("train", len(due)) as advance:
        for outcome in outcomes:
            fit = outcome.task
            if outcome.error is None:
                model.keep(fit, outcome.get())
            else:
                failed[fit] = outcome.error
                _tell_of_training(journal, outcome)
            advance()
    return failed


def _tell_of_training(journal: Journal, outcome: Outcome[Fit, PackedBundle]) -> None:
    expected = isinstance(outcome.error, ForecasterError)
    more = {} if expected else {"traceback": outcome.traceback}
    reason = f"{outcome.task.ticker}: not trained: {outcome.error}"
    journal.tell("training failed", level="error", reason=reason, **more)


def _training(
    model: TrainedModel, fit: Fit, reader: Reader, journal: Journal
) -> Training:
    """Return what a training needs, of those tickers that have prices."""
    prices, tickers = {}, model.tickers_of(fit)
    for ticker in tickers:
        priced = reader.read_nearly(ticker, fit.end)
        if priced.prices is None:
            reason = f"not trained on: {priced.error}"
            journal.tell("left out", level="warning", ticker=ticker, reason=reason)
        else:
            prices[ticker] = priced.prices
    if len(prices) < LEAST_SHARE * len(tickers):
        # The network stays for many evenings: it shall not hang on one bad evening.
        raise NoDataInRange(
            f"{len(prices)} of {len(tickers)} tickers have prices up to {fit.end}, and "
            f"training wants {LEAST_SHARE:.0%}. Fetch the others, or leave those out "
            "that have none: `data.tickers` of the settings names whom to train on."
        )
    return Training(model.config_of(fit, prices), prices)


@dataclass(frozen=True)
class Forecasting:
    """Forecasts many tickers and origins.

    Attributes
    ----------
    settings
        Horizon and levels.
    function
        What workers run.
    """

    model: Model
    settings: ForecastConfig
    reader: Reader
    engine: Engine
    journal: Journal
    function: Callable[[Question], list[Made]] = answer
    _newest: dict[Fit | None, PackedBundle] = field(default_factory=dict)

    def forecast(self, pairs: Sequence[Pair]) -> Iterator[Made]:
        """Yield what came of each ticker and origin, the oldest origins first.

        With several workers, neighbours may change places. Where a worker died of a
        task, its tickers are tried again one by one, so that only the one that is to
        blame fails.
        """
        tasks = self._tasks(pairs)
        with self.journal.counting("forecast", len(pairs)) as advance:
            lost: list[Task] = []
            for made in self._run(tasks, lost):
                advance()
                yield made
            alone = [Task(task.fit, (pair,)) for task in lost for pair in task.pairs]
            for made in self._run(alone, None):
                advance()
                yield made

    def _run(self, tasks: Sequence[Task], lost: list[Task] | None) -> Iterator[Made]:
        """Yield the answers; collect tasks of several tickers that a worker died of."""
        size = len(tasks) if self.engine.scheduler is None else MOST_SENT
        for first in range(0, len(tasks), max(size, 1)):
            outcomes = run_each(
                self.function,
                tasks[first : first + size],
                n_workers=self.engine.n_workers,
                scheduler=self.engine.scheduler,
                name_of=lambda task: task.name,
                prepare=self._question,
            )
            for outcome in outcomes:
                if outcome.error is None:
                    yield from outcome.get()
                elif lost is not None and len(outcome.task.pairs) > 1:
                    lost.append(outcome.task)
                else:
                    yield from _blamed(outcome.task, outcome.error, outcome.n_attempts)

    def _tasks(self, pairs: Sequence[Pair]) -> list[Task]:
        tasks = []
        ordered = [(day, self.model.fit_for(name, day), name) for day, name in pairs]
        for (_, fit), group in groupby(ordered, key=lambda one: one[:2]):
            own = [(day, name) for day, _, name in group]
            tasks += [
                Task(fit, tuple(own[first : first + N_TOGETHER]))
                for first in range(0, len(own), N_TOGETHER)
            ]
        return tasks

    def _question(self, task: Task) -> Question:
        asked = tuple(self.reader.read(name, day) for day, name in task.pairs)
        return Question(
            self._bundle(task.fit), asked, self.settings.horizon, self.settings.levels
        )

    def _bundle(self, fit: Fit | None) -> PackedBundle:
        if fit not in self._newest:
            self._newest.clear()
            self._newest[fit] = self.model.bundle_of(fit)
        return self._newest[fit]


def _blamed(task: Task, error: Exception, n_attempts: int) -> Iterator[Made]:
    for day, name in task.pairs:
        outcome = TickerOutcome.failure(name, day, error)
        yield Made(replace(outcome, n_attempts=max(1, n_attempts)))


def split_pairs(
    model: Model, pairs: Sequence[Pair], failed: Mapping[Fit, Exception]
) -> tuple[list[Pair], list[Made]]:
    """Return the pairs that have a network, and what came of the others.

    Parameters
    ----------
    failed
        Trainings that failed, and why.
    """
    ready, lost = [], []
    for day, name in pairs:
        try:
            fit = model.fit_for(name, day)
            if fit is not None and fit in failed:
                raise failed[fit]
            ready.append((day, name))
        except Exception as error:
            lost.append(Made(TickerOutcome.failure(name, day, error)))
    return ready, lost
