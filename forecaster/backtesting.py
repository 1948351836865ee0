"""Backtesting: a walk-forward test in a folder of its own, resumed after a stop.

::

    runs/NAME.backtest/
        request.json       settings and a fingerprint of the prices
        fold-1/            a training and its forecasts: bundle/, predictions.parquet
        predictions.parquet, scores.csv, backtest.json
                           of all folds, written when the last one is there
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import filelock
import pandas as pd

from forecaster.atomic import new_folder, output_errors, write_bytes, write_text
from forecaster.backtest import (
    BUNDLE,
    INDEX_COLUMNS,
    Task,
    join_frames,
    tasks_for,
    walk,
)
from forecaster.backtest_scores import Backtest, score_backtest
from forecaster.bundle import load_bundle
from forecaster.calibrating import calibrate_frame
from forecaster.config import Config
from forecaster.data.prices import prices_fingerprint
from forecaster.engine import run_tasks
from forecaster.errors import BundleError, ConfigError, RunLocked
from forecaster.forecasting import Forecaster
from forecaster.preparing import Prices, frames_of
from forecaster.progress import epoch_progress

SUFFIX, REQUEST, LOCK = ".backtest", "request.json", "lock"
FOLD = "fold-"
PREDICTIONS, SCORES, FACTS = "predictions.parquet", "scores.csv", "backtest.json"


def walk_forward(
    prices: Prices,
    config: Config,
    *,
    folder: Path | None = None,
    n_workers: int = 1,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Train and forecast fold after fold, and return all forecasts in one long frame.

    Every fold starts from fresh weights that follow from `training.seed`, with a
    scaler fitted on its own training rows; nothing later than its test range is handed
    to it.

    Parameters
    ----------
    prices
        Checked price frame (see `load_prices`), or one for each of `data.tickers`.
    config
        Settings; the walk leads from the end of the training range through the test
        range, see `forecaster.config.backtest`.
    folder
        Keeps every finished training, so that the same call goes on after a stop.
    n_workers
        Trainings at once, each in a process of its own.
    progress
        Show a progress bar; if absent, on a terminal or in a notebook.

    Returns
    -------
    DataFrame
        One row for each ticker, origin, step and model, see `forecaster.backtest.walk`.

    Raises
    ------
    ConfigError
        If the folder holds a test of other settings or prices; if a warm start is
        asked for with several workers.
    DataError
        If the prices do not cover the ranges.
    RunLocked
        If another process is at work in the folder.
    """
    if config.backtest.warm_start and (folder is None or n_workers > 1):
        raise ConfigError(
            "backtest.warm_start takes one fold after the other, from weights that are "
            "kept: give a folder, and one worker."
        )
    if folder is None:
        tasks = tasks_for(prices, config)
        return join_frames(_run(tasks, walk, n_workers, progress, []))
    with _opened(folder, prices, config):
        tasks = tasks_for(prices, config, place_of=partial(fold_folder, folder))
        done = [task for task in tasks if _of(task).exists()]
        left = [task for task in tasks if task not in done]
        frames = [_read(_of(task)) for task in done]
        return join_frames(_run(left, walk_and_keep, n_workers, progress, frames))


def run_backtest(
    prices: Prices,
    config: Config,
    *,
    folder: Path | None = None,
    n_workers: int = 1,
    progress: bool | None = None,
) -> Backtest:
    """Walk forward, calibrate as the settings say, and score; see `walk_forward`.

    With a folder, `predictions.parquet`, `scores.csv` and `backtest.json` are left in
    it beside the folds.
    """
    frame = walk_forward(
        prices, config, folder=folder, n_workers=n_workers, progress=progress
    )
    backtest = score_backtest(calibrate_frame(frame, config.calibration.method))
    if folder is not None:
        save_backtest(backtest, folder)
    return backtest


def save_backtest(backtest: Backtest, folder: Path) -> None:
    """Write all forecasts, the scores by ticker, and all facts as JSON."""
    parquet = io.BytesIO()
    backtest.frame.to_parquet(parquet)
    write_bytes(folder / PREDICTIONS, parquet.getvalue())
    write_text(folder / SCORES, backtest.by("ticker").to_csv())
    write_text(folder / FACTS, json.dumps(backtest.to_dict(), indent=1) + "\n")


def fold_folder(folder: Path, number: int) -> Path:
    """Return the folder that keeps the training of a fold."""
    return folder / f"{FOLD}{number}"


def walk_and_keep(task: Task) -> pd.DataFrame:
    """Walk through a task's folds and keep bundle and forecasts, or nothing."""
    target = _of(task)
    with new_folder(target) as staging:
        rows = walk(replace(task, keep=staging))
        rows.to_parquet(staging / PREDICTIONS, write_page_checksum=True)
    return rows


def _run(
    tasks: list[Task],
    function: Callable[[Task], pd.DataFrame],
    n_workers: int,
    progress: bool | None,
    frames: list[pd.DataFrame],
) -> list[pd.DataFrame]:
    n_all = len(frames) + len(tasks)
    with epoch_progress(n_all, shown=progress, unit="training") as advance:
        for task, frame in run_tasks(function, tasks, n_workers=n_workers):
            frames = [*frames, frame]
            first, last = task.folds[0], task.folds[-1]
            advance(len(frames), f"tested {first.start} to {last.end}")
    return frames


@contextlib.contextmanager
def _opened(folder: Path, prices: Prices, config: Config) -> Iterator[None]:
    """Keep other processes out of the folder, and refuse another test's."""
    request = _request(prices, config)
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise RunLocked(
            f"another process is at work on the walk-forward test {folder}. Wait for "
            "it, or give this one another name."
        ) from None
    try:
        _check_request(folder, request)
        for unfinished in folder.glob(f".{FOLD}*"):  # of a process that was killed
            shutil.rmtree(unfinished, ignore_errors=True)
        yield
    finally:
        lock.release()


def _check_request(folder: Path, request: dict[str, Any]) -> None:
    file = folder / REQUEST
    if not file.exists():
        write_text(file, json.dumps(request, indent=1) + "\n")
        return
    try:
        known = dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise BundleError(
            f"{file} is damaged. Delete the folder to begin the walk-forward test anew."
        ) from None
    names = dict.fromkeys([*request, *known])
    differing = [name for name in names if request.get(name) != known.get(name)]
    if differing:
        raise ConfigError(
            f"the walk-forward test in {folder} was begun with other settings or "
            f"prices: {', '.join(differing)} differ. Give this one another name, or "
            "delete the folder to begin again."
        )


def _request(prices: Prices, config: Config) -> dict[str, Any]:
    """Return what forecasts depend on, as plain JSON by dotted name."""
    settings = config.resolved()
    for irrelevant in ("name", "tuning", "calibration"):
        settings.pop(irrelevant)
    settings["data"].pop("path", None)
    known = {
        f"{section}.{name}": value
        for section, inner in settings.items()
        for name, value in inner.items()
    }
    known["prices"] = {
        ticker: prices_fingerprint(frame.loc[: pd.Timestamp(config.evaluation.end)])
        for ticker, frame in frames_of(prices, config).items()
    }
    plain: dict[str, Any] = json.loads(json.dumps(known, default=str))
    return plain


def _of(task: Task) -> Path:
    if task.keep is None:
        raise ValueError("this task keeps nothing")
    return task.keep


def _read(folder: Path) -> pd.DataFrame:
    try:
        rows = pd.read_parquet(folder / PREDICTIONS, page_checksum_verification=True)
        rows[list(INDEX_COLUMNS)]  # refuses other tables
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise BundleError(
            f"{folder / PREDICTIONS} cannot be read ({reason}). Delete {folder}: the "
            "same command then makes this fold again."
        ) from error
    return rows


def is_backtest(folder: Path) -> bool:
    """Tell whether a folder holds a walk-forward test."""
    return (folder / REQUEST).is_file()


def load_folds(folder: Path) -> list[tuple[Forecaster, date, date]]:
    """Return each training of a walk-forward test with its test range, in order.

    Raises
    ------
    BundleError
        If no training is finished, or one is damaged.
    """
    places = [path.parent for path in folder.glob(f"fold-*/{PREDICTIONS}")]
    if not places:
        raise BundleError(
            f"{folder} holds no finished fold. Run `forecaster backtest` first."
        )
    trained = [load_bundle(place / BUNDLE) for place in places]
    folds = [
        (one, one.config.evaluation.start, one.config.evaluation.end) for one in trained
    ]
    return sorted(folds, key=lambda fold: fold[1])
