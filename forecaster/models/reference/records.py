"""What goes into a cell and what comes out: weights, the way through, gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from forecaster.arrays import FloatArray
from forecaster.errors import DataError

State = tuple[FloatArray, ...]


@dataclass(frozen=True)
class Weights:
    """Weights of one cell as Keras keeps them: ``Weights(*layer.get_weights())``.

    Attributes
    ----------
    kernel : ndarray of shape (n_features, n_blocks * units)
        Acts on the input. One block of columns for each gate or candidate.
    recurrent_kernel : ndarray of shape (units, n_blocks * units)
        Acts on the hidden state before the step.
    bias : ndarray of shape (n_blocks * units,)
        With a GRU that resets after the product (2, n_blocks * units): a row for the
        input's side, then one for the recurrent side.
    """

    kernel: FloatArray
    recurrent_kernel: FloatArray
    bias: FloatArray

    @property
    def units(self) -> int:
        """Size of the hidden state."""
        return int(self.recurrent_kernel.shape[0])


@dataclass(frozen=True)
class Unrolled:
    """A cell's way through a sequence, with all that is needed for the way back.

    Attributes
    ----------
    weights
        The weights that all steps share.
    inputs : ndarray of shape (n_windows, n_steps, n_features)
        What the cell read.
    initial_state
        The hidden state before the first step, and an LSTM's cell state after it; each
        of shape (n_windows, units).
    states
        The same states after every step, each of shape (n_windows, n_steps, units).
    gates
        By name, what each gate and candidate was at every step, in the same shape.
    """

    weights: Weights
    inputs: FloatArray
    initial_state: State
    states: State
    gates: Mapping[str, FloatArray]

    @property
    def hidden(self) -> FloatArray:
        """Hidden state after every step; what Keras calls the returned sequences."""
        return self.states[0]

    @property
    def cell(self) -> FloatArray:
        """Cell state of an LSTM after every step.

        Raises
        ------
        DataError
            If the cell is not an LSTM.
        """
        if len(self.states) == 1:
            raise DataError("only an LSTM has a cell state beside its hidden state")
        return self.states[1]

    def state_before(self, step: int) -> State:
        """Return the state that a step, counted from 0, started from."""
        if step == 0:
            return self.initial_state
        return tuple(state[:, step - 1] for state in self.states)

    def state_after(self, step: int) -> State:
        """Return the state that a step, counted from 0, ended in."""
        return tuple(state[:, step] for state in self.states)

    def gates_at(self, step: int) -> dict[str, FloatArray]:
        """Return the gates of one step, counted from 0."""
        return {name: gate[:, step] for name, gate in self.gates.items()}


@dataclass(frozen=True)
class Gradients:
    """Gradients of a loss, each in the shape of what it belongs to.

    Attributes
    ----------
    kernel, recurrent_kernel, bias
        Those of the weights, summed over windows and steps.
    inputs
        That of the inputs: how much each step's input moves the loss.
    initial_state
        That of the state before the first step.
    """

    kernel: FloatArray
    recurrent_kernel: FloatArray
    bias: FloatArray
    inputs: FloatArray
    initial_state: State
