"""Tuning: a search for better settings that never sees the test range."""

from __future__ import annotations

import contextlib
import gc
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.atomic import write_text
from forecaster.config import Config, dump_config, with_values
from forecaster.data.prices import prices_fingerprint, ticker_of
from forecaster.data.splits import session_index, split_training
from forecaster.errors import ConfigError, NotEnoughHistory, TrainingFailed
from forecaster.models.backend import load_keras
from forecaster.models.refits import shared_refits
from forecaster.progress import epoch_progress
from forecaster.study import Study, Trial, open_study
from forecaster.training import train

BEST = "best.toml"
Fold = tuple[date, date, date]


@dataclass(frozen=True, eq=False)
class Tuning:
    """The outcome of a search.

    Attributes
    ----------
    folder
        Where the study and the best settings lie.
    trials
        One row for each trial: `trial state score`, its values by dotted name, and
        the `reason` of a failure. A score is the RMSE over that of last-value.
    best
        The settings of the best trial, ready to train on the whole training range.
    chosen
        What the best trial chose, by dotted name.
    score
        Its score.
    """

    folder: Path
    trials: pd.DataFrame
    best: Config
    chosen: dict[str, Any]
    score: float

    @property
    def best_path(self) -> Path:
        """The file of the best settings."""
        return self.folder / BEST

    @property
    def caution(self) -> str:
        """One sentence on what the best score is worth."""
        return caution(len(self.trials))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        table = self.trials.astype(object).where(self.trials.notna(), None)
        return {
            "folder": str(self.folder),
            "best_config": str(self.best_path),
            "n_trials": len(table),
            "n_failed": int((table["state"] == "failed").sum()),
            "score": self.score,
            "chosen": self.chosen,
            "caution": self.caution,
            "trials": table.to_dict(orient="records"),
        }

    def __repr__(self) -> str:
        return f"Tuning({len(self.trials)} trials, best score {self.score:.4g})"


def caution(n_trials: int) -> str:
    """Return why the best score of several trials flatters."""
    return (
        f"The best of {n_trials} trials is optimistic: this score chose it. Only the "
        "test range, which no trial saw, says what the settings are worth."
    )


def tune(
    prices: pd.DataFrame,
    config: Config,
    *,
    folder: Path,
    n_trials: int,
    progress: bool | None = None,
) -> Tuning:
    """Try settings of the configured space, and keep the best of them.

    A trial trains on the earlier part of the training range and is scored on the
    rest; prices after `training.end` are cut off before anything else. Trials lie in
    the folder: the same call goes on after them, and asks for the same values as
    without an interruption.

    Parameters
    ----------
    prices
        Checked price frame (see `load_prices`).
    config
        Settings with a `tuning.space`.
    folder
        Keeps the study and the best settings.
    n_trials
        Trials in all, those that are finished already included.
    progress
        Show a progress bar; if absent, on a terminal or in a notebook.

    Raises
    ------
    ConfigError
        If there is nothing to search, or the folder holds another search.
    DataError
        If the prices do not cover the training range or are too few to be divided.
    TrainingFailed
        If every trial failed.
    RunLocked
        If another process is at work on the folder.
    """
    if n_trials < 1:
        raise ConfigError(f"want at least 1 trial, got {n_trials}")
    if not config.tuning.space:
        raise ConfigError(
            "there is nothing to search: add a [tuning.space] to the settings, such as "
            '"window.lookback" = [20, 60]'
        )
    session_index(prices)
    known = prices.loc[: pd.Timestamp(config.training.end)]
    folds = _folds(known, config)

    def score(values: dict[str, Any]) -> float:
        for trial in study.finished():
            if trial.chosen == values:  # the same settings would train the same again
                return _score_again(trial)
        return _score(known, config, values, folds)

    with (
        open_study(
            folder,
            config.tuning.space,
            seed=config.training.seed,
            settings=_stamp(config),
            prices=prices_fingerprint(known),
        ) as study,
        epoch_progress(n_trials, shown=progress, unit="trial") as advance,
        _quiet_backend(),
    ):
        _write_best(study, config, folder)
        for number in range(len(study.finished()) + 1, n_trials + 1):
            trial = study.run_next(score)
            _write_best(study, config, folder)
            advance(number, _note(trial))
        return _tuning(study, config, folder)


def _folds(known: pd.DataFrame, config: Config) -> list[Fold]:
    """Return the last date trained on, and the first and the last one scored."""
    settings, training = config.tuning, config.training
    ticker = ticker_of(known, config)
    sessions = session_index(known)
    if not len(sessions):
        raise NotEnoughHistory(ticker, 2, 0, where=f"until {training.end}")
    split = split_training(
        sessions,
        start=training.start,
        end=training.end,
        validation_fraction=settings.validation_fraction,
        ticker=ticker,
    )
    first, stop = split.validation.start, split.validation.stop
    if stop - first < settings.n_folds or first <= split.training.start:
        needed = math.ceil(settings.n_folds / settings.validation_fraction) + 1
        found = stop - split.training.start
        raise NotEnoughHistory(ticker, needed, found, where="to divide into folds")
    days = [session.date() for session in sessions]
    parts = np.array_split(np.arange(first, stop), settings.n_folds)
    return [(days[part[0] - 1], days[part[0]], days[part[-1]]) for part in parts]


def _score(
    known: pd.DataFrame, config: Config, values: dict[str, Any], folds: list[Fold]
) -> float:
    """Return the mean over the folds of the RMSE beside that of last-value."""
    ratios = []
    for trained_until, first, last in folds:
        dates = {
            "training.end": trained_until,
            "evaluation.start": first,
            "evaluation.end": last,
            "evaluation.baselines": (),  # last-value alone counts here
        }
        rows = known.loc[: pd.Timestamp(last)]
        tried = with_values(config, values | dates)
        forecaster = train(rows, tried, refits=shared_refits(), progress=False)
        ratios.append(forecaster.evaluate(rows, first, last).rmse_ratio)
    gc.collect()  # networks hold themselves in circles, and would pile up
    score = float(np.mean(ratios))
    if not math.isfinite(score):
        raise TrainingFailed(
            "the score is no number: the prices of the validation slice never change."
        )
    return score


@contextlib.contextmanager
def _quiet_backend() -> Iterator[None]:
    """Hold back TensorFlow's advice against many networks: a search needs them."""
    load_keras()
    log = logging.getLogger("tensorflow")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _score_again(trial: Trial) -> float:
    if trial.score is None:
        raise TrainingFailed(trial.reason)
    return trial.score


def _stamp(config: Config) -> dict[str, Any]:
    """Return the settings that a score depends on, by dotted name and as text."""
    settings = config.resolved()
    for unscored in ("name", "evaluation", "backtest", "calibration"):
        settings.pop(unscored)
    for place in ("path", "ticker", "source"):
        settings["data"].pop(place, None)
    return {
        f"{section}.{name}": repr(value)
        for section, inner in settings.items()
        for name, value in inner.items()
    }


def _best(study: Study) -> Trial | None:
    scored = [trial for trial in study.finished() if trial.score is not None]
    return min(scored, key=lambda trial: trial.score or 0.0, default=None)


def _best_config(best: Trial, config: Config) -> Config:
    changed: dict[str, Any] = {"name": f"{config.name[:95]}-best"}
    if config.data.path is not None:
        changed["data.path"] = str(Path(config.data.path).resolve())
    return with_values(config, best.chosen | changed)


def _write_best(study: Study, config: Config, folder: Path) -> None:
    best = _best(study)
    if best is None:
        return
    text = (
        f"# Validation score {best.score:.6g} (RMSE, last-value = 1).\n"
        f"# {caution(len(study.finished()))}\n\n"
        f"{dump_config(_best_config(best, config))}"
    )
    path = folder / BEST
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def _tuning(study: Study, config: Config, folder: Path) -> Tuning:
    finished, best = study.finished(), _best(study)
    if best is None or best.score is None:
        reasons = dict.fromkeys(trial.reason for trial in finished)
        raise TrainingFailed(
            f"all {len(finished)} trials failed: {' | '.join(reasons)} Change "
            f"[tuning.space] or the settings, and delete {folder} to begin again."
        )
    rows = [
        {
            "trial": number,
            "state": "failed" if trial.score is None else "complete",
            "score": trial.score,
            **trial.chosen,
            "reason": trial.reason,
        }
        for number, trial in enumerate(finished, start=1)
    ]
    frame = pd.DataFrame(rows).astype({"score": float})
    return Tuning(folder, frame, _best_config(best, config), best.chosen, best.score)


def _note(trial: Trial) -> str:
    return "failed" if trial.score is None else f"score {trial.score:.4g}"
