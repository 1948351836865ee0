"""Lag: whether forecasts only repeat a price that was already known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.errors import ConfigError, DataError
from forecaster.intervals import Interval, correlation_interval
from forecaster.metrics import rmse

MIN_WINDOWS = 30
MAX_SHIFT = 10
# What each outcome says of the forecasts.
OUTCOMES = {
    "copies": "forecasts that copy yesterday's price",
    "lags": "forecasts that lag behind yesterday's price",
    "no_skill": "forecasts whose returns tell nothing",
    "clear": "forecasts whose returns tell something",
    "too_few": "too few forecasts to tell whether they copy",
}


@dataclass(frozen=True)
class Lag:
    """How forecasts of one step lie in time beside the actual prices.

    Attributes
    ----------
    outcome
        `copies` the price at the origin, `lags` behind even that, `no_skill` if the
        forecasts line up with neither and their returns still tell nothing, `clear`
        if the returns tell something, `too_few` windows to say.
    step
        Sessions ahead that were forecast; a copy aligns at this shift.
    shift
        Sessions by which the actual prices, moved later, come closest to the forecasts.
        None if there are too few windows.
    correlation
        Of forecast and actual log returns since the origin.
    r2
        Share of the squared actual returns that the forecast ones explain; 0 for
        last-value, below 0 for worse.
    rmse_to_last
        RMSE between forecast and price at the origin, over the RMSE of last-value; a
        pure copy has 0, a perfect forecast 1.
    n_windows
        Forecasts looked at.
    """

    outcome: Literal["copies", "lags", "no_skill", "clear", "too_few"]
    step: int
    shift: int | None
    correlation: Interval
    r2: float
    rmse_to_last: float
    n_windows: int

    def __str__(self) -> str:
        if self.outcome == "too_few":
            return (
                f"Whether the forecasts copy a known price cannot be told from "
                f"{self.n_windows} of them."
            )
        lead = {
            "copies": f"The forecasts copy {_known_price(self.step)}: they",
            "lags": f"The forecasts lag behind {_known_price(self.step)}: they",
            "no_skill": "The forecasts show no skill: they",
            "clear": "The forecasts do not just copy a known price: they",
        }[self.outcome]
        link = "but" if self.outcome == "clear" and self.shift else "and"
        return (
            f"{lead} align best with the actual prices {_when(self.shift or 0)}, "
            + (f"{link} {self._returns()}.")
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "outcome": self.outcome,
            "step": self.step,
            "shift": self.shift,
            "correlation": self.correlation.to_dict(),
            "r2": _finite(self.r2),
            "rmse_to_last": _finite(self.rmse_to_last),
            "n_windows": self.n_windows,
            "sentence": str(self),
        }

    def _returns(self) -> str:
        found = self.correlation
        if math.isnan(found.estimate):
            return "the returns that they imply never change"
        phrase = "point the wrong way" if found.high < 0 else "tell nothing"
        phrase = "tell something" if found.low > 0 else phrase
        return (
            f"the returns that they imply {phrase} (correlation {found.estimate:.2f}, "
            f"{100 * found.level:g}% interval {found.low:.2f} to {found.high:.2f})"
        )


def detect_lag(
    actual: FloatArray,
    predicted: FloatArray,
    origin_price: FloatArray,
    *,
    step: int = 1,
    max_shift: int = MAX_SHIFT,
    level: float = 0.95,
) -> Lag:
    """Say whether forecasts of one step only repeat a known price.

    Alignment alone accuses no one: prices move so little in a session that even a
    good forecast lies close to the last price. A model is said to copy or to lag only
    if also its returns carry no skill, that is if the interval of their correlation
    with the actual ones includes zero or lies below it. Few forecasts make that
    interval wide, and a faint skill then passes unseen.

    Parameters
    ----------
    actual, predicted, origin_price : ndarray of shape (n_windows,)
        Prices of one ticker and one step, oldest first, one window for each session.
    step
        Sessions from origin to the forecast session.
    max_shift
        Largest shift tried for one step; `step - 1` more for longer ones.
    level
        Confidence level of the correlation's interval.

    Raises
    ------
    ConfigError
        If `step` is below 1, `max_shift` below 2, or `level` not between 0 and 1.
    DataError
        If the series differ in length, or a price is missing or not above zero.
    """
    if step < 1 or max_shift <= 1 or not 0 < level < 1:
        raise ConfigError(
            "need step at least 1, max_shift at least 2 and level between 0 and 1; "
            f"got step={step}, max_shift={max_shift}, level={level}"
        )
    actual, predicted, origin_price = _checked(actual, predicted, origin_price)
    max_shift += step - 1
    nothing = Interval(math.nan, math.nan, math.nan, level)
    if len(actual) < MIN_WINDOWS + max_shift:
        return Lag("too_few", step, None, nothing, math.nan, math.nan, len(actual))
    shift = int(shift_curve(actual, predicted, max_shift=max_shift).argmin())
    moved, foretold = np.log(actual / origin_price), np.log(predicted / origin_price)
    found = correlation_interval(foretold, moved, n_lags=step - 1, level=level)
    return Lag(
        outcome=_outcome(shift, step, found),
        step=step,
        shift=shift,
        correlation=found,
        r2=_r2(moved, foretold),
        rmse_to_last=_ratio(rmse(origin_price, predicted), rmse(origin_price, actual)),
        n_windows=len(actual),
    )


def shift_curve(
    actual: FloatArray, predicted: FloatArray, *, max_shift: int = MAX_SHIFT
) -> pd.Series[float]:
    """Return the RMSE between forecasts and the actual prices some sessions earlier.

    Parameters
    ----------
    actual, predicted : ndarray of shape (n_windows,)
        Prices of one ticker and one step, oldest first, one window for each session.
    max_shift
        Largest shift in sessions.

    Returns
    -------
    Series
        `rmse` by `shift` from 0 to `max_shift`, all over the same forecasts: those
        that have an actual price `max_shift` sessions earlier.

    Raises
    ------
    DataError
        If there are no more windows than shifts.
    """
    n_windows = len(actual)
    if n_windows <= max_shift:
        raise DataError(
            f"need more than {max_shift} windows to shift by up to {max_shift} "
            f"sessions, found {n_windows}. Lower max_shift, or forecast a longer range."
        )
    late = predicted[max_shift:]
    shifts = range(max_shift + 1)
    scores = [rmse(actual[max_shift - s : n_windows - s], late) for s in shifts]
    index = pd.RangeIndex(max_shift + 1, name="shift")
    return pd.Series(scores, index=index, name="rmse")


def tickers_by_outcome(lags: Mapping[str, Lag]) -> dict[str, list[str]]:
    """Return the tickers that share an outcome, by what it says of the forecasts."""
    found = {
        phrase: [ticker for ticker, lag in lags.items() if lag.outcome == outcome]
        for outcome, phrase in OUTCOMES.items()
    }
    return {phrase: tickers for phrase, tickers in found.items() if tickers}


def _outcome(
    shift: int, step: int, found: Interval
) -> Literal["copies", "lags", "no_skill", "clear"]:
    if found.low > 0:
        return "clear"
    if shift == step:
        return "copies"
    return "lags" if shift > step else "no_skill"


def _checked(*series: FloatArray) -> list[FloatArray]:
    arrays = [np.asarray(one, dtype=float) for one in series]
    if len({one.shape for one in arrays}) > 1 or arrays[0].ndim != 1:
        shapes = ", ".join(str(one.shape) for one in arrays)
        raise DataError(f"need three series of one length and one axis, got {shapes}")
    if not all(np.all(np.isfinite(one) & (one > 0)) for one in arrays):
        raise DataError("need prices above zero, and none missing, to compare returns")
    return arrays


def _r2(actual: FloatArray, predicted: FloatArray) -> float:
    """Return the share of squared returns explained, last-value having none.

    References
    ----------
    .. [1] Gu, Kelly & Xiu (2020), Empirical asset pricing via machine learning.
    """
    return 1 - _ratio(float(np.sum((actual - predicted) ** 2)), float(actual @ actual))


def _ratio(value: float, reference: float) -> float:
    return value / reference if reference else math.nan


def _known_price(step: int) -> str:
    if step == 1:
        return "yesterday's price"
    return f"the price at the origin, {step} sessions back"


def _when(shift: int) -> str:
    if shift == 0:
        return "of the same session"
    return "one session earlier" if shift == 1 else f"{shift} sessions earlier"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
