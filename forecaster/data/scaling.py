"""Scaling: numbers fitted on training rows alone, and their inverse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.errors import BundleError

Kind = Literal["minmax", "standard", "none"]
# What each kind's two numbers of a column are called where they are saved.
NAMES = {
    "minmax": ("minimum", "maximum"),
    "standard": ("mean", "mean_plus_deviation"),
    "none": ("zero", "one"),
}
# How far beyond the training range is far, in widths, or in standard deviations.
FAR = {"minmax": 0.5, "standard": 8.0}


@dataclass(frozen=True)
class Scaler:
    """Maps each column's `low` to 0 and its `high` to 1.

    A later price above the training maximum maps above 1, and one below the minimum
    below 0: a network has never seen such numbers.

    Attributes
    ----------
    low, high
        For each column, in its own unit: with `minmax` its extremes over the training
        rows, with `standard` its mean and one standard deviation more, with `none` 0
        and 1.
    kind
        Which of these.
    unit
        A typical one-session log return of the target in training.
    """

    low: Mapping[str, float]
    high: Mapping[str, float]
    kind: Kind = "minmax"
    unit: float = 1.0

    @classmethod
    def fit(
        cls, training_rows: pd.DataFrame, kind: Kind = "minmax", unit: float = 1.0
    ) -> Self:
        """Fit on training rows; the arithmetic is scikit-learn's.

        Parameters
        ----------
        training_rows : DataFrame of shape (n_sessions, n_columns)
            No missing values. Nothing later than training may be in it.
        """
        columns = [str(name) for name in training_rows.columns]
        low, high = _extremes(training_rows.to_numpy(dtype=float), kind)
        return cls(
            dict(zip(columns, low.tolist(), strict=True)),
            dict(zip(columns, high.tolist(), strict=True)),
            kind,
            unit,
        )

    def transform(self, rows: pd.DataFrame) -> FloatArray:
        """Return scaled rows, float32 of shape (n_sessions, n_columns)."""
        columns = list(rows.columns)
        low = np.array([self.low[column] for column in columns])
        span = np.array([self.span(column) for column in columns])
        return np.asarray((rows.to_numpy(dtype=float) - low) / span, dtype=np.float32)

    def inverse(self, scaled: FloatArray, column: str) -> FloatArray:
        """Return values of one column in its own unit, float64, any shape."""
        values = np.asarray(scaled, dtype=np.float64)
        return np.asarray(values * self.span(column) + self.low[column])

    def span(self, column: str) -> float:
        """Return what one scaled unit of a column is worth."""
        # A column that never moved in training has no width; scikit-learn uses 1 too.
        return (self.high[column] - self.low[column]) or 1.0

    def outside(self, rows: pd.DataFrame) -> list[str]:
        """Return the columns that leave the training range far behind.

        That is by half a width of it, or by 8 standard deviations from the mean.
        """
        if self.kind == "none":
            return []
        scaled, far = self.transform(rows), FAR[self.kind]
        upper = 1 + far if self.kind == "minmax" else far
        beyond = np.any((scaled < -far) | (scaled > upper), axis=0)
        return [str(column) for column in rows.columns[beyond]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        low, high = NAMES[self.kind]
        numbers = {"kind": self.kind, low: dict(self.low), high: dict(self.high)}
        return numbers | {"unit": self.unit}

    @classmethod
    def from_dict(cls, numbers: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises
        ------
        BundleError
            If the numbers are incomplete, not finite or of another kind.
        """
        try:
            kind = numbers["kind"]
            names = NAMES.get(kind)
            if names is None:
                raise BundleError(f"the scaler is of an unknown kind: {kind!r}")
            low, high = (
                {str(k): float(v) for k, v in numbers[name].items()} for name in names
            )
            unit = float(numbers.get("unit", 1.0))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(f"the scaler's numbers are incomplete: {error}") from None
        if low.keys() != high.keys():
            raise BundleError("the scaler's numbers are of different columns")
        if not np.isfinite([*low.values(), *high.values(), unit]).all() or unit <= 0:
            raise BundleError("the scaler's numbers are not finite")
        return cls(low, high, kind, unit)


def _extremes(rows: FloatArray, kind: Kind) -> tuple[FloatArray, FloatArray]:
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    if kind == "minmax":
        fitted = MinMaxScaler().fit(rows)
        return fitted.data_min_, fitted.data_max_
    if kind == "standard":
        fitted = StandardScaler().fit(rows)
        return fitted.mean_, fitted.mean_ + fitted.scale_
    return np.zeros(rows.shape[1]), np.ones(rows.shape[1])
