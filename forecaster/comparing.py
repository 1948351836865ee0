"""Comparing: one of several trainings, made, finished or found again."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from forecaster.bundle import MANIFEST
from forecaster.checksums import read_canonical_json
from forecaster.config import Config, config_from_dict, load_config
from forecaster.errors import BundleError, ForecasterError, RunWarning
from forecaster.evaluation import Evaluation
from forecaster.forecast import TrainedOn
from forecaster.jobs import run_training
from forecaster.preparing import Prices, evaluated_frame, prepare_training
from forecaster.runfolder import begun_run
from forecaster.runs import BUNDLE, Run, find_run, run_names
from forecaster.training import training_stamp


@dataclass(frozen=True, eq=False)
class Job:
    """Settings and the prices that they are tried on, or why there are none."""

    config: Config
    prices: Prices | ForecasterError


@dataclass(frozen=True, eq=False)
class Trial:
    """One training: what came of it, or the error in `failure`.

    `state` is `trained`, `resumed` (an unfinished run was finished), `reused` (a
    finished run was scored again, on the job's own test range) or `failed`.
    """

    name: str
    seed: int
    state: Literal["trained", "resumed", "reused", "failed"]
    run: Run | None = None
    parameters: int = 0
    evaluation: Evaluation | None = None
    failure: ForecasterError | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the trial as plain JSON values."""
        facts: dict[str, Any] = {"name": self.name, "seed": self.seed}
        facts["state"] = self.state
        if self.failure is not None:
            kind, code = type(self.failure).__name__, self.failure.exit_code
            facts |= {"error": kind, "message": str(self.failure), "exit_code": code}
        if self.run is not None and self.evaluation is not None:
            facts |= {"run": str(self.run.folder), "parameters": self.parameters}
            facts |= {"seconds": self.run.record["seconds"]}
            facts |= {"evaluation": self.evaluation.to_dict()}
        return facts


@dataclass(frozen=True, eq=False)
class Workshop:
    """Where trials are made, and the finished runs there by their stamp."""

    runs_dir: Path
    now: Callable[[], datetime]
    progress: bool | None
    finished: dict[str, list[Run]]

    @classmethod
    def of(
        cls, runs_dir: Path, now: Callable[[], datetime], progress: bool | None
    ) -> Workshop:
        """Look through the finished runs of a folder."""
        return cls(runs_dir, now, progress, _finished_runs(runs_dir))

    def attempt(self, job: Job, seed: int) -> Trial:
        """Train a job with a seed, or find the run that did; never raise our errors."""
        try:
            with _retracing_untold():
                return self._attempt(job, seed)
        except ForecasterError as error:
            return Trial(job.config.name, seed, "failed", failure=error)

    def _attempt(self, job: Job, seed: int) -> Trial:
        if isinstance(job.prices, ForecasterError):
            raise job.prices
        name, prices, config = job.config.name, job.prices, seeded(job.config, seed)
        data = prepare_training(prices, config)
        stamp = training_stamp(config, data.trained_on)
        for run in self.finished.get(stamp, ()):
            try:
                forecaster = run.load()
            except BundleError as error:
                warnings.warn(f"not reused: {error}", RunWarning, stacklevel=3)
                continue
            test = config.evaluation
            evaluation = forecaster.evaluate(
                evaluated_frame(prices, config), test.start, test.end
            )
            size = forecaster.network.count_params()
            return Trial(name, seed, "reused", run, size, evaluation)
        begun = begun_run(self.runs_dir, config.name, stamp)
        with warnings.catch_warnings():
            # Other runs of this comparison may well be unfinished.
            warnings.filterwarnings("ignore", "unfinished or at work", RunWarning)
            run = run_training(
                prices,
                config,
                runs_dir=self.runs_dir,
                created=self.now(),
                name=begun,
                existing="resume" if begun else "keep",
                progress=self.progress,
            )
        self.finished.setdefault(stamp, []).append(run)
        return Trial(
            name,
            seed,
            "resumed" if run.record["resumed"] else "trained",
            run,
            run.load().network.count_params(),
            run.load_evaluation(),
        )


def seeded(config: Config, seed: int) -> Config:
    """Return settings with a seed, called after both."""
    settings = config.resolved()
    settings["training"]["seed"] = seed
    settings["name"] = f"{config.name}-seed-{seed}"
    return config_from_dict(settings)


def _finished_runs(runs_dir: Path) -> dict[str, list[Run]]:
    """Return the finished runs by the stamp of their training."""
    found: dict[str, list[Run]] = {}
    for name in run_names(runs_dir):
        try:
            run = find_run(runs_dir / name, runs_dir)
            facts = read_canonical_json(run.folder / BUNDLE / MANIFEST)
            config = load_config(run.folder / BUNDLE / "config.toml")
            stamp = training_stamp(config, TrainedOn(**facts["trained_on"]))
        except (ForecasterError, KeyError, TypeError):
            continue  # damaged, or of another version: nothing to build on
        found.setdefault(stamp, []).append(run)
    return found


@contextmanager
def _retracing_untold() -> Iterator[None]:
    """Keep TensorFlow from advising against many networks in one process."""
    log = logging.getLogger("tensorflow")

    def other(record: logging.LogRecord) -> bool:
        return "tf.function retracing" not in record.getMessage()

    log.addFilter(other)
    try:
        yield
    finally:
        log.removeFilter(other)
