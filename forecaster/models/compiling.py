"""Compiling: optimiser, learning rate, clipping and loss; gradients watched."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from forecaster.config import Config, TrainingConfig
from forecaster.models.backend import load_keras
from forecaster.models.heads import loss_for

OPTIMIZERS = {"adam": "Adam", "nadam": "Nadam", "rmsprop": "RMSprop", "sgd": "SGD"}
# Where the exponential schedule ends, as a share of the first learning rate.
EXPONENTIAL_END = 0.01


def compile_network(network: Any, config: Config, *, n_windows: int) -> None:
    """Give a trainer its optimiser and its loss.

    Parameters
    ----------
    network
        A Keras model; each of its outputs has the loss of the head, and they are added.
    n_windows
        Windows in an epoch, from which a schedule counts its steps.
    """
    loss, n_steps = loss_for(config), steps_per_epoch(config, n_windows)
    n_members = len(network.outputs)
    network.compile(
        optimizer=make_optimizer(config.training, n_steps=n_steps),
        loss=loss if n_members == 1 else [loss] * n_members,
    )


def steps_per_epoch(config: Config, n_windows: int) -> int:
    """Return how often an epoch changes the weights."""
    training = config.training
    if training.truncate:
        n_batches = n_windows // min(training.batch_size, n_windows)
        return n_batches * (config.window.lookback // training.truncate)
    return max(math.ceil(n_windows / training.batch_size), 1)


def compile_judge(network: Any, config: Config) -> None:
    """Give a network that is only scored the loss of its head."""
    loss, n_members = loss_for(config), len(network.outputs)
    network.compile(loss=loss if n_members == 1 else [loss] * n_members)


def make_optimizer(training: TrainingConfig, *, n_steps: int) -> Any:
    """Return the optimiser of the settings; an epoch has `n_steps` steps."""
    keras = load_keras()
    kind = getattr(keras.optimizers, OPTIMIZERS[training.optimizer])
    if training.watch_gradients:
        kind = _watching(kind)
    return kind(
        learning_rate=_learning_rate(training, training.epochs * n_steps),
        clipnorm=training.clip_norm or None,
        clipvalue=training.clip_value or None,
    )


def take_gradient_norms(network: Any) -> dict[str, float]:
    """Return the mean norm of each layer's gradient since the last call.

    Taken before clipping, averaged over the batches: the root of the sum of squares
    over the layer's weights.

    Returns
    -------
    dict
        By name of the layer, in the order of the network; empty if nobody watches.
    """
    optimizer = network.optimizer
    if not hasattr(optimizer, "norm_sums"):
        return {}
    n_batches = max(float(optimizer.n_batches), 1.0)
    means = np.asarray(optimizer.norm_sums) / n_batches
    squares: dict[str, float] = {}
    for variable, mean in zip(network.trainable_variables, means, strict=True):
        name = _layer_of(variable.path)
        squares[name] = squares.get(name, 0.0) + float(mean) ** 2
    optimizer.norm_sums.assign(np.zeros(len(means), dtype=np.float32))
    optimizer.n_batches.assign(0.0)
    return {name: math.sqrt(square) for name, square in squares.items()}


def _layer_of(path: str) -> str:
    """Return a variable's layer: the first part of its path that is no model's name.

    >>> _layer_of("lstm_1/lstm_cell/kernel"), _layer_of("member_2/price/bias")
    ('lstm_1', 'member_2/price')
    """
    parts = path.split("/")[:-1]
    n_parts = 2 if parts[0].startswith(("member_", "bidirectional_")) else 1
    return "/".join(parts[:n_parts])


def _learning_rate(training: TrainingConfig, n_steps: int) -> Any:
    schedules = load_keras().optimizers.schedules
    if training.schedule == "cosine":
        return schedules.CosineDecay(training.learning_rate, n_steps)
    if training.schedule == "exponential":
        return schedules.ExponentialDecay(
            training.learning_rate, n_steps, EXPONENTIAL_END
        )
    return training.learning_rate


@cache
def _watching(kind: type) -> Callable[..., Any]:
    """Return an optimiser that also adds up the norms of the gradients it is given."""
    ops = load_keras().ops

    class Watching(kind):  # type: ignore[misc]  # Keras has no types
        def build(self, variables: Any) -> None:
            super().build(variables)
            self.norm_sums = self.add_variable((len(variables),), name="norm_sums")
            self.n_batches = self.add_variable((), name="n_batches")

        def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
            norms = [
                ops.sqrt(ops.sum(ops.square(ops.cast(grad, "float32"))))
                for grad in grads
            ]
            self.norm_sums.assign_add(ops.stack(norms))
            self.n_batches.assign_add(1.0)
            return super().apply(grads, trainable_variables)

    Watching.__name__ = f"Watching{kind.__name__}"
    return Watching
