"""Judging: the sections of a run on significance, direction and lag."""

from __future__ import annotations

import math
from typing import Any

from forecaster.diagnostics import correlations_by_shift
from forecaster.errors import DataError
from forecaster.evaluation import Evaluation
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
    OUTCOMES,
    disagreement_notes,
    forests,
    verdict_rows,
)
from forecaster.significance import pesaran_timmermann
from forecaster.verdict import LAST_VALUE, Verdict, judge

NEAREST = (("model", 1), ("model", "1"))
BESIDE = "Beside each baseline"


def significance_of(evaluation: Evaluation) -> dict[str, Verdict]:
    """Judge a model beside each baseline, on squared errors averaged over the steps."""
    rows = evaluation.predictions
    losses = {
        name: ((rows["actual"] - rows[column]) ** 2)
        .groupby(rows["origin"])
        .mean()
        .to_numpy(dtype=float)
        for name, column in (
            ("model", "predicted"),
            *((name, name) for name in evaluation.baselines),
        )
    }
    own, horizon = losses.pop("model"), int(rows["step"].max())
    return {
        name: judge(own, {name: rival}, horizon=horizon)
        for name, rival in losses.items()
    }


def page_significance(evaluation: Evaluation) -> Section:
    """Return the section that tests the model against each baseline."""
    tables: list[Table] = []
    figures: list[Figure] = []
    judged = {"the verdict": evaluation.best_verdict}
    tables.append(verdict_rows(judged, "The verdict", "what"))
    if "probability_up" not in evaluation.predictions:
        found = significance_of(evaluation)
        tables.append(verdict_rows(found, BESIDE, "forecast"))
        figures.extend(forests("baseline", BESIDE, found))
        judged |= found
    direction = _direction(evaluation)
    if direction is not None:
        tables.append(direction)
    return Section(
        "significance",
        "Significance",
        figures=tuple(figures),
        tables=tuple(tables),
        notes=(
            *disagreement_notes(judged),
            OUTCOMES,
            "Two-sided Diebold-Mariano tests; intervals by block bootstrap. The best "
            "baseline is chosen after the fact. Of many tests one in twenty is small "
            "by luck.",
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
