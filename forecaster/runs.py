"""Runs: the whole job from prices to a folder of results, and the list of them."""

from __future__ import annotations

import contextlib
import difflib
import json
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.atomic import output_errors, write_bytes
from forecaster.bundle import (
    MANIFEST,
    canonical_json,
    check_files,
    checksum,
    library_versions,
    load_bundle,
    read_canonical_json,
    save_bundle,
    verify_bundle,
)
from forecaster.config import Config
from forecaster.data.splits import rows_between, session_index
from forecaster.errors import BundleError, NotEnoughHistory, RunNotFound, TrainingFailed
from forecaster.evaluation import Evaluation
from forecaster.forecasting import Forecaster
from forecaster.plotting import plot_history, plot_predictions, save_figure
from forecaster.runfolder import Existing, Workplace, reserve, unfinished_runs
from forecaster.training import prepare_training, train, training_stamp

RECORD, BUNDLE = "run.json", "bundle"
PREDICTIONS, METRICS, HISTORY = "predictions.csv", "metrics.json", "history.csv"
TABLES = (PREDICTIONS, METRICS, HISTORY)
PREDICTIONS_PICTURE, HISTORY_PICTURE = "predicted-vs-real.png", "loss.png"


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run.

    Attributes
    ----------
    folder
        Holds `bundle/`, `run.json`, three tables and two pictures.
    record
        What `run.json` says: creation time, seconds, evaluation, checksums.
    """

    folder: Path
    record: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name

    def load(self) -> Forecaster:
        """Read the trained Forecaster back."""
        return load_bundle(self.folder / BUNDLE)

    def load_evaluation(self) -> Evaluation:
        """Read the evaluation on the test range back.

        Raises
        ------
        BundleError
            If a table is missing or damaged.
        """
        check_files(self.folder, self.record["files"], wanted=TABLES)
        predictions = pd.read_csv(
            self.folder / PREDICTIONS, parse_dates=["origin", "session"]
        )
        return Evaluation.from_dict(self.record["evaluation"], predictions)

    def load_history(self) -> pd.DataFrame:
        """Read the loss of each epoch back, once the tables are checked."""
        check_files(self.folder, self.record["files"], wanted=TABLES)
        return pd.read_csv(self.folder / HISTORY)

    def __repr__(self) -> str:
        return f"Run({self.folder}: {self.record['evaluation']['verdict']['sentence']})"


def run_training(
    prices: pd.DataFrame,
    config: Config,
    *,
    runs_dir: Path,
    created: datetime,
    name: str | None = None,
    existing: Existing = "keep",
    progress: bool | None = None,
) -> Run:
    """Train, evaluate on the test range, and leave a folder with everything.

    Parameters
    ----------
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
    """
    stamp = training_stamp(config, prepare_training(prices, config).trained_on)
    _check_test_range(prices, config)
    workplace = reserve(
        runs_dir,
        name or config.name,
        stamp,
        exact=name is not None,
        existing=existing,
    )
    started = time.monotonic()
    try:
        forecaster = train(
            prices,
            config,
            checkpoint=workplace.checkpoint,
            resume=workplace.resumed,
            progress=progress,
        )
        evaluation = forecaster.evaluate(prices)
        record = {
            "created": created.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - started, 1),
            "resumed": workplace.resumed,
            "epochs": len(forecaster.history),
            "versions": library_versions(),
            "evaluation": evaluation.to_dict(),
        }
        return _publish(workplace, forecaster, evaluation, record)
    except TrainingFailed:
        workplace.checkpoint.unlink(missing_ok=True)  # it would only fail again
        raise
    finally:
        workplace.release()


def find_run(reference: str | Path | None, runs_dir: Path) -> Run:
    """Return a run by name or path; the newest one if there is no reference.

    Raises
    ------
    RunNotFound
        If there is none; the message names those that there are.
    BundleError
        If its record is damaged.
    """
    if reference is None:
        return _newest(runs_dir)
    for folder in (Path(reference), runs_dir / reference):
        if (folder / RECORD).is_file():
            return Run(folder, read_canonical_json(folder / RECORD))
    names = run_names(runs_dir)
    near = difflib.get_close_matches(str(reference), names, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    known = ", ".join(names) or "none yet, make one with `forecaster train`"
    raise RunNotFound(
        f"no run '{reference}' in {runs_dir}{hint} Runs there: {known}. (A ticker is "
        "given with `--ticker`, and a folder of runs with `--runs-dir`.)"
    )


def load_forecaster(reference: str | Path | None, runs_dir: Path) -> Forecaster:
    """Read a Forecaster from a run, or from the folder of a bundle alone."""
    if reference is not None and (Path(reference) / MANIFEST).is_file():
        return load_bundle(reference)
    return find_run(reference, runs_dir).load()


def run_names(runs_dir: Path) -> list[str]:
    """Return the names of the finished runs."""
    return sorted(path.parent.name for path in runs_dir.glob(f"*/{RECORD}"))


def list_runs(runs_dir: Path) -> list[dict[str, Any]]:
    """Return a row for each run: name, state, creation time, ratio and outcome."""
    rows = []
    for name in run_names(runs_dir):
        row: dict[str, Any] = {"name": name, "state": "damaged"}
        try:
            record = read_canonical_json(runs_dir / name / RECORD)
        except BundleError:
            rows.append(row)
            continue
        facts = record["evaluation"]
        row |= {
            "state": "finished",
            "created": record["created"],
            "ticker": facts["ticker"],
            "target": facts["target"],
            "epochs": record["epochs"],
            "rmse_ratio": facts["verdict"]["rmse_ratio"],
            "outcome": facts["verdict"]["outcome"],
        }
        rows.append(row)
    return rows + [
        {"name": name, "state": "unfinished"} for name in unfinished_runs(runs_dir)
    ]


def verify_run(run: Run) -> list[str]:
    """Check every file of a run that has a checksum and return their names.

    Raises
    ------
    BundleError
        Naming the first file that is missing or damaged.
    """
    check_files(run.folder, run.record["files"], wanted=TABLES)
    manifest = verify_bundle(run.folder / BUNDLE)
    inside = [f"{BUNDLE}/{name}" for name in (MANIFEST, *manifest["files"])]
    return [RECORD, *TABLES, *inside]


def draw_run(evaluation: Evaluation, history: pd.DataFrame, folder: Path) -> list[Path]:
    """Draw a run's two pictures into a folder and return their paths."""
    return [
        save_figure(
            lambda ax: plot_predictions(evaluation, ax), folder / PREDICTIONS_PICTURE
        ),
        save_figure(lambda ax: plot_history(history, ax), folder / HISTORY_PICTURE),
    ]


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
        draw_run(evaluation, forecaster.history, folder)
        record["files"] = {name: checksum(folder / name) for name in TABLES}
        (folder / RECORD).write_bytes(canonical_json(record))
    return Run(workplace.target, record)


def _check_test_range(prices: pd.DataFrame, config: Config) -> None:
    """Refuse a test range that the prices cannot serve, before hours of training."""
    ticker = str(prices.attrs.get("ticker", config.data.ticker))
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


def _newest(runs_dir: Path) -> Run:
    runs = []
    for name in run_names(runs_dir):
        with contextlib.suppress(BundleError):
            runs.append(find_run(name, runs_dir))
    if not runs:
        raise RunNotFound(
            f"no finished run in {runs_dir}. Make one with `forecaster train`, or name "
            "the folder with `--runs-dir`."
        )
    return max(runs, key=lambda run: str(run.record["created"]))
