"""Losses of a backtest, row by row: of every forecast, and by origin.

Errors are counted in percent of the price at the origin, so that tickers of different
prices weigh alike. Where a series is not always positive, they are counted in percent
of its mean absolute value at the origins.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.metrics import central_intervals, crps_of, pinball_losses
from forecaster.verdict import LAST_VALUE

PERCENT = 100.0
QUANTILE = "q"
UP, EVEN = "probability_up", 0.5


def add_losses(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with their losses, in percent of the price at the origin.

    That is `squared absolute right`, with quantiles also `pinball` and `coverage_0.9`
    and so on; NaN for a forecast that takes no side, or has no quantiles.
    """
    rows = frame.copy()
    actual, predicted, origin = (
        rows[name].to_numpy(dtype=float) for name in ("actual", "predicted", LAST_VALUE)
    )
    unit = _units(rows) / PERCENT
    error = (actual - predicted) / unit
    rows["squared"], rows["absolute"] = error**2, np.abs(error)
    side = np.sign(actual - origin)
    rows["right"] = _right(rows, side)
    rows["rose"] = np.where(side == 0, np.nan, side > 0)
    rows["return_error"] = _log_ratio(actual, predicted) ** 2
    rows["return_square"] = _log_ratio(actual, origin) ** 2
    rows["smape"] = (
        2 * np.abs(actual - predicted) / (np.abs(actual) + np.abs(predicted))
    )
    if UP in rows:
        rows["brier"] = (rows[UP] - (actual > origin)) ** 2
    levels = levels_of(frame)
    if levels:
        quantiles = rows[_names(levels)].to_numpy(dtype=float)
        losses = pinball_losses(actual, quantiles, levels) / unit[:, None]
        rows["pinball"] = losses.mean(axis=1)
        rows["crps"] = crps_of(losses, levels)
        for level, (low, high) in central_intervals(levels).items():
            held = (actual >= quantiles[:, low]) & (actual <= quantiles[:, high])
            missing = np.isnan(quantiles[:, low])
            rows[f"coverage_{level:g}"] = np.where(missing, np.nan, held)
    return rows


def _right(rows: pd.DataFrame, actual_side: FloatArray) -> FloatArray:
    """Return whether each move's sign was forecast, as `directional_accuracy` counts.

    NaN where the price did not move, and for a model that never takes a side.
    """
    side = np.sign((rows["predicted"] - rows[LAST_VALUE]).to_numpy(dtype=float))
    if UP in rows:
        said = rows[UP].to_numpy(dtype=float)
        side = np.where(np.isnan(said), side, np.sign(said - EVEN))
    takes_side = pd.Series(side != 0).groupby(rows["model"].to_numpy())
    silent = ~takes_side.transform("any").to_numpy()
    return np.where((actual_side == 0) | silent, np.nan, side == actual_side)


def losses_of(rows: pd.DataFrame, loss: str) -> dict[str, FloatArray]:
    """Return each model's mean loss at each origin, oldest first.

    A model that lacks an origin is left out: others would be compared on other days.
    """
    known = rows.dropna(subset=[loss])
    table = known.pivot_table(index="origin", columns="model", values=loss, sort=True)
    table = table.dropna(axis="columns")
    return {str(name): table[name].to_numpy(dtype=float) for name in table}


def levels_of(frame: pd.DataFrame) -> tuple[float, ...]:
    """Return the probabilities of the quantile columns."""
    names = [str(name) for name in frame if str(name).startswith(f"{QUANTILE}0.")]
    return tuple(sorted(float(name.removeprefix(QUANTILE)) for name in names))


def _log_ratio(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return log(first / second); NaN where a price is not positive."""
    known = (first > 0) & (second > 0)
    ratio = np.divide(first, second, out=np.full(len(first), np.nan), where=known)
    return np.asarray(np.log(ratio))


def _units(rows: pd.DataFrame) -> FloatArray:
    """Return what errors are a part of: the price at the origin, if it can be."""
    size = rows[LAST_VALUE].abs().groupby(rows["ticker"])
    positive = (rows[LAST_VALUE] > 0).groupby(rows["ticker"]).transform("all")
    units = rows[LAST_VALUE].where(positive, size.transform("mean"))
    return units.to_numpy(dtype=float)


def _names(levels: Sequence[float]) -> list[str]:
    return [f"{QUANTILE}{level:g}" for level in levels]
