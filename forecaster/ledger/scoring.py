"""Scoring: what forecasts that were written down turned out to be worth.

All errors are shares of the price at the origin, so that neither a split nor a price
that has grown since weighs on a score. An origin counts once a price has come for each
of its sessions: each step is then as frequent as any other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from forecaster.drift import MIN_SAMPLE, covers_as_promised, watch_losses
from forecaster.ledger.schema import N_DIGITS, POINT
from forecaster.metrics import pinball_losses
from forecaster.verdict import LAST_VALUE, judge, ratio_of

# The first origins tell what to expect, however many follow: the false alarms of
# looking again each evening are only bounded if they stay the same.
N_REFERENCE = 60
METRICS = (
    *("rmse", "mae", "rmse_ratio", "rmse_ratio_low", "rmse_ratio_high"),
    *("p_value", "mae_ratio", "pinball", "drift_p_value"),
)
FACTS = ("ticker", "model", "n_origins", "n_open", "first", "through")
COLUMNS = (*FACTS, *METRICS, "outcome", "drift_since")


def score_table(
    parts: Iterable[pd.DataFrame], newest: Mapping[tuple[str, str], pd.Timestamp]
) -> pd.DataFrame:
    """Score each ticker and model.

    Parameters
    ----------
    parts
        Of `read_forecasts`, each with all rows of its tickers.
    newest
        Last session with an actual price, by ticker and target.

    Returns
    -------
    DataFrame
        ``ticker model``; origins scored (`n_origins`) and waited for (`n_open`); the
        `first` origin and the last session (`through`). Errors as shares of the price
        at the origin: `rmse mae pinball`. Beside last-value: the ratios `rmse_ratio`
        (95% interval `rmse_ratio_low`, `rmse_ratio_high`) and `mae_ratio`, `p_value` of
        the Diebold-Mariano test, and `outcome`: `beats`, `ties` or `loses`.
        `drift_since`, the origin at which losses, watched after the first 60 origins,
        had risen for good, and `drift_p_value`. For each central interval
        `coverage_0.9` and `coverage_0.9_p_value`. NaN where there are too few.
    """
    scored = [
        {"ticker": ticker, "model": model, **_score(own, newest.get((ticker, target)))}
        for (ticker, model, target), own in groups_of(parts)
    ]
    table = pd.DataFrame(scored)
    further = [name for name in table if name not in COLUMNS]
    table = table.reindex(columns=[*COLUMNS, *sorted(further, key=str)])
    dates = dict.fromkeys(("first", "through", "drift_since"), "datetime64[us]")
    return table.astype(dates | dict.fromkeys(METRICS, "float64"))


def groups_of(parts: Iterable[pd.DataFrame]) -> Iterator[Any]:
    """Yield ``(ticker, model, target)`` and their rows, in the order of the scores."""
    for rows in parts:
        yield from rows.groupby(["ticker", "model", "target"])


def metric_rows(table: pd.DataFrame, step: int) -> Iterator[dict[str, Any]]:
    """Yield the numbers of a score table as rows of the table `scores`."""
    names = [name for name in table if name not in (*FACTS, "outcome", "drift_since")]
    for row in table.loc[table["n_origins"] > 0].to_dict("records"):
        key = {name: row[name] for name in ("ticker", "model")}
        key |= {"step": step, "through": row["through"].date()}
        for name in ("n_origins", *names):
            if math.isfinite(row[name]):
                yield {**key, "metric": name, "value": float(row[name])}


def relative_rows(rows: pd.DataFrame, newest: pd.Timestamp | None) -> pd.DataFrame:
    """Return the rows that can be scored, as shares of the price at the origin.

    Parameters
    ----------
    rows
        Of one ticker, model and target.
    newest
        Last session with an actual price; None without any.
    """
    last = rows.groupby("origin")["session"].transform("max")
    # A session without a price before the newest one was not held after all.
    known = rows.loc[(last <= newest) & rows["actual"].notna()] if newest else rows[:0]
    return known.assign(
        value=known["value"] / known["last_price"],
        actual=known["actual"] / known["last_price"],
    )


def point_losses(relative: pd.DataFrame, power: int) -> pd.DataFrame:
    """Return each origin's mean error, its size raised to a power.

    Parameters
    ----------
    relative
        Of `relative_rows`.
    power
        1 for absolute errors, 2 for squared ones.

    Returns
    -------
    DataFrame
        Indexed by origin, oldest first: `own`, and `naive` of last-value, which says 1
        for each relative price.
    """
    rows = relative.loc[relative["quantile"] == POINT]
    errors = pd.DataFrame(
        {
            "own": (rows["actual"] - rows["value"]).abs() ** power,
            "naive": (rows["actual"] - 1.0).abs() ** power,
        }
    )
    return errors.groupby(rows["origin"]).mean()


def _score(rows: pd.DataFrame, newest: pd.Timestamp | None) -> dict[str, Any]:
    relative = relative_rows(rows, newest)
    facts = {"n_origins": relative["origin"].nunique()}
    facts["n_open"] = rows["origin"].nunique() - facts["n_origins"]
    if relative.empty:
        return facts
    facts |= {"first": relative["origin"].min(), "through": relative["session"].max()}
    return facts | _score_points(relative) | score_quantiles(relative)


def _score_points(relative: pd.DataFrame) -> dict[str, Any]:
    """Score point forecasts beside last-value."""
    absolute, squared = point_losses(relative, 1), point_losses(relative, 2)
    if absolute.empty:
        return {}
    horizon = int(relative["step"].max())
    verdict = judge(
        squared["own"].to_numpy(),
        {LAST_VALUE: squared["naive"].to_numpy()},
        horizon=horizon,
    )
    return {
        "rmse": math.sqrt(squared["own"].mean()),
        "mae": absolute["own"].mean(),
        "rmse_ratio": verdict.ratio,
        "rmse_ratio_low": verdict.low,
        "rmse_ratio_high": verdict.high,
        "p_value": verdict.p_value,
        "outcome": verdict.outcome,
        "mae_ratio": ratio_of(absolute["own"].mean(), absolute["naive"].mean()),
        **_watch(absolute["own"] - absolute["naive"], horizon),
    }


def _watch(losses: pd.Series, horizon: int) -> dict[str, Any]:
    """Watch the losses to last-value for a lasting rise after the first origins."""
    if len(losses) <= N_REFERENCE:
        return {}
    values = losses.to_numpy()
    alarm = watch_losses(values[:N_REFERENCE], values[N_REFERENCE:], n_lags=horizon - 1)
    since = None if alarm.first is None else losses.index[N_REFERENCE + alarm.first]
    return {"drift_p_value": alarm.p_value, "drift_since": since}


def score_quantiles(relative: pd.DataFrame) -> dict[str, Any]:
    """Return pinball loss, and the coverage of each interval with its p-value."""
    rows = relative.loc[relative["quantile"] != POINT]
    if rows.empty:
        return {}
    actual = rows["actual"].to_numpy()
    by_level: Any = rows.groupby("quantile")
    losses = [
        pinball_losses(
            own["actual"].to_numpy(), own["value"].to_numpy()[:, None], [level]
        ).sum()
        for level, own in by_level
    ]
    scores: dict[str, Any] = {"pinball": float(np.sum(losses) / len(actual))}
    key = ["origin", "session", "actual"]
    # Each key is there once: nothing is to be aggregated.
    wide = rows.pivot(index=key, columns="quantile", values="value")  # noqa: PD010
    wide = wide.sort_index()
    for low in by_level.groups:
        high = round(1 - low, N_DIGITS)
        if low < high and high in wide:
            level = round(high - low, N_DIGITS)
            scores |= _coverage(wide[[low, high]].dropna(), level)
    return scores


def _coverage(bounds: pd.DataFrame, level: float) -> dict[str, float]:
    """Return the share of prices in the interval, and the p-value of that share."""
    if bounds.empty:
        return {}
    actual = bounds.index.get_level_values("actual").to_numpy()
    low, high = bounds.to_numpy().T
    inside = (low <= actual) & (actual <= high)
    enough = len(inside) >= MIN_SAMPLE
    return {
        f"coverage_{level:g}": float(inside.mean()),
        f"coverage_{level:g}_p_value": (
            covers_as_promised(inside, level) if enough else math.nan
        ),
    }
