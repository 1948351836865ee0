"""Drift: tests of whether new numbers are still like the old, for dependent data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.errors import DataError
from forecaster.significance import long_run_variance

N_BINS = 10
MIN_SAMPLE = 20


@dataclass(frozen=True)
class SampleTest:
    """Outcome of a test of two samples.

    Attributes
    ----------
    statistic
        Largest distance of the two distribution functions, 0 to 1.
    p_value
        With the effective numbers of observations.
    n_effective
        Independent observations that the second sample is worth.
    """

    statistic: float
    p_value: float
    n_effective: float


@dataclass(frozen=True)
class Alarm:
    """Outcome of watching losses one after the other.

    Attributes
    ----------
    statistic
        The largest sum over its standard deviation; comparable with a normal's.
    p_value
        Chance that it ever gets so large though nothing changed.
    first
        Place of the first alarm; None without.
    """

    statistic: float
    p_value: float
    first: int | None


def stability_index(reference: FloatArray, recent: FloatArray) -> float:
    """Return the population stability index of a recent sample.

    ``sum((q - p) * log(q / p))`` over ten bins with equal shares of the reference; half
    an observation is added to each bin, so that none is empty. Above 0.1 is usually
    called a change, above 0.25 a large one; dependent observations alone may reach
    both, so look at the test beside it.

    Parameters
    ----------
    reference, recent : ndarray of shape (n,)
        No missing values.

    References
    ----------
    .. [1] Siddiqi (2006), Credit risk scorecards.
    .. [2] Jeffreys (1946), An invariant form for the prior probability in estimation
       problems.
    """
    edges = np.unique(np.quantile(reference, np.arange(1, N_BINS) / N_BINS))
    n_bins = len(edges) + 1
    shares = []
    for sample in (reference, recent):
        places = np.searchsorted(edges, sample, side="left")
        counts = np.bincount(places, minlength=n_bins)
        shares.append((counts + 0.5) / (len(sample) + 0.5 * n_bins))
    old, new = shares
    return float(np.sum((new - old) * np.log(new / old)))


def correlation_time(values: FloatArray) -> float:
    """Return how many neighbouring observations say as much as one independent one.

    One and twice the sum of the autocorrelations, as long as sums of two neighbours
    are positive; at least 1.

    References
    ----------
    .. [1] Geyer (1992), Practical Markov chain Monte Carlo (initial positive sequence).
    """
    centred = np.asarray(values, float) - np.mean(values)
    n_values = len(centred)
    power = np.abs(np.fft.rfft(centred, 2 * n_values)) ** 2
    covariance = np.fft.irfft(power)[:n_values]
    if covariance[0] <= 1e-12 * max(1.0, float(np.max(np.abs(values))) ** 2):
        return 1.0
    correlation = covariance / covariance[0]
    pairs = correlation[: n_values // 2 * 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs <= 0)
    n_pairs = negative[0] if len(negative) else len(pairs)
    return max(1.0, float(2 * pairs[:n_pairs].sum() - 1))


def same_distribution(reference: FloatArray, recent: FloatArray) -> SampleTest:
    """Test whether two samples of dependent observations have one distribution.

    The Kolmogorov-Smirnov test, with effective numbers of observations. What it
    compares are shares below a value, so the correlation time is that of these: the
    mean over the deciles, in the sample where it is longer. (Returns hardly depend on
    each other, but the share of large ones does, as volatility comes in clusters.) A
    price that walks away from where it was has changed, and is found to have.

    Parameters
    ----------
    reference, recent : ndarray of shape (n,)
        In order of time; no missing values; the range between them does not matter.

    Raises
    ------
    DataError
        If one has fewer than 20 observations.

    References
    ----------
    .. [1] Weiss (1978), Modification of the Kolmogorov-Smirnov statistic for use with
       correlated data.
    .. [2] Stephens (1970), Use of the Kolmogorov-Smirnov and related statistics without
       extensive tables (the correction for small samples).
    """
    check_sample(reference)
    check_sample(recent)
    from scipy import special, stats

    statistic = float(stats.ks_2samp(reference, recent, method="asymp").statistic)
    time = _decile_time(reference, recent)
    n_old, n_new = max(len(reference) / time, 1.0), max(len(recent) / time, 1.0)
    root = math.sqrt(n_old * n_new / (n_old + n_new))
    p_value = float(special.kolmogorov((root + 0.12 + 0.11 / root) * statistic))
    return SampleTest(statistic, p_value, n_new)


def watch_losses(
    reference: FloatArray, recent: FloatArray, *, level: float = 0.05, n_lags: int = 0
) -> Alarm:
    """Watch losses as they come for a lasting rise above those of a reference.

    After each new loss the sum of the recent ones, less as many reference means, is
    held against ``z * deviation * sqrt(m) * (1 + k / m)`` with ``m`` reference losses
    and ``k`` new ones. For a Brownian motion the chance of ever crossing it is
    ``2 * (1 - Phi(z))``, so the chance of a false alarm stays `level` however long and
    however often one looks.

    Parameters
    ----------
    reference, recent : ndarray of shape (n,)
        Losses in order of time, such as differences to last-value.
    level
        Chance of ever raising a false alarm.
    n_lags
        Lags at least that the long-run variance allows for (Bartlett weights).

    Raises
    ------
    DataError
        If there are fewer than 20 reference losses, or no recent one.

    References
    ----------
    .. [1] Chu, Stinchcombe & White (1996), Monitoring structural change.
    .. [2] Horváth, Hušková, Kokoszka & Steinebach (2004), Monitoring changes in linear
       models.
    .. [3] Page (1954), Continuous inspection schemes.
    """
    check_sample(reference)
    if not len(recent):
        raise DataError("there is no recent loss to watch")
    from scipy.stats import norm

    n_old = len(reference)
    deviation = math.sqrt(long_run_variance(reference, n_lags))
    n_new = np.arange(1, len(recent) + 1)
    sums = np.cumsum(recent - reference.mean())
    bounds = deviation * math.sqrt(n_old) * (1 + n_new / n_old)
    tiny = 1e-12 * (1 + np.abs(reference).max()) * n_new
    with np.errstate(divide="ignore", invalid="ignore"):
        reached = np.where(sums > tiny, sums / bounds, 0.0)
    statistic = float(reached.max())
    crossed = np.flatnonzero(reached > norm.isf(level / 2))
    return Alarm(
        statistic,
        min(1.0, 2 * float(norm.sf(statistic))),
        int(crossed[0]) if len(crossed) else None,
    )


def covers_as_promised(inside: np.ndarray, level: float) -> float:
    """Return the p-value of an interval's coverage, two-sided.

    The binomial test, with as many trials as the hits are worth when neighbours depend
    on each other.

    Parameters
    ----------
    inside : ndarray of bool, shape (n,)
        Whether the actual price lay in the interval, in order of time.
    level
        The share that should.

    References
    ----------
    .. [1] Kupiec (1995), Techniques for verifying the accuracy of risk measurement
       models.
    .. [2] Christoffersen (1998), Evaluating interval forecasts.
    """
    check_sample(inside)
    from scipy.stats import binomtest

    hits = np.asarray(inside, float)
    n_trials = max(round(len(hits) / correlation_time(hits)), 1)
    n_hits = round(float(hits.mean()) * n_trials)
    return float(binomtest(n_hits, n_trials, level).pvalue)


def check_sample(values: np.ndarray) -> None:
    """Refuse a sample that is too small to be tested."""
    if len(values) < MIN_SAMPLE:
        raise DataError(
            f"a test of drift needs at least {MIN_SAMPLE} sessions, found "
            f"{len(values)}. Choose a longer range."
        )


def _decile_time(reference: FloatArray, recent: FloatArray) -> float:
    """Return the longer of two samples' correlation times, means over the deciles."""
    deciles = np.unique(np.quantile(reference, np.arange(1, N_BINS) / N_BINS))
    return max(
        float(np.mean([correlation_time(sample <= decile) for decile in deciles]))
        for sample in (reference, recent)
    )
