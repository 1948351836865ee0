"""Stock networks: the reference network as one writes it in Keras and in PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.settings import DROPOUT

if TYPE_CHECKING:
    from forecaster.config import Config

CELLS = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "SimpleRNN"}


def plain_keras(config: Config) -> Any:
    """Return a compiled Keras model of stock layers, as in the tutorials."""
    import keras

    first, layers = config.model.layers[0], config.model.layers
    recurrent = getattr(keras.layers, CELLS[first.cell])
    model = keras.Sequential([keras.Input((config.window.lookback, 1))])
    for number, layer in enumerate(layers, start=1):
        model.add(recurrent(layer.units, return_sequences=number < len(layers)))
        model.add(keras.layers.Dropout(layer.dropout))
    model.add(keras.layers.Dense(config.window.horizon))
    model.compile(optimizer="adam", loss="mse")
    return model


def plain_torch(config: Config) -> Any:
    """Return the same network as a PyTorch module, its LSTM in one piece.

    The second bias vector of each gate, which `nn.LSTM` has for the sake of cuDNN, is
    left as users have it.
    """
    import torch

    layers = config.model.layers

    class Stacked(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.lstm = torch.nn.LSTM(
                1,
                layers[0].units,
                num_layers=len(layers),
                dropout=DROPOUT,
                batch_first=True,
            )
            # nn.LSTM drops between its layers only, not behind the last.
            self.dropout = torch.nn.Dropout(DROPOUT)
            self.dense = torch.nn.Linear(layers[0].units, config.window.horizon)

        def forward(self, inputs: Any) -> Any:
            outputs, _ = self.lstm(inputs)
            return self.dense(self.dropout(outputs[:, -1]))

    return Stacked()


def count_torch(module: Any) -> dict[str, int]:
    """Return a module's parameters; an LSTM's second biases are counted apart.

    They are added to the first ones, so that the network is the one of Keras.
    """
    sizes = {name: value.numel() for name, value in module.named_parameters()}
    second = sum(size for name, size in sizes.items() if "bias_hh" in name)
    return {"n_parameters": sum(sizes.values()) - second, "n_second_biases": second}
