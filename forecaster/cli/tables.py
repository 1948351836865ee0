"""Tables: evaluations and forecasts as a person reads them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import typer

from forecaster.cli.console import print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecaster.comparison import Comparison
    from forecaster.evaluation import Evaluation
    from forecaster.forecast import Forecast

COLUMNS = ("forecast", "RMSE", "ratio", "MAE", "ratio ", "MAPE", "MASE", "direction")
COMPARED = (
    *("name", "parameters", "seconds", "RMSE", "ratio", "from..to", "MAE"),
    *("direction", "verdict", "state"),
)
NAMES = {"model": "model", "last_value": "last value", "drift": "drift"}


def print_evaluation(evaluation: Evaluation) -> None:
    """Print the scores of the model beside the baselines', and the verdict."""
    sessions = evaluation.predictions["session"]
    first, last = sessions.min().date(), sessions.max().date()
    print_table(
        [
            {
                "forecast": NAMES[str(name)],
                "RMSE": _number(row["rmse"]),
                "ratio": _number(row["rmse_ratio"]),
                "MAE": _number(row["mae"]),
                "ratio ": _number(row["mae_ratio"]),
                "MAPE": _percent(row["mape"]),
                "MASE": _number(row["mase"]),
                "direction": _percent(row["directional_accuracy"]),
            }
            for name, row in evaluation.scores.iterrows()
        ],
        COLUMNS,
        f"{evaluation.ticker} {evaluation.target}, {first} to {last}, "
        f"{evaluation.verdict.n_forecasts} forecasts",
    )
    typer.echo("ratio: to last value; direction: share of moves whose sign was right\n")
    if evaluation.quantile_scores:
        typer.echo(_quantile_line(evaluation.quantile_scores))
    typer.echo(str(evaluation.verdict))


def _quantile_line(scores: Mapping[str, float]) -> str:
    """Write pinball loss and coverage in one line."""
    parts = [f"mean pinball loss {_number(scores['pinball'])}"]
    for name, value in scores.items():
        if name.startswith("coverage_"):
            level = float(name.removeprefix("coverage_"))
            parts.append(f"{_percent(value)} of prices inside the {level:.0%} interval")
    return "; ".join(parts)


def print_comparison(comparison: Comparison) -> None:
    """Print all settings in one table, each group with its own baselines."""
    table, groups = comparison.table.astype(object), comparison.groups
    several = bool((comparison.table["seeds"] > 1).any())
    rows: list[dict[str, Any]] = []
    titles = {group: f"{chr(65 + n)}:" for n, group in enumerate(groups)}
    for group, inside in table.groupby("group", sort=False, dropna=False):
        rows += [{}] if rows else []
        rows += [{"name": titles.get(str(group), "failed:")}] if len(groups) > 1 else []
        rows += [_compared(row, several=several) for _, row in inside.iterrows()]
    columns = [name for name in COMPARED if several or name != "from..to"]
    print_table(rows, columns, groups[0] if len(groups) == 1 else "")
    if len(groups) > 1:
        for group, letter in titles.items():
            typer.echo(f"{letter} {group}")
        typer.echo("Targets or test ranges differ: compare ratios within a group only.")
    typer.echo(
        "ratio: RMSE to last value; direction: share of moves with the right sign"
    )
    if several:
        typer.echo("means over the seeds; from..to: range of their ratios")
    if len(comparison.verdicts) > 1:
        typer.echo(
            "The best of several on one test range looks better than it is: try a "
            "choice on other sessions, with `forecaster evaluate`."
        )


def print_forecast(forecast: Forecast) -> None:
    """Print the forecast sessions beside the last known price."""
    known = ("step", "predicted", "last_value")
    more = [str(name) for name in forecast.frame if name not in known]
    print_table(
        [
            {
                "session": session.date(),
                "step": row["step"],
                forecast.target: f"{row['predicted']:.4f}",
                "last value": f"{forecast.last_price:.4f}",
                **{name: f"{row[name]:.4f}" for name in more},
            }
            for session, (_, row) in zip(
                forecast.sessions, forecast.frame.astype(object).iterrows(), strict=True
            )
        ],
        ("session", "step", forecast.target, "last value", *more),
        f"{forecast.ticker} {forecast.target}, known to {forecast.origin.date()}",
    )


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f}%"


def _compared(row: Any, *, several: bool) -> dict[str, Any]:
    baseline = row["state"] == "baseline"
    low, high = _number(row["ratio_from"]), _number(row["ratio_to"])
    return {
        "name": row["name"],
        "parameters": "-" if _absent(row["parameters"]) else row["parameters"],
        "seconds": "-" if _absent(row["seconds"]) else f"{row['seconds']:.1f}",
        "RMSE": _number(row["rmse"]),
        "ratio": _number(row["rmse_ratio"]),
        "from..to": f"{low}..{high}" if several and low != "-" else "-",
        "MAE": _number(row["mae"]),
        "direction": _percent(row["directional_accuracy"]),
        "verdict": "-" if baseline else row["verdict"],
        "state": "" if baseline else row["state"],
    }


def _absent(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value))
