"""Grid: windows of several tickers, laid out by time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecaster.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Grid:
    """Where each window lies among times, groups, and slots of one time and group."""

    times: FloatArray
    time: npt.NDArray[np.intp]
    group: npt.NDArray[np.intp]
    slot: npt.NDArray[np.intp]
    n_groups: int
    n_slots: int

    @classmethod
    def of(
        cls,
        n_windows: int,
        positions: npt.NDArray[np.integer[Any]] | None,
        groups: Sequence[str] | None,
    ) -> Grid:
        """Lay out windows; without groups all share one."""
        given = np.arange(n_windows) if positions is None else np.asarray(positions)
        names = np.zeros(n_windows) if groups is None else np.asarray(groups)
        times, time = np.unique(given, return_inverse=True)
        group = np.unique(names, return_inverse=True)[1]
        n_groups = int(group.max()) + 1
        cell = time * n_groups + group
        order = np.argsort(cell, kind="stable")
        first = np.searchsorted(cell[order], cell[order])
        slot = np.empty(n_windows, np.intp)
        slot[order] = np.arange(n_windows) - first
        return cls(times, time, group, slot, n_groups, int(slot.max()) + 1)

    def full(self, values: FloatArray) -> FloatArray:
        """Return windows' values as (n_times, n_groups, n_slots, ...), else NaN."""
        shape = (len(self.times), self.n_groups, self.n_slots, *values.shape[1:])
        laid = np.full(shape, np.nan)
        laid[self.time, self.group, self.slot] = values
        return laid

    def flat(self, values: FloatArray) -> FloatArray:
        """Return what each window's time and group have."""
        return values[self.time, self.group]
