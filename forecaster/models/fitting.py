"""Fitting: epochs as Keras runs them, where they cannot be compiled into one call."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecaster.config import Config
from forecaster.data.windows import Windows
from forecaster.models.asking import PREDICTION_BATCH
from forecaster.models.backend import load_keras
from forecaster.models.feeding import answers, feed
from forecaster.models.recurrent import Network


class Fitting:
    """Trains and scores through Keras; see `forecaster.models.epochs`."""

    def __init__(self, network: Network, config: Config) -> None:
        self._network, self._config = network, config

    def run(self, windows: Windows, order: np.ndarray) -> float:
        """Train on the windows once, and return the mean loss."""
        shown = windows[order]
        fitted = self._network.trainer.fit(
            feed(shown, self._config, taught=True),
            answers(shown, self._config),
            batch_size=self._config.training.batch_size,
            shuffle=False,
            verbose=0,
        )
        return float(fitted.history["loss"][-1])

    def score(self, windows: Windows) -> float:
        """Return the mean loss on windows, without dropout or teacher."""
        scores = self._network.judge.evaluate(
            feed(windows, self._config),
            answers(windows, self._config),
            batch_size=PREDICTION_BATCH,
            verbose=0,
            return_dict=True,
        )
        return float(scores["loss"])


def epochs_for(network: Network, config: Config) -> Any:
    """Return what trains a network: compiled epochs on TensorFlow, else Keras' own.

    Training on parts of windows keeps its own loop.
    """
    compiled = load_keras().backend.backend() == "tensorflow"
    if not compiled or config.training.truncate:
        return Fitting(network, config)
    from forecaster.models.epochs import Epochs

    return Epochs(network, config)
