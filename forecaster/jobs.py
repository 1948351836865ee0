"""Jobs: from prices to a run's folder, with its tables and its pictures."""

from __future__ import annotations

import json
import time
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.atomic import output_errors, write_bytes
from forecaster.bundle import library_versions, save_bundle
from forecaster.checksums import canonical_json, checksum
from forecaster.config import Config
from forecaster.data.prices import ticker_of
from forecaster.data.splits import rows_between, session_index
from forecaster.errors import NotEnoughHistory, RunWarning, TrainingFailed
from forecaster.evaluation import Evaluation
from forecaster.forecasting import Forecaster
from forecaster.outoffold import train_calibrated
from forecaster.plotting import (
    GRADIENT,
    plot_gradients,
    plot_history,
    plot_predictions,
    save_figure,
)
from forecaster.preparing import Prices, evaluated_frame, prepare_training
from forecaster.runfolder import Existing, Workplace, reserve, unfinished_runs
from forecaster.runs import (
    BUNDLE,
    GRADIENTS_PICTURE,
    HISTORY,
    HISTORY_PICTURE,
    METRICS,
    PREDICTIONS,
    PREDICTIONS_PICTURE,
    RECORD,
    TABLES,
    Run,
)
from forecaster.training import training_stamp

# Of a training that was stopped.
KEPT = "The same command goes on with `--resume` (in place of `--overwrite`)."
NOTHING_KEPT = "No epoch was finished: the same command starts anew."


def run_training(
    prices: Prices,
    config: Config,
    *,
    runs_dir: Path,
    created: datetime,
    name: str | None = None,
    existing: Existing = "keep",
    progress: bool | None = None,
) -> Run:
    """Train, evaluate on the test range, and leave a folder with everything.

    With a `calibration.method`, networks for parts of the training range are trained
    too, see `forecaster.outoffold.train_calibrated`.

    Parameters
    ----------
    prices
        Checked price frame, or one for each of `data.tickers`; those of `data.ticker`
        are evaluated.
    runs_dir
        Where run folders lie.
    created
        The time that the record states.
    name
        Exact name of the folder; if absent, the first free one of ``config.name``,
        ``config.name-2``, …
    existing
        What becomes of an earlier run; see `forecaster.runfolder.reserve`.

    Raises
    ------
    DataError
        If the prices do not cover the training and the test range; before any
        training.
    OutputError
        If the folder cannot be written.
    RunLocked
        If another process is at work on the same name.
    KeyboardInterrupt
        If it is stopped; a note of the exception says whether it can be resumed.
    """
    stamp = training_stamp(config, prepare_training(prices, config).trained_on)
    tested = evaluated_frame(prices, config)
    _check_test_range(tested, config)
    workplace = reserve(
        runs_dir,
        name or config.name,
        stamp,
        exact=name is not None,
        existing=existing,
    )
    _tell_of_unfinished(workplace, existing)
    started = time.monotonic()
    try:
        forecaster = train_calibrated(
            prices,
            config,
            checkpoint=workplace.checkpoint,
            resume=workplace.resumed,
            progress=progress,
        )
        evaluation = forecaster.evaluate(tested)
        record = {
            "created": created.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - started, 1),
            "resumed": workplace.resumed,
            "epochs": len(forecaster.history),
            "versions": library_versions(),
            "evaluation": evaluation.to_dict(),
        }
        return _publish(workplace, forecaster, evaluation, record)
    except KeyboardInterrupt as stopped:
        stopped.add_note(KEPT if workplace.checkpoint.exists() else NOTHING_KEPT)
        raise
    except TrainingFailed:
        workplace.checkpoint.unlink(missing_ok=True)  # it would only fail again
        raise
    finally:
        workplace.release()


def redraw(run: Run) -> list[Path]:
    """Draw a run's pictures again in its own folder, and record their checksums."""
    paths = draw_run(run.load_evaluation(), run.load_history(), run.folder)
    run.record["files"] |= {path.name: checksum(path) for path in paths}
    write_bytes(run.folder / RECORD, canonical_json(run.record))
    return paths


def draw_run(evaluation: Evaluation, history: pd.DataFrame, folder: Path) -> list[Path]:
    """Draw a run's pictures into a folder and return their paths."""
    paths = [
        save_figure(
            lambda ax: plot_predictions(evaluation, ax), folder / PREDICTIONS_PICTURE
        ),
        save_figure(lambda ax: plot_history(history, ax), folder / HISTORY_PICTURE),
    ]
    if any(str(name).startswith(GRADIENT) for name in history):
        file = folder / GRADIENTS_PICTURE
        paths.append(save_figure(lambda ax: plot_gradients(history, ax), file))
    return paths


def write_evaluation(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write an evaluation's table and scores into a folder and return their paths."""
    table = evaluation.predictions.to_csv(index=False, date_format="%Y-%m-%d")
    scores = json.dumps(evaluation.to_dict(), indent=1) + "\n"
    write_bytes(folder / PREDICTIONS, table.encode())
    write_bytes(folder / METRICS, scores.encode())
    return [folder / PREDICTIONS, folder / METRICS]


def _publish(
    workplace: Workplace,
    forecaster: Forecaster,
    evaluation: Evaluation,
    record: dict[str, Any],
) -> Run:
    with workplace.publish() as folder, output_errors(workplace.target):
        save_bundle(forecaster, folder / BUNDLE)
        write_evaluation(evaluation, folder)
        forecaster.history.to_csv(folder / HISTORY, index=False)
        pictures = draw_run(evaluation, forecaster.history, folder)
        paths = [*(folder / name for name in TABLES), *pictures]
        record["files"] = {path.name: checksum(path) for path in paths}
        (folder / RECORD).write_bytes(canonical_json(record))
    return Run(workplace.target, record)


def _tell_of_unfinished(workplace: Workplace, existing: Existing) -> None:
    """Warn where `--resume` found nothing, or an unfinished run is left lying."""
    if existing == "resume" and not workplace.resumed:
        message = f"there is nothing to resume: {workplace.target} starts anew."
        warnings.warn(message, RunWarning, stacklevel=3)
    others = unfinished_runs(workplace.target.parent)
    idle = [name for name in others if name != workplace.target.name]
    if existing == "keep" and idle:
        warnings.warn(
            f"unfinished or at work: {', '.join(idle)}. An unfinished run goes on "
            "by `--resume --name NAME`; `--overwrite --name NAME` starts it again.",
            RunWarning,
            stacklevel=3,
        )


def _check_test_range(prices: pd.DataFrame, config: Config) -> None:
    """Refuse a test range that the prices cannot serve, before hours of training."""
    ticker = ticker_of(prices, config)
    test = rows_between(
        session_index(prices),
        config.evaluation.start,
        config.evaluation.end,
        ticker=ticker,
        what="test",
    )
    n_sessions, horizon = test.stop - test.start, config.window.horizon
    if n_sessions < horizon:
        raise NotEnoughHistory(ticker, horizon, n_sessions, where="in the test range")
