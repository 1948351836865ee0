"""The long short-term memory: a cell state that gates write, keep and read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.models.reference.records import Gradients, State, Unrolled, Weights
from forecaster.models.reference.unrolling import Cell, sigmoid


@dataclass(frozen=True)
class LSTM(Cell):
    r"""The long short-term memory with a forget gate.

    .. math::

        i_t &= \sigma(x_t W_i + h_{t-1} U_i + b_i) \\
        f_t &= \sigma(x_t W_f + h_{t-1} U_f + b_f) \\
        \tilde c_t &= \tanh(x_t W_c + h_{t-1} U_c + b_c) \\
        o_t &= \sigma(x_t W_o + h_{t-1} U_o + b_o) \\
        c_t &= f_t \odot c_{t-1} + i_t \odot \tilde c_t \\
        h_t &= o_t \odot \tanh(c_t)

    The blocks of the weights are in this order: input gate, forget gate, candidate,
    output gate. The gates kept are ``input``, ``forget``, ``candidate`` and ``output``;
    the states are the hidden state and the cell state.

    References
    ----------
    .. [1] Hochreiter & Schmidhuber (1997), Long short-term memory.
    .. [2] Gers, Schmidhuber & Cummins (2000), Learning to forget: continual prediction
       with LSTM. The forget gate.
    """

    n_blocks = 4
    n_states = 2

    def step(
        self, entering: FloatArray, state: State, weights: Weights
    ) -> tuple[State, dict[str, FloatArray]]:
        """Return the hidden and the cell state after one step, and the gates."""
        hidden, cell = state
        total = (
            entering @ weights.kernel + hidden @ weights.recurrent_kernel + weights.bias
        )
        a_input, a_forget, a_candidate, a_output = np.split(total, 4, axis=1)
        gates = {
            "input": sigmoid(a_input),
            "forget": sigmoid(a_forget),
            "candidate": np.tanh(a_candidate),
            "output": sigmoid(a_output),
        }
        cell = gates["forget"] * cell + gates["input"] * gates["candidate"]
        return (gates["output"] * np.tanh(cell), cell), gates

    def step_back(
        self, unrolled: Unrolled, step: int, state_gradients: State
    ) -> Gradients:
        r"""Return one step's share of the gradients.

        The cell state is reached through :math:`h_t` and from the next step:

        .. math::

            \gamma = \frac{dL}{dc_t}
                + \frac{dL}{dh_t} \odot o_t \odot (1 - \tanh^2 c_t)

        From it, the gradients of what stands inside the activations:

        .. math::

            \delta_i &= \gamma \odot \tilde c_t \odot i_t (1 - i_t) \\
            \delta_f &= \gamma \odot c_{t-1} \odot f_t (1 - f_t) \\
            \delta_c &= \gamma \odot i_t \odot (1 - \tilde c_t^2) \\
            \delta_o &= \frac{dL}{dh_t} \odot \tanh c_t \odot o_t (1 - o_t)

        With these side by side as :math:`\delta`, the weights, :math:`x_t` and
        :math:`h_{t-1}` get theirs as in the simple cell. The cell state hands on
        :math:`dL/dc_{t-1} = \gamma \odot f_t`: where the forget gate stays near 1, the
        gradient neither vanishes nor explodes.
        """
        before, cell_before = unrolled.state_before(step)
        _, cell = unrolled.state_after(step)
        weights, gates = unrolled.weights, unrolled.gates_at(step)
        i, f, candidate, o = (
            gates[name] for name in ("input", "forget", "candidate", "output")
        )
        hidden_gradient, cell_gradient = state_gradients
        gamma = cell_gradient + hidden_gradient * o * (1 - np.tanh(cell) ** 2)
        delta = np.concatenate(
            [
                gamma * candidate * i * (1 - i),
                gamma * cell_before * f * (1 - f),
                gamma * i * (1 - candidate**2),
                hidden_gradient * np.tanh(cell) * o * (1 - o),
            ],
            axis=1,
        )
        return Gradients(
            kernel=unrolled.inputs[:, step].T @ delta,
            recurrent_kernel=before.T @ delta,
            bias=delta.sum(axis=0),
            inputs=delta @ weights.kernel.T,
            initial_state=(delta @ weights.recurrent_kernel.T, gamma * f),
        )
