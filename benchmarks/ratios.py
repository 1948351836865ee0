"""Statistics of the timings: ratios with their spread, slopes, differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median, variance


@dataclass(frozen=True)
class Spread:
    """A value with the smallest and the largest of the rounds, or an interval."""

    value: float
    low: float
    high: float


def spread_of(values: Sequence[float]) -> Spread:
    """Return the median, the smallest and the largest.

    >>> spread_of([3.0, 1.0, 2.0])
    Spread(value=2.0, low=1.0, high=3.0)
    """
    return Spread(median(values), min(values), max(values))


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Return the ratio of the medians, and the range of the rounds' own ratios.

    The two times of a round were taken one after the other, so that a machine that is
    slow for a while slows both.

    >>> ratio_of([1.0, 2.0, 3.0], [2.0, 8.0, 3.0])
    Spread(value=0.6666666666666666, low=0.25, high=1.0)
    """
    rounds = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return Spread(median(ours) / median(theirs), min(rounds), max(rounds))


def slope_of(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return the slope of a straight line through the logarithms: 1 is linear.

    >>> slope_of([1, 2, 4], [3.0, 12.0, 48.0])
    2.0
    """
    across = [math.log2(size) for size in sizes]
    up = [math.log2(value) for value in values]
    centre, height = mean(across), mean(up)
    total = sum((x - centre) ** 2 for x in across)
    joint = sum((x - centre) * (y - height) for x, y in zip(across, up, strict=True))
    return joint / total


def difference_of(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Return the difference of the means with its 95 % interval after Welch.

    References
    ----------
    .. [1] Welch (1947), The generalization of "Student's" problem when several
       different population variances are involved.
    """
    from scipy.stats import t

    parts = [variance(ours) / len(ours), variance(theirs) / len(theirs)]
    error = math.sqrt(sum(parts))
    centre = mean(ours) - mean(theirs)
    if not error:
        return Spread(centre, centre, centre)
    freedom = sum(parts) ** 2 / (
        parts[0] ** 2 / (len(ours) - 1) + parts[1] ** 2 / (len(theirs) - 1)
    )
    half = float(t.ppf(0.975, freedom)) * error
    return Spread(centre, centre - half, centre + half)
