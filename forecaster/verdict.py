"""Verdicts: one sentence on what a model is worth beside last-value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from forecaster.arrays import FloatArray
from forecaster.errors import DataError
from forecaster.metrics import rmse
from forecaster.significance import diebold_mariano

SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Verdict:
    """What the model is worth beside last-value.

    Attributes
    ----------
    outcome
        `beats` or `loses` if the squared errors differ at the 5% level, else `ties`.
    ratio
        RMSE of the model over that of last-value; below 1 is better.
    p_value
        Two-sided, of the Diebold-Mariano test; NaN if there are too few forecasts.
    """

    outcome: Literal["beats", "ties", "loses"]
    ratio: float
    p_value: float
    n_forecasts: int

    def __str__(self) -> str:
        phrase = {
            "beats": "beats last-value",
            "ties": "is not told apart from last-value",
            "loses": "loses to last-value",
        }[self.outcome]
        return (
            f"The model {phrase}: its RMSE is {self.ratio:.3g} times that of simply "
            f"repeating the last price ({self._evidence()})."
        )

    def _evidence(self) -> str:
        if math.isnan(self.p_value):
            return f"only {self.n_forecasts} forecasts: too few for a test"
        p_value = "< 0.001" if self.p_value < 0.001 else f"= {self.p_value:.3f}"  # noqa: PLR2004
        return f"{self.n_forecasts} forecasts, Diebold-Mariano p {p_value}"


def judge(predicted: FloatArray, naive: FloatArray, actual: FloatArray) -> Verdict:
    """Compare the squared errors of a model with those of last-value.

    Parameters
    ----------
    predicted, naive, actual : ndarray of shape (n_windows, horizon)
    """
    ratio = ratio_of(rmse(actual, predicted), rmse(actual, naive))
    model_loss = ((actual - predicted) ** 2).mean(axis=1)
    naive_loss = ((actual - naive) ** 2).mean(axis=1)
    try:
        test = diebold_mariano(model_loss, naive_loss, horizon=actual.shape[1])
    except DataError:
        return Verdict("ties", ratio, math.nan, len(actual))
    if not test.p_value < SIGNIFICANCE:  # NaN proves nothing either
        return Verdict("ties", ratio, test.p_value, len(actual))
    outcome: Literal["beats", "loses"] = "loses" if test.statistic > 0 else "beats"
    return Verdict(outcome, ratio, test.p_value, len(actual))


def ratio_of(value: float, reference: float) -> float:
    """Return a ratio of two scores; 1 where both are zero."""
    if reference:
        return value / reference
    return 1.0 if value == 0 else math.inf
