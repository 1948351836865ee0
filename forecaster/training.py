"""Training: checked prices and settings in, a Forecaster out."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.checkpoint import (
    Row,
    TrainingState,
    assign_variables,
    load_checkpoint,
    read_variables,
    save_checkpoint,
    training_variables,
)
from forecaster.config import Config
from forecaster.data.features import make_features
from forecaster.data.prices import prices_fingerprint
from forecaster.data.scaling import Scaler
from forecaster.data.splits import session_index, split_training
from forecaster.data.windows import Windows, cut_windows
from forecaster.errors import NotEnoughHistory, TrainingFailed
from forecaster.forecast import TrainedOn
from forecaster.forecasting import PREDICTION_BATCH, Forecaster
from forecaster.models.recurrent import compile_network, network_for
from forecaster.progress import epoch_progress


@dataclass(frozen=True, eq=False)
class TrainingData:
    """All that training may see: nothing here is later than the training range."""

    scaler: Scaler
    training: Windows
    validation: Windows | None
    trained_on: TrainedOn


def train(
    prices: pd.DataFrame,
    config: Config,
    *,
    checkpoint: Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
) -> Forecaster:
    """Train a network on the training range of the prices.

    The order of the windows, the first weights and the dropout masks all follow from
    `training.seed`: on the CPU of one machine, with the same library versions and
    number of threads, the same call gives bit-identical weights.

    Parameters
    ----------
    prices
        Checked price frame (see `load_prices`).
    config
        Settings of the run (see `load_config`).
    checkpoint
        File that keeps the state after every epoch.
    resume
        Go on from `checkpoint` if it exists; the result is the same as without the
        interruption.
    progress
        Show a progress bar; if absent, on a terminal or in a notebook.

    Raises
    ------
    DataError
        If the prices do not cover the training range or are too few.
    TrainingFailed
        If the loss stops being a finite number.
    BundleError
        If the checkpoint is damaged, or belongs to other settings or prices.
    """
    data = prepare_training(prices, config)
    network = _fresh_network(config)
    stamp = training_stamp(config, data.trained_on)
    state = TrainingState(read_variables(training_variables(network)))
    if resume and checkpoint is not None and checkpoint.exists():
        state = load_checkpoint(checkpoint, stamp)
        assign_variables(training_variables(network), state.variables)
    with epoch_progress(config.training.epochs, shown=progress) as advance:
        for epoch in range(state.n_epochs + 1, config.training.epochs + 1):
            if should_stop(state.history, config.training.early_stopping):
                break
            row = _run_epoch(network, data, config, epoch)
            state = state.after(row, network)
            if checkpoint is not None:
                save_checkpoint(checkpoint, state, stamp)
            advance(epoch, _note(row))
    if state.best:
        assign_variables(network.weights, state.best)
    return Forecaster(
        network, data.scaler, config, data.trained_on, pd.DataFrame(state.history)
    )


def prepare_training(prices: pd.DataFrame, config: Config) -> TrainingData:
    """Cut the training range into scaled windows; nothing later is looked at.

    Raises
    ------
    DataError
        If the prices do not cover the training range or are too few.
    """
    ticker = str(prices.attrs.get("ticker", config.data.ticker))
    settings = config.training
    columns = dict.fromkeys([*config.features.columns, config.data.target])
    rows = make_features(prices, list(columns), ticker=ticker)
    split = split_training(
        session_index(rows),
        start=settings.start,
        end=settings.end,
        validation_fraction=settings.validation_fraction,
        ticker=ticker,
    )
    n_training = split.training.stop - split.training.start
    needed = config.window.lookback + config.window.horizon
    if n_training < needed:
        raise NotEnoughHistory(ticker, needed, n_training)
    scaler = Scaler.fit(rows.iloc[split.training])
    windows = cut_windows(rows.iloc[split.training], config, scaler, ticker=ticker)
    return TrainingData(
        scaler=scaler,
        training=windows,
        validation=_validation(rows, split.validation, config, scaler, ticker),
        trained_on=TrainedOn(
            ticker=ticker,
            source=str(prices.attrs.get("source", "a table")),
            first=str(rows.index[split.training.start].date()),
            last=str(rows.index[split.training.stop - 1].date()),
            n_sessions=n_training,
            n_windows=len(windows),
            fingerprint=prices_fingerprint(
                rows.iloc[split.training.start : split.validation.stop]
            ),
        ),
    )


def should_stop(history: Sequence[Row], patience: int) -> bool:
    """Return whether the validation loss has not improved for `patience` epochs.

    Examples
    --------
    >>> should_stop([{"val_loss": 2.0}, {"val_loss": 3.0}, {"val_loss": 2.5}], 2)
    True
    """
    losses = [row["val_loss"] for row in history if "val_loss" in row]
    if not patience or not losses:
        return False
    return len(losses) - 1 - losses.index(min(losses)) >= patience


def training_stamp(config: Config, trained_on: TrainedOn) -> str:
    """Return what identifies a training: its settings and its prices.

    The test range may change between an interruption and its resumption, and so may
    the run's name and the place of its prices; none of them touches the weights.
    """
    settings = config.resolved()
    for untrained in ("name", "evaluation", "tuning"):
        settings.pop(untrained)
    for place in ("path", "ticker"):
        settings["data"].pop(place, None)
    text = f"{sorted(settings.items())!r} {trained_on.fingerprint}"
    return hashlib.sha256(text.encode()).hexdigest()


def _validation(
    rows: pd.DataFrame, part: slice, config: Config, scaler: Scaler, ticker: str
) -> Windows | None:
    """Return windows whose targets all validate; their inputs may reach back."""
    if part.start == part.stop:
        return None
    begin = part.start - config.window.lookback
    n_sessions = part.stop - part.start
    if begin < 0 or n_sessions < config.window.horizon:
        raise NotEnoughHistory(
            ticker, config.window.horizon, n_sessions, where="to validate on"
        )
    return cut_windows(rows.iloc[begin : part.stop], config, scaler, ticker=ticker)


def _fresh_network(config: Config) -> Any:
    network = network_for(config)
    compile_network(network, config.training)
    network.optimizer.build(network.trainable_variables)
    return network


def _run_epoch(network: Any, data: TrainingData, config: Config, epoch: int) -> Row:
    """Show every training window once, in an order that seed and epoch decide."""
    windows = data.training
    order = np.random.default_rng([config.training.seed, epoch]).permutation(
        len(windows)
    )
    fitted = network.fit(
        windows.inputs[order],
        windows.targets[order],
        batch_size=config.training.batch_size,
        shuffle=False,
        verbose=0,
    )
    row = {"epoch": epoch, "loss": float(fitted.history["loss"][-1])}
    if data.validation is not None:
        row["val_loss"] = float(
            network.evaluate(
                np.ascontiguousarray(data.validation.inputs),
                np.ascontiguousarray(data.validation.targets),
                batch_size=PREDICTION_BATCH,
                verbose=0,
            )
        )
    if not all(math.isfinite(value) for value in row.values()):
        raise TrainingFailed(
            f"the loss stopped being a number in epoch {epoch}. Lower "
            f"`training.learning_rate` (now {config.training.learning_rate:g})."
        )
    return row


def _note(row: Row) -> str:
    text = f"loss {row['loss']:.2e}"
    return f"{text}, validation {row['val_loss']:.2e}" if "val_loss" in row else text
