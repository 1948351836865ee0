"""Direction: does a forecast tell rises from falls better than chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.significance.long_run import (
    checked_series,
    cosine_test,
    require_one_shape,
)


@dataclass(frozen=True)
class PesaranTimmermann:
    """Outcome of the test that forecast and actual direction are independent.

    Attributes
    ----------
    statistic
        Positive when directions agree more often than by chance. NaN if the forecast
        or the price takes one side only: there is nothing to tell apart.
    p_value
        One-sided: small when directions agree more often than by chance.
    n_forecasts
        Number of forecasts that take a side of a price that moved.
    """

    statistic: float
    p_value: float
    n_forecasts: int


def pesaran_timmermann(
    actual: FloatArray,
    predicted: FloatArray,
    origin_price: FloatArray,
    *,
    horizon: int = 1,
) -> PesaranTimmermann:
    """Test whether forecast and actual direction go together.

    Chance is set by how often each of the two rises, so always forecasting a rise of a
    rising price earns nothing. With a `horizon` of 1 the statistic is that of the
    paper, for moves that do not overlap. Directions of longer forecasts repeat from one
    origin to the next; the mean product of the two centred directions is then tested
    with the long-run variance of `diebold_mariano`.

    Parameters
    ----------
    actual, predicted, origin_price : ndarray of shape (n_forecasts,)
        Prices at one step and at the origin, oldest first. Forecasts where either move
        is zero are left out.
    horizon
        Sessions from origin to step, if origins are nearer to each other than that.

    Raises
    ------
    ConfigError
        If `horizon` is below 1.
    DataError
        If fewer than 8 forecasts take a side, or the arrays differ in shape.

    References
    ----------
    .. [1] Pesaran & Timmermann (1992), A simple nonparametric test of predictive
       performance. J. of Business & Economic Statistics 10, 461-465.
    .. [2] Pesaran & Timmermann (2009), Testing dependence among serially correlated
       multicategory variables. J. of the American Statistical Association 104.
    """
    require_one_shape(actual, predicted, origin_price)
    actual_move = np.sign(actual - origin_price)
    predicted_move = np.sign(predicted - origin_price)
    sided = (actual_move != 0) & (predicted_move != 0)
    rises = checked_series(actual_move[sided] > 0, horizon)
    calls = checked_series(predicted_move[sided] > 0, horizon)
    if not np.ptp(rises) or not np.ptp(calls):
        return PesaranTimmermann(math.nan, math.nan, len(rises))
    if horizon == 1:
        from scipy.stats import norm

        statistic = _excess_agreement(rises, calls)
        return PesaranTimmermann(statistic, float(norm.sf(statistic)), len(rises))
    from scipy.stats import t

    products = (rises - rises.mean()) * (calls - calls.mean())
    statistic, freedom = cosine_test(products, horizon)
    return PesaranTimmermann(statistic, float(t.sf(statistic, freedom)), len(rises))


def _excess_agreement(rises: FloatArray, calls: FloatArray) -> float:
    """Return the hits above those by chance, in standard deviations."""
    n_forecasts = len(rises)
    rising, calling = float(rises.mean()), float(calls.mean())
    hits = float(np.mean(rises == calls))
    by_chance = rising * calling + (1 - rising) * (1 - calling)
    spreads = rising * (1 - rising), calling * (1 - calling)
    of_hits = by_chance * (1 - by_chance)
    of_chance = (
        (2 * rising - 1) ** 2 * spreads[1]
        + (2 * calling - 1) ** 2 * spreads[0]
        + 4 * spreads[0] * spreads[1] / n_forecasts
    )
    return (hits - by_chance) / math.sqrt((of_hits - of_chance) / n_forecasts)
