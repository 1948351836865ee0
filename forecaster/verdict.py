"""Verdicts: one sentence on what a model is worth beside the best baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from forecaster.arrays import FloatArray
from forecaster.errors import DataError, NoSkill
from forecaster.significance import diebold_mariano, ratio_interval

SIGNIFICANCE = 0.05
LEVEL = 0.95
SEED = 0
Outcome = Literal["beats", "ties", "loses"]
Measure = Literal["RMSE", "pinball loss", "Brier score"]
LAST_VALUE = "last_value"


@dataclass(frozen=True)
class Verdict:
    """What the model is worth beside the baseline with the smallest loss.

    That baseline is chosen after the fact, which makes it harder to beat.

    Attributes
    ----------
    outcome
        `beats` or `loses` if the losses differ at the 5% level, else `ties`.
    ratio
        Loss of the model over that of the baseline; below 1 is better. Infinite if
        the baseline alone makes no error, as on prices that never change.
    p_value
        Two-sided, of the Diebold-Mariano test; NaN if there are too few forecasts.
    against
        The baseline.
    low, high
        95% interval of the ratio, from a block bootstrap; NaN if there are too few
        forecasts.
    measure
        Which loss: RMSE, the mean pinball loss of the quantiles, or the Brier score of
        the probability of a rise.
    """

    outcome: Outcome
    ratio: float
    p_value: float
    n_forecasts: int
    against: str = LAST_VALUE
    low: float = math.nan
    high: float = math.nan
    measure: Measure = "RMSE"

    def __str__(self) -> str:
        phrase = {
            "beats": "beats",
            "ties": "is not told apart from",
            "loses": "loses to",
        }[self.outcome]
        if math.isinf(self.ratio):
            why = ", which makes no error at all"
        else:
            why = f": its {self.measure} is {self.ratio:.4g} times as large"
        return f"The model {phrase} {self._rival()}{why} ({self._evidence()})."

    def require_skill(self) -> None:
        """Refuse a model that does not beat the best baseline.

        Raises
        ------
        NoSkill
            With the sentence of the verdict.
        """
        if self.outcome != "beats":
            raise NoSkill(f"no skill: {self}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; an infinite ratio is null."""
        return {
            "outcome": self.outcome,
            "measure": self.measure,
            "against": self.against,
            "ratio": _finite(self.ratio),
            "low": _finite(self.low),
            "high": _finite(self.high),
            "p_value": _finite(self.p_value),
            "n_forecasts": self.n_forecasts,
            "sentence": str(self),
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Verdict:
        """Rebuild a verdict from `to_dict`."""
        ratio = facts["ratio"]
        return cls(
            facts["outcome"],
            math.inf if ratio is None else float(ratio),
            _number(facts["p_value"]),
            facts["n_forecasts"],
            facts["against"],
            _number(facts["low"]),
            _number(facts["high"]),
            facts["measure"],
        )

    def _rival(self) -> str:
        if self.against == LAST_VALUE and self.measure == "RMSE":
            return "simply repeating the last price"
        return f"the best baseline, {self.against.replace('_', ' ')}"

    def _evidence(self) -> str:
        parts = []
        if not math.isnan(self.low):
            parts.append(f"95% interval {self.low:.4g} to {self.high:.4g}")
        if math.isnan(self.p_value):
            parts.append(f"only {self.n_forecasts} forecasts: too few for a test")
        else:
            p_value = "< 0.001" if self.p_value < 0.001 else f"= {self.p_value:.3f}"  # noqa: PLR2004
            parts.append(f"{self.n_forecasts} forecasts, Diebold-Mariano p {p_value}")
        return "; ".join(parts)


def judge(
    loss: FloatArray,
    baselines: Mapping[str, FloatArray],
    *,
    horizon: int,
    measure: Measure = "RMSE",
) -> Verdict:
    """Compare the losses of a model with those of the best of several baselines.

    Parameters
    ----------
    loss : ndarray of shape (n_forecasts,)
        Of the model at each origin, oldest first: squared errors for RMSE.
    baselines
        Losses at the same origins, by name; at least one.
    horizon
        Sessions that each forecast spans.
    """
    # Some baselines with quantiles have the last price as their centre.
    against = min(
        baselines,
        key=lambda name: (float(baselines[name].mean()), name != LAST_VALUE),
    )
    rival, root = baselines[against], measure == "RMSE"
    power = 0.5 if root else 1.0
    ratio = ratio_of(float(loss.mean()) ** power, float(rival.mean()) ** power)
    low, high = _interval(loss, rival, root=root, horizon=horizon)
    outcome, p_value = _test(loss, rival, horizon)
    return Verdict(outcome, ratio, p_value, len(loss), against, low, high, measure)


def best_facts(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of the verdict on quantiles if there are any, else on prices.

    Parameters
    ----------
    evaluation
        From `Evaluation.to_dict`, as a run's record keeps it.
    """
    found: dict[str, Any] = evaluation["quantile_verdict"] or evaluation["verdict"]
    return found


def ratio_of(value: float, reference: float) -> float:
    """Return a ratio of two scores; 1 where both are zero."""
    if reference:
        return value / reference
    return 1.0 if value == 0 else math.inf


def _test(loss: FloatArray, rival: FloatArray, horizon: int) -> tuple[Outcome, float]:
    try:
        test = diebold_mariano(loss, rival, horizon=horizon)
    except DataError:  # too few forecasts
        return "ties", math.nan
    if not test.p_value < SIGNIFICANCE:  # NaN proves nothing either
        return "ties", test.p_value
    return ("loses" if test.statistic > 0 else "beats"), test.p_value


def _interval(
    loss: FloatArray, rival: FloatArray, *, root: bool, horizon: int
) -> tuple[float, float]:
    try:
        found = ratio_interval(
            loss, rival, level=LEVEL, root=root, horizon=horizon, seed=SEED
        )
    except DataError:  # too few forecasts, or no error at all
        return math.nan, math.nan
    return found.low, found.high


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
