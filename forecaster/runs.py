"""Runs: the whole job from prices to a folder of results, and the list of them."""

from __future__ import annotations

import contextlib
import difflib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.bundle import MANIFEST, load_bundle, verify_bundle
from forecaster.checksums import check_files, read_canonical_json
from forecaster.errors import (
    BundleError,
    RunNotFound,
)
from forecaster.evaluation import Evaluation
from forecaster.forecasting import Forecaster
from forecaster.runfolder import unfinished_runs
from forecaster.verdict import best_facts

RECORD, BUNDLE = "run.json", "bundle"
PREDICTIONS, METRICS, HISTORY = "predictions.csv", "metrics.json", "history.csv"
TABLES = (PREDICTIONS, METRICS, HISTORY)
PREDICTIONS_PICTURE, HISTORY_PICTURE = "predicted-vs-real.png", "loss.png"
PICTURES = (PREDICTIONS_PICTURE, HISTORY_PICTURE)
# Drawn where gradients were watched.
GRADIENTS_PICTURE = "gradients.png"


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

    def load(self, *, fast: bool = False) -> Forecaster:
        """Read the trained Forecaster back; `fast` is that of `load_bundle`."""
        return load_bundle(self.folder / BUNDLE, fast=fast)

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

    def _repr_html_(self) -> str:
        return f"<p><b>Run {self.folder}</b></p>{self.load_evaluation()._repr_html_()}"

    def __repr__(self) -> str:
        return f"Run({self.folder}: {self.record['evaluation']['verdict']['sentence']})"


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
    if str(reference) in unfinished_runs(runs_dir):
        raise RunNotFound(_told_unfinished([str(reference)]))
    names = run_names(runs_dir)
    near = difflib.get_close_matches(str(reference), names, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    known = ", ".join(names) or "none yet, make one with `forecaster train`"
    raise RunNotFound(
        f"no run '{reference}' in {runs_dir}{hint} Runs there: {known}. (A ticker is "
        "given with `--ticker`, and a folder of runs with `--runs-dir`.)"
    )


def load_forecaster(
    reference: str | Path | None, runs_dir: Path, *, fast: bool = False
) -> Forecaster:
    """Read a Forecaster from a run, or from the folder of a bundle alone.

    Parameters
    ----------
    fast
        As in `forecaster.bundle.load_bundle`.
    """
    if reference is not None and (Path(reference) / MANIFEST).is_file():
        return load_bundle(reference, fast=fast)
    return find_run(reference, runs_dir).load(fast=fast)


def name_of_run(reference: str | Path | None, runs_dir: Path) -> str:
    """Return the name by which a ledger knows what `load_forecaster` reads."""
    if reference is not None and (Path(reference) / MANIFEST).is_file():
        folder = Path(reference).resolve()
        of_a_run = folder.name == BUNDLE and (folder.parent / RECORD).is_file()
        return folder.parent.name if of_a_run else folder.name
    return find_run(reference, runs_dir).name


def run_names(runs_dir: Path) -> list[str]:
    """Return the names of the finished runs."""
    return sorted(path.parent.name for path in runs_dir.glob(f"*/{RECORD}"))


def list_runs(runs_dir: Path) -> list[dict[str, Any]]:
    """Return a row for each run: name, state, creation time, ratio and outcome.

    The outcome is that of `Evaluation.best_verdict`, on the `measure` beside it.
    """
    rows = []
    for name in run_names(runs_dir):
        row: dict[str, Any] = {"name": name, "state": "damaged"}
        try:
            record = read_canonical_json(runs_dir / name / RECORD)
        except BundleError:
            rows.append(row)
            continue
        facts = record["evaluation"]
        verdict = best_facts(facts)
        row |= {
            "state": "finished",
            "created": record["created"],
            "ticker": facts["ticker"],
            "target": facts["target"],
            "epochs": record["epochs"],
            "rmse_ratio": facts["scores"]["model"]["rmse_ratio"],
            "outcome": verdict["outcome"],
            "measure": verdict["measure"],
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
    files = read_canonical_json(run.folder / RECORD)["files"]
    names = tuple(dict.fromkeys((*TABLES, *PICTURES, *files)))
    check_files(run.folder, files, wanted=names)
    manifest = verify_bundle(run.folder / BUNDLE)
    inside = [f"{BUNDLE}/{name}" for name in (MANIFEST, *manifest["files"])]
    return [RECORD, *names, *inside]


def _newest(runs_dir: Path) -> Run:
    runs = []
    for name in run_names(runs_dir):
        with contextlib.suppress(BundleError):
            runs.append(find_run(name, runs_dir))
    if not runs:
        unfinished = unfinished_runs(runs_dir)
        begun = f" {_told_unfinished(unfinished)}" if unfinished else ""
        raise RunNotFound(
            f"no finished run in {runs_dir}.{begun} Make one with `forecaster train`, "
            "or name the folder with `--runs-dir`."
        )
    return max(runs, key=lambda run: datetime.fromisoformat(run.record["created"]))


def _told_unfinished(names: list[str]) -> str:
    which = f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"
    return (
        f"{which} unfinished, or still in training: the command that began it goes on "
        "with `--resume`."
    )
