"""Scores of a backtest: mean losses by ticker, fold, step or year, and verdicts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecaster.backtest_losses import UP, add_losses, levels_of, losses_of
from forecaster.lag import Lag, detect_lag
from forecaster.verdict import LAST_VALUE, Verdict, judge, ratio_of

MODEL, UNCALIBRATED = "model", "uncalibrated"
COIN = 0.25
MEANS = (
    *("squared", "absolute", "pinball", "crps", "right", "rose", "smape", "brier"),
    *("return_error", "return_square"),
)


@dataclass(frozen=True, eq=False)
class Backtest:
    """A walk-forward test: every forecast, and what the model is worth.

    Attributes
    ----------
    frame
        One row for each ticker, origin, step and model, see `forecaster.backtest.walk`.
    scores
        One row for each model: `n_forecasts rmse mae rmse_ratio mae_ratio smape
        r2_returns directional_accuracy majority_rate`, with a direction head `brier`,
        and where there are quantiles `pinball crps pinball_ratio coverage_0.9` and so
        on. RMSE, MAE, pinball loss and CRPS in percent of the price at the origin;
        ratios to last-value, of the pinball loss to the best baseline.
    verdict, quantile_verdict
        The model against the best baseline, on squared errors and on pinball losses;
        the losses of one origin are averaged over tickers and steps.
    lags
        By ticker, whether the forecasts of the nearest step only copy a known price.
    """

    frame: pd.DataFrame
    scores: pd.DataFrame
    verdict: Verdict
    quantile_verdict: Verdict | None
    lags: dict[str, Lag]

    @property
    def best_verdict(self) -> Verdict:
        """The verdict that matters: on quantiles if there are any, else on points."""
        return self.verdict if self.quantile_verdict is None else self.quantile_verdict

    @property
    def levels(self) -> tuple[float, ...]:
        """Probabilities of the quantiles; empty without."""
        return levels_of(self.frame)

    def by(self, *columns: str) -> pd.DataFrame:
        """Return the scores for each value of `ticker`, `fold`, `step` or `year`.

        Indexed by these and by the model.
        """
        return score_frame(self.frame, columns)

    def to_dict(self) -> dict[str, Any]:
        """Return scores and verdicts as plain JSON values."""
        quantile = self.quantile_verdict
        tables = {name: self.by(name) for name in ("ticker", "fold", "step")}
        return {
            "n_folds": int(self.frame["fold"].nunique()),
            "scores": records(self.scores),
            **{f"scores_by_{name}": records(table) for name, table in tables.items()},
            "verdict": self.verdict.to_dict(),
            "quantile_verdict": None if quantile is None else quantile.to_dict(),
            "lags": {ticker: lag.to_dict() for ticker, lag in self.lags.items()},
        }

    def __repr__(self) -> str:
        tickers, folds = (self.frame[name].nunique() for name in ("ticker", "fold"))
        return f"Backtest({tickers} ticker(s), {folds} fold(s): {self.verdict})"

    def _repr_html_(self) -> str:
        return f"<p>{self.verdict}</p>{self.scores.round(4).to_html(na_rep='-')}"


def score_backtest(frame: pd.DataFrame) -> Backtest:
    """Return the backtest of a long frame of forecasts."""
    rows = add_losses(frame[frame["model"] != UNCALIBRATED])
    horizon = int(rows["step"].max())
    points = losses_of(rows, "squared")
    quantiles = losses_of(rows, "pinball") if "pinball" in rows else {}
    quantile_verdict = None
    if MODEL in quantiles and len(quantiles) > 1:
        own = quantiles.pop(MODEL)
        quantile_verdict = judge(
            own, quantiles, horizon=horizon, measure="pinball loss"
        )
    verdict = judge(points.pop(MODEL), points, horizon=horizon)
    if "brier" in rows:
        brier = losses_of(rows, "brier")[MODEL]
        coin = {"a_coin": np.full(len(brier), COIN)}
        verdict = judge(brier, coin, horizon=horizon, measure="Brier score")
    return Backtest(
        frame=frame,
        scores=score_frame(frame, ()),
        verdict=verdict,
        quantile_verdict=quantile_verdict,
        lags=lags_of(frame),
    )


def score_frame(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return mean scores for each model, and for each value of some columns."""
    rows = add_losses(frame)
    if "year" in columns:
        rows["year"] = pd.DatetimeIndex(rows["session"]).year
    keys = [*columns, "model"]
    inside = [str(name) for name in rows if str(name).startswith("coverage_")]
    wanted = [name for name in (*MEANS, *inside) if name in rows]
    means = rows.groupby(keys, sort=True)[wanted].mean()
    found = pd.DataFrame({"n_forecasts": rows.groupby(keys, sort=True).size()})
    found["rmse"], found["mae"] = np.sqrt(means["squared"]), means["absolute"]
    models = found.index.get_level_values("model").to_series()
    for metric in ("rmse", "mae"):
        found[f"{metric}_ratio"] = _ratios(found[metric], models == LAST_VALUE)
    found["smape"] = means["smape"]
    found["r2_returns"] = 1 - means["return_error"] / means["return_square"]
    found["directional_accuracy"] = means["right"]
    found["majority_rate"] = np.maximum(means["rose"], 1 - means["rose"])
    if "brier" in means:
        found["brier"] = means["brier"]
    if "pinball" in means:
        found["pinball"], found["crps"] = means["pinball"], means["crps"]
        rivals = ~models.isin([MODEL, UNCALIBRATED])
        found["pinball_ratio"] = _ratios(means["pinball"], rivals)
        found[inside] = means[inside]
    return found


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows as plain JSON values, its index among them."""
    plain = table.reset_index().replace([math.inf, -math.inf], math.nan)
    plain = plain.astype(object)
    plain = plain.where(plain.notna(), None)
    return [
        {str(name): value for name, value in row.items()}
        for row in plain.to_dict("records")
    ]


def lags_of(frame: pd.DataFrame) -> dict[str, Lag]:
    """Return by ticker whether the model's nearest forecasts copy a known price.

    Tickers whose prices are not always positive, and have no returns, are left out; so
    is a network that says no price but a direction.
    """
    if UP in frame:
        return {}
    nearest = frame[(frame["step"] == 1) & (frame["model"] == MODEL)]
    return {
        str(ticker): detect_lag(
            *(
                rows.sort_values("origin")[name].to_numpy(dtype=float)
                for name in ("actual", "predicted", LAST_VALUE)
            )
        )
        for ticker, rows in nearest.groupby("ticker", sort=True)
        if (rows[["actual", "predicted", LAST_VALUE]] > 0).all(axis=None)
    }


def _ratios(values: pd.Series[float], rivals: pd.Series[bool]) -> list[float]:
    """Return values over the least of the rivals' within each group.

    Parameters
    ----------
    values
        Indexed by the columns of a group, and last by model.
    rivals
        Which of them count.
    """
    keys = [str(name) for name in values.index.names if name != "model"]
    table = values.rename("value").reset_index()
    chosen = table[rivals.to_numpy()]
    if not keys:
        return [ratio_of(value, float(chosen["value"].min())) for value in values]
    best = chosen.groupby(keys)["value"].min().rename("best")
    joined = table.join(best, on=keys)
    return [
        ratio_of(value, reference)
        for value, reference in zip(joined["value"], joined["best"], strict=True)
    ]
