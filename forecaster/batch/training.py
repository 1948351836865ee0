"""Training: one network for an evening, made by whichever process is told to."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from forecaster.batch.bundles import PackedBundle
from forecaster.bundle import save_bundle
from forecaster.config import Config, with_values
from forecaster.errors import NotEnoughHistory
from forecaster.forecasting import Forecaster
from forecaster.outoffold import train_calibrated
from forecaster.runs import BUNDLE


@dataclass(frozen=True)
class Training:
    """What one task of the engine is to train.

    Attributes
    ----------
    config
        Settings, whose training ends on the evening that the network is for.
    prices
        Checked price frames by ticker; nothing in them is later.
    """

    config: Config
    prices: Mapping[str, pd.DataFrame]


def train_packed(task: Training) -> PackedBundle:
    """Train a network, wherever this runs, and return its bundle.

    A ticker that is too young to be trained on is left out, if others remain.

    Raises
    ------
    DataError, TrainingFailed
        As `forecaster.outoffold.train_calibrated`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forecaster = _train(task)
    with tempfile.TemporaryDirectory(prefix="forecaster-") as folder:
        return PackedBundle.read(save_bundle(forecaster, Path(folder) / BUNDLE))


def _train(task: Training) -> Forecaster:
    prices, config = dict(task.prices), task.config
    if not config.data.tickers:
        only = next(iter(prices.values()))
        return train_calibrated(only, config, progress=False)
    while True:
        names = [*prices]
        values = {"data.tickers": names, "data.ticker": names[0]}
        try:
            own = with_values(config, values)
            return train_calibrated(prices, own, progress=False)
        except NotEnoughHistory as error:
            if error.ticker not in prices or len(prices) == 1:
                raise
            del prices[error.ticker]
