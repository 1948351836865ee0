"""Scaling: MinMax numbers fitted on training rows alone, and their inverse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.errors import BundleError


@dataclass(frozen=True)
class Scaler:
    """Maps each column's training range to 0 to 1.

    A later price above the training maximum maps above 1, and one below the minimum
    below 0: a network has never seen such numbers.

    Attributes
    ----------
    minimum, maximum
        For each column its extremes over the training rows, in its own unit.
    """

    minimum: Mapping[str, float]
    maximum: Mapping[str, float]

    @classmethod
    def fit(cls, training_rows: pd.DataFrame) -> Self:
        """Fit on training rows; the arithmetic is scikit-learn's `MinMaxScaler`.

        Parameters
        ----------
        training_rows : DataFrame of shape (n_sessions, n_columns)
            No missing values. Nothing later than training may be in it.
        """
        from sklearn.preprocessing import MinMaxScaler

        fitted = MinMaxScaler().fit(training_rows.to_numpy(dtype=float))
        columns = list(training_rows.columns)
        return cls(
            dict(zip(columns, fitted.data_min_.tolist(), strict=True)),
            dict(zip(columns, fitted.data_max_.tolist(), strict=True)),
        )

    def transform(self, rows: pd.DataFrame) -> FloatArray:
        """Return scaled rows, float32 of shape (n_sessions, n_columns)."""
        columns = list(rows.columns)
        low = np.array([self.minimum[column] for column in columns])
        span = np.array([self._span(column) for column in columns])
        return np.asarray((rows.to_numpy(dtype=float) - low) / span, dtype=np.float32)

    def inverse(self, scaled: FloatArray, column: str) -> FloatArray:
        """Return values of one column in its own unit, float64, any shape."""
        values = np.asarray(scaled, dtype=np.float64)
        return np.asarray(values * self._span(column) + self.minimum[column])

    def outside(self, rows: pd.DataFrame, tolerance: float = 0.5) -> list[str]:
        """Return the columns that leave the training range by more than `tolerance`.

        Parameters
        ----------
        tolerance
            In widths of the training range.
        """
        scaled = self.transform(rows)
        far = np.any((scaled < -tolerance) | (scaled > 1 + tolerance), axis=0)
        return [str(column) for column in rows.columns[far]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": "minmax",
            "minimum": dict(self.minimum),
            "maximum": dict(self.maximum),
        }

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
            low = {str(k): float(v) for k, v in numbers["minimum"].items()}
            high = {str(k): float(v) for k, v in numbers["maximum"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(f"the scaler's numbers are incomplete: {error}") from None
        if kind != "minmax" or low.keys() != high.keys():
            raise BundleError(f"the scaler is of an unknown kind: {kind!r}")
        if not np.isfinite([*low.values(), *high.values()]).all():
            raise BundleError("the scaler's numbers are not finite")
        return cls(low, high)

    def _span(self, column: str) -> float:
        # A column that never moved in training has no width; scikit-learn uses 1 too.
        return (self.maximum[column] - self.minimum[column]) or 1.0
