"""Recurrent networks: checked settings in, a compiled Keras model out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forecaster.config import Config, LayerConfig, TrainingConfig
from forecaster.models.backend import load_keras

CELLS = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "SimpleRNN"}
OPTIMIZERS = {"adam": "Adam", "nadam": "Nadam", "rmsprop": "RMSprop", "sgd": "SGD"}


def build_network(
    layers: Sequence[LayerConfig],
    *,
    lookback: int,
    n_features: int,
    horizon: int,
    seed: int,
) -> Any:
    """Return a stack of recurrent layers with dropout, and one dense output layer.

    All layers but the last hand their whole sequence on; the last hands on its final
    state, from which a dense layer forecasts every step at once.

    Parameters
    ----------
    layers
        Bottom layer first.
    lookback, n_features
        Shape of one input.
    horizon
        Steps forecast.
    seed
        Every weight and every dropout mask follows from it; the process's own random
        state is neither read nor changed.

    Returns
    -------
    keras.Model
        Maps (n_windows, lookback, n_features) to (n_windows, horizon).
    """
    keras = load_keras()
    seeds = _seeds(seed)
    network = keras.Sequential(name="forecaster")
    network.add(keras.Input((lookback, n_features), name="window"))
    for number, layer in enumerate(layers, start=1):
        recurrent = getattr(keras.layers, CELLS[layer.cell])
        network.add(
            recurrent(
                layer.units,
                return_sequences=number < len(layers),
                kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
                recurrent_initializer=keras.initializers.Orthogonal(seed=next(seeds)),
                seed=next(seeds),
                name=f"{layer.cell}_{number}",
            )
        )
        if layer.dropout:
            network.add(
                keras.layers.Dropout(
                    layer.dropout, seed=next(seeds), name=f"dropout_{number}"
                )
            )
    network.add(
        keras.layers.Dense(
            horizon,
            kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
            name="price",
        )
    )
    return network


def network_for(config: Config) -> Any:
    """Return the network that settings describe, with its first weights."""
    return build_network(
        config.model.layers,
        lookback=config.window.lookback,
        n_features=len(config.features.columns),
        horizon=config.window.horizon,
        seed=config.training.seed,
    )


def compile_network(network: Any, training: TrainingConfig) -> None:
    """Give a network its optimiser and its loss."""
    keras = load_keras()
    optimizer = getattr(keras.optimizers, OPTIMIZERS[training.optimizer])
    network.compile(
        optimizer=optimizer(learning_rate=training.learning_rate), loss=training.loss
    )


def _seeds(seed: int) -> Any:
    """Yield independent seeds that all follow from one."""
    generator = np.random.default_rng(np.random.SeedSequence(seed))
    while True:
        yield int(generator.integers(0, 2**31))
