"""Probability integral transform: where actual prices fall in their forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.errors import DataError

# Below five expected values in a bin the chi-square distribution does not hold.
MIN_EXPECTED = 5
MIN_BINS = 2


@dataclass(frozen=True, eq=False)
class PitHistogram:
    """Counts of the transform, and whether they are even.

    Attributes
    ----------
    edges : ndarray of shape (n_bins + 1,)
        Bounds of the bins, from 0 to 1; each is 0, 1 or a level.
    counts : ndarray of shape (n_bins,)
        Values found in each bin.
    expected : ndarray of shape (n_bins,)
        Values that a calibrated forecast would have there.
    statistic, p_value
        Of the chi-square test that the forecast is calibrated.
    n_values
        Values counted.
    """

    edges: FloatArray
    counts: FloatArray
    expected: FloatArray
    statistic: float
    p_value: float
    n_values: int


def pit(
    actual: FloatArray, quantiles: FloatArray, levels: Sequence[float]
) -> FloatArray:
    """Return the forecast probability of a price at or below each actual one.

    Probabilities are interpolated linearly between quantiles. Quantiles say nothing of
    the tails, so a price below the lowest quantile becomes 0 and one above the highest
    becomes 1.

    Parameters
    ----------
    actual : ndarray of shape (n_windows, horizon)
        No missing values.
    quantiles : ndarray of shape (n_windows, horizon, n_levels)
        Forecast quantiles, not decreasing along the last axis.
    levels
        Their probabilities, increasing, in (0, 1).

    Returns
    -------
    ndarray of shape (n_windows, horizon)
        Uniform, apart from the tails, if the forecast is calibrated.

    References
    ----------
    .. [1] Diebold, Gunther & Tay (1998), Evaluating density forecasts with
       applications to financial risk management. Int. Economic Review 39, 863-883.
    """
    level = np.asarray(levels, float)
    n_passed = np.sum(quantiles <= actual[..., None], axis=-1)
    below = np.clip(n_passed - 1, 0, len(level) - 1)
    above = np.clip(n_passed, 0, len(level) - 1)
    low, high = _taken(quantiles, below), _taken(quantiles, above)
    gap = high - low
    share = np.divide(actual - low, gap, out=np.zeros(gap.shape), where=gap > 0)
    inside = level[below] + share * (level[above] - level[below])
    inside = np.where(n_passed == 0, 0.0, inside)
    return np.where(actual > quantiles[..., -1], 1.0, inside)


def pit_histogram(values: FloatArray, levels: Sequence[float]) -> PitHistogram:
    """Count the transform between levels and test whether the counts are as forecast.

    The bins end at levels, because only there do quantiles state a probability;
    neighbours are merged until each expects at least five values. The test takes the
    values as independent, so give it one step of forecasts that do not overlap: the
    errors of overlapping forecasts move together, and p-values come out too small.

    Parameters
    ----------
    values : ndarray of any shape
        Values of `pit`.
    levels
        The levels that were given to `pit`.

    Raises
    ------
    DataError
        If the values are too few for two bins.

    References
    ----------
    .. [1] Pearson (1900), On the criterion that a given system of deviations is such
       that it can be reasonably supposed to have arisen from random sampling.
    """
    from scipy.stats import chisquare

    edges = _edges(levels, values.size)
    if len(edges) <= MIN_BINS:
        raise DataError(
            f"a histogram with {MIN_EXPECTED} expected values in each of {MIN_BINS} "
            f"bins cannot be made of {values.size} values. Test on a longer range."
        )
    # A value at a level is at or below that quantile; 0 is in the first bin.
    places = np.clip(np.searchsorted(edges, values.ravel()) - 1, 0, None)
    counts = np.bincount(places, minlength=len(edges) - 1).astype(float)
    expected = np.diff(edges) * values.size
    test = chisquare(counts, expected)
    return PitHistogram(
        edges,
        counts,
        expected,
        float(test.statistic),
        float(test.pvalue),
        values.size,
    )


def _taken(quantiles: FloatArray, places: np.ndarray) -> FloatArray:
    return np.take_along_axis(quantiles, places[..., None], axis=-1)[..., 0]


def _edges(levels: Sequence[float], n_values: int) -> FloatArray:
    """Return the levels that leave enough expected values in each bin."""
    least = MIN_EXPECTED / max(n_values, 1) - 1e-9
    edges = [0.0]
    for level in levels:
        if level - edges[-1] >= least and 1 - level >= least:
            edges.append(level)
    return np.array([*edges, 1.0])
