"""Changes: other numbers in the rows after a cut-off, and nothing before it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray

Change = Literal["risen", "fallen", "zigzag", "shuffled", "replaced"]
CHANGES: tuple[Change, ...] = ("risen", "fallen", "zigzag", "shuffled", "replaced")
FACTOR = 3.0
SPREAD = 0.5


def as_numbers(prices: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose numeric columns are all float64, so that any may change."""
    numeric = prices.select_dtypes(include=["number", "bool"]).columns
    floats = prices.astype(dict.fromkeys(numeric, np.float64))
    floats.attrs = dict(prices.attrs)
    return floats


def change_rows(
    prices: pd.DataFrame, rows: slice, change: Change, *, seed: int = 0
) -> pd.DataFrame:
    """Return prices of which some rows hold other numbers, in every float column.

    A column without negative numbers keeps none; any other is moved by its own width.

    Parameters
    ----------
    prices : DataFrame of shape (n_sessions, n_columns)
        As `as_numbers` returns it.
    rows
        Row positions that change.
    change
        `risen` and `fallen` move every number one way, `zigzag` one up and the next
        down, `shuffled` puts whole rows in
        another order, `replaced` moves each number by itself.
    """
    names = prices.select_dtypes(include=["float64"]).columns
    values = prices[names].to_numpy(dtype=np.float64, copy=True)
    random = np.random.default_rng(seed)
    for place in range(values.shape[1] if change != "shuffled" else 0):
        column = values[:, place]
        column[rows] = _moved(column, rows, change, random)
    if change == "shuffled":
        values[rows] = values[rows][_derangement(len(values[rows]), random)]
    changed = prices.copy()
    changed[names] = values
    changed.attrs = dict(prices.attrs)
    return changed


def same(one: Any, other: Any) -> bool:
    """Return whether two arrays are alike to the last bit, gaps included."""
    first, second = np.asarray(one), np.asarray(other)
    if first.shape != second.shape or first.dtype != second.dtype:
        return False
    gaps = first.dtype.kind == "f"
    return bool(np.array_equal(first, second, equal_nan=gaps))


def _moved(
    column: FloatArray, rows: slice, change: Change, random: np.random.Generator
) -> FloatArray:
    part = column[rows]
    known = column[np.isfinite(column)]
    if known.size and known.min() >= 0 and known.max() > 0:
        return part * FACTOR ** _steps(change, len(part), random)
    width = (float(np.ptp(known)) if known.size else 0.0) or 1.0
    return part + width * _steps(change, len(part), random)


def _steps(change: Change, n: int, random: np.random.Generator) -> FloatArray:
    """Return how far each row moves: 1 up, -1 down."""
    if change == "replaced":
        return random.normal(0, SPREAD, n)
    ways: dict[str, tuple[float, float]] = {
        "risen": (1.0, 1.0),
        "fallen": (-1.0, -1.0),
        "zigzag": (1.0, -1.0),
    }
    return np.resize(ways[change], n)


def _derangement(n: int, random: np.random.Generator) -> np.ndarray:
    """Return an order in which nothing stays in its place, if there are several."""
    order = random.permutation(n)
    return np.asarray(order[(np.argsort(order) + 1) % n]) if n else order
