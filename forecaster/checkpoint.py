"""Checkpoints: the state of an unfinished training, so that it can go on exactly."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.atomic import write_bytes
from forecaster.errors import BundleError

Row = dict[str, float]
DIGEST_BYTES = 32


@dataclass(frozen=True)
class TrainingState:
    """All that the next epoch depends on.

    Attributes
    ----------
    variables
        Weights, states of the dropout generators and optimiser variables, in the
        order of `training_variables`.
    history
        One row for each finished epoch: `epoch loss`, and `val_loss` with validation.
    best
        The weights at the lowest validation loss; empty without validation.
    """

    variables: tuple[FloatArray, ...]
    history: tuple[Row, ...] = ()
    best: tuple[FloatArray, ...] = field(default=())

    @property
    def n_epochs(self) -> int:
        """Number of finished epochs."""
        return len(self.history)

    def after(self, row: Row, network: Any) -> Self:
        """Return the state after one more epoch."""
        state = replace(
            self,
            variables=read_variables(training_variables(network)),
            history=(*self.history, row),
        )
        earlier = [entry["val_loss"] for entry in self.history if "val_loss" in entry]
        if "val_loss" in row and row["val_loss"] < min(earlier, default=math.inf):
            return replace(state, best=read_variables(network.weights))
        return state


def training_variables(network: Any) -> list[Any]:
    """Return every variable that training changes, in a fixed order."""
    return [*network.variables, *network.optimizer.variables]


def read_variables(variables: Sequence[Any]) -> tuple[FloatArray, ...]:
    """Return copies of the variables' values."""
    return tuple(np.array(variable.numpy()) for variable in variables)


def assign_variables(variables: Sequence[Any], values: Sequence[FloatArray]) -> None:
    """Give each variable its value.

    Raises
    ------
    BundleError
        If number or shapes differ.
    """
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [value.shape for value in values]:
        raise BundleError(
            "the checkpoint belongs to another network. Start again without `--resume`."
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def save_checkpoint(path: Path, state: TrainingState, stamp: str) -> None:
    """Write a state whole or not at all.

    Parameters
    ----------
    stamp
        Identifies settings and prices; `load_checkpoint` demands the same.

    Raises
    ------
    OutputError
        If it cannot be written; the checkpoint before it stays.
    """
    note = json.dumps({"stamp": stamp, "history": state.history}).encode()
    arrays = {
        "note": np.frombuffer(note, dtype=np.uint8),
        **{f"variable_{i:03d}": value for i, value in enumerate(state.variables)},
        **{f"best_{i:03d}": value for i, value in enumerate(state.best)},
    }
    write_bytes(path, pack_arrays(arrays))


def load_checkpoint(path: Path, stamp: str) -> TrainingState:
    """Read what `save_checkpoint` wrote.

    Raises
    ------
    BundleError
        If the file is damaged, or was written for other settings or prices.
    """
    try:
        arrays = unpack_arrays(path.read_bytes())
    except ValueError:
        raise BundleError(
            f"{path}: the checkpoint is damaged. Start again without `--resume`."
        ) from None
    note = json.loads(bytes(arrays["note"]))
    variables = [arrays[name] for name in sorted(arrays) if name.startswith("variable")]
    best = [arrays[name] for name in sorted(arrays) if name.startswith("best_")]
    if note["stamp"] != stamp:
        raise BundleError(
            f"{path}: the checkpoint was made with other settings or other prices. "
            "Restore them, or start again without `--resume`."
        )
    return TrainingState(tuple(variables), tuple(note["history"]), tuple(best))


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return arrays as bytes that carry their own checksum, without pickle."""
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    return hashlib.sha256(content.getvalue()).digest() + content.getvalue()


def unpack_arrays(stored: bytes) -> dict[str, np.ndarray]:
    """Read what `pack_arrays` made.

    Raises
    ------
    ValueError
        If a byte has changed.
    """
    digest, content = stored[:DIGEST_BYTES], stored[DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        raise ValueError("its checksum differs")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
