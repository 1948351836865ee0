"""Equal accuracy: the Diebold-Mariano test, and Clark-West for nested forecasts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.significance.long_run import (
    bartlett_test,
    checked_series,
    cosine_test,
    require_one_shape,
)


@dataclass(frozen=True)
class DieboldMariano:
    """Outcome of the test of equal accuracy.

    Attributes
    ----------
    statistic
        Positive when the first forecast has the larger loss.
    p_value
        Two-sided, from Student's t.
    n_forecasts
        Number of origins compared.
    """

    statistic: float
    p_value: float
    n_forecasts: int


@dataclass(frozen=True)
class ClarkWest:
    """Outcome of the test of equal accuracy of nested forecasts.

    Attributes
    ----------
    statistic
        Positive when the larger model has the smaller error after its adjustment.
    p_value
        One-sided, from Student's t: small when the larger model forecasts better.
    n_forecasts
        Number of origins compared.
    """

    statistic: float
    p_value: float
    n_forecasts: int


def diebold_mariano(
    first_loss: FloatArray,
    second_loss: FloatArray,
    *,
    horizon: int = 1,
    n_lags: int | None = None,
) -> DieboldMariano:
    """Test whether two forecasts have the same expected loss.

    Loss differences of forecasts `horizon` sessions long overlap, and those of daily
    prices cluster. By default their long-run variance comes from cosine transforms,
    with fixed-smoothing t quantiles. At a nominal 5% that test rejected 4 to 6% of
    equal forecasts in simulations of 40 to 1000 forecasts 1, 5 and 20 sessions long,
    where Bartlett weights over ``horizon - 1`` lags rejected 11 to 17% when the
    differences were sums over the horizon, and 25% when they followed an
    autoregression of 0.5. Strong clustering of volatility makes it cautious (3%).

    Parameters
    ----------
    first_loss, second_loss : ndarray of shape (n_forecasts,)
        Losses of the two forecasts at the same origins, oldest first.
    horizon
        Sessions that each forecast spans.
    n_lags
        With a number, Bartlett weights over that many lags, the small-sample factor of
        Harvey and others, and ``n_forecasts - 1`` degrees of freedom instead; see
        `newey_west_lags`.

    Raises
    ------
    ConfigError
        If `horizon` or `n_lags` is out of range.
    DataError
        If the losses are unequal in number, fewer than 8, or missing.

    References
    ----------
    .. [1] Diebold & Mariano (1995), Comparing predictive accuracy. J. of Business &
       Economic Statistics 13, 253-263.
    .. [2] Harvey, Leybourne & Newbold (1997), Testing the equality of prediction
       mean squared errors. Int. J. of Forecasting 13, 281-291.
    .. [3] Coroneo & Iacone (2020), Comparing predictive accuracy in small samples using
       fixed-smoothing asymptotics. J. of Applied Econometrics 35, 391-409.
    """
    first, second = np.asarray(first_loss, float), np.asarray(second_loss, float)
    require_one_shape(first, second)
    difference = checked_series(first - second, horizon)
    if n_lags is None:
        statistic, freedom = cosine_test(difference, horizon)
    else:
        statistic, freedom = bartlett_test(difference, n_lags)
        statistic *= _small_sample(len(difference), horizon)
    from scipy.stats import t

    p_value = 2 * float(t.sf(abs(statistic), df=freedom))
    return DieboldMariano(statistic, p_value, len(difference))


def clark_west(
    actual: FloatArray, nested: FloatArray, predicted: FloatArray, *, horizon: int = 1
) -> ClarkWest:
    """Test whether a model forecasts better than a simpler one that it contains.

    A network that learns to repeat the last price is last-value: last-value is nested
    in it. Where last-value is right, whatever else the network has learnt is noise that
    raises its squared error, so equal errors already speak for the network. The test
    takes that noise, the mean squared distance of the two forecasts, off the error of
    the larger model. The long-run variance is that of `diebold_mariano`.

    Parameters
    ----------
    actual : ndarray of shape (n_forecasts,) or (n_forecasts, horizon)
        Prices or returns, oldest first. Steps of one origin are averaged.
    nested, predicted : ndarray of the same shape
        Forecasts of the simpler and of the larger model.
    horizon
        Sessions that each forecast spans.

    Raises
    ------
    ConfigError
        If `horizon` is below 1.
    DataError
        If the arrays differ in shape, or hold fewer than 8 forecasts, or gaps.

    References
    ----------
    .. [1] Clark & West (2007), Approximately normal tests for equal predictive accuracy
       in nested models. J. of Econometrics 138, 291-311.
    """
    require_one_shape(actual, nested, predicted)
    larger = (actual - predicted) ** 2 - (nested - predicted) ** 2
    gain = (actual - nested) ** 2 - larger
    gains = checked_series(gain.reshape(len(gain), -1).mean(axis=1), horizon)
    statistic, freedom = cosine_test(gains, horizon)
    from scipy.stats import t

    return ClarkWest(statistic, float(t.sf(statistic, df=freedom)), len(gains))


def _small_sample(n_forecasts: int, horizon: int) -> float:
    """Return the factor of Harvey, Leybourne and Newbold."""
    n, h = n_forecasts, horizon
    return math.sqrt(max(n + 1 - 2 * h + h * (h - 1) / n, 1.0) / n)
