"""Out of fold: forecasts of training sessions, by networks that had not seen them.

The last part of the training range is divided into folds, and each is forecast by a
network of the same settings, trained on everything before it. What these forecasts
missed is what calibrates those of the network that is trained on the whole range; its
own misses on sessions that it was trained on are too small to learn from.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pandas as pd

from forecaster.backtest import MODEL, join_frames, tasks_for, walk
from forecaster.calibration.conformal import n_needed
from forecaster.config import Config, with_values
from forecaster.correcting import KEYS, quantile_names
from forecaster.data.splits import session_index
from forecaster.errors import NotEnoughHistory
from forecaster.forecasting import Forecaster
from forecaster.preparing import Prices, frames_of
from forecaster.progress import epoch_progress
from forecaster.training import train

N_KEPT = 500  # origins of each ticker, the latest


def train_calibrated(
    prices: Prices,
    config: Config,
    *,
    checkpoint: Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
) -> Forecaster:
    """Train a network, and with it what `calibration.method` needs.

    Parameters
    ----------
    prices, config, checkpoint, resume, progress
        As of `forecaster.training.train`; with the method `none` this is all it does.

    Raises
    ------
    DataError
        If the prices do not cover the training range, or are too few to calibrate;
        before any training.
    TrainingFailed
        If a loss stops being a finite number.
    """
    frames_of(prices, config)
    calibrates = config.calibration.method != "none"
    if calibrates:
        out_of_fold_config(prices, config)
    forecaster = train(
        prices, config, checkpoint=checkpoint, resume=resume, progress=progress
    )
    if not calibrates:
        return forecaster
    rows = forecast_out_of_fold(prices, config, progress=progress)
    return replace(forecaster, out_of_fold=rows)


def forecast_out_of_fold(
    prices: Prices, config: Config, *, progress: bool | None = None
) -> pd.DataFrame:
    """Forecast the end of the training range, each fold by what lies before it.

    Returns
    -------
    DataFrame
        One row for each of the latest 500 origins of each ticker, and each step, in
        order: `ticker origin session step actual`, and `q0.05` and so on; prices in
        the quote currency. No price after the training range is looked at.

    Raises
    ------
    DataError
        If the training range is too short.
    """
    settings = out_of_fold_config(prices, config)
    tasks = tasks_for(prices, settings)
    frames = []
    with epoch_progress(len(tasks), shown=progress, unit="fold") as advance:
        for number, task in enumerate(tasks, start=1):
            frames.append(walk(task))
            advance(number, f"out of fold to {task.folds[-1].end}")
    frame = join_frames(frames)
    rows = frame[frame["model"] == MODEL]
    columns = [*KEYS, *quantile_names(config.model.quantiles)]
    kept = rows.groupby("ticker", sort=False).tail(N_KEPT * config.window.horizon)
    return kept[columns].reset_index(drop=True)


def out_of_fold_config(prices: Prices, config: Config) -> Config:
    """Return the settings of a walk through the end of the training range.

    Raises
    ------
    NotEnoughHistory
        If nothing is left to train on, or too little is forecast to calibrate.
    """
    calibration, training = config.calibration, config.training
    sessions = pd.DatetimeIndex([])
    for frame in frames_of(prices, config).values():
        sessions = sessions.union(session_index(frame))
    inside = sessions[
        (sessions >= pd.Timestamp(training.start))
        & (sessions <= pd.Timestamp(training.end))
    ]
    n_tested = math.ceil(calibration.fraction * len(inside))
    _check(n_tested, len(inside), config)
    return with_values(
        config,
        {
            "training.end": inside[-n_tested - 1].date(),
            "evaluation.start": inside[-n_tested].date(),
            "evaluation.end": inside[-1].date(),
            "evaluation.baselines": ["last_value"],
            "calibration.method": "none",
            "backtest.stride": math.ceil(n_tested / calibration.n_folds),
            "backtest.window": "expanding",
            "backtest.refit": 1,
            "backtest.purge": 0,
            "backtest.warm_start": False,
        },
    )


def _check(n_tested: int, n_sessions: int, config: Config) -> None:
    """Refuse a part that is too short for the outermost quantiles."""
    levels, horizon = config.model.quantiles, config.window.horizon
    needed = 1
    if config.calibration.method != "adaptive":
        needed = n_needed(min(levels[0], 1 - levels[-1]))
    needed += horizon - 1
    if n_tested < needed:
        raise NotEnoughHistory(
            config.data.ticker, needed, n_tested, where="to calibrate on"
        )
    if n_tested >= n_sessions:
        raise NotEnoughHistory(
            config.data.ticker, n_tested + 1, n_sessions, where="in the training range"
        )
