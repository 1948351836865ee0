"""ONNX cells: recurrent layers as loops over the steps of a window.

ONNX has operators for LSTM, GRU and simple recurrences, and they know neither all the
activations of the settings nor padding in front of a window nor forecasts fed back. A
`Scan` around the formulas of the cells knows all of it, and follows Keras to the last
digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.models.onnx_graph import Graph, NotExportable

# Of the body of a loop: the parts of its inputs at one step, and the states before it,
# to what it puts out and the states after it.
Step = Callable[[Graph, list[str], list[str]], tuple[str, list[str]]]
N_GATES = {"LSTMCell": 4, "GRUCell": 3, "SimpleRNNCell": 1}


@dataclass(frozen=True)
class Cell:
    """A recurrent cell of Keras whose weights are constants of a graph.

    Attributes
    ----------
    layer
        The cell of Keras.
    kernel, recurrent, bias, recurrent_bias
        Names of the weights; a bias may be absent.
    """

    layer: Any
    kernel: str
    recurrent: str
    bias: str | None
    recurrent_bias: str | None

    @classmethod
    def of(cls, graph: Graph, layer: Any) -> Cell:
        """Put the weights of a cell into a graph.

        Raises
        ------
        NotExportable
            If it is no cell of the settings.
        """
        kind = type(layer).__name__
        if kind not in N_GATES or (kind == "GRUCell" and not layer.reset_after):
            raise NotExportable(f"cell {kind}")
        biases: list[str | None] = [None, None]
        if layer.use_bias:
            rows = np.atleast_2d(numbers(layer.bias))
            biases[: len(rows)] = [graph.constant(row) for row in rows]
        kernel = graph.constant(numbers(layer.kernel))
        recurrent = graph.constant(numbers(layer.recurrent_kernel))
        return cls(layer, kernel, recurrent, *biases)

    @property
    def n_states(self) -> int:
        """How many states it has."""
        return 2 if type(self.layer).__name__ == "LSTMCell" else 1

    def project(self, graph: Graph, values: str) -> str:
        """Return the share of the inputs in all gates, of one step or of many."""
        product = graph.add("MatMul", values, self.kernel)
        return product if self.bias is None else graph.add("Add", product, self.bias)

    def step(
        self, graph: Graph, projected: str, states: list[str]
    ) -> tuple[str, list[str]]:
        """Make one step from the projected inputs."""
        recalled = graph.add("MatMul", states[0], self.recurrent)
        if self.recurrent_bias is not None:
            recalled = graph.add("Add", recalled, self.recurrent_bias)
        kind = type(self.layer).__name__
        if kind == "LSTMCell":
            return self._lstm(graph, projected, recalled, states[1])
        if kind == "GRUCell":
            return self._gru(graph, projected, recalled, states[0])
        total = graph.add("Add", projected, recalled)
        output = graph.activate(total, self.layer.activation)
        return output, [output]

    def _lstm(
        self, graph: Graph, projected: str, recalled: str, carry: str
    ) -> tuple[str, list[str]]:
        """Keras keeps the gates in the order input, forget, candidate, output."""
        total = graph.add("Add", projected, recalled)
        gates = graph.several("Split", [total], 4, axis=-1)
        admit, forget, output = (self._gate(graph, gates[at]) for at in (0, 1, 3))
        candidate = graph.activate(gates[2], self.layer.activation)
        kept = graph.add("Mul", forget, carry)
        carry = graph.add("Add", kept, graph.add("Mul", admit, candidate))
        shown = graph.activate(carry, self.layer.activation)
        state = graph.add("Mul", output, shown)
        return state, [state, carry]

    def _gru(
        self, graph: Graph, projected: str, recalled: str, state: str
    ) -> tuple[str, list[str]]:
        """Keras keeps the gates in the order update, reset, candidate."""
        ours = graph.several("Split", [projected], 3, axis=-1)
        theirs = graph.several("Split", [recalled], 3, axis=-1)
        update, reset = (
            self._gate(graph, graph.add("Add", ours[at], theirs[at])) for at in (0, 1)
        )
        remembered = graph.add("Mul", reset, theirs[2])
        candidate = graph.activate(
            graph.add("Add", ours[2], remembered), self.layer.activation
        )
        rest = graph.add("Sub", graph.constant(1.0), update)
        kept = graph.add("Mul", update, state)
        state = graph.add("Add", kept, graph.add("Mul", rest, candidate))
        return state, [state]

    def _gate(self, graph: Graph, value: str) -> str:
        return graph.activate(value, self.layer.recurrent_activation)


def read_window(
    graph: Graph,
    layer: Any,
    sequences: str,
    *,
    states: Sequence[str] | None = None,
    mask: str | None = None,
    backwards: bool = False,
) -> tuple[str, list[str]]:
    """Run a recurrent layer over windows.

    Parameters
    ----------
    layer
        LSTM, GRU or SimpleRNN of Keras.
    sequences
        Name of a tensor of shape (n_windows, n_steps, n_inputs).
    states
        First states; zeros if absent.
    mask
        Name of a tensor of shape (n_windows, n_steps) that is false for padding.
    backwards
        Read the newest step first.

    Returns
    -------
    tuple
        Outputs of all steps in the order of time, and the final states.
    """
    cell = Cell.of(graph, layer.cell)
    projected = cell.project(graph, sequences)
    if not states:
        states = [_zeros(graph, sequences, layer.units)] * cell.n_states

    def step(body: Graph, parts: list[str], before: list[str]) -> tuple[str, list[str]]:
        return cell.step(body, parts[0], before)

    return scan(graph, step, [projected], states, mask=mask, backwards=backwards)


def decode_steps(
    graph: Graph, feedback: Any, sequences: str, states: Sequence[str]
) -> tuple[str, list[str]]:
    """Run a `forecaster.models.decoder.FeedbackCell`, which reads its own forecasts.

    Returns
    -------
    tuple
        Outputs of all steps, and the final states.
    """
    cells = [Cell.of(graph, layer) for layer in feedback.stack.cells]
    dense = feedback.output_layer
    kernel, bias = (graph.constant(numbers(w)) for w in (dense.kernel, dense.bias))
    one = graph.constant(1.0)

    def step(body: Graph, parts: list[str], before: list[str]) -> tuple[str, list[str]]:
        *left, own = before
        (read,) = parts
        real, use_real = body.part(read, 0, 1, 1), body.part(read, 1, 2, 1)
        shown = body.add("Mul", use_real, real)
        fed_back = body.add("Mul", body.add("Sub", one, use_real), own)
        value = body.add("Add", shown, fed_back)
        value = body.add("Concat", value, body.part(read, 2, None, 1), axis=-1)
        after: list[str] = []
        for cell in cells:
            mine, left = left[: cell.n_states], left[cell.n_states :]
            value, new = cell.step(body, cell.project(body, value), mine)
            after.extend(new)
        raw = body.add("Add", body.add("MatMul", value, kernel), bias)
        own = body.part(raw, feedback.centre, feedback.centre + 1, 1)
        return raw, [*after, own]

    return scan(graph, step, [sequences], states)


def scan(
    graph: Graph,
    step: Step,
    sequences: Sequence[str],
    states: Sequence[str],
    *,
    mask: str | None = None,
    backwards: bool = False,
) -> tuple[str, list[str]]:
    """Add a loop over the second axis of tensors.

    Where a mask is false the states stay as they were, and the output is the state.
    """
    body = Graph(graph)
    before = [body.name() for _ in states]
    parts = [body.name() for _ in sequences]
    inputs: list[tuple[str, Any]] = [(name, np.float32) for name in (*before, *parts)]
    output, after = step(body, parts, before)
    over = list(sequences)
    if mask is not None:
        over.append(graph.unsqueeze(mask, -1))
        inputs.append((body.name(), np.bool_))
        real = inputs[-1][0]
        pairs = zip(after, before, strict=True)
        after = [body.add("Where", real, new, old) for new, old in pairs]
        output = after[0]
    # Each output has a name of its own, also where two are the same tensor.
    outputs = [body.add("Identity", name) for name in (*after, output)]
    direction = int(backwards)
    *final, steps = graph.several(
        "Scan",
        [*states, *over],
        len(outputs),
        body=body.body("step", inputs, outputs),
        num_scan_inputs=len(over),
        scan_input_axes=[1] * len(over),
        scan_input_directions=[direction] * len(over),
        scan_output_axes=[1],
        scan_output_directions=[direction],
    )
    return steps, final


def numbers(variable: Any) -> FloatArray:
    """Return the numbers of a weight of Keras, on whichever backend."""
    from forecaster.models.backend import load_keras

    return np.asarray(load_keras().ops.convert_to_numpy(variable))


def _zeros(graph: Graph, sequences: str, units: int) -> str:
    """Return zeros of shape (n_windows, units)."""
    n_windows = graph.part(graph.add("Shape", sequences), 0, 1, 0)
    shape = graph.add("Concat", n_windows, graph.constant([units], np.int64), axis=0)
    return graph.filled(shape, 0.0)
