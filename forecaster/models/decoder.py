"""The decoder's cell: recurrent cells that read their own last forecast.

Import it inside functions: it loads Keras.
"""

from __future__ import annotations

from typing import Any

from forecaster.models.backend import load_keras

keras = load_keras()


@keras.saving.register_keras_serializable(package="forecaster")
class FeedbackCell(keras.layers.Layer):  # type: ignore[misc,name-defined]
    """A stack of cells and a dense output, whose forecast is its next input.

    Each step reads ``[real value, whether to use it, known future...]``. Where the
    second is 1 the real value before is read (teacher forcing), where it is 0 the
    cell's own forecast.

    Parameters
    ----------
    cells
        Bottom cell first.
    output
        Dense layer on the topmost state.
    centre
        Which of the outputs is the forecast that is fed back.
    """

    def __init__(
        self, cells: list[Any], output: Any, centre: int = 0, **options: Any
    ) -> None:
        super().__init__(**options)
        self.stack = keras.layers.StackedRNNCells(cells)
        self.output_layer, self.centre = output, centre
        self.state_size = [*_flat(self.stack.state_size), 1]
        self.output_size = output.units

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        width = 1 + input_shape[-1] - 2
        self.stack.build((*input_shape[:-1], width))
        self.output_layer.build((*input_shape[:-1], self.stack.output_size))
        self.built = True

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        """Make one step."""
        *cell_states, own = states
        real, use_real, known = inputs[:, :1], inputs[:, 1:2], inputs[:, 2:]
        value = use_real * real + (1 - use_real) * own
        read = keras.ops.concatenate([value, known], axis=-1)
        nested = _nest(cell_states, self.stack.state_size)
        top, new_states = self.stack(read, nested, training=training)
        # Keras hands the states of a single cell back without their list.
        new_states = [new_states] if len(self.stack.cells) == 1 else new_states
        raw = self.output_layer(top)
        own = raw[:, self.centre : self.centre + 1]
        return raw, [*_flat(new_states), own]

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs."""
        serialize = keras.saving.serialize_keras_object
        own: dict[str, Any] = super().get_config() | {
            "cells": [serialize(cell) for cell in self.stack.cells],
            "output": serialize(self.output_layer),
            "centre": self.centre,
        }
        return own

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make the cell that `get_config` describes."""
        restore = keras.saving.deserialize_keras_object
        made = config | {
            "cells": [restore(cell) for cell in config["cells"]],
            "output": restore(config["output"]),
        }
        return cls(**made)


def _flat(states: Any) -> list[Any]:
    """Return the states of all cells in one list; Keras gives a lone one as it is."""
    if not isinstance(states, list | tuple):
        return [states]
    flat: list[Any] = []
    for state in states:
        flat.extend(state if isinstance(state, list | tuple) else [state])
    return flat


def _nest(states: list[Any], sizes: Any) -> list[Any]:
    """Return the states cell by cell, as the stack wants them."""
    nested, place = [], 0
    for size in sizes:
        n = len(size) if isinstance(size, list | tuple) else 1
        part = list(states[place : place + n])
        nested.append(part if n > 1 else part[0])
        place += n
    return nested
