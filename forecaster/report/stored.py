"""Stored: what a report is about, found by name or folder and read with its checks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from forecaster.backtest import BUNDLE, INDEX_COLUMNS
from forecaster.backtest_scores import (
    MODEL,
    UNCALIBRATED,
    Backtest,
    lags_of,
    score_frame,
)
from forecaster.backtesting import FACTS, FOLD, PREDICTIONS, REQUEST, SUFFIX
from forecaster.bundle import load_bundle_config, verify_bundle
from forecaster.errors import BundleError, RunNotFound
from forecaster.folds import Fold
from forecaster.runs import HISTORY, RECORD, find_run
from forecaster.verdict import Verdict

SUMMARY = "summary.json"
Kind = Literal["run", "backtest", "batch", "evening"]
CLOSE = 1e-6
MOST_EVENINGS = 5


@dataclass(frozen=True)
class Subject:
    """What a report is about: a folder, and of which kind it is."""

    kind: Kind
    folder: Path

    @property
    def name(self) -> str:
        """Name of the folder; of an evening, after that of its batch."""
        folder = self.folder.resolve()
        own = folder.name
        return f"{folder.parent.name}/{own}" if self.kind == "evening" else own


@dataclass(frozen=True, eq=False)
class Walked:
    """A walk-forward test read back.

    Attributes
    ----------
    request
        Settings by dotted name, and under `prices` a fingerprint for each ticker.
    folds
        With the sessions that were forecast; empty where trainings are not kept.
    manifests, histories
        Of each training that is kept, by its folder's name, in order.
    """

    backtest: Backtest
    request: dict[str, Any]
    folds: tuple[Fold, ...] = ()
    manifests: dict[str, dict[str, Any]] = field(default_factory=dict)
    histories: dict[str, pd.DataFrame] = field(default_factory=dict)


def find_subject(
    reference: str | Path | None, *, runs_dir: Path, batches_dir: Path
) -> Subject:
    """Return what a name or a folder stands for; the newest run without one.

    Raises
    ------
    RunNotFound
        If it is neither a run nor a walk-forward test nor a batch nor one evening of
        a batch.
    """
    if reference is None:
        return Subject("run", find_run(None, runs_dir).folder)
    name = str(reference)
    for folder in (Path(name), runs_dir / name, runs_dir / f"{name}{SUFFIX}"):
        kind = kind_of(folder)
        if kind is not None:
            return Subject(kind, folder)
    kind = kind_of(batches_dir / name)
    if kind in ("batch", "evening"):
        return Subject(kind, batches_dir / name)
    if Path(name).parent.name:  # a folder in a folder
        _refuse_evening(Path(name))
        _refuse_evening(batches_dir / name)
    try:
        return Subject("run", find_run(name, runs_dir).folder)
    except RunNotFound as error:
        raise RunNotFound(
            f"{error} Nor is there a walk-forward test of that name, or a batch in "
            f"{batches_dir}."
        ) from None


def _refuse_evening(folder: Path) -> None:
    """Say which evenings there are, if a folder would be one of a batch and is not."""
    evenings = [one.name for one in evening_folders(folder.parent)]
    if evenings:
        more = len(evenings) - MOST_EVENINGS
        also = f" and {more} before" if more > 0 else ""
        raise RunNotFound(
            f"the batch {folder.parent} has no evening '{folder.name}'. It has "
            f"{', '.join(evenings[:MOST_EVENINGS])}{also}."
        )


def kind_of(folder: Path) -> Kind | None:
    """Return what a folder holds, if it is known."""
    if (folder / RECORD).is_file():
        return "run"
    if (folder / REQUEST).is_file():
        return "backtest"
    if (folder / SUMMARY).is_file():
        return "evening"
    return "batch" if evening_folders(folder) else None


def evening_folders(folder: Path) -> list[Path]:
    """Return the evenings of a batch, newest first."""
    return sorted((path.parent for path in folder.glob(f"*/{SUMMARY}")), reverse=True)


def read_backtest(folder: Path) -> Walked:
    """Read a walk-forward test back, without its networks.

    Raises
    ------
    BundleError
        If it is not finished, or a file of it is damaged, or they do not belong
        together.
    """
    facts = read_json(folder / FACTS, "It is there once `forecaster backtest` is done.")
    request = read_json(folder / REQUEST, "Begin the walk-forward test anew.")
    frame = _read_frame(folder / PREDICTIONS)
    try:
        backtest = _rebuilt(frame, facts)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(folder / FACTS, error) from error
    manifests = {
        path.name: verify_bundle(path / BUNDLE)
        for path in sorted(folder.glob(f"{FOLD}*"), key=_number)
        if (path / BUNDLE).is_dir()
    }
    histories = {
        name: read_table(folder / name / BUNDLE / HISTORY) for name in manifests
    }
    folds = _folds(folder, frame, [*manifests])
    return Walked(backtest, request, folds, manifests, histories)


def read_json(path: Path, cure: str) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises
    ------
    BundleError
        If it is missing or damaged.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise BundleError(f"{path}: missing. {cure}") from None
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(path, error) from error


def read_table(path: Path, dates: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a CSV file.

    Raises
    ------
    BundleError
        If it is missing or damaged.
    """
    try:
        return pd.read_csv(path, parse_dates=list(dates))
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _rebuilt(frame: pd.DataFrame, facts: dict[str, Any]) -> Backtest:
    scores = score_frame(frame, ())
    known = {str(row["model"]): float(row["rmse"]) for row in facts["scores"]}
    found = {str(name): float(value) for name, value in scores["rmse"].items()}
    same = known.keys() == found.keys() and all(
        abs(known[name] - value) <= CLOSE * max(abs(value), 1)
        for name, value in found.items()
    )
    if not same:
        raise ValueError("its scores are not those of the forecasts beside it")
    quantile = facts["quantile_verdict"]
    return Backtest(
        frame=frame,
        scores=scores,
        verdict=Verdict.from_dict(facts["verdict"]),
        quantile_verdict=None if quantile is None else Verdict.from_dict(quantile),
        lags=lags_of(frame),
    )


def _read_frame(path: Path) -> pd.DataFrame:
    try:
        rows = pd.read_parquet(path)
        rows[[*INDEX_COLUMNS, "actual", "predicted", "last_value"]]
    except FileNotFoundError:
        raise BundleError(
            f"{path}: missing. Run the same `forecaster backtest` again: what is "
            "trained is kept."
        ) from None
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(path, error) from error
    return rows


def _folds(folder: Path, frame: pd.DataFrame, trained: list[str]) -> tuple[Fold, ...]:
    """Return the folds, each with the training that serves it."""
    own = frame[frame["model"].isin([MODEL, UNCALIBRATED]) & (frame["step"] == 1)]
    ranges = own.groupby("fold")["session"].agg(["min", "max"])
    configs = {
        int(name.removeprefix(FOLD)): load_bundle_config(folder / name / BUNDLE)
        for name in trained
    }
    found = []
    for fold, (first, last) in zip(
        ranges.index, ranges.itertuples(index=False), strict=True
    ):
        number = int(str(fold))
        served = max((one for one in configs if one <= number), default=None)
        if served is not None:
            training = configs[served].training
            dates = (training.start, training.end, first.date(), last.date())
            found.append(Fold(number, served, *dates))
    return tuple(found)


def _number(path: Path) -> int:
    number = path.name.removeprefix(FOLD)
    return int(number) if number.isdigit() else 0


def _damaged(path: Path, error: Exception) -> BundleError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return BundleError(
        f"{path}: damaged ({reason}). Restore it from a copy, or make it again."
    )
