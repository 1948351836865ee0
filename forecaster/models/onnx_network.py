"""ONNX network: answers through onnxruntime, and has Keras for all else."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np

from forecaster.arrays import FloatArray

# As Keras has it.
BATCH_SIZE = 32


def runtime_is_installed() -> bool:
    """Return whether onnxruntime can be imported; nothing is imported."""
    return importlib.util.find_spec("onnxruntime") is not None


class OnnxNetwork:
    """A trained network that forecasts without TensorFlow.

    `predict` runs the ONNX model, on one core, so that its sums have one order. Any
    other attribute is that of the Keras model, which is loaded when it is first wanted.
    Where onnxruntime cannot run the ONNX model, the Keras model predicts as well.

    Parameters
    ----------
    model
        The bytes of the ONNX model.
    load
        Returns the Keras model of the same weights.
    """

    def __init__(self, model: bytes, load: Callable[[], Any]) -> None:
        self._model, self._load = model, load

    def predict(
        self, inputs: Any, batch_size: int | None = None, verbose: Any = 0
    ) -> FloatArray:
        """Answer windows as the Keras model does, within 1e-5.

        Parameters
        ----------
        inputs
            One array, or several by name; windows lie along the first axis.
        batch_size
            Windows that are answered at once.
        verbose
            Of the Keras model, should it have to answer.
        """
        # Without windows onnxruntime would bring the whole process down.
        if self.session is None or not _n_windows(inputs):
            answer = self.keras_network.predict(
                inputs, batch_size=batch_size, verbose=verbose
            )
            return np.asarray(answer)
        arrays, size = self._named(inputs), batch_size or BATCH_SIZE
        batches = [
            {name: values[first : first + size] for name, values in arrays.items()}
            for first in range(0, _n_windows(arrays), size)
        ]
        return np.concatenate([self.session.run(None, part)[0] for part in batches])

    @cached_property
    def session(self) -> Any:
        """The session of onnxruntime; None if it cannot run the model."""
        try:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.use_deterministic_compute = True
            options.log_severity_level = 4  # a failure is no more than a slower answer
            return onnxruntime.InferenceSession(
                self._model, options, providers=["CPUExecutionProvider"]
            )
        except Exception:  # onnxruntime's errors have no class of their own in common
            return None

    @cached_property
    def keras_network(self) -> Any:
        """The Keras model, loaded when it is first wanted.

        That may be while Keras traces a function, where weights would be read as part
        of what is traced, and be lost. A thread of its own traces nothing.
        """
        with ThreadPoolExecutor(max_workers=1) as elsewhere:
            return elsewhere.submit(self._load).result()

    def _named(self, inputs: Any) -> dict[str, Any]:
        """Return the arrays that the model reads, by name and of its types."""
        wanted = self.session.get_inputs()
        if not isinstance(inputs, Mapping):
            inputs = {wanted[0].name: inputs}
        return {
            value.name: np.ascontiguousarray(
                inputs[value.name],
                dtype=np.int32 if value.type == "tensor(int32)" else np.float32,
            )
            for value in wanted
        }

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Run the Keras model, on tensors of its backend."""
        return self.keras_network(*inputs, **options)

    def __getattr__(self, name: str) -> Any:
        # Copying and pickling ask for these before there is anything to delegate to.
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.keras_network, name)


def _n_windows(inputs: Any) -> int:
    if isinstance(inputs, Mapping):
        inputs = next(iter(inputs.values()))
    return len(inputs)
