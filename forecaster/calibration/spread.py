"""Spread: quantiles as distances from their centre, outward, in log price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.errors import ConfigError, DataError

MEDIAN = 0.5
SMALLEST_DISTANCE = 1e-9  # of log price: a network may put quantiles on its median


@dataclass(frozen=True, eq=False)
class LogSpread:
    """Quantiles of log price, as a centre and distances from it.

    Attributes
    ----------
    centre : ndarray of shape (n_windows, horizon)
        Log of the median; between the two innermost levels where there is none.
    distance : ndarray of shape (n_windows, horizon, n_levels)
        Of each quantile from the centre, counted outward; 0 for the median.
    side : ndarray of shape (n_levels,)
        -1 below the median, 1 above it, 0 for the median.
    """

    centre: FloatArray
    distance: FloatArray
    side: FloatArray

    def outward(self, actual: FloatArray) -> FloatArray:
        """Return log prices' distance from the centre towards the side of each level.

        Parameters
        ----------
        actual : ndarray of shape (n_windows, horizon)
            Prices; NaN where not known.
        """
        return self.side * (np.log(actual) - self.centre)[..., None]

    def prices(self, distance: FloatArray) -> FloatArray:
        """Return prices at other distances, widened where they would cross.

        No quantile comes nearer to the centre than one that lies further inside:
        the inner one pushes it outward. An interval can only grow by that, so what
        is promised of its coverage still holds.
        """
        ordered = np.empty_like(distance)
        lower, upper = self.side < 0, self.side > 0
        ordered[..., self.side == 0] = 0.0
        ordered[..., lower] = _grow(distance[..., lower][..., ::-1])[..., ::-1]
        ordered[..., upper] = _grow(distance[..., upper])
        return np.exp(self.centre[..., None] + self.side * ordered)


def _grow(distance: FloatArray) -> FloatArray:
    return np.asarray(np.maximum.accumulate(np.maximum(distance, 0.0), axis=-1))


def spread_of(quantiles: FloatArray, levels: Sequence[float]) -> LogSpread:
    """Return quantiles as distances from their centre.

    Parameters
    ----------
    quantiles : ndarray of shape (n_windows, horizon, n_levels)
        Prices in the quote currency, greater than 0.
    levels
        Their probabilities, increasing.

    Raises
    ------
    ConfigError
        If the levels are not increasing in (0, 1), or have no centre.
    DataError
        If the quantiles are not such prices.
    """
    check_levels(levels)
    check_prices(quantiles, "quantiles", n_dims=3)
    if quantiles.shape[-1] != len(levels):
        raise DataError(
            f"{len(levels)} levels, but {quantiles.shape[-1]} quantiles of each step: "
            "pass the levels that the quantiles were forecast at"
        )
    log_price = np.log(np.asarray(quantiles, float))
    centre = interpolate(log_price, levels, MEDIAN)
    side = sides(levels)
    return LogSpread(centre, side * (log_price - centre[..., None]), side)


def sides(levels: Sequence[float]) -> FloatArray:
    """Return -1 for each level below the median, 1 above it, 0 for the median."""
    away = np.asarray(levels, float) - MEDIAN
    return np.asarray(np.where(np.abs(away) < SMALLEST_DISTANCE, 0.0, np.sign(away)))


def tails(levels: Sequence[float]) -> FloatArray:
    """Return the probability beyond each level, on its own side."""
    level = np.asarray(levels, float)
    return np.asarray(np.minimum(level, 1 - level))


def interpolate(
    log_price: FloatArray, levels: Sequence[float], wanted: float
) -> FloatArray:
    """Return the quantile at a level, from those of the levels on either side.

    Exact where the level is present; else linear in the normal score of the level,
    as for a normal distribution of log price between the two.

    Raises
    ------
    ConfigError
        If the level lies beyond the outermost ones.
    """
    level = np.asarray(levels, float)
    same = np.flatnonzero(np.isclose(level, wanted, rtol=0, atol=SMALLEST_DISTANCE))
    if len(same):
        return log_price[..., same[0]]
    above = int(np.searchsorted(level, wanted))
    if above in (0, len(level)):
        raise ConfigError(
            f"the quantile {wanted:g} lies beyond those of the model "
            f"({', '.join(f'{known:g}' for known in levels)}): "
            f"add {wanted:g} and {1 - wanted:g} to `model.quantiles`"
        )
    left, right = (score(levels[place]) for place in (above - 1, above))
    share = (score(wanted) - left) / (right - left)
    return (1 - share) * log_price[..., above - 1] + share * log_price[..., above]


def score(level: float) -> float:
    """Return the normal score of a probability."""
    return NormalDist().inv_cdf(level)


def check_levels(levels: Sequence[float]) -> None:
    """Refuse levels that are not increasing probabilities in (0, 1)."""
    level = np.asarray(levels, float)
    inside = level.ndim == 1 and level.size > 0 and level.min() > 0 and level.max() < 1
    if not inside or np.any(np.diff(level) <= 0):
        raise ConfigError(
            f"levels must increase and lie between 0 and 1, not {list(levels)}"
        )


def check_prices(prices: FloatArray, name: str, *, n_dims: int) -> None:
    """Refuse an array that has another number of axes, or other than prices."""
    if np.ndim(prices) != n_dims:
        raise DataError(f"{name} must have {n_dims} axes, not {np.ndim(prices)}")
    if not (np.isfinite(prices).all() and (np.asarray(prices) > 0).all()):
        raise DataError(
            f"{name} must be prices greater than 0, without missing values: "
            "calibration works in log price"
        )
