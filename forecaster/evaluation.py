"""Evaluation: a model's forecasts beside the baselines', their scores, a verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd

from forecaster.arrays import DateArray, FloatArray
from forecaster.errors import DataError
from forecaster.metrics import directional_accuracy, mae, mape, mase, rmse
from forecaster.models.baselines import drift, last_value
from forecaster.significance import diebold_mariano

MODEL, BASELINES = "model", ("last_value", "drift")
SCORES = (
    *("rmse", "mae", "mape", "mase", "directional_accuracy"),
    *("rmse_ratio", "mae_ratio"),
)
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Verdict:
    """What the model is worth beside last-value.

    Attributes
    ----------
    outcome
        `beats` or `loses` if the squared errors differ at the 5% level, else `ties`.
    ratio
        RMSE of the model over that of last-value; below 1 is better.
    p_value
        Two-sided, of the Diebold-Mariano test; NaN if there are too few forecasts.
    """

    outcome: Literal["beats", "ties", "loses"]
    ratio: float
    p_value: float
    n_forecasts: int

    def __str__(self) -> str:
        phrase = {
            "beats": "beats last-value",
            "ties": "is not told apart from last-value",
            "loses": "loses to last-value",
        }[self.outcome]
        return (
            f"The model {phrase}: its RMSE is {self.ratio:.3g} times that of simply "
            f"repeating the last price ({self._evidence()})."
        )

    def _evidence(self) -> str:
        if math.isnan(self.p_value):
            return f"only {self.n_forecasts} forecasts: too few for a test"
        p_value = "< 0.001" if self.p_value < 0.001 else f"= {self.p_value:.3f}"  # noqa: PLR2004
        return f"{self.n_forecasts} forecasts, Diebold-Mariano p {p_value}"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Forecasts of known sessions, with everything that says how good they are.

    Attributes
    ----------
    ticker, target
        Whose price, and which one.
    predictions
        One row for each origin and step: `origin session step actual predicted
        last_value drift`; prices in the quote currency.
    scores
        One row for the model and for each baseline: `rmse mae mape mase
        directional_accuracy rmse_ratio mae_ratio`, the ratios to last-value.
    verdict
        One sentence on the model against last-value.
    trained_until
        Last session of training.
    """

    ticker: str
    target: str
    predictions: pd.DataFrame
    scores: pd.DataFrame
    verdict: Verdict
    trained_until: pd.Timestamp

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
        )

    def __repr__(self) -> str:
        return f"Evaluation({self.ticker} {self.target}: {self.verdict})"

    def _repr_html_(self) -> str:
        table = self.scores.round(4).to_html(na_rep="-")
        return f"<p><b>{self.ticker} {self.target}</b>: {self.verdict}</p>{table}"


def evaluate_forecasts(
    predicted: FloatArray,
    actual: FloatArray,
    *,
    origin_price: FloatArray,
    history: FloatArray,
    origins: DateArray,
    sessions: DateArray,
    labels: dict[str, Any],
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
    """
    horizon = actual.shape[1]
    forecasts = {
        MODEL: predicted,
        "last_value": last_value(origin_price, horizon),
        "drift": drift(origin_price, horizon, history),
    }
    return Evaluation(
        predictions=_long_frame(forecasts, actual, origins, sessions),
        scores=score_forecasts(forecasts, actual, origin_price, history),
        verdict=judge(forecasts[MODEL], forecasts["last_value"], actual),
        **labels,
    )


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
            _ratio(row[metric], naive) for row in rows.values()
        ]
    return scores.loc[:, list(SCORES)]


def judge(predicted: FloatArray, naive: FloatArray, actual: FloatArray) -> Verdict:
    """Compare the squared errors of a model with those of last-value.

    Parameters
    ----------
    predicted, naive, actual : ndarray of shape (n_windows, horizon)
    """
    ratio = _ratio(rmse(actual, predicted), rmse(actual, naive))
    model_loss = ((actual - predicted) ** 2).mean(axis=1)
    naive_loss = ((actual - naive) ** 2).mean(axis=1)
    try:
        test = diebold_mariano(model_loss, naive_loss, horizon=actual.shape[1])
    except DataError:
        return Verdict("ties", ratio, math.nan, len(actual))
    if not test.p_value < SIGNIFICANCE:  # NaN proves nothing either
        return Verdict("ties", ratio, test.p_value, len(actual))
    outcome: Literal["beats", "loses"] = "loses" if test.statistic > 0 else "beats"
    return Verdict(outcome, ratio, test.p_value, len(actual))


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


def _ratio(value: float, reference: float) -> float:
    if reference:
        return value / reference
    return 1.0 if value == 0 else math.inf


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
