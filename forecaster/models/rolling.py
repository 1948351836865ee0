"""Rolling forward: a network's forecasts fed back, a whole horizon in one call."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.config import Config, config_from_dict
from forecaster.errors import ConfigError
from forecaster.models.asking import (
    ask,
    in_batches,
    input_signature,
    is_compilable,
    kept_function,
)
from forecaster.models.recurrent import network_for

# The longer network of each one that was unrolled, for the horizon last asked for.
_UNROLLED: weakref.WeakKeyDictionary[Any, tuple[Any, Config]] = (
    weakref.WeakKeyDictionary()
)
WITH_OUTPUTS = 3  # axes of an answer that has one for the session it speaks at


def roll_forward(
    network: Any, windows: Any, *, horizon: int, n_steps: int
) -> FloatArray:
    """Forecast more steps than a network does at once.

    A Keras model on TensorFlow does so in one compiled call, whatever the number of
    steps; any other network answers once for each round.

    Parameters
    ----------
    network
        From (n_windows, lookback, 1) to (n_windows, horizon), or to
        (n_windows, lookback, 1), of which the last step counts.
    windows : array of shape (n_windows, lookback, 1)
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
    if is_compilable(network):
        roll = kept_function(network, "roll", _rolling)
        steps = in_batches(roll, network, windows, np.int32(n_rounds))
    else:
        steps = _roll_by_rounds(network, np.asarray(windows), n_rounds)
    return steps[:, :n_steps]


def unroll(network: Any, config: Config, horizon: int) -> tuple[Any, Config]:
    """Return a network for another horizon, which its weights allow, and its settings.

    Parameters
    ----------
    network
        One whose later steps are its earlier ones again, as an encoder and decoder.

    Raises
    ------
    ConfigError
        If the network is no Keras model, whose weights can be read.
    """
    if not hasattr(network, "get_weights"):
        own = config.window.horizon
        raise ConfigError(
            f"cannot forecast {horizon} sessions: this network was exported for {own}, "
            f"and cannot be unrolled. Ask for at most {own}, or use the bundle that it "
            "was exported from."
        )
    found = _UNROLLED.get(network)
    if found is None or found[1].window.horizon != horizon:
        settings = config.resolved()
        settings["window"]["horizon"] = horizon
        longer = config_from_dict(settings)
        # One is kept, not one for each horizon that is ever asked for.
        found = _UNROLLED[network] = (network_for(longer).predictor, longer)
    found[0].set_weights(network.get_weights())
    return found


def _roll_by_rounds(network: Any, windows: FloatArray, n_rounds: int) -> FloatArray:
    lookback, steps = windows.shape[1], []
    for _ in range(n_rounds):
        ahead = _newest(ask(network, np.ascontiguousarray(windows)))
        steps.append(ahead)
        windows = np.concatenate([windows, ahead[..., None]], axis=1)[:, -lookback:]
    return np.concatenate(steps, axis=1)


def _newest(answer: Any) -> Any:
    """Return the forecasts of shape (n_windows, horizon) in an answer."""
    return answer[:, -1] if len(answer.shape) == WITH_OUTPUTS else answer


def _rolling(network: Any) -> Any:
    import tensorflow as tf

    known, signature = weakref.ref(network), input_signature(network)
    lookback = signature.shape[1]

    def once(number: Any, windows: Any, steps: Any) -> Any:
        ahead = _newest(known()(windows, training=False))  # type: ignore[misc]
        longer = tf.concat([windows, ahead[..., None]], axis=1)
        return number + 1, longer[:, -lookback:], steps.write(number, ahead)

    # The rounds are a tensor: another horizon is no other function.
    @tf.function(  # type: ignore[untyped-decorator]  # TensorFlow has no types
        input_signature=[signature, tf.TensorSpec((), tf.int32)], autograph=False
    )
    def roll(windows: Any, n_rounds: Any) -> Any:
        empty = tf.TensorArray(windows.dtype, size=n_rounds)
        *_, steps = tf.while_loop(
            lambda number, *_: number < n_rounds, once, (0, windows, empty)
        )
        rounds = tf.transpose(steps.stack(), (1, 0, 2))
        return tf.reshape(rounds, (tf.shape(windows)[0], -1))

    # One concrete function: TensorFlow counts the tracings of others, and warns.
    return roll.get_concrete_function()
