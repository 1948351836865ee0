"""Online: corrections that follow forecasts through time, and never look ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from forecaster.arrays import FloatArray
from forecaster.calibration.conformal import Calibrator, both_sides
from forecaster.calibration.grid import Grid
from forecaster.calibration.intervals import check_actual
from forecaster.calibration.spread import (
    SMALLEST_DISTANCE,
    LogSpread,
    spread_of,
    tails,
)
from forecaster.errors import ConfigError, DataError

OnlineMethod = Literal["tracking", "adaptive"]
RATES = {"tracking": 0.02, "adaptive": 0.005}


@dataclass(frozen=True)
class OnlineRule:
    """How corrections move.

    Attributes
    ----------
    method
        `tracking` or `adaptive`: see `calibrate_online`.
    rate
        Size of the moves; 0.02 for `tracking`, 0.005 for `adaptive` without.
    symmetric
        A pair of levels shares one factor, and ``p`` is that of both tails: twice
        as much to learn from.
    n_scores
        Scores of each ticker that `adaptive` remembers: about a year of sessions.

    Raises
    ------
    ConfigError
        If a setting is unknown or out of range.
    """

    method: OnlineMethod = "tracking"
    rate: float | None = None
    symmetric: bool = True
    n_scores: int = 250

    def __post_init__(self) -> None:
        if self.method not in RATES:
            known = ", ".join(RATES)
            raise ConfigError(f"unknown calibration {self.method!r}: one of {known}")
        if (self.rate is not None and self.rate < 0) or self.n_scores < 1:
            raise ConfigError("the rate must not be negative, n_scores at least 1")

    @property
    def step(self) -> float:
        """The rate in force."""
        return RATES[self.method] if self.rate is None else self.rate


@dataclass(frozen=True, eq=False)
class OnlineCalibration:
    """Quantiles corrected as one could have at each origin.

    Attributes
    ----------
    levels
        Probabilities of the quantiles.
    quantiles : ndarray of shape (n_windows, horizon, n_levels)
        Corrected prices that do not cross.
    factors : ndarray of shape (n_windows, horizon, n_levels)
        What each distance from the log median was multiplied by.
    """

    levels: tuple[float, ...]
    quantiles: FloatArray
    factors: FloatArray

    def calibrator(self, window: int = -1) -> Calibrator:
        """Return the correction of one window, for forecasts from the same origin."""
        corrections = tuple(
            tuple(float(factor) - 1 for factor in step) for step in self.factors[window]
        )
        return Calibrator("cqr-scaled", self.levels, corrections)


def calibrate_online(
    actual: FloatArray,
    quantiles: FloatArray,
    levels: Sequence[float],
    *,
    positions: npt.NDArray[np.integer[Any]] | None = None,
    groups: Sequence[str] | None = None,
    rule: OnlineRule | None = None,
) -> OnlineCalibration:
    """Correct forecasts through time, each by the earlier ones whose price was known.

    The forecast of step ``k`` from the session at position ``i`` is scored once the
    session ``i + k`` has come: it corrects forecasts from positions ``i + k`` on, and
    none before. A corrected quantile lies at ``m + f * d`` in log price, with ``m``
    the log median and ``d`` the forecast distance from it. For a level with
    probability ``p`` beyond it, and ``b`` 1 where the price fell beyond, else 0,

    - `tracking` moves the log factor: ``log f += rate * (b - p)`` (quantile tracking
      of the log of the distance that came in units of the one forecast);
    - `adaptive` moves the probability: ``a += rate * (p - b)``, and ``f`` is the
      conformal quantile, with ``a`` beyond it, of the latest `n_scores` distances in
      units of those forecast; the largest of them where ``a`` asks for more. With
      fewer than ``1 / p - 1`` scores, ``f`` is 1.

    Parameters
    ----------
    actual : ndarray of shape (n_windows, horizon)
        Prices that came; NaN where not known yet.
    quantiles : ndarray of shape (n_windows, horizon, n_levels)
        Forecast out of fold.
    levels
        Their probabilities, increasing.
    positions : ndarray of shape (n_windows,), optional
        Each origin's place in the calendar, in sessions; else one after the other.
    groups
        Ticker of each window: each is then corrected by itself. Without, windows of
        one position share their factors, and all of them teach the later ones.
    rule
        How corrections move; `OnlineRule()` without.

    Raises
    ------
    DataError
        If the arrays do not fit each other.

    References
    ----------
    .. [1] Gibbs & Candes (2021), Adaptive conformal inference under distribution
       shift.
    .. [2] Angelopoulos, Candes & Tibshirani (2023), Conformal PID control for time
       series prediction.
    """
    rule = rule or OnlineRule()
    _check(len(quantiles), positions, groups)
    spread = spread_of(quantiles, levels)
    check_actual(actual, quantiles)
    ratio, beyond = _ratio(spread, actual), tails(levels)
    if rule.symmetric:
        ratio, beyond = both_sides(ratio, levels), 2 * beyond
    beyond = np.where(spread.side == 0, np.nan, beyond)  # the median stays
    grid = Grid.of(len(quantiles), positions, groups)
    state = _state(rule, (grid.n_groups, actual.shape[1], len(beyond)), beyond, grid)
    factors = grid.flat(_follow(grid.full(ratio), grid.times, state))
    factors = np.where(spread.side == 0, 1.0, factors)
    distance = np.maximum(spread.distance, SMALLEST_DISTANCE) * factors
    known_levels = tuple(float(level) for level in levels)
    return OnlineCalibration(known_levels, spread.prices(distance), factors)


def _state(
    rule: OnlineRule, size: tuple[int, int, int], beyond: FloatArray, grid: Grid
) -> _Tracking | _Adaptive:
    if rule.method == "tracking":
        return _Tracking(size, beyond, rule.step)
    return _Adaptive(size, beyond, rule.step, rule.n_scores * grid.n_slots)


def _ratio(spread: LogSpread, actual: FloatArray) -> FloatArray:
    """Return distances that came in units of those forecast; NaN if not known."""
    known = actual[~np.isnan(actual)]
    if not (np.isfinite(known) & (known > 0)).all():
        raise DataError("actual prices must be greater than 0, NaN if not known yet")
    return spread.outward(actual) / np.maximum(spread.distance, SMALLEST_DISTANCE)


def _follow(
    ratio: FloatArray, times: FloatArray, state: _Tracking | _Adaptive
) -> FloatArray:
    """Return the factors (n_times, n_groups, horizon, n_levels) before each time.

    `ratio` has the shape (n_times, n_groups, n_slots, horizon, n_levels).
    """
    n_times, n_groups, _, horizon, n_levels = ratio.shape
    factors = np.empty((n_times, n_groups, horizon, n_levels))
    n_learnt = [0] * horizon
    for now in range(n_times):
        for step in range(horizon):
            while times[n_learnt[step]] + step + 1 <= times[now]:
                then = n_learnt[step]
                state.learn(step, ratio[then, :, :, step], factors[then, :, step])
                n_learnt[step] += 1
        factors[now] = state.factors()
    return factors


class _Tracking:
    """Log factors that move by each miss and each hit."""

    def __init__(
        self, size: tuple[int, int, int], beyond: FloatArray, rate: float
    ) -> None:
        self.log_factor = np.zeros(size)
        self.beyond, self.rate = beyond, rate

    def learn(self, step: int, ratio: FloatArray, factor: FloatArray) -> None:
        surprise = _misses(ratio, factor) - self.beyond
        self.log_factor[:, step] += self.rate * np.nan_to_num(surprise)

    def factors(self) -> FloatArray:
        return cast(FloatArray, np.exp(self.log_factor))


class _Adaptive:
    """Probabilities that move, and the quantiles of the latest scores at them."""

    def __init__(
        self, size: tuple[int, int, int], beyond: FloatArray, rate: float, n_kept: int
    ) -> None:
        n_groups, horizon, n_levels = size
        self.beyond, self.rate = beyond, rate
        self.aim = np.broadcast_to(np.nan_to_num(beyond, nan=0.5), size).copy()
        self.kept = np.full((horizon, n_groups, n_levels, n_kept), np.nan)
        self.n_seen = np.zeros((horizon, n_groups), int)
        self.factor = np.ones(size)

    def learn(self, step: int, ratio: FloatArray, factor: FloatArray) -> None:
        surprise = _misses(ratio, factor) - self.beyond
        self.aim[:, step] -= self.rate * np.nan_to_num(surprise)
        for group, slots in enumerate(ratio):
            known = slots[~np.isnan(slots).any(axis=1)]
            places = self.n_seen[step, group] + np.arange(len(known))
            kept = self.kept[step, group]
            kept[:, places % kept.shape[1]] = known.T
            self.n_seen[step, group] += len(known)
        self._renew(step)

    def _renew(self, step: int) -> None:
        ordered = np.sort(self.kept[step], axis=-1)  # NaN last
        n_known = np.minimum(self.n_seen[step], ordered.shape[-1])[:, None]
        aim = self.aim[:, step]
        rank = np.ceil((n_known + 1) * (1 - aim) - 1e-9).astype(int)
        place = np.clip(rank, 1, np.maximum(n_known, 1)) - 1
        found = np.take_along_axis(ordered, place[..., None], axis=-1)[..., 0]
        enough = n_known >= (1 - self.beyond) / self.beyond
        self.factor[:, step] = np.where(enough, np.maximum(found, 0.0), 1.0)

    def factors(self) -> FloatArray:
        return self.factor


def _misses(ratio: FloatArray, factor: FloatArray) -> FloatArray:
    """Return the share of known slots beyond each quantile; NaN where none is."""
    known = ~np.isnan(ratio)
    n_known = known.sum(axis=1)
    n_beyond = (known & (ratio > factor[:, None])).sum(axis=1)
    return np.where(n_known > 0, n_beyond / np.maximum(n_known, 1), np.nan)


def _check(
    n_windows: int,
    positions: npt.NDArray[np.integer[Any]] | None,
    groups: Sequence[str] | None,
) -> None:
    for name, given in (("positions", positions), ("groups", groups)):
        if given is not None and len(given) != n_windows:
            raise DataError(
                f"{len(given)} {name} for {n_windows} windows: want as many"
            )
    if n_windows == 0:
        raise DataError("no forecasts to calibrate: pass at least one window")
