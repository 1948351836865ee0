"""Scores of a backtest: losses row by row, and their means by ticker, fold or step.

Errors are counted in percent of the price at the origin, so that tickers of different
prices weigh alike. Where a series is not always positive, they are counted in percent
of its mean absolute value at the origins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.lag import Lag, detect_lag
from forecaster.metrics import central_intervals
from forecaster.verdict import LAST_VALUE, Verdict, judge, ratio_of

MODEL, UNCALIBRATED = "model", "uncalibrated"
PERCENT = 100.0
QUANTILE = "q"
UP, EVEN, COIN = "probability_up", 0.5, 0.25
MEANS = ("squared", "absolute", "pinball", "right", "smape", "brier")


@dataclass(frozen=True, eq=False)
class Backtest:
    """A walk-forward test: every forecast, and what the model is worth.

    Attributes
    ----------
    frame
        One row for each ticker, origin, step and model, see `forecaster.backtest.walk`.
    scores
        One row for each model: `n_forecasts rmse mae rmse_ratio mae_ratio smape
        directional_accuracy`, with a direction head `brier`, and where there are
        quantiles `pinball pinball_ratio coverage_0.9` and so on. RMSE, MAE and pinball
        loss in percent of the price at the origin; ratios to last-value, of the
        pinball loss to the best baseline.
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
    found["directional_accuracy"] = means["right"]
    if "brier" in means:
        found["brier"] = means["brier"]
    if "pinball" in means:
        found["pinball"] = means["pinball"]
        rivals = ~models.isin([MODEL, UNCALIBRATED])
        found["pinball_ratio"] = _ratios(means["pinball"], rivals)
        found[inside] = means[inside]
    return found


def add_losses(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with their losses, in percent of the price at the origin.

    That is `squared absolute right`, with quantiles also `pinball` and `coverage_0.9`
    and so on; NaN for a forecast that takes no side, or has no quantiles.
    """
    rows = frame.copy()
    actual, predicted, origin = (
        rows[name].to_numpy(dtype=float) for name in ("actual", "predicted", LAST_VALUE)
    )
    unit = _units(rows) / PERCENT
    error = (actual - predicted) / unit
    rows["squared"], rows["absolute"] = error**2, np.abs(error)
    rows["right"] = _right(rows, np.sign(actual - origin))
    rows["smape"] = (
        2 * np.abs(actual - predicted) / (np.abs(actual) + np.abs(predicted))
    )
    if UP in rows:
        rows["brier"] = (rows[UP] - (actual > origin)) ** 2
    levels = levels_of(frame)
    if levels:
        quantiles = rows[_names(levels)].to_numpy(dtype=float)
        rows["pinball"] = _pinball(actual, quantiles, levels) / unit
        for level, (low, high) in central_intervals(levels).items():
            held = (actual >= quantiles[:, low]) & (actual <= quantiles[:, high])
            missing = np.isnan(quantiles[:, low])
            rows[f"coverage_{level:g}"] = np.where(missing, np.nan, held)
    return rows


def _right(rows: pd.DataFrame, actual_side: FloatArray) -> FloatArray:
    """Return whether each move's sign was forecast, as `directional_accuracy` counts.

    NaN where the price did not move, and for a model that never takes a side.
    """
    side = np.sign((rows["predicted"] - rows[LAST_VALUE]).to_numpy(dtype=float))
    if UP in rows:
        said = rows[UP].to_numpy(dtype=float)
        side = np.where(np.isnan(said), side, np.sign(said - EVEN))
    takes_side = pd.Series(side != 0).groupby(rows["model"].to_numpy())
    silent = ~takes_side.transform("any").to_numpy()
    return np.where((actual_side == 0) | silent, np.nan, side == actual_side)


def losses_of(rows: pd.DataFrame, loss: str) -> dict[str, FloatArray]:
    """Return each model's mean loss at each origin, oldest first.

    A model that lacks an origin is left out: others would be compared on other days.
    """
    known = rows.dropna(subset=[loss])
    table = known.pivot_table(index="origin", columns="model", values=loss, sort=True)
    table = table.dropna(axis="columns")
    return {str(name): table[name].to_numpy(dtype=float) for name in table}


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


def levels_of(frame: pd.DataFrame) -> tuple[float, ...]:
    """Return the probabilities of the quantile columns."""
    names = [str(name) for name in frame if str(name).startswith(f"{QUANTILE}0.")]
    return tuple(sorted(float(name.removeprefix(QUANTILE)) for name in names))


def _names(levels: Sequence[float]) -> list[str]:
    return [f"{QUANTILE}{level:g}" for level in levels]


def _units(rows: pd.DataFrame) -> FloatArray:
    """Return what errors are a part of: the price at the origin, if it can be."""
    size = rows[LAST_VALUE].abs().groupby(rows["ticker"])
    positive = (rows[LAST_VALUE] > 0).groupby(rows["ticker"]).transform("all")
    units = rows[LAST_VALUE].where(positive, size.transform("mean"))
    return units.to_numpy(dtype=float)


def _pinball(
    actual: FloatArray, quantiles: FloatArray, levels: Sequence[float]
) -> FloatArray:
    error, level = actual[:, None] - quantiles, np.asarray(levels)
    return np.asarray(np.maximum(level * error, (level - 1) * error).mean(axis=1))


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
