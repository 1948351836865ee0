"""Truncated: training on long windows with gradients carried back a few steps only.

Each window is cut into parts of `training.truncate` steps, which are trained one after
the other. The state flows on from part to part, the gradient stops at a part's
beginning: memory and time of one step no longer grow with the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.config import Config
from forecaster.models.recurrent import (
    Network,
    build_network,
    network_for,
    sizes_of,
)


@dataclass(frozen=True)
class Fitted:
    """What `fit` reports, as Keras does: the loss of each epoch."""

    history: dict[str, list[float]]


@dataclass(frozen=True, eq=False)
class TruncatedTrainer:
    """A stateful network that is trained part by part, in place of a Keras trainer.

    Attributes
    ----------
    network
        Stateful Keras model of `truncate` steps and a fixed batch size.
    predictor
        Keras model of whole windows with the same layers; it has the same weights
        after `hand_over`.
    batch_size, n_steps
        Windows in a batch, and steps of a part.
    """

    network: Any
    predictor: Any
    batch_size: int
    n_steps: int

    @property
    def variables(self) -> list[Any]:
        """Weights and states of the dropout generators."""
        return list(self.network.variables)

    @property
    def weights(self) -> list[Any]:
        """Weights alone."""
        return list(self.network.weights)

    @property
    def trainable_variables(self) -> list[Any]:
        """Weights that have a gradient."""
        return list(self.network.trainable_variables)

    @property
    def outputs(self) -> list[Any]:
        """Outputs of the network; there is one."""
        return list(self.network.outputs)

    @property
    def optimizer(self) -> Any:
        """The optimiser of the network."""
        return self.network.optimizer

    def compile(self, *, optimizer: Any, loss: Any) -> None:
        """Give the network its optimiser, and network and predictor the loss."""
        self.network.compile(optimizer=optimizer, loss=loss)
        self.predictor.compile(loss=loss)

    def fit(self, inputs: Any, targets: FloatArray, **_: Any) -> Fitted:
        """Train once on every whole batch of the windows, in their order.

        An incomplete last batch is left out: a stateful network has one batch size.
        """
        size, losses = self.batch_size, []
        for first in range(0, len(targets) - size + 1, size):
            batch = slice(first, first + size)
            chosen = _each(inputs, lambda value, rows=batch: value[rows])
            losses.append(self._fit_batch(chosen, targets[batch]))
        return Fitted({"loss": [float(np.mean(losses))]})

    def evaluate(self, inputs: Any, targets: FloatArray, **how: Any) -> Any:
        """Score whole windows, as the predictor answers them."""
        self.hand_over()
        return self.predictor.evaluate(inputs, targets, **how)

    def hand_over(self) -> None:
        """Give the predictor the weights trained so far."""
        copy_weights(self.network, self.predictor)

    def _fit_batch(self, inputs: Any, targets: FloatArray) -> float:
        """Train on the parts of some windows in turn; states begin at zero."""
        reset_states(self.network)
        losses = []
        for first in range(0, targets.shape[1], self.n_steps):
            part = slice(first, first + self.n_steps)
            chosen = _part(inputs, part)
            losses.append(self.network.train_on_batch(chosen, targets[:, part]))
        return float(np.mean(losses))


def truncated_network(config: Config, *, n_windows: int) -> Network:
    """Return the network of settings with a `TruncatedTrainer`.

    Parameters
    ----------
    n_windows
        Windows in an epoch; a batch has no more.
    """
    batch_size = min(config.training.batch_size, n_windows)
    n_steps = config.training.truncate
    predictor = network_for(config).predictor
    network = stateful_network(config, batch_size=batch_size, n_steps=n_steps)
    return Network(predictor, TruncatedTrainer(network, predictor, batch_size, n_steps))


def stateful_network(config: Config, *, batch_size: int, n_steps: int) -> Any:
    """Return a Keras model that begins each batch in the state that the last left.

    It has the layers and the first weights of the network of the settings.
    """
    sizes = replace(sizes_of(config), lookback=n_steps, batch=batch_size)
    return build_network(config.model, sizes, seed=config.training.seed).predictor


def copy_weights(source: Any, target: Any) -> None:
    """Give each layer of a Keras model the weights of the other's of the same name."""
    for layer in source.layers:
        if layer.weights:
            target.get_layer(layer.name).set_weights(layer.get_weights())


def states_of(network: Any) -> list[Any]:
    """Return the variables that hold a stateful network's state, bottom first."""
    return [state for layer in _stateful_layers(network) for state in layer.states]


def reset_states(network: Any) -> None:
    """Set a stateful network's state to zero."""
    for layer in _stateful_layers(network):
        layer.reset_state()


def _stateful_layers(network: Any) -> list[Any]:
    return [layer for layer in network.layers if getattr(layer, "stateful", False)]


def _part(inputs: Any, steps: slice) -> Any:
    """Cut some steps out of the windows; what is known beside them stays whole."""
    if not isinstance(inputs, Mapping):
        return inputs[:, steps]
    return {**inputs, "window": inputs["window"][:, steps]}


def _each(inputs: Any, change: Any) -> Any:
    """Change a single array, or several by name."""
    if not isinstance(inputs, Mapping):
        return change(inputs)
    return {name: change(value) for name, value in inputs.items()}
