"""ONNX export: a Keras network's layers, one by one, as operators of ONNX.

Written here because tf2onnx knows no fused recurrences, and needs a second for each
network: it traces TensorFlow, where this reads weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from forecaster.models.onnx_cells import decode_steps, numbers, read_window
from forecaster.models.onnx_graph import Graph, NotExportable

OUTPUT = "forecast"


def export_onnx(network: Any) -> bytes:
    """Return a network as an ONNX model of the same inputs, by name.

    Parameters
    ----------
    network
        Keras model that `forecaster.models.recurrent.build_network` made.

    Raises
    ------
    NotExportable
        If a layer has no counterpart here.
    """
    if not hasattr(network, "_run_through_graph"):
        raise NotExportable(f"{type(network).__name__} is no functional model")
    graph = Graph()
    names = [tensor.name for tensor in network.inputs]
    answer = _walk(graph, network, names)
    graph.add("Identity", answer)
    graph.nodes[-1].output[0] = OUTPUT
    inputs = [
        (tensor.name, tensor.dtype, ["n_windows", *tensor.shape[1:]])
        for tensor in network.inputs
    ]
    (output,) = network.outputs
    return graph.model(inputs, (OUTPUT, ["n_windows", *output.shape[1:]]))


def _walk(graph: Graph, network: Any, inputs: Any) -> Any:
    """Put the operations of a Keras model into a graph, in the model's own order."""

    def writer(operation: Any) -> Callable[..., Any]:
        write = _writer_of(operation)
        return lambda *values, **options: write(graph, operation, *values, **options)

    return network._run_through_graph(inputs, operation_fn=writer)


def _writer_of(operation: Any) -> Callable[..., Any]:
    """Return what writes an operation: that of its class, or of one that it extends."""
    for kind in type(operation).__mro__:
        if kind.__name__ in WRITERS:
            return WRITERS[kind.__name__]
    raise NotExportable(f"{type(operation).__name__} has no counterpart in ONNX")


def _model(graph: Graph, network: Any, inputs: Any, **_: Any) -> Any:
    return _walk(graph, network, inputs)


def _same(_graph: Graph, _layer: Any, value: str, **_: Any) -> str:
    """Dropout: nothing outside training."""
    return value


def _recurrent(
    graph: Graph,
    layer: Any,
    sequences: str,
    initial_state: Any = None,
    mask: str | None = None,
    **_: Any,
) -> Any:
    if layer.stateful or layer.go_backwards:
        raise NotExportable(f"{layer.name} keeps its state or reads backwards")
    steps, states = read_window(
        graph, layer, sequences, states=initial_state, mask=mask
    )
    output = steps if layer.return_sequences else states[0]
    return [output, *states] if layer.return_state else output


def _decoder(
    graph: Graph, layer: Any, sequences: str, initial_state: Any = None, **_: Any
) -> str:
    if type(layer.cell).__name__ != "FeedbackCell":
        raise NotExportable(f"cell {type(layer.cell).__name__}")
    return decode_steps(graph, layer.cell, sequences, initial_state)[0]


def _bidirectional(
    graph: Graph, layer: Any, sequences: str, mask: str | None = None, **_: Any
) -> str:
    if layer.merge_mode != "concat" or layer.return_state:
        raise NotExportable(f"{layer.name} joins its directions in another way")
    both = []
    for one, backwards in ((layer.forward_layer, False), (layer.backward_layer, True)):
        steps, states = read_window(
            graph, one, sequences, mask=mask, backwards=backwards
        )
        both.append(steps if layer.return_sequences else states[0])
    return graph.add("Concat", *both, axis=-1)


def _dense(graph: Graph, layer: Any, value: str, **_: Any) -> str:
    product = graph.add("MatMul", value, graph.constant(numbers(layer.kernel)))
    if layer.use_bias:
        product = graph.add("Add", product, graph.constant(numbers(layer.bias)))
    return graph.activate(product, layer.activation)


def _embedding(graph: Graph, layer: Any, value: str, **_: Any) -> str:
    return graph.add("Gather", graph.constant(numbers(layer.embeddings)), value)


def _convolution(graph: Graph, layer: Any, value: str, **_: Any) -> str:
    plain = layer.strides == layer.dilation_rate == (1,) and layer.groups == 1
    if layer.padding != "causal" or not plain:
        raise NotExportable(f"{layer.name} is no plain causal convolution")
    # Keras: steps, then channels. ONNX: channels, then steps.
    kernel = numbers(layer.kernel).transpose(2, 1, 0)
    result = graph.add(
        "Conv",
        graph.add("Transpose", value, perm=[0, 2, 1]),
        graph.constant(kernel),
        graph.constant(numbers(layer.bias)),
        pads=[kernel.shape[-1] - 1, 0],
    )
    result = graph.add("Transpose", result, perm=[0, 2, 1])
    return graph.activate(result, layer.activation)


def _batch_normalization(graph: Graph, layer: Any, value: str, **_: Any) -> str:
    """Outside training it is a fixed line for each channel."""
    spread = np.sqrt(numbers(layer.moving_variance).astype(float) + layer.epsilon)
    slope = numbers(layer.gamma) / spread
    shift = numbers(layer.beta) - numbers(layer.moving_mean) * slope
    scaled = graph.add("Mul", value, graph.constant(slope))
    return graph.add("Add", scaled, graph.constant(shift))


def _layer_normalization(graph: Graph, layer: Any, value: str, **_: Any) -> str:
    weights = [graph.constant(numbers(w)) for w in (layer.gamma, layer.beta)]
    return graph.add(
        "LayerNormalization", value, *weights, axis=-1, epsilon=layer.epsilon
    )


def _masking(graph: Graph, layer: Any, value: str, **_: Any) -> str:
    """Set padding to zero; what skips it is the mask."""
    differs = _not_equal(graph, None, value, layer.mask_value)
    real = graph.unsqueeze(_any(graph, None, differs), -1)
    return graph.add("Where", real, value, graph.constant(0.0))


def _not_equal(graph: Graph, _: Any, value: str, number: Any) -> str:
    if isinstance(number, str):
        raise NotExportable("a comparison of two tensors")
    equal = graph.add("Equal", value, graph.constant(number))
    return graph.add("Not", equal)


def _any(graph: Graph, _: Any, value: str) -> str:
    """Tell of each step whether any of its inputs is true."""
    whole = graph.add("Cast", value, to=6)  # 6 stands for int32
    largest = graph.add("ReduceMax", whole, axes=[-1], keepdims=0)
    return graph.add("Cast", largest, to=9)  # 9 stands for truth values


def _both(operator: str) -> Callable[..., str]:
    def write(graph: Graph, _: Any, first: str, second: str) -> str:
        return graph.add(operator, first, second)

    return write


def _sum(graph: Graph, _: Any, values: list[str], **__: Any) -> str:
    return graph.sum(*values)


def _concatenate(graph: Graph, layer: Any, values: list[str], **_: Any) -> str:
    return graph.add("Concat", *values, axis=layer.axis)


def _stack(graph: Graph, operation: Any, values: list[str]) -> str:
    parts = [graph.unsqueeze(value, operation.axis) for value in values]
    return graph.add("Concat", *parts, axis=operation.axis)


def _repeat(graph: Graph, layer: Any, value: str, **_: Any) -> str:
    shape = graph.constant([1, layer.n, 1], np.int64)
    return graph.add("Expand", graph.unsqueeze(value, 1), shape)


def _reshape(graph: Graph, layer: Any, value: str, **_: Any) -> str:
    # 0 stands for the number of windows, as it is.
    shape = graph.constant([0, *layer.target_shape], np.int64)
    return graph.add("Reshape", value, shape)


def _flatten(graph: Graph, _: Any, value: str, **__: Any) -> str:
    return graph.add("Flatten", value, axis=1)


def _full_of(number: float) -> Callable[..., str]:
    def write(graph: Graph, _: Any, value: str, **__: Any) -> str:
        return graph.filled(graph.add("Shape", value), number)

    return write


def _expand(graph: Graph, operation: Any, value: str) -> str:
    return graph.unsqueeze(value, operation.axis)


def _item(graph: Graph, _: Any, value: str, key: Any) -> str:
    """Write ``value[key]`` for whole numbers and ranges."""
    axis = 0
    for place in key if isinstance(key, tuple) else (key,):
        if isinstance(place, int):
            index = graph.constant(place, np.int64)
            value = graph.add("Gather", value, index, axis=axis)
            continue
        if not isinstance(place, slice) or place.step is not None:
            raise NotExportable(f"the part {key!r} of a tensor")
        if (place.start, place.stop) != (None, None):
            value = graph.part(value, place.start or 0, place.stop, axis)
        axis += 1
    return value


WRITERS: dict[str, Callable[..., Any]] = {
    "Functional": _model,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "SimpleRNN": _recurrent,
    "RNN": _decoder,
    "Bidirectional": _bidirectional,
    "Dense": _dense,
    "Embedding": _embedding,
    "Conv1D": _convolution,
    "BatchNormalization": _batch_normalization,
    "LayerNormalization": _layer_normalization,
    "Dropout": _same,
    "Masking": _masking,
    "Add": _sum,
    "Concatenate": _concatenate,
    "RepeatVector": _repeat,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Any": _any,
    "NotEqual": _not_equal,
    "LogicalOr": _both("Or"),
    "Multiply": _both("Mul"),
    "Stack": _stack,
    "GetItem": _item,
    "ExpandDims": _expand,
    "OnesLike": _full_of(1.0),
    "ZerosLike": _full_of(0.0),
}
