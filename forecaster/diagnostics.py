"""Diagnostics: the tables behind the pictures of an evaluation or a backtest."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.backtest_losses import PERCENT, add_losses, losses_of
from forecaster.backtest_scores import COIN, MODEL, UNCALIBRATED, Backtest
from forecaster.errors import ConfigError, DataError
from forecaster.evaluation import Evaluation
from forecaster.intervals import correlation_interval
from forecaster.lag import MAX_SHIFT
from forecaster.verdict import LAST_VALUE, LEVEL, Verdict, judge

Group = Literal["ticker", "fold", "step", "year", "baseline"]
GROUPS = ("ticker", "fold", "step", "year", "baseline")
LOSSES = {"RMSE": "squared", "pinball loss": "pinball", "Brier score": "brier"}
A_COIN = "a_coin"


def errors_by_step(source: Evaluation | Backtest) -> pd.DataFrame:
    """Return the RMSE of the model and of each baseline at each step of the horizon.

    The interval of a forecast is that of the ratio of its RMSE to last-value's, times
    the latter: where it leaves out the RMSE of last-value, the two differ by more than
    luck. See `ratio_interval`.

    Returns
    -------
    DataFrame
        One row for each forecast and step: `forecast step rmse low high`, the interval
        at the 95% level; NaN for last-value itself, and where there are too few
        forecasts. ``attrs["unit"]`` is that of the RMSE.
    """
    rows = []
    for step, losses in _losses_by_step(source).items():
        naive = losses[LAST_VALUE]
        scale = float(np.sqrt(naive.mean()))
        for name, loss in losses.items():
            row = {"forecast": name, "step": step, "rmse": float(np.sqrt(loss.mean()))}
            row |= {"low": np.nan, "high": np.nan}
            if name != LAST_VALUE:
                found = judge(loss, {LAST_VALUE: naive}, horizon=step)
                row |= {"low": scale * found.low, "high": scale * found.high}
            rows.append(row)
    table = pd.DataFrame(rows)
    several = isinstance(source, Backtest)
    table.attrs["unit"] = (
        "% of the price at the origin" if several else "quote currency"
    )
    return table


def residuals_by_session(evaluation: Evaluation) -> pd.DataFrame:
    """Return actual less predicted prices of the nearest step, oldest first.

    Returns
    -------
    DataFrame
        `session`, and in the quote currency `model` and each baseline.
    """
    rows = evaluation.predictions.query("step == 1")
    missed = {
        name: (rows["actual"] - rows[column]).to_numpy()
        for name, column in _columns(evaluation).items()
    }
    return pd.DataFrame({"session": rows["session"].to_numpy(), **missed})


def correlations_by_shift(
    evaluation: Evaluation, *, max_shift: int = MAX_SHIFT, level: float = LEVEL
) -> pd.DataFrame:
    """Correlate the returns that were forecast with actual ones some sessions earlier.

    At a shift of 0 stands what the forecasts know of the session that they forecast:
    their skill. At later shifts stands how they follow moves that were already known;
    a forecast that trails the price goes against the last moves, because it has not
    caught up with them.

    Parameters
    ----------
    max_shift
        Largest shift in sessions.
    level
        Of the intervals, each for itself; see `correlation_interval`.

    Returns
    -------
    DataFrame
        `shift correlation low high n_windows`, all over the same forecasts; NaN where
        returns never differ.

    Raises
    ------
    ConfigError
        If `max_shift` is below 1, or `level` not in (0, 1).
    DataError
        If a price is not above zero, or there are too few forecasts.
    """
    if max_shift < 1 or not 0 < level < 1:
        raise ConfigError(
            "need max_shift at least 1 and level between 0 and 1; got "
            f"max_shift={max_shift}, level={level:g}"
        )
    rows = evaluation.predictions.query("step == 1")
    prices = rows[["actual", "predicted", LAST_VALUE]].to_numpy(dtype=float)
    if not (prices > 0).all():
        raise DataError("need prices above zero to compare returns")
    n_windows = len(prices) - max_shift
    if n_windows <= max_shift:
        raise DataError(
            f"need more than {2 * max_shift} forecasts to shift by up to {max_shift} "
            f"sessions, found {len(prices)}. Lower max_shift, or forecast a longer "
            "range."
        )
    actual, predicted, known = np.log(prices).T
    foretold, moved = (predicted - known)[max_shift:], actual - known
    found = []
    for shift in range(max_shift + 1):
        earlier = moved[max_shift - shift : len(moved) - shift]
        one = correlation_interval(foretold, earlier, level=level)
        row = {"shift": shift, "correlation": one.estimate}
        found.append(row | {"low": one.low, "high": one.high, "n_windows": n_windows})
    return pd.DataFrame(found)


def verdicts_by(
    backtest: Backtest, group: Group, *, against: str | None = None
) -> dict[str, Verdict]:
    """Judge the model within each ticker, fold, step or year, or beside each baseline.

    On the loss of `Backtest.best_verdict`: the pinball loss if there are quantiles.

    Parameters
    ----------
    against
        The one baseline that all groups are judged beside; if absent, that of
        `Backtest.best_verdict`. It has no meaning for the group `baseline`.

    Raises
    ------
    ConfigError
        If there is no such group or baseline.
    DataError
        If the baseline lacks forecasts in a group.

    Notes
    -----
    One in twenty intervals misses its ratio by luck; many of them, and none is chosen
    beforehand: look at the whole, not at the best.
    """
    if group not in GROUPS:
        raise ConfigError(f"there is no group {group!r}; there: {', '.join(GROUPS)}")
    measure = backtest.best_verdict.measure
    rows = add_losses(backtest.frame[backtest.frame["model"] != UNCALIBRATED])
    rows["year"] = pd.DatetimeIndex(rows["session"]).year
    if group == "baseline":
        losses = _losses(rows, LOSSES[measure])
        own, horizon = losses.pop(MODEL), int(rows["step"].max())
        return {
            name: judge(own, {name: rival}, horizon=horizon, measure=measure)
            for name, rival in losses.items()
        }
    against = against or backtest.best_verdict.against
    found = {}
    for name, part in rows.groupby(group, sort=True):
        losses = _losses(part, LOSSES[measure])
        if against not in losses:
            there = ", ".join(one for one in losses if one != MODEL)
            kind = DataError if against in set(rows["model"]) else ConfigError
            raise kind(
                f"{group} {name}: there are not all forecasts of {against!r} to judge "
                f"the model beside; there: {there}"
            )
        horizon = int(part["step"].max())
        rival = {against: losses[against]}
        found[str(name)] = judge(losses[MODEL], rival, horizon=horizon, measure=measure)
    return found


def gains_by_origin(backtest: Backtest) -> pd.DataFrame:
    """Return how far the model's summed loss lies below that of each baseline.

    Of the pinball loss if there are quantiles, else of the squared error.

    Returns
    -------
    DataFrame
        Indexed by origin, a column for each baseline: the losses of the baseline less
        those of the model, summed up to this origin, in percent of the baseline's sum
        over all origins; `attrs["loss"]` names the loss.
    """
    loss = "pinball" if backtest.levels else "squared"
    rows = add_losses(backtest.frame)
    losses = losses_of(rows[rows["model"] != UNCALIBRATED], loss)
    origins = pd.DatetimeIndex(np.sort(rows["origin"].unique()), name="origin")
    own = losses.pop(MODEL)
    gains = {
        name: PERCENT * np.cumsum(rival - own) / rival.sum()
        for name, rival in losses.items()
    }
    table = pd.DataFrame(gains, index=origins)
    table.attrs["loss"] = "pinball loss" if backtest.levels else "squared error"
    return table


def _losses_by_step(source: Evaluation | Backtest) -> dict[int, dict[str, FloatArray]]:
    """Return the squared errors of each forecast at each step, by origin."""
    if isinstance(source, Backtest):
        rows = add_losses(source.frame[source.frame["model"] != UNCALIBRATED])
        steps = sorted(int(step) for step in rows["step"].unique())
        return {
            step: losses_of(rows[rows["step"] == step], "squared") for step in steps
        }
    table = source.predictions
    return {
        int(str(step)): {
            name: ((rows["actual"] - rows[column]) ** 2).to_numpy(dtype=float)
            for name, column in _columns(source).items()
        }
        for step, rows in table.groupby("step", sort=True)
    }


def _losses(rows: pd.DataFrame, loss: str) -> dict[str, FloatArray]:
    """Return each forecast's mean loss at each origin, and that of a coin beside it."""
    if loss != "brier":
        return losses_of(rows, loss)
    own = losses_of(rows[rows["model"] == MODEL], loss)[MODEL]
    return {MODEL: own, A_COIN: np.full(len(own), COIN)}


def _columns(evaluation: Evaluation) -> dict[str, str]:
    """Return the column of each forecast's prices, the model first."""
    return {MODEL: "predicted", **{name: name for name in evaluation.baselines}}
