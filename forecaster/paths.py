"""Paths: joint price paths from the quantiles of each step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.calibration.intervals import value_at
from forecaster.calibration.spread import check_levels, check_prices
from forecaster.errors import ConfigError, DataError

LEAST_PAST = 20


@dataclass(frozen=True, eq=False)
class Band:
    """A band that holds whole paths: prices of shape (horizon,), and their share."""

    low: FloatArray
    high: FloatArray
    share: float


def draw_paths(
    quantiles: FloatArray,
    levels: Sequence[float],
    past_pits: FloatArray | None = None,
    *,
    n_paths: int = 1000,
    seed: int = 0,
) -> FloatArray:
    """Draw joint price paths that have the forecast's distribution at each step.

    The probabilities of each step are spread evenly over (0, 1), and dealt out to the
    paths in the order of vectors that have the wanted dependence between steps: past
    forecasts' probabilities of the prices that came (the Schaake shuffle, an empirical
    copula); without any, random walks, whose steps ``j < k`` correlate by
    ``sqrt(j / k)``. `forecaster.calibration.intervals.value_at` says what lies
    between and beyond the quantiles.

    Parameters
    ----------
    quantiles : ndarray of shape (horizon, n_levels)
        Prices from one origin, calibrated, that do not cross.
    levels
        Their probabilities, increasing, on both sides of the median.
    past_pits : ndarray of shape (n_past, horizon), optional
        From `forecaster.calibration.pits`, of out-of-fold forecasts.

    Returns
    -------
    ndarray of shape (n_paths, horizon)
        Prices in the quote currency.

    Raises
    ------
    DataError
        If the past vectors are fewer than 20, or have another number of steps.

    References
    ----------
    .. [1] Clark et al. (2004), The Schaake shuffle.
    .. [2] Schefzik, Thorarinsdottir & Gneiting (2013), Uncertainty quantification in
       complex simulation models using ensemble copula coupling.
    """
    check_prices(quantiles, "quantiles", n_dims=2)
    if n_paths < 1:
        raise ConfigError(f"n_paths must be at least 1, not {n_paths}")
    random = np.random.default_rng(seed)
    horizon = len(quantiles)
    if past_pits is None:
        template = _random_walks(n_paths, horizon, random)
    else:
        template = _resampled(past_pits, n_paths, horizon, random)
    even = (_ranks(template, random) + random.random(template.shape)) / n_paths
    even = np.clip(even, 1e-12, 1 - 1e-12)
    steps = [
        value_at(even[:, step], quantiles[step], levels) for step in range(horizon)
    ]
    return np.stack(steps, axis=1)


def fan(paths: FloatArray, levels: Sequence[float]) -> FloatArray:
    """Return quantiles of each step of paths, of shape (horizon, n_levels)."""
    check_levels(levels)
    check_prices(paths, "paths", n_dims=2)
    return np.asarray(np.quantile(paths, np.asarray(levels), axis=0).T)


def path_interval(paths: FloatArray, level: float) -> Band:
    """Return the narrowest band by ranks that holds a share of whole paths.

    Its ends at each step have the same rank from below and from above. It is wider
    than the intervals of the single steps, all of which a path must stay inside.

    Parameters
    ----------
    paths : ndarray of shape (n_paths, horizon)
    level
        Least share of the paths that never leave the band, in (0, 1).

    References
    ----------
    .. [1] Myllymaki et al. (2017), Global envelope tests for spatial processes.
    """
    check_prices(paths, "paths", n_dims=2)
    if not 0 < level < 1:
        raise ConfigError(f"the level of a band must lie in (0, 1), not {level}")
    ordered = np.sort(paths, axis=0)
    depth = _depth(paths, ordered)
    n_paths = len(paths)
    least = int(np.sort(depth)[n_paths - math.ceil(level * n_paths - 1e-9)])
    share = float(np.mean(depth >= least))
    return Band(ordered[least], ordered[n_paths - 1 - least], share)


def _depth(paths: FloatArray, ordered: FloatArray) -> FloatArray:
    """Return how many paths lie outside each one, at its most extreme step."""
    depth = np.full(len(paths), len(paths))
    for step in range(paths.shape[1]):
        known, values = ordered[:, step], paths[:, step]
        above = np.searchsorted(known, values, side="right") - 1
        below = len(paths) - 1 - np.searchsorted(known, values, side="left")
        depth = np.minimum(depth, np.minimum(above, below))
    return depth


def _random_walks(
    n_paths: int, horizon: int, random: np.random.Generator
) -> FloatArray:
    return np.cumsum(random.standard_normal((n_paths, horizon)), axis=1)


def _resampled(
    past_pits: FloatArray, n_paths: int, horizon: int, random: np.random.Generator
) -> FloatArray:
    """Return past vectors, each used about as often as any other."""
    n_past = len(past_pits)
    if past_pits.ndim != 2 or past_pits.shape[1] < horizon or n_past < LEAST_PAST:  # noqa: PLR2004
        raise DataError(
            f"need at least {LEAST_PAST} past vectors of {horizon} steps for the "
            f"dependence between steps, found shape {past_pits.shape}. Use more "
            "out-of-fold forecasts, or pass None for that of a random walk."
        )
    if not np.isfinite(past_pits).all():
        raise DataError("past vectors have missing values: leave those forecasts out")
    n_rounds = -(-n_paths // n_past)
    chosen = np.concatenate([random.permutation(n_past) for _ in range(n_rounds)])
    return np.asarray(past_pits[chosen[:n_paths], :horizon], float)


def _ranks(template: FloatArray, random: np.random.Generator) -> FloatArray:
    """Return the rank of each value in its step, from 0; ties in random order."""
    shuffle = random.random(template.shape)
    ranks = np.empty(template.shape)
    for step in range(template.shape[1]):
        order = np.lexsort((shuffle[:, step], template[:, step]))
        ranks[order, step] = np.arange(len(template))
    return ranks
