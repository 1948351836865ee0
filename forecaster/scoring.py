"""Scoring: forecasts of one series beside baselines', each metric and each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.metrics import pinball_losses, score_steps
from forecaster.models.baselines import Outlook
from forecaster.verdict import LAST_VALUE, Verdict, judge, ratio_of

MODEL = "model"
ALL = "all"
SCORES = (
    *("rmse", "mae", "mape", "smape", "mase", "rmsse", "r2_returns"),
    *("directional_accuracy", "majority_rate", "rmse_ratio", "mae_ratio"),
)
COIN = 0.25  # the Brier score of always saying one half


def score_forecasts(
    outlooks: Mapping[str, Outlook],
    actual: FloatArray,
    origin_price: FloatArray,
    history: FloatArray,
    levels: Sequence[float] = (),
) -> pd.DataFrame:
    """Score each forecast at each step, with ratios to last-value.

    Parameters
    ----------
    outlooks
        Forecasts by name, `last_value` among them.
    actual : ndarray of shape (n_windows, horizon)
        Prices in the quote currency.
    origin_price : ndarray of shape (n_windows,)
        Price at each origin.
    history : ndarray of shape (n_sessions,)
        Prices before the test; they set MASE and RMSSE.
    levels
        Probabilities of the quantiles.

    Returns
    -------
    DataFrame
        One row for each name and step, and for all steps together (`all`), indexed by
        both: `SCORES`, and where there are quantiles also `pinball crps coverage_0.9
        interval_score_0.9` and so on.
    """
    tables = {
        name: score_steps(
            actual,
            outlook.centre,
            origin_price=origin_price,
            history=history,
            quantiles=outlook.quantiles,
            levels=levels,
        )
        for name, outlook in outlooks.items()
    }
    scores = pd.concat(tables, names=["forecast", "step"], sort=False)
    for metric in ("rmse", "mae"):
        naive = tables[LAST_VALUE][metric]
        scores[f"{metric}_ratio"] = [
            ratio_of(float(value), float(reference))
            for table in tables.values()
            for value, reference in zip(table[metric], naive, strict=True)
        ]
    more = [name for name in scores if name not in SCORES]
    return scores.loc[:, [*SCORES, *more]]


def judge_points(
    outlooks: Mapping[str, Outlook], actual: FloatArray, *, model: str = MODEL
) -> Verdict:
    """Return the verdict on squared errors, beside the best of the baselines."""
    losses = {
        name: ((actual - outlook.centre) ** 2).mean(axis=1)
        for name, outlook in outlooks.items()
    }
    return judge(losses.pop(model), losses, horizon=actual.shape[1])


def quantile_losses(
    outlooks: Mapping[str, Outlook], actual: FloatArray, levels: Sequence[float]
) -> dict[str, FloatArray]:
    """Return the pinball loss of each quantile, of the forecasts that have any."""
    return {
        name: pinball_losses(actual, outlook.quantiles, levels)
        for name, outlook in outlooks.items()
        if outlook.quantiles is not None
    }


def judge_quantiles(
    losses: Mapping[str, FloatArray], *, model: str = MODEL
) -> Verdict | None:
    """Return the verdict on pinball losses, or None if there is nothing to compare.

    Parameters
    ----------
    losses
        By forecast, of shape (n_windows, horizon, n_levels): see `quantile_losses`.
    """
    if model not in losses or len(losses) == 1:
        return None
    horizon = losses[model].shape[1]
    means = {name: loss.mean(axis=(1, 2)) for name, loss in losses.items()}
    return judge(means.pop(model), means, horizon=horizon, measure="pinball loss")


def judge_direction(
    probability_up: FloatArray,
    actual: FloatArray,
    origin_price: FloatArray,
    history: FloatArray,
) -> Verdict:
    """Return the verdict on Brier scores, beside a coin and the share of past rises.

    Parameters
    ----------
    probability_up, actual : ndarray of shape (n_windows, horizon)
    history : ndarray of shape (n_sessions,)
        Prices before the test; over as many sessions as each step spans.

    References
    ----------
    .. [1] Brier (1950), Verification of forecasts expressed in terms of probability.
    """
    horizon = actual.shape[1]
    rose = actual > origin_price[:, None]
    rates = [np.mean(history[k:] > history[:-k]) for k in range(1, horizon + 1)]
    losses = {
        "a_coin": np.full(len(actual), COIN),
        "share_of_past_rises": ((np.array(rates) - rose) ** 2).mean(axis=1),
    }
    loss = ((probability_up - rose) ** 2).mean(axis=1)
    return judge(loss, losses, horizon=horizon, measure="Brier score")
