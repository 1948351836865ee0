"""Intervals: how far off an estimate from a series in time could be."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.significance import long_run_variance

SESSIONS_PER_YEAR = 252
N_RESAMPLES = 4000
NO_SPREAD = 1e-12  # of the largest value: what is left of a constant by rounding


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval; NaN where there is nothing to tell."""

    estimate: float
    low: float
    high: float
    level: float

    def includes(self, value: float) -> bool:
        """Whether the interval does not rule a value out; one of NaN rules out none."""
        return not (value < self.low or value > self.high)

    def to_dict(self) -> dict[str, float | None]:
        """Return plain JSON values."""
        facts = asdict(self)
        return {name: v if math.isfinite(v) else None for name, v in facts.items()}


def correlation_interval(
    first: FloatArray, second: FloatArray, *, n_lags: int = 0, level: float = 0.95
) -> Interval:
    """Return the correlation of two series in time, and its interval.

    The variance comes from the correlation's influence function, summed over lags, so
    that overlapping returns and unsteady volatility widen the interval; its ends are
    found on Fisher's scale, which keeps them from -1 to 1.

    Parameters
    ----------
    first, second : ndarray of shape (n,)
        Oldest first, no missing values.
    n_lags
        Least lags over which the series may be dependent.

    References
    ----------
    .. [1] Fisher (1921), On the probable error of a coefficient of correlation.
    .. [2] Devlin, Gnanadesikan & Kettenring (1975), Robust estimation and outlier
       detection with correlation coefficients.
    .. [3] Newey & West (1987), A simple, positive semi-definite covariance matrix.
    """
    if _is_constant(first) or _is_constant(second):
        return Interval(math.nan, math.nan, math.nan, level)
    x, y = _standardise(first), _standardise(second)
    estimate = float(np.clip(np.mean(x * y), -1, 1))
    unexplained = 1 - estimate**2
    if unexplained < NO_SPREAD:
        return Interval(estimate, estimate, estimate, level)
    influence = x * y - estimate / 2 * (x**2 + y**2)
    error = _standard_error(influence, n_lags) / unexplained
    centre, reach = math.atanh(estimate), _normal_quantile(level) * error
    low, high = math.tanh(centre - reach), math.tanh(centre + reach)
    return Interval(estimate, low, high, level)


def sharpe_interval(returns: FloatArray, *, level: float = 0.95) -> Interval:
    """Return the yearly Sharpe ratio of a series of returns, and its interval.

    Mean over standard deviation, times the root of 252; cash is taken to earn nothing.
    The variance is that of the ratio's influence function, summed over lags: it allows
    for autocorrelation, skew and fat tails.

    Parameters
    ----------
    returns : ndarray of shape (n_sessions,)
        Simple returns, oldest first.

    Returns
    -------
    Interval
        NaN if the returns never differ.

    References
    ----------
    .. [1] Lo (2002), The statistics of Sharpe ratios.
    .. [2] Newey & West (1987), A simple, positive semi-definite covariance matrix.
    """
    if _is_constant(returns):
        return Interval(math.nan, math.nan, math.nan, level)
    per_year = math.sqrt(SESSIONS_PER_YEAR)
    ratio = float(returns.mean() / returns.std(ddof=1))
    scores = _standardise(returns)
    influence = scores - ratio / 2 * (scores**2 - 1)
    reach = _normal_quantile(level) * _standard_error(influence, 0)
    low, high = per_year * (ratio - reach), per_year * (ratio + reach)
    return Interval(per_year * ratio, low, high, level)


def difference_intervals(
    returns: FloatArray, benchmark: FloatArray, *, level: float = 0.95, seed: int = 0
) -> tuple[Interval, Interval]:
    """Compare two series of returns in yearly mean and in yearly Sharpe ratio.

    Blocks of sessions are drawn from both series together, the last session being
    followed by the first, and the intervals are the percentiles over 4000 draws. A
    draw that never differs counts with a Sharpe ratio of 0.

    Parameters
    ----------
    returns, benchmark : ndarray of shape (n_sessions,)
        Simple returns of the same sessions, oldest first.

    Returns
    -------
    Interval, Interval
        Of mean return and of Sharpe ratio, the first series less the second.

    References
    ----------
    .. [1] Politis & Romano (1992), A circular block-resampling procedure for
       stationary data.
    .. [2] Ledoit & Wolf (2008), Robust performance hypothesis testing with the Sharpe
       ratio.
    """
    both = np.stack([returns, benchmark])
    means, squares = _resampled_moments(both, np.random.default_rng(seed))
    deviations = np.sqrt(np.clip(squares - means**2, 0, None))
    year, root = SESSIONS_PER_YEAR, math.sqrt(SESSIONS_PER_YEAR)
    ratios = root * _sharpe(means, deviations)
    whole = root * _sharpe(both.mean(axis=1), both.std(axis=1, ddof=1))
    mean = float(returns.mean() - benchmark.mean())
    return (
        _percentiles(year * mean, year * (means[0] - means[1]), level),
        _percentiles(float(whole[0] - whole[1]), ratios[0] - ratios[1], level),
    )


def _resampled_moments(
    series: FloatArray, random: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return means and mean squares of resamples, each (n_series, n_resamples)."""
    n_sessions = series.shape[1]
    length = max(round(n_sessions ** (1 / 3)), 1)
    n_blocks = math.ceil(n_sessions / length)
    starts = random.integers(n_sessions, size=(N_RESAMPLES, n_blocks))

    def mean_of(values: FloatArray) -> FloatArray:
        wrapped = np.concatenate([values, values[:, : length - 1]], axis=1)
        blocks = np.lib.stride_tricks.sliding_window_view(wrapped, length, axis=1)
        sums = blocks.mean(axis=2)
        return np.stack([one[starts].mean(axis=1) for one in sums])

    return mean_of(series), mean_of(series**2)


def _sharpe(means: FloatArray, deviations: FloatArray) -> FloatArray:
    """Return ratios for one session; 0 where nothing differs."""
    differs = deviations > NO_SPREAD
    ratios = np.zeros_like(means)
    np.divide(means, deviations, out=ratios, where=differs)
    return ratios


def _percentiles(estimate: float, draws: FloatArray, level: float) -> Interval:
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high), level)


def _is_constant(values: FloatArray) -> bool:
    return bool(np.ptp(values) <= NO_SPREAD * max(np.abs(values).max(), 1.0))


def _standardise(values: FloatArray) -> FloatArray:
    standardised: FloatArray = (values - values.mean()) / values.std()
    return standardised


def _standard_error(influence: FloatArray, n_lags: int) -> float:
    """Return that of a mean of dependent terms, at least `n_lags` of them in reach."""
    variance = long_run_variance(influence, n_lags)
    return math.sqrt(max(variance, 0.0) / len(influence))


def _normal_quantile(level: float) -> float:
    from scipy.stats import norm

    quantile: Callable[[float], float] = norm.ppf
    return float(quantile((1 + level) / 2))
