"""Products: the matrix multiplications of an LSTM's epoch, without all the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from forecaster.config import Config

GATES = 4


class Products:
    """What an epoch of stacked LSTM layers must multiply, as compiled `tf.matmul`.

    Each layer multiplies, for every batch of B windows of T steps:

    * inputs (B T, n_in) by the kernel (n_in, 4 u), in one product;
    * at every step the state (B, u) by the recurrent kernel (u, 4 u), and backward the
      gates' gradient (B, 4 u) by its transpose: the recurrence allows none sooner;
    * the weights' gradients (n_in, B T) by (B T, 4 u) and (u, B T) by (B T, 4 u);
    * but in the bottom layer the inputs' gradient, (B T, 4 u) by (4 u, n_in).

    Each product of the recurrence reads the one before, forward and backward in turn,
    and a layer waits for the one below: nothing can be left out, shared or run beside
    another. The kernels' rows are orthonormal, so that multiplying by a kernel and by
    its transpose gives the numbers back and nothing overflows.
    The dense layer's products, a few thousandths of the rest, are left out, and so the
    bar is higher for ours.

    Attributes
    ----------
    gigaflop
        Multiplications and additions of an epoch.
    """

    def __init__(self, config: Config, n_windows: int) -> None:
        import tensorflow as tf

        self.lookback = config.window.lookback
        self.units = [layer.units for layer in config.model.layers]
        self._random = np.random.default_rng(0)
        widths = [1, *self.units[:-1]]
        self.weights = [
            (self._orthonormal(width, units), self._orthonormal(units, units))
            for width, units in zip(widths, self.units, strict=True)
        ]
        size = config.training.batch_size
        full, rest = divmod(n_windows, size)
        self.sizes = [size] * full + [rest] * bool(rest)
        self.batches = {n: self._arrays(n) for n in set(self.sizes)}
        self.gigaflop = sum(map(self._flop, self.sizes)) / 1e9
        self._step = tf.function(self._multiply)

    def run(self) -> None:
        """Multiply everything that an epoch multiplies."""
        for size in self.sizes:
            results = self._step(*self.batches[size])
        _ = [result.numpy() for result in results]

    def _multiply(self, window: Any, below: Any, states: Any) -> list[Any]:
        import tensorflow as tf

        results, rows, state = [], window, None
        for kernel, recurrent in self.weights:
            with tf.control_dependencies([] if state is None else [state]):
                gates = tf.matmul(rows, kernel)
            # Begun from the last rows, so that the recurrence waits for the gates.
            state = gates[-(window.shape[0] // self.lookback) :]
            for _ in range(self.lookback):
                backward = tf.matmul(state, recurrent, transpose_b=True)
                state = tf.matmul(backward, recurrent)
            with tf.control_dependencies([state]):
                results.append(tf.matmul(rows, gates, transpose_a=True))
                results.append(tf.matmul(states, gates, transpose_a=True))
                if rows is not window:
                    results.append(tf.matmul(gates, kernel, transpose_b=True))
            rows = below
        return [*results, state]

    def _arrays(self, n_windows: int) -> tuple[Any, ...]:
        """Return a batch of windows, of outputs of a layer below, and of states.

        The last two differ, so that products of the one are not taken for the other's.
        """
        n_rows = n_windows * self.lookback
        widths = (1, self.units[0], self.units[0])
        return tuple(self._drawn(n_rows, width) for width in widths)

    def _drawn(self, *shape: int) -> Any:
        import tensorflow as tf

        return tf.constant(self._random.normal(size=shape).astype(np.float32))

    def _orthonormal(self, n_rows: int, units: int) -> Any:
        import tensorflow as tf

        drawn = self._random.normal(size=(GATES * units, n_rows))
        return tf.constant(np.linalg.qr(drawn)[0].T.astype(np.float32))

    def _flop(self, n_windows: int) -> float:
        """Return twice the number of multiplications of one batch."""
        n_rows, total = n_windows * self.lookback, 0.0
        for number, (kernel, recurrent) in enumerate(self.weights):
            n_in, gates = kernel.shape
            # Forward, the kernel's gradient, and above the bottom the inputs' one.
            total += (2 + bool(number)) * n_rows * n_in * gates
            # Forward, backward, and the recurrent kernel's gradient.
            total += 3 * n_rows * recurrent.shape[0] * gates
        return 2 * total
