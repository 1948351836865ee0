"""Judging: the sections of a run on significance, direction and lag."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from forecaster.diagnostics import correlations_by_shift
from forecaster.errors import DataError
from forecaster.evaluation import PINBALL, Evaluation
from forecaster.lag import MAX_SHIFT, shift_curve
from forecaster.plotting import plot_correlations, plot_lag
from forecaster.report.common import lag_table
from forecaster.report.drawing import figure
from forecaster.report.page import (
    Figure,
    Section,
    Table,
    cell,
    facts_table,
    p_cell,
)
from forecaster.report.verdicts import (
    MANY_TESTS,
    OUTCOMES,
    disagreement_notes,
    forests,
    verdict_rows,
)
from forecaster.significance import pesaran_timmermann
from forecaster.verdict import LAST_VALUE, Measure, Verdict, judge

NEAREST = (("model", 1), ("model", "1"))
BESIDE = "Beside each baseline"
BY_QUANTILES = "Beside each baseline, by the pinball loss of the quantiles"
BY_CENTRE = "Beside each baseline, by the squared errors of the centre"
TWO_LOSSES = (
    "The verdict is that of the quantiles, by their pinball loss. Squared errors judge "
    "the centre alone, the forecast of the price without its intervals, and may well "
    "end otherwise."
)
WITHOUT_QUANTILES = (
    "Baselines without quantiles have no pinball loss: they stand beside the centre."
)
LOSSES_NOT_KEPT = (
    "An earlier version of forecaster wrote this run and did not keep the pinball "
    "losses of the baselines, so that only the best of them is judged by it. Train "
    "again to see all."
)


def significance_of(evaluation: Evaluation) -> dict[str, Verdict]:
    """Judge a model beside each baseline, on squared errors averaged over the steps."""
    rows = evaluation.predictions
    columns = {"model": "predicted"} | {name: name for name in evaluation.baselines}
    return _judged(
        rows,
        {
            name: (rows["actual"] - rows[column]) ** 2
            for name, column in columns.items()
        },
        "RMSE",
    )


def quantile_significance_of(evaluation: Evaluation) -> dict[str, Verdict]:
    """Judge a model beside each baseline that has quantiles, on their pinball loss.

    Empty for a run that does not keep these losses.
    """
    rows = evaluation.predictions
    losses = {
        str(name).removeprefix(PINBALL): rows[name]
        for name in rows
        if str(name).startswith(PINBALL)
    }
    return _judged(rows, losses, "pinball loss") if "model" in losses else {}


def _judged(
    rows: pd.DataFrame, losses: Mapping[str, pd.Series[float]], measure: Measure
) -> dict[str, Verdict]:
    """Judge on losses of each row, which are averaged over the steps of an origin."""
    means = {
        name: loss.groupby(rows["origin"]).mean().to_numpy(dtype=float)
        for name, loss in losses.items()
    }
    own, horizon = means.pop("model"), int(rows["step"].max())
    return {
        name: judge(own, {name: rival}, horizon=horizon, measure=measure)
        for name, rival in means.items()
    }


def page_significance(evaluation: Evaluation) -> Section:
    """Return the section that tests the model against each baseline."""
    tables: list[Table] = []
    figures: list[Figure] = []
    judged = {"the verdict": evaluation.best_verdict}
    tables.append(verdict_rows(judged, "The verdict", "what"))
    both = evaluation.quantile_verdict is not None
    notes: list[str] = []
    if both:
        found = quantile_significance_of(evaluation)
        if found:
            tables.append(verdict_rows(found, BY_QUANTILES, "forecast"))
            figures.extend(forests("baseline", BY_QUANTILES, found))
        if not found:
            notes.append(LOSSES_NOT_KEPT)
        elif {*found} != {*evaluation.baselines}:
            notes.append(WITHOUT_QUANTILES)
        judged |= found
    if "probability_up" not in evaluation.predictions:
        found = significance_of(evaluation)
        caption = BY_CENTRE if both else BESIDE
        tables.append(verdict_rows(found, caption, "forecast"))
        figures.extend(forests("centre" if both else "baseline", caption, found))
        judged |= {
            f"{name} (centre)" if both else name: one for name, one in found.items()
        }
    direction = _direction(evaluation)
    if direction is not None:
        tables.append(direction)
    return Section(
        "significance",
        "Significance",
        texts=(TWO_LOSSES,) if both else (),
        figures=tuple(figures),
        tables=tuple(tables),
        notes=(
            *disagreement_notes(judged),
            *notes,
            OUTCOMES,
            MANY_TESTS,
        ),
    )


def _direction(evaluation: Evaluation) -> Table | None:
    rows = evaluation.predictions.query("step == 1").sort_values("origin")
    known = rows[LAST_VALUE].to_numpy(dtype=float)
    predicted = rows["predicted"].to_numpy(dtype=float)
    if "probability_up" in rows:
        predicted = known + rows["probability_up"].to_numpy(dtype=float) - 0.5
    try:
        test = pesaran_timmermann(
            rows["actual"].to_numpy(dtype=float), predicted, known, horizon=1
        )
    except DataError:
        return None
    if math.isnan(test.statistic):  # one side alone: there is nothing to test
        return None
    moved = rows[rows["actual"] != rows[LAST_VALUE]]
    rose = float((moved["actual"] > moved[LAST_VALUE]).mean())
    facts: dict[str, Any] = {
        "forecasts that take a side": test.n_forecasts,
        "share of right directions": _right(evaluation),
        "share of the commoner direction": max(rose, 1 - rose),
        "statistic": float(test.statistic),
        "one-sided p": p_cell(float(test.p_value)),
    }
    return facts_table("Direction of the nearest step, Pesaran-Timmermann test", facts)


def _right(evaluation: Evaluation) -> float | None:
    """Return the stored share of right directions at the nearest step."""
    own = evaluation.steps["directional_accuracy"].to_dict()
    return next((own[key] for key in own if key in NEAREST), None)


def page_lag(evaluation: Evaluation) -> Section | None:
    """Return the section on whether forecasts copy a known price, if it can be told."""
    lag = evaluation.lag
    if lag is None:
        return None
    rows = evaluation.predictions.query("step == 1").sort_values("origin")
    figures: list[Figure] = []
    if len(rows) > 2 * MAX_SHIFT:
        curve = shift_curve(
            rows["actual"].to_numpy(dtype=float),
            rows["predicted"].to_numpy(dtype=float),
        )
        figures = [
            figure(
                "lag",
                "Distance of the forecasts from earlier prices",
                f"Line chart of the RMSE between forecasts and the actual price some "
                f"sessions earlier. It is least at a shift of {curve.idxmin()}, with "
                f"{cell(float(curve.min()))}; at 0 it is {cell(float(curve.iloc[0]))}.",
                lambda ax: plot_lag(curve, ax, lag=lag),
            ),
            *_correlations(evaluation),
        ]
    return Section(
        "lag",
        "Lag diagnosis",
        texts=(str(lag),),
        figures=tuple(figures),
        tables=(lag_table({evaluation.ticker: lag}),),
    )


def _correlations(evaluation: Evaluation) -> tuple[Figure, ...]:
    """Return the picture of correlations; returns that never change have none."""
    found = correlations_by_shift(evaluation)
    if found["correlation"].isna().all():
        return ()
    return (
        figure(
            "correlations",
            "Forecast returns against earlier actual returns",
            "Correlations with 95% intervals by shift; at 0, the session that is "
            f"forecast, it is {found['correlation'].iloc[0]:.3f}. Every shift is "
            f"taken over the same {int(found['n_windows'].iloc[0])} forecasts, "
            f"without the first {MAX_SHIFT}, which the table below counts too.",
            lambda ax: plot_correlations(found, ax),
        ),
    )
