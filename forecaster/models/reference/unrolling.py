"""Unrolling: the loop over the steps, forward and back, that all cells share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.errors import DataError
from forecaster.models.reference.records import Gradients, State, Unrolled, Weights


class Cell(ABC):
    """A recurrent cell: one step forward and one step back; the rest follows."""

    n_blocks: ClassVar[int]
    n_states: ClassVar[int] = 1

    @abstractmethod
    def step(
        self, entering: FloatArray, state: State, weights: Weights
    ) -> tuple[State, dict[str, FloatArray]]:
        """Return the state after one step, and the gates on the way.

        Parameters
        ----------
        entering : ndarray of shape (n_windows, n_features)
            The step's input.
        state
            The state before the step.
        weights
            Shared by all steps.
        """

    @abstractmethod
    def step_back(
        self, unrolled: Unrolled, step: int, state_gradients: State
    ) -> Gradients:
        """Return one step's share of the gradients, by the chain rule.

        Parameters
        ----------
        unrolled
            What `run` returned.
        step
            Counted from 0.
        state_gradients
            Gradients of the state after the step, through this step's output and all
            later steps.

        Returns
        -------
        Gradients
            `inputs` is for this step alone, of shape (n_windows, n_features);
            `initial_state` is for the state before this step.
        """

    def bias_shape(self, units: int) -> tuple[int, ...]:
        """Return the shape of the bias for a size of the hidden state."""
        return (self.n_blocks * units,)

    def run(
        self,
        inputs: FloatArray,
        weights: Weights,
        initial_state: Sequence[FloatArray] | None = None,
    ) -> Unrolled:
        """Run the cell over every step, in double precision.

        Parameters
        ----------
        inputs : ndarray of shape (n_windows, n_steps, n_features)
            At least one step.
        weights
            In the order and the shapes of Keras.
        initial_state
            The hidden state before the first step, and an LSTM's cell state after it;
            each of shape (n_windows, units). Zeros if not given.

        Raises
        ------
        DataError
            If a shape does not fit the others.
        """
        inputs = np.array(inputs, np.float64)
        weights = self._checked(weights, inputs)
        shape = (len(inputs), weights.units)
        if initial_state is None:
            initial_state = (np.zeros(shape),) * self.n_states
        state: State = tuple(np.array(each, np.float64) for each in initial_state)
        if len(state) != self.n_states:
            raise DataError(f"expected {self.n_states} initial states: {len(state)}")
        for each in state:
            _expect("an initial state", each, shape)
        all_states, all_gates = [state], []
        for step in range(inputs.shape[1]):
            state, gates = self.step(inputs[:, step], state, weights)
            all_states.append(state)
            all_gates.append(gates)
        return Unrolled(
            weights=weights,
            inputs=inputs,
            initial_state=all_states[0],
            states=tuple(
                np.stack(each, axis=1) for each in zip(*all_states[1:], strict=True)
            ),
            gates={
                name: np.stack([each[name] for each in all_gates], axis=1)
                for name in gates
            },
        )

    def backpropagate(
        self, unrolled: Unrolled, output_gradients: FloatArray
    ) -> Gradients:
        r"""Go back through time, from the last step to the first.

        The hidden state :math:`h_t` moves the loss :math:`L` in two ways: as the
        output of step :math:`t`, and through all later steps:

        .. math::

            \frac{dL}{dh_t} = \frac{\partial L}{\partial h_t}
                + \frac{dL}{dh_{t+1}} \frac{\partial h_{t+1}}{\partial h_t}

        Every step uses the same weights, so their gradients are sums over the steps.

        Parameters
        ----------
        unrolled
            What `run` returned.
        output_gradients : ndarray of shape (n_windows, n_steps, units)
            Gradient of the loss by the hidden state of every step; `only_last_step`
            makes it when the loss looks at the last one alone.

        Raises
        ------
        DataError
            If the gradients have another shape than the hidden states.

        References
        ----------
        .. [1] Werbos (1990), Backpropagation through time: what it does and how to do
           it.
        """
        output_gradients = np.asarray(output_gradients, np.float64)
        _expect("the output gradients", output_gradients, unrolled.hidden.shape)
        through_later = tuple(np.zeros_like(each) for each in unrolled.initial_state)
        shares = []
        for step in reversed(range(output_gradients.shape[1])):
            hidden, *others = through_later
            state_gradients = (hidden + output_gradients[:, step], *others)
            share = self.step_back(unrolled, step, state_gradients)
            through_later = share.initial_state
            shares.append(share)
        return Gradients(
            kernel=np.sum([share.kernel for share in shares], axis=0),
            recurrent_kernel=np.sum([s.recurrent_kernel for s in shares], axis=0),
            bias=np.sum([share.bias for share in shares], axis=0),
            inputs=np.stack([share.inputs for share in reversed(shares)], axis=1),
            initial_state=through_later,
        )

    def _checked(self, weights: Weights, inputs: FloatArray) -> Weights:
        if inputs.ndim != 3 or inputs.shape[1] == 0:  # noqa: PLR2004
            raise DataError(
                "inputs should be of shape (n_windows, n_steps, n_features), with at "
                f"least one step: {inputs.shape}"
            )
        units, width = weights.units, self.n_blocks * weights.units
        _expect("the kernel", weights.kernel, (inputs.shape[2], width))
        _expect("the recurrent kernel", weights.recurrent_kernel, (units, width))
        _expect("the bias", weights.bias, self.bias_shape(units))
        return Weights(
            np.array(weights.kernel, np.float64),
            np.array(weights.recurrent_kernel, np.float64),
            np.array(weights.bias, np.float64),
        )


def only_last_step(gradients: FloatArray, n_steps: int) -> FloatArray:
    """Return output gradients that are zero but at the last step.

    Parameters
    ----------
    gradients : ndarray of shape (n_windows, units)
        Gradient of the loss by the last hidden state.
    n_steps
        Length of the sequence.

    Examples
    --------
    >>> only_last_step(np.array([[5.0]]), 3).tolist()
    [[[0.0], [0.0], [5.0]]]
    """
    n_windows, units = gradients.shape
    output_gradients = np.zeros((n_windows, n_steps, units))
    output_gradients[:, -1] = gradients
    return output_gradients


def sigmoid(x: FloatArray) -> FloatArray:
    """Return ``1 / (1 + exp(-x))``, without overflow."""
    result: FloatArray = 0.5 * (1 + np.tanh(0.5 * x))
    return result


def _expect(what: str, array: FloatArray, shape: tuple[int, ...]) -> None:
    if np.shape(array) != shape:
        raise DataError(f"{what} should be of shape {shape}: {np.shape(array)}")
