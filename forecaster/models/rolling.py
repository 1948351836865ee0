"""Rolling forward: a network's forecasts fed back, a whole horizon in one call.

Import it inside functions: it loads Keras.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.models.backend import load_keras

keras = load_keras()


class Rolling(keras.layers.Layer):  # type: ignore[misc,name-defined]
    """Runs a network again and again on windows that end in its own forecasts.

    Parameters
    ----------
    network
        From (n_windows, lookback, 1) to (n_windows, horizon), or to
        (n_windows, lookback, 1), of which the last step counts.
    horizon
        Steps that one run forecasts.
    n_rounds
        How often it runs.
    """

    def __init__(self, network: Any, horizon: int, n_rounds: int) -> None:
        super().__init__(name="rolling")
        self.network, self.horizon, self.n_rounds = network, horizon, n_rounds

    def call(self, window: Any) -> Any:
        """Return forecasts of shape (n_windows, horizon * n_rounds)."""
        ops, lookback = keras.ops, window.shape[1]
        steps = ops.zeros((ops.shape(window)[0], self.horizon * self.n_rounds))

        def once(number: Any, state: Any) -> Any:
            window, steps = state
            ahead = self.network(window, training=False)
            if len(ahead.shape) > 2:  # noqa: PLR2004
                ahead = ahead[:, -1]
            steps = ops.slice_update(steps, [0, number * self.horizon], ahead)
            longer = ops.concatenate([window, ops.expand_dims(ahead, -1)], axis=1)
            return longer[:, -lookback:], steps

        return ops.fori_loop(0, self.n_rounds, once, (window, steps))[1]


def roll_forward(
    network: Any, windows: FloatArray, *, horizon: int, n_steps: int
) -> FloatArray:
    """Forecast more steps than a network does at once, in one compiled call.

    Parameters
    ----------
    network
        Reads the target alone.
    windows : ndarray of shape (n_windows, lookback, 1)
        Scaled inputs.
    horizon
        Steps that the network forecasts at once.
    n_steps
        Steps wanted.

    Returns
    -------
    ndarray of shape (n_windows, n_steps)
        In the network's numbers.
    """
    n_rounds = -(-n_steps // horizon)
    inputs = keras.Input(windows.shape[1:])
    rolling = keras.Model(inputs, Rolling(network, horizon, n_rounds)(inputs))
    steps = rolling.predict(np.ascontiguousarray(windows), verbose=0)
    return np.asarray(steps)[:, :n_steps]
