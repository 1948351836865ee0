"""The gated recurrent unit, with its reset before or after the recurrent product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.models.reference.records import Gradients, State, Unrolled, Weights
from forecaster.models.reference.unrolling import Cell, sigmoid


@dataclass(frozen=True)
class GRU(Cell):
    r"""The gated recurrent unit.

    With the reset after the product, as in Keras unless told otherwise and as on a GPU;
    :math:`b` is the bias of the input's side, :math:`d` that of the recurrent side:

    .. math::

        z_t &= \sigma(x_t W_z + b_z + h_{t-1} U_z + d_z) \\
        r_t &= \sigma(x_t W_r + b_r + h_{t-1} U_r + d_r) \\
        \tilde h_t &= \tanh(x_t W_h + b_h + r_t \odot (h_{t-1} U_h + d_h)) \\
        h_t &= z_t \odot h_{t-1} + (1 - z_t) \odot \tilde h_t

    With the reset before the product, as in the paper, :math:`d` is absent and

    .. math::

        \tilde h_t = \tanh(x_t W_h + b_h + (r_t \odot h_{t-1}) U_h)

    The blocks of the weights are in this order: update gate, reset gate, candidate.
    The gates kept are ``update``, ``reset`` and ``candidate``.

    Parameters
    ----------
    reset_after
        Whether the reset gate acts after the product with the recurrent kernel.

    References
    ----------
    .. [1] Cho et al. (2014), Learning phrase representations using RNN encoder-decoder
       for statistical machine translation.
    .. [2] Keras, the argument ``reset_after`` of ``keras.layers.GRU``.
    """

    reset_after: bool = True

    n_blocks = 3

    def bias_shape(self, units: int) -> tuple[int, ...]:
        """Return the shape of the bias: two rows with the reset after the product."""
        return (2, 3 * units) if self.reset_after else (3 * units,)

    def step(
        self, entering: FloatArray, state: State, weights: Weights
    ) -> tuple[State, dict[str, FloatArray]]:
        """Return the hidden state after one step, and the gates."""
        (hidden,) = state
        bias, recurrent_bias = self._biases(weights)
        x_update, x_reset, x_candidate = _blocks(entering @ weights.kernel + bias)
        u_update, u_reset, u_candidate = _blocks(weights.recurrent_kernel)
        d_update, d_reset, d_candidate = _blocks(recurrent_bias)
        update = sigmoid(x_update + hidden @ u_update + d_update)
        reset = sigmoid(x_reset + hidden @ u_reset + d_reset)
        if self.reset_after:
            memory = reset * (hidden @ u_candidate + d_candidate)
        else:
            memory = (reset * hidden) @ u_candidate
        candidate = np.tanh(x_candidate + memory)
        after = update * hidden + (1 - update) * candidate
        return (after,), {"update": update, "reset": reset, "candidate": candidate}

    def step_back(
        self, unrolled: Unrolled, step: int, state_gradients: State
    ) -> Gradients:
        r"""Return one step's share of the gradients.

        The gradients of what stands inside the activations, with :math:`\rho` for that
        of the reset gate itself:

        .. math::

            \delta_z &= \frac{dL}{dh_t} \odot (h_{t-1} - \tilde h_t)
                \odot z_t (1 - z_t) \\
            \delta_h &= \frac{dL}{dh_t} \odot (1 - z_t) \odot (1 - \tilde h_t^2) \\
            \delta_r &= \rho \odot r_t (1 - r_t)

        With the reset after the product,
        :math:`\rho = \delta_h \odot (h_{t-1} U_h + d_h)`, and the recurrent side sees
        :math:`\delta_h \odot r_t` where the input's side sees :math:`\delta_h`. With
        the reset before it, :math:`\rho = \delta_h U_h^\top \odot h_{t-1}`, and
        :math:`U_h` meets :math:`r_t \odot h_{t-1}`. The previous state also gets
        :math:`dL/dh_t \odot z_t` directly: where the update gate stays near 1, the
        gradient passes unchanged.
        """
        (gradient,) = state_gradients
        (hidden,) = unrolled.state_before(step)
        weights, gates = unrolled.weights, unrolled.gates_at(step)
        z, r, candidate = gates["update"], gates["reset"], gates["candidate"]
        _, _, u_candidate = _blocks(weights.recurrent_kernel)
        _, _, d_candidate = _blocks(self._biases(weights)[1])
        delta_z = gradient * (hidden - candidate) * z * (1 - z)
        delta_h = gradient * (1 - z) * (1 - candidate**2)
        if self.reset_after:
            rho = delta_h * (hidden @ u_candidate + d_candidate)
        else:
            rho = delta_h @ u_candidate.T * hidden
        delta_r = rho * r * (1 - r)
        delta = np.concatenate([delta_z, delta_r, delta_h], axis=1)
        recurrent_kernel, bias, before = self._recurrent_side(delta, r, hidden, weights)
        return Gradients(
            kernel=unrolled.inputs[:, step].T @ delta,
            recurrent_kernel=recurrent_kernel,
            bias=bias,
            inputs=delta @ weights.kernel.T,
            initial_state=(before + gradient * z,),
        )

    def _recurrent_side(
        self, delta: FloatArray, r: FloatArray, hidden: FloatArray, weights: Weights
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the gradients of recurrent kernel and bias, and of h through U."""
        kernel, units = weights.recurrent_kernel, weights.units
        gates, candidate = delta[:, : 2 * units], delta[:, 2 * units :]
        if self.reset_after:
            inner = np.concatenate([gates, candidate * r], axis=1)
            bias = np.stack([delta.sum(axis=0), inner.sum(axis=0)])
            return hidden.T @ inner, bias, inner @ kernel.T
        kernel_gradient = np.concatenate(
            [hidden.T @ gates, (r * hidden).T @ candidate], axis=1
        )
        through_gates = gates @ kernel[:, : 2 * units].T
        through_candidate = candidate @ kernel[:, 2 * units :].T * r
        return kernel_gradient, delta.sum(axis=0), through_gates + through_candidate

    def _biases(self, weights: Weights) -> tuple[FloatArray, FloatArray]:
        """Return the bias of the input's side and that of the recurrent side."""
        if self.reset_after:
            return weights.bias[0], weights.bias[1]
        return weights.bias, np.zeros_like(weights.bias)


def _blocks(array: FloatArray) -> list[FloatArray]:
    """Split columns into those of the update gate, the reset gate and the candidate."""
    return np.split(array, 3, axis=-1)
