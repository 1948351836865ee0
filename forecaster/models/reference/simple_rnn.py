"""The simple recurrent cell: one product, one activation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.errors import ConfigError
from forecaster.models.reference.records import Gradients, State, Unrolled, Weights
from forecaster.models.reference.unrolling import Cell

Activation = Callable[[FloatArray], FloatArray]

# By name: the activation, and its derivative in terms of its value.
ACTIVATIONS: dict[str, tuple[Activation, Activation]] = {
    "tanh": (np.tanh, lambda h: 1 - h**2),
    "linear": (lambda a: a, np.ones_like),
    "relu": (lambda a: np.maximum(a, 0), lambda h: np.where(h > 0, 1.0, 0.0)),
}


@dataclass(frozen=True)
class SimpleRNN(Cell):
    r"""The simple recurrent cell.

    .. math::

        a_t &= x_t W + h_{t-1} U + b \\
        h_t &= \varphi(a_t)

    Parameters
    ----------
    activation
        The name of :math:`\varphi`: tanh, linear or relu.

    Raises
    ------
    ConfigError
        If the activation is another.

    References
    ----------
    .. [1] Elman (1990), Finding structure in time.

    Examples
    --------
    A sum of all inputs:

    >>> one = np.ones((1, 1))
    >>> weights = Weights(kernel=one, recurrent_kernel=one, bias=np.zeros(1))
    >>> cell = SimpleRNN("linear")
    >>> cell.run(np.array([[[1.0], [2.0], [3.0]]]), weights).hidden.ravel().tolist()
    [1.0, 3.0, 6.0]
    """

    activation: str = "tanh"

    n_blocks = 1

    def __post_init__(self) -> None:
        """Refuse an unknown activation."""
        if self.activation not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise ConfigError(f"activation should be one of {known}: {self.activation}")

    def step(
        self, entering: FloatArray, state: State, weights: Weights
    ) -> tuple[State, dict[str, FloatArray]]:
        """Return the state after one step; there are no gates."""
        (hidden,) = state
        activate, _ = ACTIVATIONS[self.activation]
        total = (
            entering @ weights.kernel + hidden @ weights.recurrent_kernel + weights.bias
        )
        return (activate(total),), {}

    def step_back(
        self, unrolled: Unrolled, step: int, state_gradients: State
    ) -> Gradients:
        r"""Return one step's share of the gradients.

        With :math:`\delta` for the gradient of :math:`a_t`, summed over windows where
        it meets a weight:

        .. math::

            \delta &= \frac{dL}{dh_t} \odot \varphi'(a_t) \\
            \frac{dL}{dW} &= x_t^\top \delta, \quad
            \frac{dL}{dU} = h_{t-1}^\top \delta, \quad
            \frac{dL}{db} = \delta \\
            \frac{dL}{dx_t} &= \delta W^\top, \quad
            \frac{dL}{dh_{t-1}} = \delta U^\top

        Over many steps the last product is taken again and again: gradients vanish
        where :math:`U` shrinks them and explode where it stretches them.
        """
        (before,), (after,) = unrolled.state_before(step), unrolled.state_after(step)
        weights = unrolled.weights
        _, derivative = ACTIVATIONS[self.activation]
        delta = state_gradients[0] * derivative(after)
        return Gradients(
            kernel=unrolled.inputs[:, step].T @ delta,
            recurrent_kernel=before.T @ delta,
            bias=delta.sum(axis=0),
            inputs=delta @ weights.kernel.T,
            initial_state=(delta @ weights.recurrent_kernel.T,),
        )
