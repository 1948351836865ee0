"""Significance: is a difference between two forecasts more than luck."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.errors import DataError

MIN_FORECASTS = 8


@dataclass(frozen=True)
class DieboldMariano:
    """Outcome of the test of equal accuracy.

    Attributes
    ----------
    statistic
        Positive when the first forecast has the larger loss.
    p_value
        Two-sided, from Student's t with ``n_forecasts - 1`` degrees of freedom.
    n_forecasts
        Number of origins compared.
    """

    statistic: float
    p_value: float
    n_forecasts: int


def diebold_mariano(
    first_loss: FloatArray, second_loss: FloatArray, *, horizon: int = 1
) -> DieboldMariano:
    """Test whether two forecasts have the same expected loss.

    The variance of the mean loss difference allows for the overlap of forecasts
    `horizon` sessions long (Bartlett weights over ``horizon - 1`` lags, which cannot
    turn negative), and the statistic carries the small-sample factor.

    Parameters
    ----------
    first_loss, second_loss : ndarray of shape (n_forecasts,)
        Losses of the two forecasts at the same origins, oldest first.
    horizon
        Sessions that each forecast spans.

    Raises
    ------
    DataError
        If the losses are unequal in number or fewer than 8.

    References
    ----------
    .. [1] Diebold & Mariano (1995), Comparing predictive accuracy.
    .. [2] Harvey, Leybourne & Newbold (1997), Testing the equality of prediction
       mean squared errors.
    .. [3] Newey & West (1987), A simple, positive semi-definite covariance matrix.
    """
    difference = np.asarray(first_loss, float) - np.asarray(second_loss, float)
    n_forecasts = len(difference)
    if n_forecasts < max(MIN_FORECASTS, horizon + 1):
        raise DataError(
            f"need at least {max(MIN_FORECASTS, horizon + 1)} forecasts to compare, "
            f"found {n_forecasts}. Test on a longer range."
        )
    variance = _long_run_variance(difference, horizon - 1) / n_forecasts
    mean = float(difference.mean())
    if variance == 0:
        return DieboldMariano(
            math.copysign(math.inf, mean) if mean else 0.0,
            0.0 if mean else 1.0,
            n_forecasts,
        )
    statistic = mean / math.sqrt(variance) * _small_sample(n_forecasts, horizon)
    from scipy.stats import t

    p_value = 2 * float(t.sf(abs(statistic), df=n_forecasts - 1))
    return DieboldMariano(statistic, p_value, n_forecasts)


def _long_run_variance(difference: FloatArray, n_lags: int) -> float:
    centred = difference - difference.mean()
    n_forecasts = len(centred)
    total = float(centred @ centred) / n_forecasts
    for lag in range(1, n_lags + 1):
        weight = 1 - lag / (n_lags + 1)
        total += 2 * weight * float(centred[lag:] @ centred[:-lag]) / n_forecasts
    return total


def _small_sample(n_forecasts: int, horizon: int) -> float:
    """Return the factor of Harvey, Leybourne and Newbold."""
    n, h = n_forecasts, horizon
    return math.sqrt(max(n + 1 - 2 * h + h * (h - 1) / n, 1.0) / n)
