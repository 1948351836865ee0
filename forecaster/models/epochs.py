"""Epochs: a network trained and scored on TensorFlow, many batches in one call.

The windows stay what they are, rows and where each begins, and are put together batch
by batch inside the call. Import it inside functions: it loads TensorFlow.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from forecaster.config import Config
from forecaster.data.sequences import PADDING, Sequences
from forecaster.data.windows import Windows
from forecaster.models.asking import PREDICTION_BATCH
from forecaster.models.backend import load_keras
from forecaster.models.feeding import beside_windows
from forecaster.models.heads import has_output_axis
from forecaster.models.recurrent import Network

keras = load_keras()
# A compiled call is to take so long, in seconds: an interrupt is heard between two.
CALL_S = 1.0
FIRST_BATCHES, MOST_FASTER = 8, 100.0
Held = Mapping[str, Any]


class Epochs:
    """Trains a compiled network on windows, and scores it.

    What happens is what `fit` and `evaluate` of Keras do; the last, incomplete batch
    is filled up and its answers cut back, so that one shape is compiled.

    Parameters
    ----------
    network
        Its trainer, and its judge, have a loss and the trainer an optimiser.
    config
        Settings of the run.
    """

    def __init__(self, network: Network, config: Config) -> None:
        self._network, self._config = network, config
        self._held: weakref.WeakKeyDictionary[Windows, Held] = (
            weakref.WeakKeyDictionary()
        )
        self._compiled: dict[str, Any] = {}
        self._batches: dict[str, int] = {}

    def run(self, windows: Windows, order: np.ndarray) -> float:
        """Train on the windows once, and return the mean loss.

        Parameters
        ----------
        order : ndarray of int, shape (n_drawn,)
            Which windows, in the order in which they are shown.
        """
        size = self._config.training.batch_size
        return self._call("train", self._train, windows, order, size)

    def score(self, windows: Windows) -> float:
        """Return the mean loss on windows, without dropout or teacher."""
        order = np.arange(len(windows))
        return self._call("judge", self._judge, windows, order, PREDICTION_BATCH)

    def _call(
        self,
        name: str,
        step: Callable[[Held, Any], Any],
        windows: Windows,
        order: np.ndarray,
        size: int,
    ) -> float:
        held = self._hold(windows)
        if name not in self._compiled:
            self._compiled[name] = _looped(step, size, held)
        chosen = tf.constant(order, tf.int32)
        # Batch by batch: a sum must not depend on how many batches a call takes.
        losses: list[float] = []
        first = 0
        while first < len(order):
            n_batches = self._batches.get(name, FIRST_BATCHES)
            part = chosen[first : first + n_batches * size]
            begun = time.perf_counter()
            losses += self._compiled[name](held, part).numpy().tolist()
            pace = CALL_S / (time.perf_counter() - begun)
            first += len(part)
            n_done = -(-len(part) // size)
            self._batches[name] = max(int(n_done * min(pace, MOST_FASTER)), 1)
        weights = np.full(len(losses), size)
        weights[-1] = len(order) - size * (len(losses) - 1)
        return float(np.average(losses, weights=weights))

    def _hold(self, windows: Windows) -> Held:
        """Return the windows as tensors, made once."""
        if windows not in self._held:
            arrays = _arrays(windows, self._config)
            self._held[windows] = tf.nest.map_structure(tf.constant, arrays)
        return self._held[windows]

    def _train(self, held: Held, chosen: Any) -> Any:
        trainer, size = self._network.trainer, self._config.training.batch_size
        n_windows = tf.shape(chosen)[0]
        filled = chosen
        if not self._has_batch_normalization:
            filled = tf.ensure_shape(tf.pad(chosen, [[0, size - n_windows]]), [size])
        inputs = self._inputs(held, filled, taught=True)
        with tf.GradientTape() as tape:
            answer = trainer(inputs, training=True)
            answer = tf.nest.map_structure(lambda part: _first(part, n_windows), answer)
            loss = trainer.compute_loss(
                x=inputs, y=self._answers(held, chosen), y_pred=answer, training=True
            )
        weights = trainer.trainable_variables
        slopes = tape.gradient(loss, [weight.value for weight in weights])
        trainer.optimizer.apply(slopes, weights)
        return loss

    def _judge(self, held: Held, chosen: Any) -> Any:
        judge = self._network.judge
        inputs = self._inputs(held, chosen, taught=False)
        answer = judge(inputs, training=False)
        return judge.compute_loss(
            x=inputs, y=self._answers(held, chosen), y_pred=answer, training=False
        )

    def _inputs(self, held: Held, chosen: Any, *, taught: bool) -> Any:
        lookback = self._config.window.lookback
        inputs = {"window": _gather(held["window"], chosen, lookback, PADDING)}
        for name, values in held["beside"].items():
            if taught or name != "teacher":
                inputs[name] = tf.gather(values, chosen)
        return inputs if len(inputs) > 1 else inputs["window"]

    def _answers(self, held: Held, chosen: Any) -> Any:
        wanted, model = held["wanted"], self._config.model
        if isinstance(wanted, Mapping):
            answers = _gather(wanted, chosen, self._config.window.lookback, 0.0)
        else:
            answers = tf.gather(wanted, chosen)
            answers = answers[..., None] if has_output_axis(model) else answers
        return answers if model.members == 1 else [answers] * model.members

    @property
    def _has_batch_normalization(self) -> bool:
        layers = self._config.model.layers
        return any(layer.normalization == "batch" for layer in layers)


def _looped(step: Callable[[Held, Any], Any], size: int, held: Held) -> Any:
    """Return the compiled function that makes a step for each batch of the windows."""

    def run(held: Held, order: Any) -> Any:
        n_windows = tf.shape(order)[0]
        n_batches = (n_windows + size - 1) // size

        def one(batch: Any, losses: Any) -> Any:
            first = batch * size
            chosen = order[first : tf.minimum(first + size, n_windows)]
            return batch + 1, losses.write(batch, step(held, chosen))

        start = (0, tf.TensorArray(tf.float32, n_batches, element_shape=[]))
        return tf.while_loop(
            lambda batch, _: batch < n_batches, one, start, parallel_iterations=1
        )[1].stack()

    shapes = tf.nest.map_structure(
        lambda tensor: tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype), held
    )
    # One concrete function: TensorFlow counts the tracings of others, and warns.
    compiled = tf.function(run, autograph=False)
    return compiled.get_concrete_function(shapes, tf.TensorSpec([None], tf.int32))


def _arrays(windows: Windows, config: Config) -> dict[str, Any]:
    """Return all that batches are put together from."""
    wanted = windows.wanted
    return {
        "window": _parts(windows.sequences),
        "beside": beside_windows(windows, config, taught=True),
        "wanted": _parts(wanted) if isinstance(wanted, Sequences) else wanted,
    }


def _parts(sequences: Sequences) -> dict[str, np.ndarray]:
    parts = {
        "rows": np.ascontiguousarray(sequences.rows),
        "starts": sequences.starts.astype(np.int32),
    }
    if sequences.low is not None and sequences.span is not None:
        parts |= {"low": sequences.low, "span": sequences.span}
    return parts


def _gather(held: Mapping[str, Any], chosen: Any, length: int, missing: float) -> Any:
    """Return windows, (n_chosen, length, n_features), as `Sequences` would."""
    places = tf.gather(held["starts"], chosen)[:, None] + tf.range(length)
    windows = tf.gather(held["rows"], places)
    if "low" not in held:
        return windows
    low, span = tf.gather(held["low"], chosen), tf.gather(held["span"], chosen)
    scaled = (windows - low[:, None]) / span[:, None]
    missed = tf.constant(missing, scaled.dtype)
    return tf.cast(tf.where(tf.math.is_nan(scaled), missed, scaled), tf.float32)


def _first(answer: Any, n_windows: Any) -> Any:
    """Cut answers back to the windows that are real, and so their mask."""
    cut = answer[:n_windows]
    mask = getattr(answer, "_keras_mask", None)
    if mask is not None:
        cut._keras_mask = mask[:n_windows]
    return cut
