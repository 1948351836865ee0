"""Sequences: overlapping windows of a table, kept as its rows and where each begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from forecaster.arrays import FloatArray

# Stands for sessions that a padded window lacks; a masking layer skips them.
PADDING = -1.0e6


@dataclass(frozen=True, eq=False)
class Sequences:
    """Windows that share the memory of the rows that they are cut from.

    Memory grows with the rows, not with the rows times the length: 2,500 sessions in
    windows of 60 take the room of 2,500.

    Attributes
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Oldest first, float32; with `low` and `span` unscaled, float64, and NaN where a
        row is padding.
    starts : ndarray of int64, shape (n_windows,)
        The first row of each window.
    length
        Rows of a window.
    low, span : ndarray of shape (n_windows, n_features), or None
        Where each window is scaled on its own: what to take away from its values, and
        by what to divide them then.
    missing
        Stands for NaN in windows that are scaled each on its own.
    """

    rows: FloatArray
    starts: np.ndarray
    length: int
    low: FloatArray | None = None
    span: FloatArray | None = None
    missing: float = PADDING

    @classmethod
    def cut(cls, rows: FloatArray, length: int, *, missing: float = PADDING) -> Self:
        """Return every run of `length` rows.

        Examples
        --------
        >>> Sequences.cut(np.arange(4.0)[:, None], 3).to_array()[..., 0].tolist()
        [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
        """
        starts = np.arange(len(rows) - length + 1)
        return cls(rows, starts, length, missing=missing)

    @classmethod
    def of(cls, windows: FloatArray) -> Self:
        """Return windows, (n_windows, length, n_features), that share nothing."""
        n_windows, length, n_features = windows.shape
        rows = np.ascontiguousarray(windows).reshape(-1, n_features)
        return cls(rows, np.arange(n_windows) * length, length)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Put the windows of several tables one behind the other."""
        if any(part.low is not None for part in parts):
            parts = [part._with_scale() for part in parts]
        first = np.cumsum([0, *(len(part.rows) for part in parts[:-1])])
        starts = [
            part.starts + offset for part, offset in zip(parts, first, strict=True)
        ]
        return replace(
            parts[0],
            rows=np.concatenate([part.rows for part in parts]),
            starts=np.concatenate(starts),
            low=_joined([part.low for part in parts]),
            span=_joined([part.span for part in parts]),
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """What the shape of `to_array` is."""
        return len(self.starts), self.length, self.rows.shape[1]

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, chosen: Any) -> Self:
        low = None if self.low is None else self.low[chosen]
        span = None if self.span is None else self.span[chosen]
        return replace(self, starts=self.starts[chosen], low=low, span=span)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> FloatArray:
        windows = self.to_array()
        kind = windows.dtype if dtype is None else np.dtype(dtype)
        return windows.astype(kind, copy=bool(copy))

    def to_array(self) -> FloatArray:
        """Return the windows, float32 of shape (n_windows, length, n_features).

        A view of the rows where the windows follow one another and are not scaled each
        on its own; a copy otherwise.
        """
        windows = self._unscaled()
        if self.low is None or self.span is None:
            return windows
        scaled = (windows - self.low[:, None]) / self.span[:, None]
        return np.where(np.isnan(scaled), self.missing, scaled).astype(np.float32)

    def _with_scale(self) -> Self:
        """Return the same windows, scaled by 1 if they were not scaled."""
        if self.low is not None:
            return self
        shape = (len(self), self.rows.shape[1])
        return replace(self, low=np.zeros(shape), span=np.ones(shape))

    def _unscaled(self) -> FloatArray:
        n_windows, first = len(self.starts), self.starts[:1].sum()
        if (self.starts == first + np.arange(n_windows)).all() and n_windows:
            part = self.rows[first : first + n_windows + self.length - 1]
            view = np.lib.stride_tricks.sliding_window_view(part, self.length, axis=0)
            windows: FloatArray = view.swapaxes(1, 2)
            return windows
        gathered: FloatArray = self.rows[self.starts[:, None] + np.arange(self.length)]
        return gathered


def _joined(parts: Sequence[FloatArray | None]) -> FloatArray | None:
    present = [part for part in parts if part is not None]
    return np.concatenate(present) if present else None
