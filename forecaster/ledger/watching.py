"""Watching: which models should be looked at or refitted, by forecasts that came true.

Every evening every ticker is looked at, so chance alone would raise alarms all the
time. For each model and each of three questions the p-values of its tickers are
adjusted for their number. That of a lasting rise holds however often one looks; those
of coverage and of skill hold for one evening.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecaster.drift import MIN_SAMPLE
from forecaster.ledger.pooling import adjust_for_many, pool_losses
from forecaster.ledger.scoring import (
    N_REFERENCE,
    groups_of,
    point_losses,
    relative_rows,
    score_quantiles,
    score_table,
)
from forecaster.ledger.showing import COVERAGE, OF_COVERAGE, coverage_names
from forecaster.significance import newey_west_lags
from forecaster.verdict import SIGNIFICANCE
from forecaster.watching import (
    COVERAGE_LEVEL,
    ERROR_LEVEL,
    STATES,
    Found,
    State,
    worst,
)

P_VALUE, P_ADJUSTED = OF_COVERAGE


@dataclass(frozen=True, eq=False)
class LiveReport:
    """What forecasts in a ledger say of the models that made them.

    Attributes
    ----------
    tickers
        A row for each ticker and model: the columns of `Ledger.score`, the adjusted
        p-values `drift_p_adjusted`, `p_adjusted` (of equal errors) and such as
        `coverage_0.9_p_adjusted`, then `state` and `reasons`, a tuple of sentences.
    models
        A row for each model over all its tickers: `model`, `n_tickers` that count,
        `n_origins`, `rmse_ratio` to last-value with its 95% interval `rmse_ratio_low`
        and `rmse_ratio_high`, `p_value`, `p_adjusted` for the number of models,
        `outcome`, how many tickers are `n_ok`, `n_watch` and `n_refit`, `state` and
        `reasons`; computed as `forecaster.ledger.pooling.pool_losses` says.
    idle
        Models that are not watched, since they no longer forecast.
    """

    tickers: pd.DataFrame
    models: pd.DataFrame
    idle: tuple[str, ...] = ()

    @property
    def verdict(self) -> State:
        """Return the worst state of any ticker or model."""
        states = [*self.tickers["state"], *self.models["state"]]
        return worst([(state, "") for state in states])

    @property
    def n_scored(self) -> int:
        """Return how many origins of tickers and models have been scored."""
        return int(self.tickers["n_origins"].sum())


@dataclass(frozen=True, eq=False)
class _Note:
    """What a verdict needs of a ticker and model, beside its score."""

    model: str
    horizon: int
    losses: pd.DataFrame  # squared, by origin
    early: Mapping[str, float]  # coverage of the first origins


def watch_live(
    parts: Iterable[pd.DataFrame],
    newest: Mapping[tuple[str, str], pd.Timestamp],
    *,
    idle: tuple[str, ...] = (),
) -> LiveReport:
    """Return a verdict on each ticker and model.

    `refit` if the losses beside those of last-value have risen for good after the first
    60 origins, or an interval does not cover what it promises and did in those; `watch`
    if an interval never did, or the model loses to last-value.

    Parameters
    ----------
    parts, newest
        As `forecaster.ledger.scoring.score_table`.
    idle
        Of the report.
    """
    notes: list[_Note] = []
    scored = score_table(_noting(parts, newest, notes), newest)
    horizons = np.array([note.horizon for note in notes], int)
    table = _adjusted(scored, horizons)
    found = [_find(row, note) for row, note in zip(_rows_of(table), notes, strict=True)]
    tickers = table.assign(state=[worst(own) for own in found])
    reasons = [tuple(sentence for _, sentence in own) for own in found]
    tickers["reasons"] = _with_why_ok(reasons, tickers)
    return LiveReport(tickers, _models(tickers, notes), idle)


def careful_p_value(p_value: float, horizon: int) -> float:
    """Return the p-value of a lasting rise, for a deviation known from 60 origins only.

    `forecaster.drift.watch_losses` takes the long-run deviation of the first losses for
    known. That is right enough at 5%, but not for the small p-values that matter among
    many tickers: in simulations of unchanged losses (independent or with clustered
    volatility, 1 and 5 sessions long) it fell below 0.0005 two to six times as often as
    it should. Student's t in place of the normal, with the degrees of freedom of an
    estimate with Bartlett weights, fell below 0.05 in 3.4 to 4.6% of simulations, below
    0.005 in 0.2 to 0.5%, and below 0.0005 in at most 0.03%.

    References
    ----------
    .. [1] Priestley (1981), Spectral analysis and time series (equivalent degrees of
       freedom of a window; half as many at frequency zero).
    """
    from scipy.stats import norm, t

    if math.isnan(p_value):
        return math.nan
    width = newey_west_lags(N_REFERENCE, horizon) + 1
    return min(1.0, 2 * float(t.sf(norm.isf(p_value / 2), 1.5 * N_REFERENCE / width)))


def _noting(
    parts: Iterable[pd.DataFrame],
    newest: Mapping[tuple[str, str], pd.Timestamp],
    notes: list[_Note],
) -> Iterator[pd.DataFrame]:
    """Hand the parts on, and note what a score forgets, in the order of the scores."""
    for part in parts:
        for (ticker, model, target), rows in groups_of([part]):
            relative = relative_rows(rows, newest.get((ticker, target)))
            first = np.sort(relative["origin"].unique())[:N_REFERENCE]
            early = relative.loc[relative["origin"].isin(first)]
            horizon, losses = int(rows["step"].max()), point_losses(relative, 2)
            notes.append(_Note(str(model), horizon, losses, score_quantiles(early)))
        yield part


def _adjusted(scores: pd.DataFrame, horizons: np.ndarray) -> pd.DataFrame:
    """Add p-values adjusted for the number of tickers, for each model by itself."""
    drift = [
        careful_p_value(p_value, horizon)
        for p_value, horizon in zip(scores["drift_p_value"], horizons, strict=True)
    ]
    table = scores.assign(drift_p_adjusted=drift, p_adjusted=scores["p_value"])
    for level in coverage_names(scores):
        table[f"{level}{P_ADJUSTED}"] = scores[f"{level}{P_VALUE}"]
    intervals = [f"{level}{P_ADJUSTED}" for level in coverage_names(scores)]
    families = [
        ["drift_p_adjusted"],
        ["p_adjusted"],
        *([intervals] if intervals else []),
    ]
    for places in table.groupby("model").groups.values():
        for names in families:
            values = table.loc[places, names].to_numpy(float)
            table.loc[places, names] = adjust_for_many(values)
    return table


def _find(row: Mapping[str, Any], note: _Note) -> Found:
    found: Found = []
    if row["drift_p_adjusted"] < ERROR_LEVEL:
        sentence = (
            "The errors have risen for good beside those of last-value since the first "
            f"{N_REFERENCE} origins (alarm on {row['drift_since'].date()}, adjusted p "
            f"{row['drift_p_adjusted']:.2g})."
        )
        found.append(("refit", sentence))
    for name in coverage_names(row):
        if row[f"{name}{P_ADJUSTED}"] < COVERAGE_LEVEL:
            found.append(_about_coverage(row, name, note.early))
    if row["outcome"] == "loses" and row["p_adjusted"] < SIGNIFICANCE:
        found.append(("watch", _loses(row)))
    return found


def _about_coverage(
    row: Mapping[str, Any], name: str, early: Mapping[str, float]
) -> tuple[State, str]:
    level = float(name.removeprefix(COVERAGE))
    was_good = early.get(f"{name}{P_VALUE}", math.nan) > ERROR_LEVEL
    sentence = (
        f"{row[name]:.1%} of prices lay in the {level:.0%} interval (adjusted p "
        f"{row[f'{name}{P_ADJUSTED}']:.2g}); in the first {N_REFERENCE} origins it was "
        f"{early.get(name, math.nan):.1%}."
    )
    return ("refit" if was_good else "watch"), sentence


def _loses(row: Mapping[str, Any]) -> str:
    return (
        f"It loses to repeating the last price: its RMSE is {row['rmse_ratio']:.4g} "
        f"times as large (adjusted p {row['p_adjusted']:.2g})."
    )


def _with_why_ok(
    reasons: Iterable[tuple[str, ...]], table: pd.DataFrame
) -> list[tuple[str, ...]]:
    """Say of each row without a reason if there are too few origins to find one."""
    return [
        own
        or ((f"{n} origins are scored: too few to tell.",) if n < MIN_SAMPLE else ())
        for own, n in zip(reasons, table["n_origins"], strict=True)
    ]


def _rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _models(tickers: pd.DataFrame, notes: Iterable[_Note]) -> pd.DataFrame:
    by_model: dict[str, list[_Note]] = {}
    for note in notes:
        by_model.setdefault(note.model, []).append(note)
    pooled = [_pool(model, own) for model, own in sorted(by_model.items())]
    columns = ["model", "n_tickers", "n_origins", "rmse_ratio", "rmse_ratio_low"]
    columns += ["rmse_ratio_high", "p_value", "outcome"]
    table = pd.DataFrame(pooled, columns=columns)
    table["p_adjusted"] = adjust_for_many(table["p_value"].to_numpy(float))
    pairs = tickers.groupby(["model", "state"]).size()
    for state in STATES:
        table[f"n_{state}"] = [int(pairs.get((m, state), 0)) for m in table["model"]]
    loses = (table["outcome"] == "loses") & (table["p_adjusted"] < SIGNIFICANCE)
    table["state"] = np.where(loses, "watch", "ok")
    rows = zip(_rows_of(table), loses, strict=True)
    reasons = [(_loses(row),) if worse else () for row, worse in rows]
    table["reasons"] = _with_why_ok(reasons, table)
    return table


def _pool(model: str, notes: list[_Note]) -> tuple[Any, ...]:
    horizon = max(note.horizon for note in notes)
    n_tickers, verdict = pool_losses([note.losses for note in notes], horizon)
    ratio = (verdict.ratio, verdict.low, verdict.high)
    return (
        *(model, n_tickers, verdict.n_forecasts, *ratio),
        *(verdict.p_value, verdict.outcome),
    )
