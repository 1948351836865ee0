"""Peers: the same task from prices to a forecast, by other forecasting libraries.

All sides get the same training prices in memory, and each builds its network, trains it
for the same number of gradient steps and forecasts one session, through its public
functions, without log, checkpoint or progress bar.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmarks.case import Side
from benchmarks.settings import DROPOUT, n_batches, reference_config
from benchmarks.stock import count_torch

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from forecaster.config import Config

N_EPOCHS, QUICK_EPOCHS = 10, 1
# darts' RNNModel learns the next value at every session of the input.
EVERY_SESSION = "model.shape='sequence_to_sequence'"
QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "enable_progress_bar": False,
    "enable_checkpointing": False,
    "enable_model_summary": False,
    "logger": False,
}


def task(quick: bool, *overrides: str) -> tuple[Config, pd.DataFrame]:
    """Return the settings and the prices up to the end of training.

    As in the peers, whose layers are PyTorch's, dropout is between layers alone.
    """
    from forecaster.data.sources import load_prices

    epochs = QUICK_EPOCHS if quick else N_EPOCHS
    settings = (f"training.epochs={epochs}", *overrides)
    config = reference_config(quick, *settings, drops_last=False)
    prices = load_prices("GOOG")
    return config, prices.loc[: str(config.training.end)]


def ours(quick: bool, *overrides: str) -> Side:
    """Build the public calls: train, then predict."""
    from forecaster.training import train

    config, prices = task(quick, *overrides)
    known: dict[str, int] = {}

    def run() -> None:
        forecaster = train(prices, config, progress=False)
        forecaster.predict(prices)
        n_windows = forecaster.trained_on.n_windows
        known["n_windows"] = n_windows
        known["n_parameters"] = forecaster.network.count_params()
        known["n_steps"] = len(forecaster.history) * n_batches(
            n_windows, config.training.batch_size
        )

    return Side(run, facts=lambda: known)


def ours_every_session(quick: bool) -> Side:
    """Build ours with an answer at every session of the input, as darts has it."""
    return ours(quick, EVERY_SESSION)


def neuralforecast(quick: bool) -> Side:
    """Build neuralforecast's LSTM with a linear layer behind it."""
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MSE
    from neuralforecast.models import LSTM

    _silence()
    config, prices = task(quick)
    frame, steps = _long_frame(scaled(prices, config)), _n_steps(prices, config)
    layers, known = config.model.layers, {"n_steps": 0}

    def run() -> None:
        model = LSTM(
            h=1,
            input_size=config.window.lookback,
            encoder_n_layers=len(layers),
            encoder_hidden_size=layers[0].units,
            encoder_dropout=DROPOUT,
            decoder_layers=1,
            loss=MSE(),
            max_steps=steps,
            learning_rate=config.training.learning_rate,
            batch_size=1,  # series
            windows_batch_size=config.training.batch_size,
            scaler_type="identity",
            val_check_steps=steps,
            **QUIET,
        )
        library = NeuralForecast(models=[model], freq=1)
        library.fit(frame)
        library.predict()
        known.update(count_torch(library.models[0]))

    return Side(_counting_steps(run, known), facts=lambda: known)


def darts(quick: bool) -> Side:
    """Build darts' RNNModel of LSTM cells."""
    from darts import TimeSeries
    from darts.models import RNNModel

    _silence()
    config, prices = task(quick, EVERY_SESSION)
    series = TimeSeries.from_values(scaled(prices, config))
    layers, known = config.model.layers, {"n_steps": 0}

    def run() -> None:
        model = RNNModel(
            model="LSTM",
            input_chunk_length=config.window.lookback,
            training_length=config.window.lookback,
            hidden_dim=layers[0].units,
            n_rnn_layers=len(layers),
            dropout=DROPOUT,
            batch_size=config.training.batch_size,
            n_epochs=config.training.epochs,
            optimizer_kwargs={"lr": config.training.learning_rate},
            pl_trainer_kwargs=QUIET,
        )
        model.fit(series, verbose=False)
        model.predict(1, verbose=False)
        known.update(count_torch(model.model))

    return Side(_counting_steps(run, known), facts=lambda: known)


def scaled(prices: pd.DataFrame, config: Config) -> np.ndarray:
    """Return the training closes between 0 and 1, float32."""
    import numpy as np

    first, last = str(config.training.start), str(config.training.end)
    close = prices.loc[first:last, config.data.target].to_numpy()
    spread = close.max() - close.min()
    return np.asarray((close - close.min()) / spread, dtype=np.float32)


def _long_frame(closes: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"unique_id": "GOOG", "ds": range(len(closes)), "y": closes})


def _n_steps(prices: pd.DataFrame, config: Config) -> int:
    n_windows = len(scaled(prices, config)) - config.window.lookback
    return config.training.epochs * n_batches(n_windows, config.training.batch_size)


def _counting_steps(
    run: Callable[[], None], known: dict[str, int]
) -> Callable[[], None]:
    """Return the same call, which counts the steps of every PyTorch optimiser."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    def count(*_: object) -> None:
        known["n_steps"] += 1

    def counted() -> None:
        known["n_steps"] = 0
        run()

    register_optimizer_step_post_hook(count)
    return counted


def _silence() -> None:
    """Keep the libraries' messages back; they would be written to a file at once."""
    for name in ("pytorch_lightning", "lightning.pytorch", "darts"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
