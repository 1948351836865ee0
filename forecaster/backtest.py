"""Backtests: walk-forward forecasts of a model and of baselines, in one long frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.baselining import (
    Tested,
    ask_baselines,
    fit_baselines,
    rows_to_fit,
)
from forecaster.bundle import load_bundle, save_bundle
from forecaster.config import Config, with_values
from forecaster.data.scaling import Scaler
from forecaster.data.splits import session_index
from forecaster.data.table import make_table
from forecaster.folds import Absences, Fold, make_folds, models_of
from forecaster.forecasting import Forecaster
from forecaster.interrupts import heeded_interrupts
from forecaster.models.baselines import Outlook
from forecaster.models.refits import shared_refits
from forecaster.preparing import Prices, frames_of, windows_ending_in
from forecaster.training import train

MODEL = "model"
INDEX_COLUMNS = ("ticker", "fold", "origin", "session", "step", "model")
BUNDLE = "bundle"


@dataclass(frozen=True, eq=False)
class Task:
    """The folds that share a training, and all that is needed to walk through them.

    Attributes
    ----------
    frames
        Prices of the tickers that are trained on, to the last session of a forecast.
    tested
        Those of them that are forecast.
    before
        Folder of the training whose weights this one begins with, if any.
    keep
        Folder that keeps the bundle, if any.
    """

    folds: tuple[Fold, ...]
    frames: Mapping[str, pd.DataFrame]
    tested: tuple[str, ...]
    config: Config
    before: Path | None = None
    keep: Path | None = None


def tasks_for(
    prices: Prices,
    config: Config,
    *,
    place_of: Callable[[int], Path] | None = None,
) -> list[Task]:
    """Return one task for each training of a walk-forward test.

    Nothing later than its own forecasts is in a task. A ticker is left out of trainings
    that it has too few prices for, and of tests that it has none for.

    Parameters
    ----------
    place_of
        Returns the folder that keeps the bundle of a training, by the number of its
        first fold; without it, none is kept.

    Raises
    ------
    NotEnoughHistory
        If there is nothing to train on, or nothing to test.
    """
    frames = frames_of(prices, config)
    sessions = pd.DatetimeIndex([])
    for frame in frames.values():
        sessions = sessions.union(session_index(frame))
    ready = {
        ticker: make_table(frame, config, ticker=ticker).n_unready
        for ticker, frame in frames.items()
    }
    tasks: list[Task] = []
    before, absences = None, Absences()
    for folds in models_of(make_folds(sessions, config)):
        cut = {t: _until(frame, folds[-1].end, config) for t, frame in frames.items()}
        cut = absences.without_untrainable(cut, ready, folds, config)
        tested = absences.testable(cut, folds, config)
        if not tested:
            continue
        keep = place_of(folds[0].number) if place_of is not None else None
        tasks.append(Task(tuple(folds), cut, tested, config, before, keep))
        before = keep if config.backtest.warm_start else None
    if not tasks:
        raise absences.reasons[0]
    absences.warn()
    return tasks


def walk(task: Task) -> pd.DataFrame:
    """Train on what is before a task's folds, and forecast them.

    Returns
    -------
    DataFrame
        One row for each origin, step and model: `ticker fold origin session step model
        actual predicted last_value`, and `q0.05` and so on where a model has quantiles;
        prices in the quote currency.
    """
    config = fold_config(task)
    first = task.folds[0]
    seen = {
        ticker: frame.loc[: pd.Timestamp(first.training_end)]
        for ticker, frame in task.frames.items()
    }
    start_from = load_bundle(task.before / BUNDLE) if task.before is not None else None
    forecaster = train(
        prices_of(seen, config),
        config,
        start_from=start_from,
        refits=shared_refits(),
        progress=False,
    )
    with heeded_interrupts() as heed:
        if task.keep is not None:
            save_bundle(forecaster, task.keep / BUNDLE)
        tested = test_windows(task, forecaster)
        outlooks = {MODEL: {t: outlook(forecaster, one) for t, one in tested.items()}}
        outlooks |= baselines_beside(
            tested, first.training_end, config, forecaster.scaler
        )
        parts = [
            long_rows(name, one, by_ticker[ticker], config.model.quantiles)
            for name, by_ticker in outlooks.items()
            for ticker, one in tested.items()
        ]
        heed()
    return with_folds(pd.concat(parts, ignore_index=True), task.folds)


def test_windows(task: Task, forecaster: Forecaster) -> dict[str, Tested]:
    """Return each tested ticker's windows whose first target lies in the folds."""
    first, last = task.folds[0].start, task.folds[-1].end
    found = {}
    for ticker in task.tested:
        frame = task.frames[ticker]
        sessions = session_index(frame)
        begin = int(sessions.searchsorted(pd.Timestamp(first)))
        table = make_table(frame, task.config, ticker=ticker)
        rows = slice(begin, len(sessions))
        windows = windows_ending_in(table, rows, task.config, forecaster.scaler)
        chosen = windows.sessions[:, 0] <= pd.Timestamp(last).to_datetime64()
        found[ticker] = Tested(table, windows[chosen])
    return found


def baselines_beside(
    tested: Mapping[str, Tested], training_end: date, config: Config, scaler: Scaler
) -> dict[str, dict[str, Outlook]]:
    """Return the baselines, fitted on the sessions that the network could see."""
    fit_on, ask = {}, {}
    for ticker, one in tested.items():
        table = one.table
        stop = int(table.sessions.searchsorted(pd.Timestamp(training_end), "right"))
        rows = rows_to_fit(table, stop, config)
        fit_on[ticker] = table.rows(rows)
        ask[ticker] = Tested(table.rows(slice(rows.start, len(table))), one.windows)
    names = config.evaluation.baselines
    return ask_baselines(fit_baselines(names, fit_on, config, scaler), ask)


def outlook(forecaster: Forecaster, tested: Tested) -> Outlook:
    """Return a network's forecasts of windows, in prices."""
    centre, spread, up = forecaster.forecast_windows(tested.windows)
    quantiles = None if spread is None else spread.quantiles
    return Outlook(centre, quantiles, up)


def long_rows(
    name: str, tested: Tested, outlook: Outlook, levels: Sequence[float]
) -> pd.DataFrame:
    """Return one row for each origin and step of one ticker's forecasts."""
    windows = tested.windows
    n_windows, horizon = windows.actual.shape
    columns = {
        "ticker": tested.table.ticker,
        "origin": np.repeat(windows.origins, horizon),
        "session": windows.sessions.ravel(),
        "step": np.tile(np.arange(1, horizon + 1), n_windows),
        "model": name,
        "actual": windows.actual.ravel(),
        "predicted": outlook.centre.ravel(),
        "last_value": np.repeat(windows.origin_price, horizon),
    }
    if outlook.probability_up is not None:
        columns["probability_up"] = outlook.probability_up.ravel()
    if outlook.quantiles is not None:
        for place, level in enumerate(levels):
            columns[f"q{level:g}"] = outlook.quantiles[..., place].ravel()
    return pd.DataFrame(columns)


def with_folds(rows: pd.DataFrame, folds: Sequence[Fold]) -> pd.DataFrame:
    """Add the number of the fold in which each origin's first forecast lies."""
    starts = np.array([fold.start for fold in folds], dtype="datetime64[s]")
    first = rows["session"].where(rows["step"] == 1).ffill().to_numpy("datetime64[s]")
    places = np.searchsorted(starts, first, side="right") - 1
    numbers = np.array([fold.number for fold in folds])
    rows.insert(1, "fold", numbers[places])
    return rows


def join_frames(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put the frames of several tasks together, in order of model, ticker and time."""
    joined = pd.concat(frames, ignore_index=True)
    order = ["model", "ticker", "origin", "step"]
    return joined.sort_values(order, kind="stable", ignore_index=True)


def fold_config(task: Task) -> Config:
    """Return the settings of a task's training: its own dates and tickers."""
    first, data = task.folds[0], task.config.data
    tickers = tuple(name for name in data.tickers if name.upper() in task.frames)
    is_drawn = not tickers or data.ticker.upper() in task.frames
    return with_values(
        task.config,
        {
            "data.tickers": tickers,
            "data.ticker": data.ticker if is_drawn else tickers[0],
            "training.start": first.training_start,
            "training.end": first.training_end,
            "evaluation.start": first.start,
            "evaluation.end": task.folds[-1].end,
        },
    )


def _until(frame: pd.DataFrame, end: date, config: Config) -> pd.DataFrame:
    """Cut the prices behind the last target of the forecasts that begin by `end`."""
    n_begun = int(session_index(frame).searchsorted(pd.Timestamp(end), "right"))
    known = frame.iloc[: n_begun + config.window.horizon - 1]
    return known.loc[: pd.Timestamp(config.evaluation.end)]


def prices_of(frames: Mapping[str, pd.DataFrame], config: Config) -> Prices:
    """Return frames by ticker as `train` wants them."""
    return frames if config.data.tickers else next(iter(frames.values()))
