"""Studies: the trials of a search, kept in an Optuna file that only one process uses.

A study's folder holds ``study.db`` (SQLite, as Optuna writes it) and ``lock``.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from forecaster.atomic import output_errors
from forecaster.config import Range
from forecaster.errors import (
    BundleError,
    ConfigError,
    DataError,
    OutputError,
    RunLocked,
    TrainingFailed,
)

STUDY, LOCK, NAME = "study.db", "lock", "forecaster"
SETTINGS, PRICES, REASON = "settings", "prices", "reason"
Space = Mapping[str, Any]


@dataclass(frozen=True)
class Trial:
    """A finished trial: what it chose, and its score or the reason why it has none."""

    chosen: dict[str, Any]
    score: float | None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Study:
    """An open study, locked for this process.

    Attributes
    ----------
    space
        Values to choose from for each setting.
    seed
        Every choice follows from it and from the trials before.
    """

    study: Any
    space: Space
    seed: int

    def finished(self) -> list[Trial]:
        """Return the trials that ended by themselves, oldest first."""
        from optuna.trial import TrialState

        found = []
        for trial in self.study.get_trials(deepcopy=False):
            reason = trial.user_attrs.get(REASON)
            if trial.state == TrialState.COMPLETE:
                found.append(Trial(self._values(trial.params), trial.value))
            elif trial.state == TrialState.FAIL and reason is not None:
                found.append(Trial(self._values(trial.params), None, reason))
        return found

    def run_next(self, score: Callable[[dict[str, Any]], float]) -> Trial:
        """Choose values, score them, and keep the outcome.

        A trial that is stopped by anything but its own failure does not count: its
        values are chosen again.
        """
        from optuna.samplers import TPESampler
        from optuna.trial import TrialState

        # A sampler for each trial: a study that goes on asks what it would have asked.
        seed = np.random.SeedSequence([self.seed, len(self.finished())])
        self.study.sampler = TPESampler(seed=int(seed.generate_state(1)[0]))
        trial = self.study.ask()
        try:
            for name in sorted(self.space):
                _suggest(trial, name, self.space[name])
            values = self._values(trial.params)
            found = Trial(values, score(values))
            self.study.tell(trial, found.score)
        except (TrainingFailed, DataError, ConfigError) as error:
            found = Trial(values, None, str(error))
            trial.set_user_attr(REASON, found.reason)
            self.study.tell(trial, state=TrialState.FAIL)
        except BaseException:
            self.study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
            raise
        return found

    def _values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: _decode(params[name], choices) for name, choices in self.space.items()
        }


@contextlib.contextmanager
def open_study(
    folder: Path, space: Space, *, seed: int, settings: dict[str, Any], prices: str
) -> Iterator[Study]:
    """Open a folder's study, or begin one, and keep other processes out.

    Parameters
    ----------
    settings, prices
        Plain settings and a fingerprint; only a study begun with both goes on.

    Raises
    ------
    RunLocked
        If another process is at work on the study.
    ConfigError
        If it was begun with other settings or other prices.
    BundleError
        If its file is damaged.
    OutputError
        If the folder cannot be written.
    """
    with _locked(folder), _storage_errors(folder), _storage(folder / STUDY) as storage:
        import optuna
        from optuna.trial import TrialState

        study = optuna.create_study(
            storage=storage, study_name=NAME, direction="minimize", load_if_exists=True
        )
        _check_stamp(study, folder, json.loads(json.dumps(settings)), prices)
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            study.tell(trial.number, state=TrialState.FAIL)  # left by a killed process
        yield Study(study, space, seed)


def _suggest(trial: Any, name: str, choices: Any) -> None:
    if not isinstance(choices, Range):
        trial.suggest_categorical(name, [_encode(choice) for choice in choices])
    elif choices.whole:
        step = choices.step or 1
        trial.suggest_int(name, choices.low, choices.high, step=step, log=choices.log)
    else:
        trial.suggest_float(
            name, choices.low, choices.high, step=choices.step, log=choices.log
        )


def _encode(choice: Any) -> Any:
    """Return a choice as Optuna keeps it: lists and tables become text."""
    return choice if isinstance(choice, int | float | str) else json.dumps(choice)


def _decode(value: Any, choices: Any) -> Any:
    if isinstance(choices, Range):
        return value
    return next(choice for choice in choices if _encode(choice) == value)


def _check_stamp(
    study: Any, folder: Path, settings: dict[str, Any], prices: str
) -> None:
    known = study.user_attrs
    if SETTINGS not in known or PRICES not in known:  # new, or killed just now
        study.set_user_attr(SETTINGS, settings)
        study.set_user_attr(PRICES, prices)
        return
    differing = [
        name
        for name in sorted(settings.keys() | known[SETTINGS].keys())
        if settings.get(name) != known[SETTINGS].get(name)
    ]
    differing += ["the prices"] if known[PRICES] != prices else []
    if differing:
        raise ConfigError(
            f"the search in {folder} was begun with other settings or prices: "
            f"{', '.join(differing)} differ. Go on with the same ones, give this "
            "search another name, or delete the folder to begin again."
        )


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = filelock.FileLock(folder / LOCK)
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise RunLocked(
                f"another process is at work on the search {folder}. Wait for it, or "
                "give this search another name."
            ) from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _storage(path: Path) -> Iterator[Any]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # A creator opens any path, also one with characters that a URL would cut.
    storage = optuna.storages.RDBStorage(
        f"sqlite:///{STUDY}",
        engine_kwargs={"creator": lambda: sqlite3.connect(path)},
    )
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


@contextlib.contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import OperationalError, SQLAlchemyError

    path = folder / STUDY
    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        reason = str(getattr(cause, "orig", cause))
        if isinstance(cause, OperationalError):
            raise OutputError(
                f"cannot write {path}: {reason}. Free some space, or choose a folder "
                "that you may write."
            ) from error
        raise BundleError(
            f"{path} is damaged: {reason}. Delete the folder to begin again."
        ) from error
