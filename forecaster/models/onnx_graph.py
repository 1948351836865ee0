"""ONNX graphs: operators and constants gathered, then written as one model.

Tensors are known by their names, which are counted up, so that the same network gives
the same bytes each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np

# Understood by every onnxruntime since 1.14. Newer operators would bring nothing.
OPSET, IR_VERSION = 17, 8
END = np.iinfo(np.int64).max


class NotExportable(Exception):
    """A network holds something that has no counterpart in ONNX here."""


class Graph:
    """Operators in the order of their use, and the constants that they read.

    Parameters
    ----------
    parent
        The graph around the body of a loop, which shares its constants and numbering.
    """

    def __init__(self, parent: Graph | None = None) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = [] if parent is None else parent.constants
        self._numbers: count[int] = count() if parent is None else parent._numbers

    def name(self) -> str:
        """Return a name that no other tensor has."""
        return f"t{next(self._numbers)}"

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """Keep numbers in the graph and return their name."""
        from onnx import numpy_helper

        name = self.name()
        array = np.array(values, dtype=dtype, order="C")
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def several(
        self, operator: str, inputs: Sequence[str], n_outputs: int, **attributes: Any
    ) -> list[str]:
        """Add an operator and return the names of its outputs."""
        from onnx import helper

        outputs = [self.name() for _ in range(n_outputs)]
        self.nodes.append(helper.make_node(operator, inputs, outputs, **attributes))
        return outputs

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator of one output and return that output's name."""
        return self.several(operator, inputs, 1, **attributes)[0]

    def unsqueeze(self, value: str, axis: int) -> str:
        """Insert an axis of length 1."""
        return self.add("Unsqueeze", value, self.constant([axis], np.int64))

    def part(self, value: str, start: int, stop: int | None, axis: int) -> str:
        """Cut a range out of an axis."""
        bounds = (start, END if stop is None else stop, axis)
        places = [self.constant([bound], np.int64) for bound in bounds]
        return self.add("Slice", value, *places)

    def filled(self, shape: str, number: float) -> str:
        """Return a tensor of a shape, which is itself a tensor, full of one number."""
        from onnx import numpy_helper

        value = numpy_helper.from_array(np.array([number], dtype=np.float32))
        return self.add("ConstantOfShape", shape, value=value)

    def sum(self, *values: str) -> str:
        """Add tensors up, left to right."""
        total, *others = values
        for value in others:
            total = self.add("Add", total, value)
        return total

    def activate(self, value: str, function: Any) -> str:
        """Apply an activation of Keras.

        Raises
        ------
        NotExportable
            If it is none of those that the settings allow.
        """
        name = getattr(function, "__name__", str(function))
        if name == "linear":
            return value
        if name == "gelu":
            return self._gelu(value)
        if name not in ("tanh", "relu", "elu", "selu", "softsign", "sigmoid"):
            raise NotExportable(f"activation {name}")
        return self.add(name.capitalize(), value)

    def _gelu(self, value: str) -> str:
        """Return ``x (1 + erf(x / sqrt 2)) / 2``."""
        rank = self.add("Erf", self.add("Mul", value, self.constant(np.sqrt(0.5))))
        share = self.add("Add", rank, self.constant(1.0))
        return self.add("Mul", self.add("Mul", value, self.constant(0.5)), share)

    def body(
        self, name: str, inputs: Sequence[tuple[str, Any]], outputs: Sequence[str]
    ) -> Any:
        """Return the operators as the body of a loop; inputs with their NumPy types."""
        from onnx import helper

        return helper.make_graph(
            self.nodes,
            name,
            [_described(value, dtype) for value, dtype in inputs],
            [_described(value, np.float32) for value in outputs],
        )

    def model(
        self, inputs: Sequence[tuple[str, Any, Any]], output: tuple[str, Any]
    ) -> bytes:
        """Return the bytes of a model of this graph.

        Parameters
        ----------
        inputs
            Name, NumPy type and shape of each.
        output
            Name and shape; float32.
        """
        from onnx import helper

        graph = helper.make_graph(
            self.nodes,
            "forecaster",
            [_described(*value) for value in inputs],
            [_described(output[0], np.float32, output[1])],
            initializer=self.constants,
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(
            graph,
            opset_imports=[opset],
            ir_version=IR_VERSION,
            producer_name="forecaster",
        )
        return bytes(model.SerializeToString(deterministic=True))


def _described(name: str, dtype: Any, shape: Any = None) -> Any:
    from onnx import helper

    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, kind, shape)
