"""The backend: imports Keras when it is first needed, without its start-up noise."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import tempfile
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from forecaster.data.libcurl import load_own_libcurl

_stock: ContextVar[bool] = ContextVar("stock", default=False)


@functools.cache
def load_keras() -> Any:
    """Import Keras once and return the module.

    TensorFlow's C++ code writes to the process's error stream before any log level
    counts; those lines are held back, and shown only if the import fails.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    load_own_libcurl()
    with _held_back_stderr():
        import keras

        keras.ops.zeros(1)  # the search for devices speaks up at the first operation
    if keras.backend.backend() == "tensorflow":
        _switch_off_remapper()
    return keras


def layer_class(name: str) -> Any:
    """Return the layer of a name in `keras.layers`, or its faster stand-in.

    There are stand-ins on TensorFlow alone; see `forecaster.models.fused`.
    """
    keras = load_keras()
    if _stock.get() or keras.backend.backend() != "tensorflow":
        return getattr(keras.layers, name)
    from forecaster.models.fused import LAYERS

    return LAYERS[name]


def uses_stock_layers() -> bool:
    """Return whether networks are built of Keras' own layers just now."""
    return _stock.get()


@contextlib.contextmanager
def stock_layers() -> Iterator[None]:
    """Build networks of Keras' own layers within: the same but for their speed."""
    before = _stock.set(True)
    try:
        yield
    finally:
        _stock.reset(before)


def _switch_off_remapper() -> None:
    """Switch off the part of TensorFlow's graph optimiser that fuses operations.

    It fails, and says so at length, on a SimpleRNN with ReLU, and then leaves that one
    graph as it was, so that a reloaded network could differ in the last digit. The
    reference run has the same numbers and takes the same time without it.
    """
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"remapping": False})


@contextlib.contextmanager
def _held_back_stderr() -> Iterator[None]:
    sys.stderr.flush()
    try:
        original = os.dup(2)
    except OSError:  # the process was started without an error stream
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(original, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(original, 2)
            os.close(original)
