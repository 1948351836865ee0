"""Evaluation: a model's forecasts beside the baselines', their scores, a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd

from forecaster.arrays import DateArray, FloatArray
from forecaster.errors import DataError
from forecaster.metrics import (
    coverage,
    directional_accuracy,
    mae,
    mape,
    mase,
    pinball,
    rmse,
)
from forecaster.models.baselines import drift, last_value
from forecaster.verdict import Verdict, judge, ratio_of

MODEL, BASELINES = "model", ("last_value", "drift")
SCORES = (
    *("rmse", "mae", "mape", "mase", "directional_accuracy"),
    *("rmse_ratio", "mae_ratio"),
)
EVEN = 0.5


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
        One row for each origin and step: `origin session step actual predicted
        last_value drift`, with a quantile head also `q0.05` and so on, with a direction
        head `probability_up`; prices in the quote currency.
    scores
        One row for the model and for each baseline: `rmse mae mape mase
        directional_accuracy rmse_ratio mae_ratio`, the ratios to last-value.
    verdict
        One sentence on the model against last-value.
    trained_until
        Last session of training.
    quantile_scores
        With a quantile head: `pinball`, the mean over levels in the quote currency,
        and `coverage_0.9` and so on, the share of actual prices in each central
        interval. Empty otherwise.
    """

    ticker: str
    target: str
    predictions: pd.DataFrame
    scores: pd.DataFrame
    verdict: Verdict
    trained_until: pd.Timestamp
    quantile_scores: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return ticker, range, scores and verdict as plain JSON values."""
        sessions = self.predictions["session"]
        return {
            "ticker": self.ticker,
            "target": self.target,
            "trained_until": str(self.trained_until.date()),
            "first_session": str(sessions.min().date()),
            "last_session": str(sessions.max().date()),
            "n_forecasts": self.verdict.n_forecasts,
            "scores": {
                str(name): {k: _finite(v) for k, v in row.items()}
                for name, row in self.scores.iterrows()
            },
            "verdict": {
                "outcome": self.verdict.outcome,
                "against": "last_value",
                "rmse_ratio": _finite(self.verdict.ratio),
                "p_value": _finite(self.verdict.p_value),
                "sentence": str(self.verdict),
            },
            "quantile_scores": dict(self.quantile_scores),
        }

    @classmethod
    def from_dict(cls, facts: dict[str, Any], predictions: pd.DataFrame) -> Self:
        """Rebuild an evaluation from `to_dict` and its table of predictions."""
        verdict = facts["verdict"]
        scores = pd.DataFrame.from_dict(facts["scores"], orient="index", dtype=float)
        return cls(
            ticker=facts["ticker"],
            target=facts["target"],
            predictions=predictions,
            scores=scores.loc[[MODEL, *BASELINES], list(SCORES)],
            verdict=Verdict(
                verdict["outcome"],
                _number(verdict["rmse_ratio"]),
                _number(verdict["p_value"]),
                facts["n_forecasts"],
            ),
            trained_until=pd.Timestamp(facts["trained_until"]),
            quantile_scores=facts.get("quantile_scores", {}),
        )

    def __repr__(self) -> str:
        return f"Evaluation({self.ticker} {self.target}: {self.verdict})"

    def _repr_html_(self) -> str:
        table = self.scores.round(4).to_html(na_rep="-")
        return f"<p><b>{self.ticker} {self.target}</b>: {self.verdict}</p>{table}"


def evaluate_forecasts(  # noqa: PLR0913  forecasts, and all they are judged by
    predicted: FloatArray,
    actual: FloatArray,
    *,
    origin_price: FloatArray,
    history: FloatArray,
    origins: DateArray,
    sessions: DateArray,
    labels: dict[str, Any],
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
        Prices before the first forecast session; they set drift and MASE.
    origins : ndarray of shape (n_windows,)
        Last session known to each forecast.
    sessions : ndarray of shape (n_windows, horizon)
        Sessions that are forecast.
    labels
        `ticker`, `target` and `trained_until` of the result.
    spread
        Quantiles of the forecasts.
    probability_up : ndarray of shape (n_windows, horizon), optional
        Of a price above that of the origin; the direction is then scored by it.
    """
    horizon = actual.shape[1]
    forecasts = {
        MODEL: predicted,
        "last_value": last_value(origin_price, horizon),
        "drift": drift(origin_price, horizon, history),
    }
    predictions = _long_frame(forecasts, actual, origins, sessions)
    scores = score_forecasts(forecasts, actual, origin_price, history)
    if probability_up is not None:
        predictions["probability_up"] = probability_up.ravel()
        sides = origin_price[:, None] + np.sign(probability_up - EVEN)
        scores.loc[MODEL, "directional_accuracy"] = directional_accuracy(
            actual, sides, origin_price[:, None]
        )
    quantile_scores = {}
    if spread is not None:
        for place, level in enumerate(spread.levels):
            predictions[f"q{level:g}"] = spread.quantiles[..., place].ravel()
        quantile_scores = score_quantiles(actual, spread)
    return Evaluation(
        predictions=predictions,
        scores=scores,
        quantile_scores=quantile_scores,
        verdict=judge(forecasts[MODEL], forecasts["last_value"], actual),
        **labels,
    )


def score_quantiles(actual: FloatArray, spread: Spread) -> dict[str, float]:
    """Return the mean pinball loss, and the coverage of each central interval.

    Parameters
    ----------
    actual : ndarray of shape (n_windows, horizon)
        Prices in the quote currency.
    """
    scores = {"pinball": pinball(actual, spread.quantiles, spread.levels)}
    levels = [round(level, 6) for level in spread.levels]
    for place, level in enumerate(levels):
        mirrored = round(1 - level, 6)
        if level < EVEN and mirrored in levels:
            low = spread.quantiles[..., place]
            high = spread.quantiles[..., levels.index(mirrored)]
            scores[f"coverage_{mirrored - level:g}"] = coverage(actual, low, high)
    return scores


def score_forecasts(
    forecasts: dict[str, FloatArray],
    actual: FloatArray,
    origin_price: FloatArray,
    history: FloatArray,
) -> pd.DataFrame:
    """Return one row of scores for each forecast, with ratios to last-value."""
    rows = {
        name: {
            "rmse": rmse(actual, predicted),
            "mae": mae(actual, predicted),
            "mape": mape(actual, predicted),
            "mase": _mase(actual, predicted, history),
            "directional_accuracy": directional_accuracy(
                actual, predicted, origin_price[:, None]
            ),
        }
        for name, predicted in forecasts.items()
    }
    scores = pd.DataFrame.from_dict(rows, orient="index")
    for metric in ("rmse", "mae"):
        naive = rows["last_value"][metric]
        scores[f"{metric}_ratio"] = [
            ratio_of(row[metric], naive) for row in rows.values()
        ]
    return scores.loc[:, list(SCORES)]


def _long_frame(
    forecasts: dict[str, FloatArray],
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
        "predicted": forecasts[MODEL].ravel(),
        **{name: forecasts[name].ravel() for name in BASELINES},
    }
    return pd.DataFrame(columns)


def _mase(actual: FloatArray, predicted: FloatArray, history: FloatArray) -> float:
    try:
        return mase(actual, predicted, history)
    except DataError:  # the training prices never changed: there is no scale
        return math.nan


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
