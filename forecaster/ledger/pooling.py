"""Pooling: what a model is worth over all its tickers together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.drift import MIN_SAMPLE
from forecaster.verdict import LAST_VALUE, Verdict, judge


def pool_losses(losses: Sequence[pd.DataFrame], horizon: int) -> tuple[int, Verdict]:
    """Hold a model against last-value over many tickers, and return how many, and what.

    Tickers share their days: what moves one moves the others, so ten tickers of one day
    are not ten facts. Each ticker's losses are divided by its mean loss of last-value,
    so that a restless one weighs no more than a quiet one; then the tickers of each
    origin are averaged, and the two series of daily means are compared as those of one
    ticker would be. Interval and test so allow for whatever ties the tickers of a day
    together, and for days that depend on each other.

    Parameters
    ----------
    losses
        For each ticker, indexed by origin: squared errors `own`, and `naive` of
        last-value. Tickers with fewer than 20 origins are left out: their scale is not
        known well enough.
    horizon
        Sessions that each forecast spans.

    Returns
    -------
    tuple
        Tickers that count, and a verdict on the root of the ratio of the mean losses,
        whose `n_forecasts` is the number of origins.

    References
    ----------
    .. [1] Driscoll & Kraay (1998), Consistent covariance matrix estimation with
       spatially dependent panel data. Review of Economics and Statistics 80, 549-560.
    """
    scaled = [
        own / own["naive"].mean()
        for own in losses
        if len(own) >= MIN_SAMPLE and own["naive"].any()
    ]
    if not scaled:
        return 0, Verdict("ties", np.nan, np.nan, 0)
    daily = pd.concat(scaled).groupby(level=0).mean().sort_index()
    naive = {LAST_VALUE: daily["naive"].to_numpy()}
    return len(scaled), judge(daily["own"].to_numpy(), naive, horizon=horizon)


def adjust_for_many(p_values: FloatArray) -> FloatArray:
    """Return p-values that allow for having looked at all of them.

    Holm's: the chance that any of the true hypotheses has one below a level is at most
    that level, however the tests depend on each other. (Those of tickers do, and in no
    known way, so that the false discovery rate of Benjamini and Hochberg would not be
    assured.)

    Parameters
    ----------
    p_values : ndarray of any shape
        NaN where nothing was tested; these stay NaN and do not count.

    References
    ----------
    .. [1] Holm (1979), A simple sequentially rejective multiple test procedure.
       Scandinavian J. of Statistics 6, 65-70.

    Examples
    --------
    >>> adjust_for_many(np.array([0.01, np.nan, 0.04, 0.03])).tolist()
    [0.03, nan, 0.06, 0.06]
    """
    adjusted = np.array(p_values, float)
    tested = adjusted[~np.isnan(adjusted)]
    order = np.argsort(tested)
    factors = np.arange(len(tested), 0, -1)
    steps = np.minimum(np.maximum.accumulate(tested[order] * factors), 1.0)
    tested[order] = steps
    adjusted[~np.isnan(adjusted)] = tested
    return adjusted
