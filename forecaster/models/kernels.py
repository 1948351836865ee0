"""Kernels: whole layers of recurrent steps in one operation, with exact gradients.

Everything is time-major: (n_steps, n_windows, width). Import it inside functions: it
loads TensorFlow, for which alone it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

import tensorflow as tf

from forecaster.models.backend import load_keras

keras = load_keras()
MOST_LOOPS = 64  # compiled, of different shapes, that are kept
Step = Callable[[Any, Any, Sequence[Any]], tuple[Any, ...]]


def block_lstm(
    inputs: Any, states: Sequence[Any], kernel: Any, bias: Any
) -> tuple[Any, Any]:
    """Run a whole LSTM layer as one operation of TensorFlow.

    It is `BlockLSTM`, the first version: the gradients of `BlockLSTMV2` are wrong.

    Parameters
    ----------
    inputs : tensor of shape (n_steps, n_windows, n_features)
    states
        First output and first cell state, each of shape (n_windows, units).
    kernel : tensor of shape (n_features + units, 4 * units)
        Of `packed_lstm`.
    bias : tensor of shape (4 * units,)
        Of `packed_lstm`.

    Returns
    -------
    tuple
        Outputs and cell states of every step, (n_steps, n_windows, units).
    """
    none = tf.zeros(states[0].shape[-1:], inputs.dtype)  # no peepholes
    n_windows, n_more = tf.shape(inputs)[1], _n_more(inputs, states[0])
    layer = tf.raw_ops.BlockLSTM(
        seq_len_max=tf.shape(inputs, out_type=tf.int64)[0],
        x=_with_rows(inputs, n_more, axis=1),
        h_prev=_with_rows(states[0], n_more, axis=0),
        cs_prev=_with_rows(states[1], n_more, axis=0),
        w=kernel,
        wci=none,
        wcf=none,
        wco=none,
        b=bias,
        forget_bias=0.0,
        cell_clip=-1.0,
        use_peephole=False,
    )
    if n_more is None:
        return layer.h, layer.cs
    return layer.h[:, :n_windows], layer.cs[:, :n_windows]


def _n_more(inputs: Any, outputs: Any) -> Any:
    """Return how many windows make their number even; None if it does not matter.

    TensorFlow complains aloud, and is slower, where it is odd and a width is odd too.
    """
    widths, n_windows = (inputs.shape[-1], outputs.shape[-1]), inputs.shape[1]
    if not any(width % 2 for width in widths) or (n_windows and not n_windows % 2):
        return None
    return tf.shape(inputs)[1] % 2


def _with_rows(values: Any, n_more: Any, *, axis: int) -> Any:
    if n_more is None:
        return values
    rest = [[0, 0]] * (len(values.shape) - axis - 1)
    return tf.pad(values, [*[[0, 0]] * axis, [0, n_more], *rest])


def packed_lstm(kernel: Any, recurrent_kernel: Any, bias: Any) -> tuple[Any, Any]:
    """Return Keras' weights, of gates i, f, c, o, in the order i, c, f, o."""
    i, f, c, o = tf.split(tf.concat([kernel, recurrent_kernel], axis=0), 4, axis=1)
    bias_i, bias_f, bias_c, bias_o = tf.split(bias, 4)
    return (
        tf.concat([i, c, f, o], axis=1),
        tf.concat([bias_i, bias_c, bias_f, bias_o], axis=0),
    )


def lstm_step(projected: Any, recurrent: Any, states: Sequence[Any]) -> tuple[Any, ...]:
    """Make one step of an LSTM from the two projections that feed its gates."""
    i, f, c, o = tf.split(projected + recurrent, 4, axis=-1)
    cell = tf.sigmoid(f) * states[1] + tf.sigmoid(i) * tf.tanh(c)
    return tf.sigmoid(o) * tf.tanh(cell), cell


def gru_step(projected: Any, recurrent: Any, states: Sequence[Any]) -> tuple[Any, ...]:
    """Make one step of a GRU whose reset gate acts behind the recurrent projection."""
    z, r, candidate = tf.split(projected, 3, axis=-1)
    z_before, r_before, before = tf.split(recurrent, 3, axis=-1)
    update = tf.sigmoid(z + z_before)
    new = tf.tanh(candidate + tf.sigmoid(r + r_before) * before)
    return (update * states[0] + (1 - update) * new,)


@cache
def simple_step(activation: Callable[[Any], Any]) -> Step:
    """Return one step of a SimpleRNN with an activation."""

    def step(projected: Any, recurrent: Any, _: Sequence[Any]) -> tuple[Any, ...]:
        return (activation(projected + recurrent),)

    return step


def project(inputs: Any, kernel: Any, bias: Any) -> Any:
    """Multiply the inputs of all steps by a kernel at once, and add a bias."""
    n_steps, n_windows = tf.shape(inputs)[0], tf.shape(inputs)[1]
    width_in, width_out = kernel.shape
    flat = tf.matmul(tf.reshape(inputs, [-1, width_in]), kernel) + bias
    return tf.reshape(flat, [n_steps, n_windows, width_out])


def scan(
    step: Step,
    projected: Any,
    recurrent_kernel: Any,
    recurrent_bias: Any,
    states: Sequence[Any],
    present: Any = None,
) -> tuple[Any, ...]:
    """Run a recurrent layer as one compiled loop, and back as another.

    The way back is written out: it multiplies by the recurrent kernel once for each
    step, and finds the kernel's own gradient in one product over all steps.

    Parameters
    ----------
    step
        From the projections of inputs and of the last output, each of shape
        (n_windows, width), and the states to the new states, output first.
    projected : tensor of shape (n_steps, n_windows, width)
        Of `project`.
    recurrent_kernel : tensor of shape (units, width)
    recurrent_bias : tensor of shape (width,)
    states
        Before the first step, each of shape (n_windows, units).
    present : tensor of bool, shape (n_steps, n_windows), optional
        Where it is False a step is skipped, and the states stay as they were.

    Returns
    -------
    tuple
        Each state after every step, (n_steps, n_windows, units).

    References
    ----------
    .. [1] Werbos (1990), Backpropagation through time: what it does and how to do it.
    """
    forward, backward = _loops(
        step,
        tf.TensorSpec(projected.shape, projected.dtype),
        tf.TensorSpec(recurrent_kernel.shape, recurrent_kernel.dtype),
        len(states),
        masked=present is not None,
    )
    if present is None:
        present = tf.ones(tf.shape(projected)[:2], tf.bool)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(*inputs: Any) -> Any:
        # Else an outer tape would follow the loop as well, step by step.
        projected, kernel, bias, *first = map(tf.stop_gradient, inputs)
        recurrent, states = forward(projected, kernel, bias, first, present)

        def gradients(*upstream: Any) -> tuple[Any, ...]:
            found = backward(
                projected, kernel, recurrent, first, states, [*upstream], present
            )
            return tuple(found)

        return tuple(states), gradients

    return tuple(run(projected, recurrent_kernel, recurrent_bias, *states))


@lru_cache(maxsize=MOST_LOOPS)
def _loops(
    step: Step, read: Any, kernel: Any, n_states: int, *, masked: bool
) -> tuple[Any, Any]:
    """Return the two compiled loops of a step, for all layers of the same shapes."""
    one = tf.TensorSpec([read.shape[1], kernel.shape[0]], read.dtype)
    every = tf.TensorSpec([read.shape[0], *one.shape], read.dtype)
    bias = tf.TensorSpec(kernel.shape[1:], read.dtype)
    present = tf.TensorSpec(read.shape[:2], tf.bool)
    forward, backward = _uncompiled_loops(step, masked=masked)
    each, each_step = [one] * n_states, [every] * n_states
    # Concrete functions: TensorFlow counts the tracings of others, and warns.
    return (
        _compiled(forward, read, kernel, bias, each, present),
        _compiled(backward, read, kernel, read, each, each_step, each_step, present),
    )


def _compiled(loop: Callable[..., Any], *shapes: Any) -> Any:
    function = tf.function(loop, jit_compile=True, autograph=False)
    return function.get_concrete_function(*shapes)


def _uncompiled_loops(step: Step, *, masked: bool) -> tuple[Any, Any]:
    """Return the way there and the way back, as functions of tensors."""

    def advance(projected: Any, recurrent: Any, states: Any, present: Any) -> Any:
        new = step(projected, recurrent, states)
        if not masked:
            return list(new)
        return [
            tf.where(present[:, None], after, before)
            for after, before in zip(new, states, strict=True)
        ]

    def forward(
        projected: Any, kernel: Any, bias: Any, first: Any, present: Any
    ) -> tuple[Any, list[Any]]:
        n_steps = _n_steps(projected)
        kept = _arrays(n_steps, [projected[0], *first])

        def one(t: Any, states: Any, kept: Any) -> Any:
            recurrent = tf.matmul(states[0], kernel) + bias
            states = advance(projected[t], recurrent, states, present[t])
            return t + 1, states, _write(kept, t, [recurrent, *states])

        loop = tf.while_loop(lambda t, *_: t < n_steps, one, (0, list(first), kept))
        recurrent, *states = [array.stack() for array in loop[2]]
        return recurrent, states

    def backward(
        projected: Any,
        kernel: Any,
        recurrent: Any,
        first: Any,
        states: Any,
        upstream: Any,
        present: Any,
    ) -> list[Any]:
        before = [
            tf.concat([start[None], state[:-1]], axis=0)
            for start, state in zip(first, states, strict=True)
        ]
        n_steps = _n_steps(projected)
        kept = _arrays(n_steps, [projected[0], recurrent[0]])

        def one(t: Any, slopes: Any, kept: Any) -> Any:
            slopes = [
                slope + above[t] for slope, above in zip(slopes, upstream, strict=True)
            ]
            read = [projected[t], recurrent[t], *(state[t] for state in before)]
            with tf.GradientTape() as tape:
                tape.watch(read)
                made = advance(read[0], read[1], read[2:], present[t])
            own = tape.gradient(made, read, slopes, unconnected_gradients="zero")
            output, *others = own[2:]
            slopes = [output + tf.matmul(own[1], kernel, transpose_b=True), *others]
            return t - 1, slopes, _write(kept, t, own[:2])

        start = (n_steps - 1, [tf.zeros_like(state) for state in first], kept)
        loop = tf.while_loop(lambda t, *_: t >= 0, one, start)
        by_input, by_recurrent = (array.stack() for array in loop[2])
        flat = tf.reshape(by_recurrent, [-1, kernel.shape[1]])
        outputs = tf.reshape(before[0], [-1, kernel.shape[0]])
        by_kernel = tf.matmul(outputs, flat, transpose_a=True)
        return [by_input, by_kernel, tf.reduce_sum(flat, axis=0), *loop[1]]

    return forward, backward


def _n_steps(values: Any) -> Any:
    """Return the steps of a time-major tensor, as a number if it is known by now."""
    return values.shape[0] or tf.shape(values)[0]


def _arrays(n_steps: Any, examples: Sequence[Any]) -> list[Any]:
    return [
        tf.TensorArray(example.dtype, n_steps, element_shape=example.shape)
        for example in examples
    ]


def _write(arrays: Sequence[Any], t: Any, values: Sequence[Any]) -> list[Any]:
    return [array.write(t, value) for array, value in zip(arrays, values, strict=True)]
