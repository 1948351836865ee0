"""Conformal: corrections fitted once, on out-of-fold forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.calibration.intervals import check_actual
from forecaster.calibration.spread import (
    MEDIAN,
    SMALLEST_DISTANCE,
    LogSpread,
    check_prices,
    sides,
    spread_of,
    tails,
)
from forecaster.errors import BundleError, ConfigError, DataError

Method = Literal["split", "cqr", "cqr-scaled"]


@dataclass(frozen=True)
class Calibrator:
    """Corrections of forecast quantiles, for each step and level.

    With ``m`` the log median, and ``d`` the distance of a quantile from it, outward,
    the corrected quantile lies in log price at

    - `split`: ``m`` and ``c`` times the scale, outward (the scale is 1 without one);
    - `cqr`: ``m`` and ``d + c``;
    - `cqr-scaled`: ``m`` and ``d * (1 + c)``.

    Attributes
    ----------
    levels
        Probabilities of the corrected quantiles, increasing.
    corrections
        ``c`` for each step, and in it for each level; 0 for the median, which stays.
    scaled
        Whether `split` was fitted with a scale, and so wants one.
    n_fitted
        Forecasts that the corrections were fitted on.
    """

    method: Method
    levels: tuple[float, ...]
    corrections: tuple[tuple[float, ...], ...]
    scaled: bool = False
    n_fitted: int = 0

    def apply(
        self, quantiles: FloatArray, *, scale: FloatArray | None = None
    ) -> FloatArray:
        """Return corrected quantiles that do not cross.

        Parameters
        ----------
        quantiles : ndarray of shape (n_windows, horizon, n_levels)
            Prices in the quote currency; for `split` also of shape
            (n_windows, horizon, 1), a point forecast.
        scale : ndarray of shape (n_windows, horizon), optional
            As given to `fit_calibrator`.

        Returns
        -------
        ndarray of shape (n_windows, horizon, n_levels)

        Raises
        ------
        DataError
            If the forecasts do not have the steps and levels of the calibration.
        """
        spread = _spread(self.method, quantiles, self.levels)
        n_steps = quantiles.shape[1]
        if n_steps > len(self.corrections):
            raise DataError(
                f"calibrated for {len(self.corrections)} steps, asked for {n_steps}: "
                "fit the calibration on forecasts as long"
            )
        correction = np.asarray(self.corrections)[:n_steps]
        if (scale is not None) != self.scaled:
            wanted = "wants a scale" if self.scaled else "takes no scale"
            raise DataError(f"this calibration {wanted}: pass what it was fitted with")
        unit = _scale(scale, spread)
        return spread.prices(_corrected(self.method, spread.distance, correction, unit))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "method": self.method,
            "levels": list(self.levels),
            "corrections": [list(step) for step in self.corrections],
            "scaled": self.scaled,
            "n_fitted": self.n_fitted,
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Calibrator:
        """Return the calibrator that `to_dict` wrote.

        Raises
        ------
        BundleError
            If a value is missing or does not fit the others.
        """
        try:
            made = cls(
                facts["method"],
                tuple(float(level) for level in facts["levels"]),
                tuple(tuple(float(c) for c in step) for step in facts["corrections"]),
                bool(facts["scaled"]),
                int(facts["n_fitted"]),
            )
        except (KeyError, TypeError, ValueError) as fault:
            raise BundleError(
                f"the saved calibration cannot be read: {fault}"
            ) from None
        widths = {len(step) for step in made.corrections}
        if made.method not in get_args(Method) or widths != {len(made.levels)}:
            raise BundleError("the saved calibration contradicts itself")
        return made


def fit_calibrator(
    method: Method,
    actual: FloatArray,
    quantiles: FloatArray,
    levels: Sequence[float],
    *,
    scale: FloatArray | None = None,
    symmetric: bool = False,
) -> Calibrator:
    """Fit corrections on forecasts made out of fold and what then came.

    With ``e`` the log price that came, as a distance from the log median towards the
    side of a level, and ``d`` that of the forecast quantile, the scores are

    - `split`: ``e / scale``, of the median alone;
    - `cqr`: ``e - d``;
    - `cqr-scaled`: ``e / d - 1``, the miss in units of the half width.

    The correction of a level with probability ``p`` beyond it is the score of rank
    ``ceil((n + 1) * (1 - p))`` of ``n``: a further price, exchangeable with these,
    then falls beyond with a probability of at most ``p``. With `symmetric`, a pair of
    levels has one correction, from the larger of its two scores, at ``2 * p``.

    Parameters
    ----------
    actual : ndarray of shape (n_windows, horizon)
        Prices that came, in the quote currency.
    quantiles : ndarray of shape (n_windows, horizon, n_levels)
        Forecast of them by models that were not trained on them. For `split` a point
        forecast of shape (n_windows, horizon, 1) does too.
    levels
        Probabilities of the quantiles (for a point forecast: of those wanted).
    scale : ndarray of shape (n_windows, horizon), optional
        For `split`: how far a log price may be expected to move, such as recent
        volatility or the forecast's own log width, greater than 0.

    Raises
    ------
    ConfigError
        If the method is unknown, `symmetric` meets levels that are not in pairs, or
        a scale meets another method than `split`.
    DataError
        If there are too few forecasts for the outermost level.

    References
    ----------
    .. [1] Vovk, Gammerman & Shafer (2005), Algorithmic learning in a random world.
    .. [2] Lei et al. (2018), Distribution-free predictive inference for regression.
    .. [3] Romano, Patterson & Candes (2019), Conformalized quantile regression.
    .. [4] Kivaranovic, Johnson & Leeb (2020), Adaptive, distribution-free prediction
       intervals for deep networks: scores in units of the width.
    """
    _check_method(method, scale)
    spread = _spread(method, quantiles, levels)
    check_actual(actual, quantiles)
    check_prices(actual, "actual", n_dims=2)
    scores = _scores(method, spread, actual, scale)
    beyond = tails(levels)
    if symmetric:
        scores, beyond = both_sides(scores, levels), 2 * beyond
    corrections = np.zeros(scores.shape[1:])
    for place in np.flatnonzero(spread.side):
        corrections[:, place] = _ranked(scores[..., place], beyond[place])
    return Calibrator(
        method,
        tuple(float(level) for level in levels),
        tuple(tuple(float(c) for c in step) for step in corrections),
        scale is not None,
        len(actual),
    )


def both_sides(scores: FloatArray, levels: Sequence[float]) -> FloatArray:
    """Return for each level the larger of its own score and its mirror image's."""
    if not np.allclose(np.asarray(levels) + np.asarray(levels)[::-1], 1.0):
        raise ConfigError(
            f"a symmetric calibration needs levels in pairs such as 0.05 and 0.95, "
            f"not {list(levels)}"
        )
    return np.maximum(scores, scores[..., ::-1])


def n_needed(beyond: float) -> int:
    """Return how many scores the correction of a tail needs."""
    return int(np.ceil((1 - beyond) / beyond - 1e-9))


def _ranked(scores: FloatArray, beyond: float) -> FloatArray:
    """Return the conformal quantile of scores (n_windows, horizon), for each step."""
    n_scores = len(scores)
    rank = int(np.ceil((n_scores + 1) * (1 - beyond) - 1e-9))
    if rank > n_scores:
        raise DataError(
            f"need at least {n_needed(beyond)} out-of-fold forecasts to leave "
            f"{beyond:g} beyond a quantile, found {n_scores}. Use more or longer "
            "folds, or quantiles nearer to the median."
        )
    return np.asarray(np.partition(scores, rank - 1, axis=0)[rank - 1])


def _scores(
    method: Method, spread: LogSpread, actual: FloatArray, scale: FloatArray | None
) -> FloatArray:
    outward = spread.outward(actual)
    if method == "split":
        return outward / _scale(scale, spread)
    if method == "cqr":
        return outward - spread.distance
    return outward / np.maximum(spread.distance, SMALLEST_DISTANCE) - 1


def _corrected(
    method: Method, distance: FloatArray, correction: FloatArray, scale: FloatArray
) -> FloatArray:
    if method == "split":
        return correction * scale
    if method == "cqr":
        return distance + correction
    return np.maximum(distance, SMALLEST_DISTANCE) * (1 + correction)


def _spread(
    method: Method, quantiles: FloatArray, levels: Sequence[float]
) -> LogSpread:
    if method != "split" or quantiles.shape[-1] != 1:
        return spread_of(quantiles, levels)
    point = spread_of(quantiles, [MEDIAN])
    side = sides(levels)
    empty = np.zeros((*point.centre.shape, len(side)))
    return LogSpread(point.centre, empty, side)


def _scale(scale: FloatArray | None, spread: LogSpread) -> FloatArray:
    if scale is None:
        return cast(FloatArray, np.ones((1, 1, 1)))
    check_prices(scale, "scale", n_dims=2)
    if scale.shape != spread.centre.shape:
        raise DataError(
            f"the scale has shape {scale.shape}, the forecasts {spread.centre.shape}: "
            "want one for each window and step"
        )
    return np.asarray(scale, float)[..., None]


def _check_method(method: str, scale: FloatArray | None) -> None:
    if method not in get_args(Method):
        raise ConfigError(
            f"unknown calibration {method!r}: one of {', '.join(get_args(Method))}"
        )
    if scale is not None and method != "split":
        raise ConfigError(f"only `split` takes a scale, not `{method}`")
