"""Evaluation: a model's forecasts beside the baselines', their scores, a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from forecaster.arrays import DateArray, FloatArray
from forecaster.lag import Lag, detect_lag
from forecaster.metrics import directional_accuracy
from forecaster.models.baselines import Outlook, last_value
from forecaster.scoring import (
    ALL,
    MODEL,
    SCORES,
    judge_direction,
    judge_points,
    judge_quantiles,
    quantile_losses,
    score_forecasts,
)
from forecaster.verdict import LAST_VALUE, Verdict

EVEN, COVERAGE, PINBALL = 0.5, "coverage_", "pinball_"


@dataclass(frozen=True, eq=False)
class Spread:
    """Quantiles of forecasts.

    Attributes
    ----------
    levels
        Probabilities, increasing.
    quantiles : ndarray of shape (n_windows, horizon, n_levels)
        Prices in the quote currency, increasing along the last axis.
    """

    levels: tuple[float, ...]
    quantiles: FloatArray


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Forecasts of known sessions, with everything that says how good they are.

    Attributes
    ----------
    ticker, target
        Whose price, and which one.
    predictions
        One row for each origin and step: `origin session step actual predicted`, a
        column for each baseline, with quantiles `q0.05` and losses `pinball_model` and
        so on, with a direction head `probability_up`; prices in the quote currency.
    steps
        Scores of each forecast at each step, and over all steps (`all`), by both; see
        `forecaster.scoring.score_forecasts`.
    verdict
        One sentence on the model against the best baseline, on squared errors; with a
        direction head on the probability of a rise.
    trained_until
        Last session of training.
    lag
        Whether the forecasts of the nearest step only copy a known price; None where
        prices are not positive.
    quantile_verdict
        The same on the pinball loss, if model and a baseline have quantiles.
    """

    ticker: str
    target: str
    predictions: pd.DataFrame
    steps: pd.DataFrame
    verdict: Verdict
    trained_until: pd.Timestamp
    lag: Lag | None = None
    quantile_verdict: Verdict | None = None

    @property
    def scores(self) -> pd.DataFrame:
        """One row for the model and for each baseline, over all steps."""
        return self._over_all().loc[:, list(SCORES)]

    @property
    def quantile_scores(self) -> pd.DataFrame:
        """Pinball loss, CRPS, coverage and so on of each forecast with quantiles."""
        more = [str(name) for name in self.steps if name not in SCORES]
        return self._over_all().loc[:, more].dropna(how="all")

    @property
    def coverages(self) -> dict[float, float]:
        """Share of prices inside each central interval of the model, by its level."""
        if self.quantile_scores.empty:
            return {}
        return {
            float(str(name).removeprefix(COVERAGE)): float(column[MODEL])
            for name, column in self.quantile_scores.items()
            if str(name).startswith(COVERAGE)
        }

    @property
    def best_verdict(self) -> Verdict:
        """The verdict that matters: on quantiles if there are any, else `verdict`."""
        return self.verdict if self.quantile_verdict is None else self.quantile_verdict

    @property
    def baselines(self) -> list[str]:
        """The names of the baselines."""
        return [str(name) for name in self.scores.index if name != MODEL]

    @property
    def rmse_ratio(self) -> float:
        """RMSE of the model over that of last-value."""
        return float(self.scores["rmse_ratio"][MODEL])

    def to_dict(self) -> dict[str, Any]:
        """Return ticker, range, scores and verdict as plain JSON values."""
        sessions = self.predictions["session"]
        quantile = self.quantile_verdict
        return {
            "ticker": self.ticker,
            "target": self.target,
            "trained_until": str(self.trained_until.date()),
            "first_session": str(sessions.min().date()),
            "last_session": str(sessions.max().date()),
            "n_forecasts": self.verdict.n_forecasts,
            "scores": _nested(self.scores),
            "quantile_scores": _nested(self.quantile_scores),
            "steps": [
                {"forecast": name, "step": step, **_plain(row)}
                for (name, step), (_, row) in zip(
                    self.steps.index, self.steps.iterrows(), strict=True
                )
            ],
            "verdict": self.verdict.to_dict(),
            "quantile_verdict": None if quantile is None else quantile.to_dict(),
            "lag": None if self.lag is None else self.lag.to_dict(),
        }

    @classmethod
    def from_dict(cls, facts: dict[str, Any], predictions: pd.DataFrame) -> Self:
        """Rebuild an evaluation from `to_dict` and its table of predictions."""
        steps = pd.DataFrame(facts["steps"]).set_index(["forecast", "step"])
        quantile = facts["quantile_verdict"]
        return cls(
            ticker=facts["ticker"],
            target=facts["target"],
            predictions=predictions,
            steps=steps.astype(float),
            verdict=Verdict.from_dict(facts["verdict"]),
            trained_until=pd.Timestamp(facts["trained_until"]),
            lag=lag_of(predictions),
            quantile_verdict=None if quantile is None else Verdict.from_dict(quantile),
        )

    def _over_all(self) -> pd.DataFrame:
        chosen = self.steps.index.get_level_values("step") == ALL
        return self.steps[chosen].droplevel("step")

    def __repr__(self) -> str:
        return f"Evaluation({self.ticker} {self.target}: {self.verdict})"

    def _repr_html_(self) -> str:
        table = self.scores.round(4).to_html(na_rep="-")
        title = f"<b>{self.ticker} {self.target}</b>"
        sentences = f"{self.verdict} {self.lag or ''}"
        return f"<p>{title}: {sentences}</p>{table}"


def evaluate_forecasts(  # noqa: PLR0913  forecasts, and all they are judged by
    predicted: FloatArray,
    actual: FloatArray,
    *,
    origin_price: FloatArray,
    history: FloatArray,
    origins: DateArray,
    sessions: DateArray,
    labels: dict[str, Any],
    baselines: Mapping[str, Outlook] | None = None,
    spread: Spread | None = None,
    probability_up: FloatArray | None = None,
) -> Evaluation:
    """Put forecasts beside the baselines' and score all of them.

    Parameters
    ----------
    predicted, actual : ndarray of shape (n_windows, horizon)
        Prices in the quote currency, no missing values.
    origin_price : ndarray of shape (n_windows,)
        Price at each origin.
    history : ndarray of shape (n_sessions,)
        Prices before the first forecast session; they set MASE.
    origins : ndarray of shape (n_windows,)
        Last session known to each forecast.
    sessions : ndarray of shape (n_windows, horizon)
        Sessions that are forecast.
    labels
        `ticker`, `target` and `trained_until` of the result.
    baselines
        Forecasts of the same windows by name; last-value is always among them.
    spread
        Quantiles of the forecasts.
    probability_up : ndarray of shape (n_windows, horizon), optional
        Of a price above that of the origin; the direction is then scored by it.
    """
    levels = () if spread is None else spread.levels
    outlooks = {
        MODEL: Outlook(predicted, None if spread is None else spread.quantiles),
        LAST_VALUE: Outlook(last_value(origin_price, actual.shape[1])),
        **(baselines or {}),
    }
    predictions = _frame_of(outlooks, actual, origins, sessions)
    steps = score_forecasts(outlooks, actual, origin_price, history, levels)
    if probability_up is not None:
        predictions["probability_up"] = probability_up.ravel()
        _score_direction(steps, actual, probability_up, origin_price)
    if spread is not None:
        for place, level in enumerate(levels):
            predictions[f"q{level:g}"] = spread.quantiles[..., place].ravel()
    pinball = quantile_losses(outlooks, actual, levels) if levels else {}
    for name, loss in pinball.items():
        predictions[f"{PINBALL}{name}"] = loss.mean(axis=-1).ravel()
    return Evaluation(
        predictions=predictions,
        steps=steps,
        verdict=(
            judge_points(outlooks, actual)
            if probability_up is None
            else judge_direction(probability_up, actual, origin_price, history)
        ),
        quantile_verdict=judge_quantiles(pinball),
        lag=lag_of(predictions),
        **labels,
    )


def lag_of(predictions: pd.DataFrame) -> Lag | None:
    """Return what the forecasts of the nearest step owe to the price before.

    None where a price is not positive, so that there are no returns to compare, and
    for a network that says no price but a direction.
    """
    if "probability_up" in predictions:
        return None
    nearest = predictions[predictions["step"] == 1]
    actual, predicted, known = (
        nearest[name].to_numpy(dtype=float)
        for name in ("actual", "predicted", LAST_VALUE)
    )
    if min(actual.min(), predicted.min(), known.min()) <= 0:
        return None
    return detect_lag(actual, predicted, known)


def _score_direction(
    steps: pd.DataFrame,
    actual: FloatArray,
    probability_up: FloatArray,
    origin_price: FloatArray,
) -> None:
    """Score the direction by what the network said of it, in place."""
    sides = origin_price[:, None] + np.sign(probability_up - EVEN)
    for step in steps.loc[MODEL].index:
        part = slice(None) if step == ALL else slice(int(step) - 1, int(step))
        steps.loc[(MODEL, step), "directional_accuracy"] = directional_accuracy(
            actual[:, part], sides[:, part], origin_price[:, None]
        )


def _frame_of(
    outlooks: Mapping[str, Outlook],
    actual: FloatArray,
    origins: DateArray,
    sessions: DateArray,
) -> pd.DataFrame:
    n_windows, horizon = actual.shape
    columns = {
        "origin": np.repeat(origins, horizon),
        "session": sessions.ravel(),
        "step": np.tile(np.arange(1, horizon + 1), n_windows),
        "actual": actual.ravel(),
        "predicted": outlooks[MODEL].centre.ravel(),
    }
    for name, outlook in outlooks.items():
        if name != MODEL:
            columns[name] = outlook.centre.ravel()
    return pd.DataFrame(columns)


def _nested(table: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    return {str(name): _plain(row) for name, row in table.iterrows()}


def _plain(row: pd.Series[float]) -> dict[str, float | None]:
    return {str(k): float(v) if math.isfinite(v) else None for k, v in row.items()}
