"""Asking: a network's answers to any number of windows, by one compiled function.

Keras' own `predict` takes tens of milliseconds of Python a call, whatever the network.
It answers where there is no compiled function: on other backends than TensorFlow, and
for objects that are no Keras model.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.models.backend import load_keras

# Windows answered at once: what a network holds in memory follows from it.
PREDICTION_BATCH = 256

# The functions of each network, by what they are for; they go when it goes.
_KEPT: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()


def ask(network: Any, inputs: Any) -> FloatArray:
    """Return a network's answers to windows.

    Parameters
    ----------
    network
        A Keras model, or any object with ``predict(inputs, batch_size=, verbose=)``.
        Later changes of a model's weights are seen.
    inputs
        As `forecaster.models.feeding.feed` or `feed_lazily` returns them: an array of
        shape (n_windows, lookback, n_features), or several arrays by name.

    Returns
    -------
    ndarray of shape (n_windows, ...)
        The numbers of the last layer.
    """
    if not is_compilable(network):
        arrays = (
            {name: np.asarray(values) for name, values in inputs.items()}
            if isinstance(inputs, dict)
            else np.asarray(inputs)
        )
        answers = network.predict(arrays, batch_size=PREDICTION_BATCH, verbose=0)
        return np.asarray(answers)
    return in_batches(kept_function(network, "answer", _answering), network, inputs)


def is_compilable(network: Any) -> bool:
    """Return whether a network's answers can be compiled: by TensorFlow, for Keras."""
    kinds = {kind.__module__.partition(".")[0] for kind in type(network).__mro__}
    if "keras" not in kinds:
        return False  # Keras is not even loaded for it
    on_tensorflow = load_keras().config.backend() == "tensorflow"
    return on_tensorflow and bool(getattr(network, "inputs", None))


def kept_function(
    network: Any, purpose: str, compile_it: Callable[[Any], Any]
) -> Callable[..., Any]:
    """Return a network's compiled function for a purpose, made at the first call.

    Parameters
    ----------
    compile_it
        Makes the function of a network, to which it must hold no reference but a weak
        one: else neither would ever be freed.
    """
    functions = _KEPT.setdefault(network, {})
    if purpose not in functions:
        functions[purpose] = compile_it(network)
    function: Callable[..., Any] = functions[purpose]
    return function


def in_batches(
    function: Callable[..., Any], network: Any, inputs: Any, *more: Any
) -> FloatArray:
    """Run a compiled function on windows, `PREDICTION_BATCH` of them at a time.

    Parameters
    ----------
    more
        Passed on with each batch.
    """
    kinds = {value.name: value.dtype for value in network.inputs}
    named = inputs if isinstance(inputs, dict) else {next(iter(kinds)): inputs}
    n_windows = len(next(iter(named.values())))
    answers = []
    for begin in range(0, max(n_windows, 1), PREDICTION_BATCH):
        part = slice(begin, begin + PREDICTION_BATCH)
        batch = {
            name: np.ascontiguousarray(named[name][part], dtype=kind)
            for name, kind in kinds.items()
        }
        fed = batch if len(batch) > 1 else next(iter(batch.values()))
        answers.append(function(fed, *more).numpy())
    return answers[0] if len(answers) == 1 else np.concatenate(answers)


def input_signature(network: Any) -> Any:
    """Return what a network reads, in TensorFlow's words: any number of windows."""
    import tensorflow as tf

    specs = {
        value.name: tf.TensorSpec(value.shape, value.dtype, name=value.name)
        for value in network.inputs
    }
    return specs if len(specs) > 1 else next(iter(specs.values()))


def _answering(network: Any) -> Any:
    import tensorflow as tf

    known = weakref.ref(network)

    @tf.function(  # type: ignore[untyped-decorator]  # TensorFlow has no types
        input_signature=[input_signature(network)], autograph=False
    )
    def answer(inputs: Any) -> Any:
        return known()(inputs, training=False)  # type: ignore[misc]  # it is asked

    # One concrete function: TensorFlow counts the tracings of others, and warns.
    return answer.get_concrete_function()
