"""Fused: Keras' recurrent layers and dropout, run by faster kernels where they can be.

Each is a drop-in for the layer of its name in `keras.layers`: the same weights, the
same settings, and saved as that layer, so that a file of either loads into the other.
Where a kernel does not fit (another backend, a GPU, a setting that it lacks) the layer
is the stock one. Two things the stock layers alone can do: `jit_compile=True`, and
gradients of gradients. A pickled or copied model has stock layers, since it goes by way
of a file. Import it inside functions: it loads TensorFlow.

Between the layers of a stack, sequences stay time-major and in parts of a few steps:
the next layer works on a part while this one works on the following, so that two cores
have something to do. Parts travel as an attribute of the tensor that they make up, as
Keras' own masks do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import tensorflow as tf

from forecaster.models.backend import load_keras
from forecaster.models.kernels import (
    Step,
    block_lstm,
    gru_step,
    lstm_step,
    packed_lstm,
    project,
    scan,
    simple_step,
)

keras = load_keras()
PARTS = "_forecaster_parts"
# Steps of a part, about; the most parts of a sequence.
PART_STEPS, MOST_PARTS = 15, 16


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a kernel makes of the parts of a sequence.

    Attributes
    ----------
    parts
        Outputs, each of shape (n_steps of the part, n_windows, units).
    states
        After the last step, each of shape (n_windows, units).
    """

    parts: list[Any]
    states: list[Any]


class _Fused:
    """What the three layers share: when a kernel fits, and how its parts travel."""

    cell: Any

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
    ) -> Any:
        """Run the layer as Keras does, and hand its parts on with the outputs."""
        self._made: Outcome | None = None
        outputs = super().call(  # type: ignore[misc]
            sequences, initial_state=initial_state, mask=mask, training=training
        )
        made, self._made = self._made, None
        if made is not None and self.return_sequences and not tf.executing_eagerly():
            first = outputs[0] if isinstance(outputs, list | tuple) else outputs
            setattr(first, PARTS, made.parts)
        return outputs

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        """Run all steps; as Keras', but through a kernel where one fits."""
        if isinstance(mask, list | tuple):
            mask = mask[0]
        kernel = self._kernel(mask, bool(training))
        if kernel is None:
            return super().inner_loop(  # type: ignore[misc]
                sequences, initial_state, mask, training=training
            )
        states = list(tf.nest.flatten(initial_state))
        made = kernel(self._read(sequences, mask), states, mask)
        self._made = made
        last = made.parts[-1][-1]
        whole = last
        if self.return_sequences:  # type: ignore[attr-defined]
            whole = tf.transpose(tf.concat(made.parts, axis=0), [1, 0, 2])
        return last, whole, made.states

    def _kernel(self, mask: Any, training: bool) -> Any:
        raise NotImplementedError

    def _fits(self, mask: Any, training: bool) -> bool:
        """Return whether the layer has no setting that no kernel knows."""
        cell = self.cell
        return (
            keras.backend.backend() == "tensorflow"
            and not _has_gpu()
            and cell.compute_dtype == cell.variable_dtype
            and not self.unroll  # type: ignore[attr-defined]
            and not (training and (cell.dropout or cell.recurrent_dropout))
            and not (mask is not None and self.zero_output_for_mask)  # type: ignore[attr-defined]
        )

    def _may_loop(self, mask: Any, training: bool) -> bool:
        """Return whether a loop fits: compiled for each shape, it pays in training."""
        return training and not tf.executing_eagerly() and self._fits(mask, training)

    def _read(self, sequences: Any, mask: Any) -> list[Any]:
        """Return the parts of the inputs, in the order in which they are read."""
        parts = getattr(sequences, PARTS, None)
        if parts is None or self.go_backwards or mask is not None:  # type: ignore[attr-defined]
            whole = tf.transpose(sequences, [1, 0, 2])
            if self.go_backwards:  # type: ignore[attr-defined]
                whole = whole[::-1]
            n_parts = _n_parts(whole.shape[0]) if self.return_sequences else 1  # type: ignore[attr-defined]
            parts = split(whole, 1 if mask is not None else n_parts)
        return list(parts)

    def _scanned(self, step: Step, bias: Any, recurrent_bias: Any = None) -> Any:
        """Return the kernel that loops over a step."""
        if recurrent_bias is None:
            recurrent_bias = tf.zeros_like(bias)

        def run(parts: list[Any], states: list[Any], mask: Any) -> Outcome:
            cell, made = self.cell, []
            present = None if mask is None else self._present(mask)
            for part in parts:
                steps = scan(
                    step,
                    project(part, tf.convert_to_tensor(cell.kernel), bias),
                    tf.convert_to_tensor(cell.recurrent_kernel),
                    recurrent_bias,
                    states,
                    present,
                )
                states = [state[-1] for state in steps]
                made.append(steps[0])
            if present is not None:
                made = [made[0] * _begun(present, made[0].dtype)]
            return Outcome(made, states)

        return run

    def _present(self, mask: Any) -> Any:
        """Return a mask time-major, in the order in which the steps are read."""
        # By way of a number: oneDNN complains aloud of transposed booleans.
        present = tf.cast(tf.transpose(tf.cast(mask, tf.int32)), tf.bool)
        return present[::-1] if self.go_backwards else present  # type: ignore[attr-defined]


class LSTM(_Fused, keras.layers.LSTM):  # type: ignore[misc,name-defined]
    """`keras.layers.LSTM`, run as one operation without a mask, else as one loop."""

    def _kernel(self, mask: Any, training: bool) -> Any:
        cell = self.cell
        ordinary = (
            cell.activation is keras.activations.tanh
            and cell.recurrent_activation is keras.activations.sigmoid
        )
        if not (ordinary and cell.use_bias and self._fits(mask, training)):
            return None
        if mask is None and cell.compute_dtype == "float32":
            return self._block
        if not self._may_loop(mask, training):
            return None
        return self._scanned(lstm_step, tf.convert_to_tensor(cell.bias))

    def _block(self, parts: list[Any], states: list[Any], _: Any) -> Outcome:
        cell, made = self.cell, []
        kernel, bias = packed_lstm(
            *map(tf.convert_to_tensor, (cell.kernel, cell.recurrent_kernel, cell.bias))
        )
        for part in parts:
            outputs, cells = block_lstm(part, states, kernel, bias)
            states = [outputs[-1], cells[-1]]
            made.append(outputs)
        return Outcome(made, states)


class GRU(_Fused, keras.layers.GRU):  # type: ignore[misc,name-defined]
    """`keras.layers.GRU`, trained by one compiled loop."""

    def _kernel(self, mask: Any, training: bool) -> Any:
        cell = self.cell
        ordinary = (
            cell.activation is keras.activations.tanh
            and cell.recurrent_activation is keras.activations.sigmoid
            and cell.reset_after
        )
        if not (ordinary and cell.use_bias and self._may_loop(mask, training)):
            return None
        bias, recurrent_bias = tf.unstack(tf.convert_to_tensor(cell.bias))
        return self._scanned(gru_step, bias, recurrent_bias)


class SimpleRNN(_Fused, keras.layers.SimpleRNN):  # type: ignore[misc,name-defined]
    """`keras.layers.SimpleRNN`, trained by one compiled loop."""

    def _kernel(self, mask: Any, training: bool) -> Any:
        cell = self.cell
        plain = not isinstance(cell.activation, keras.layers.Layer)
        if not (plain and cell.use_bias and self._may_loop(mask, training)):
            return None
        step = simple_step(cell.activation)
        return self._scanned(step, tf.convert_to_tensor(cell.bias))


class Dropout(keras.layers.Dropout):  # type: ignore[misc,name-defined]
    """`keras.layers.Dropout`, which drops the same numbers also where it gets parts."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drop numbers in training; parts stay parts."""
        parts = getattr(inputs, PARTS, None)
        if parts is None or not training or not self.rate or self.noise_shape:
            return super().call(inputs, training=training)
        noise = keras.random.uniform(
            tf.shape(inputs), dtype=inputs.dtype, seed=self.seed_generator
        )
        kept = tf.cast(noise >= self.rate, inputs.dtype) * (1 / (1 - self.rate))
        factors = split(tf.transpose(kept, [1, 0, 2]), len(parts))
        dropped = [part * factor for part, factor in zip(parts, factors, strict=True)]
        outputs = tf.transpose(tf.concat(dropped, axis=0), [1, 0, 2])
        setattr(outputs, PARTS, dropped)
        return outputs


LAYERS = {"LSTM": LSTM, "GRU": GRU, "SimpleRNN": SimpleRNN, "Dropout": Dropout}
# Saved under the name of the layer that each stands in for, files fit either way.
for _layer in LAYERS.values():
    _layer.__module__ = "keras.layers"


def split(whole: Any, n_parts: int) -> list[Any]:
    """Cut a time-major tensor into parts of nearly the same number of steps."""
    if n_parts == 1:
        return [whole]
    shorter, n_longer = divmod(whole.shape[0], n_parts)
    sizes = [shorter + (place < n_longer) for place in range(n_parts)]
    return list(tf.split(whole, sizes, axis=0))


def _n_parts(n_steps: int | None) -> int:
    return min(max((n_steps or 0) // PART_STEPS, 1), MOST_PARTS)


def _begun(present: Any, dtype: Any) -> Any:
    """Return 0 until the first step that is present, and 1 from there on.

    Until then Keras puts out zeros, whatever the first state is.
    """
    seen = tf.math.cumsum(tf.cast(present, dtype), axis=0)
    return tf.cast(seen > 0, dtype)[..., None]


@cache
def _has_gpu() -> bool:
    return bool(tf.config.list_logical_devices("GPU"))
