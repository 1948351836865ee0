"""Training: checked prices and settings in, a Forecaster out."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
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
from forecaster.errors import ConfigError, TrainingFailed
from forecaster.forecast import TrainedOn
from forecaster.forecasting import Forecaster
from forecaster.interrupts import heeded_interrupts
from forecaster.models.compiling import take_gradient_norms
from forecaster.models.recurrent import Network, network_for
from forecaster.models.refits import Refits, Trainable, shared_refits
from forecaster.preparing import Prices, TrainingData, prepare_training
from forecaster.progress import epoch_progress

COLD = (
    "a warm start needs the weights of the same network, trained without "
    "`training.truncate`. Start afresh: leave out `start_from`, or "
    "`backtest.warm_start`."
)


def train(
    prices: Prices,
    config: Config,
    *,
    checkpoint: Path | None = None,
    resume: bool = False,
    start_from: Forecaster | None = None,
    refits: Refits | None = None,
    progress: bool | None = None,
) -> Forecaster:
    """Train a network on the training range of the prices.

    `with_dates` puts that range inside prices that settings were not written for;
    `train_calibrated` trains what `calibration.method` needs too.

    The order of the windows, the first weights and the dropout masks all follow from
    `training.seed`: on the CPU of one machine, with the same library versions and
    number of threads, the same call gives bit-identical weights.

    Parameters
    ----------
    prices
        Checked price frame (see `load_prices`), or one for each of `data.tickers`.
    config
        Settings of the run (see `load_config`).
    checkpoint
        File that keeps the state after every epoch.
    resume
        Go on from `checkpoint` if it exists; the result is the same as without the
        interruption.
    start_from
        Begin with the weights of this one, of the same network (a warm start), instead
        of fresh ones that follow from the seed.
    refits
        Train one of its networks and leave it in the Forecaster, which answers until
        the next training that borrows the same one. By default the Forecaster has a
        network of its own; either way the result is the same.
    progress
        Show a progress bar; if absent, on a terminal or in a notebook.

    Raises
    ------
    ConfigError
        If `start_from` is another network, or `training.truncate` is set beside it.
    DataError
        If the prices do not cover the training range or are too few.
    TrainingFailed
        If the loss stops being a finite number.
    BundleError
        If the checkpoint is damaged, or belongs to other settings or prices.
    """
    with heeded_interrupts() as heed:
        data = prepare_training(prices, config)
        n_windows = config.training.windows_per_epoch or len(data.training)
        warm = None if start_from is None else _warm_weights(start_from, config)
        networks = shared_refits() if refits is None else refits
        trainable = networks.take(config, n_windows=n_windows)
        network = trainable.network
        heed()  # the building of a network can swallow an interrupt
        trainer = network.trainer
        if warm is not None:
            _start_warm(network, warm)
        stamp = training_stamp(config, data.trained_on)
        state = TrainingState(read_variables(training_variables(trainer)))
        if resume and checkpoint is not None and checkpoint.exists():
            state = load_checkpoint(checkpoint, stamp)
            assign_variables(training_variables(trainer), state.variables)
        with epoch_progress(config.training.epochs, shown=progress) as advance:
            for epoch in range(state.n_epochs + 1, config.training.epochs + 1):
                if should_stop(state.history, config.training.early_stopping):
                    break
                row = _run_epoch(trainable, data, config, epoch)
                state = state.after(row, trainer)
                if checkpoint is not None:
                    save_checkpoint(checkpoint, state, stamp)
                advance(epoch, _note(row))
                heed()
        if state.best:
            assign_variables(trainer.weights, state.best)
        if config.training.truncate:
            trainer.hand_over()
        forecaster = Forecaster(
            network.predictor,
            data.scaler,
            config,
            data.trained_on,
            pd.DataFrame(state.history),
            lease=trainable.lease,
        )
        return _with_own_network(forecaster) if refits is None else forecaster


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
    for untrained in ("name", "evaluation", "backtest", "calibration", "tuning"):
        settings.pop(untrained)
    for place in ("path", "ticker"):
        settings["data"].pop(place, None)
    text = f"{sorted(settings.items())!r} {trained_on.fingerprint}"
    return hashlib.sha256(text.encode()).hexdigest()


def _warm_weights(start_from: Forecaster, config: Config) -> list[FloatArray]:
    """Return weights to begin with, before their network may be lent again."""
    if config.training.truncate:
        raise ConfigError(COLD)
    start_from.check_lease()
    weights: list[FloatArray] = start_from.network.get_weights()
    return weights


def _start_warm(network: Network, weights: list[FloatArray]) -> None:
    shapes = [weight.shape for weight in network.predictor.get_weights()]
    if [weight.shape for weight in weights] != shapes:
        raise ConfigError(COLD)
    network.predictor.set_weights(weights)


def _with_own_network(forecaster: Forecaster) -> Forecaster:
    """Return the same with a copy of its network, if that was lent."""
    if forecaster.lease is None:
        return forecaster
    own = network_for(forecaster.config).predictor
    own.set_weights(forecaster.network.get_weights())
    return replace(forecaster, network=own, lease=None)


def _run_epoch(
    trainable: Trainable, data: TrainingData, config: Config, epoch: int
) -> Row:
    """Show an epoch's windows, in an order that seed and epoch decide."""
    order = _order(len(data.training), config, epoch)
    loss = trainable.epochs.run(data.training, order)
    row = {"epoch": epoch, "loss": _mean_loss(loss, config)}
    if data.validation is not None:
        row["val_loss"] = _mean_loss(trainable.epochs.score(data.validation), config)
    if not all(math.isfinite(value) for value in row.values()):
        raise TrainingFailed(
            f"the loss stopped being a number in epoch {epoch}. Lower "
            f"`training.learning_rate` (now {config.training.learning_rate:g}), or "
            "clip gradients with `training.clip_norm`."
        )
    norms = take_gradient_norms(trainable.network.trainer)
    return row | {f"gradient/{name}": norm for name, norm in norms.items()}


def _order(n_windows: int, config: Config, epoch: int) -> np.ndarray:
    """Return which windows an epoch shows: all once, or some drawn at random."""
    random = np.random.default_rng([config.training.seed, epoch])
    n_drawn = config.training.windows_per_epoch
    if n_drawn:
        return random.integers(0, n_windows, n_drawn)
    return random.permutation(n_windows)


def _mean_loss(total: float, config: Config) -> float:
    """Return the loss of one member; the trainer's is the sum over all."""
    return float(total) / config.model.members


def _note(row: Row) -> str:
    text = f"loss {row['loss']:.2e}"
    return f"{text}, validation {row['val_loss']:.2e}" if "val_loss" in row else text
