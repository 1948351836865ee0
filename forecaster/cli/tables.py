"""Tables: evaluations and forecasts as a person reads them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import typer

from forecaster.cli.console import print_table
from forecaster.lag import tickers_by_outcome
from forecaster.scoring import MODEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from forecaster.backtest_scores import Backtest
    from forecaster.comparison import Comparison
    from forecaster.evaluation import Evaluation
    from forecaster.forecast import Forecast
    from forecaster.lag import Lag

COLUMNS = ("forecast", "RMSE", "ratio", "MAE", "ratio ", "MAPE", "MASE", "direction")
FEW = 3
COMPARED = (
    *("name", "parameters", "seconds", "RMSE", "ratio", "from..to", "MAE"),
    *("direction", "verdict", "state"),
)


def print_evaluation(evaluation: Evaluation) -> None:
    """Print the scores of the model beside the baselines', and the verdict."""
    sessions = evaluation.predictions["session"]
    first, last = sessions.min().date(), sessions.max().date()
    print_table(
        [
            {
                "forecast": _words(name),
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
    commoner = evaluation.scores["majority_rate"].iloc[0]
    typer.echo(
        "ratio: to last value; direction: share of moves whose sign was right\n"
        f"(always saying the commoner direction: {_percent(commoner)})\n"
    )
    if not evaluation.quantile_scores.empty:
        print_quantile_scores(evaluation.quantile_scores)
    _print_verdicts(evaluation)
    if evaluation.lag is not None:
        typer.echo(str(evaluation.lag))


def print_quantile_scores(scores: pd.DataFrame) -> None:
    """Print pinball loss, CRPS and the coverage of each interval."""
    names = [str(name) for name in scores]
    levels = [
        name.removeprefix("coverage_") for name in names if name.startswith("coverage_")
    ]
    headings = {level: f"inside {float(level):.0%}" for level in levels}
    print_table(
        [
            {
                "quantiles": _words(name),
                "pinball": _number(row["pinball"]),
                "CRPS": _number(row["crps"]),
                **{headings[lv]: _percent(row[f"coverage_{lv}"]) for lv in levels},
            }
            for name, row in scores.iterrows()
        ],
        ("quantiles", "pinball", "CRPS", *headings.values()),
    )
    typer.echo("inside: share of prices inside the central interval\n")


def _words(name: object) -> str:
    return str(name).replace("_", " ")


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
    for trial in comparison.trials:
        if trial.evaluation is not None:
            verdict = trial.evaluation.best_verdict
            typer.echo(f"{trial.name}, seed {trial.seed}: {verdict}")
    if len(comparison.verdicts) > 1:
        typer.echo(
            "The best of several on one test range looks better than it is: try a "
            "choice on other sessions, with `forecaster evaluate`."
        )


def print_backtest(backtest: Backtest) -> None:
    """Print the models of a walk-forward test, the tickers, and the verdicts."""
    frame = backtest.frame
    first, last = frame["session"].min().date(), frame["session"].max().date()
    n_folds, tickers = frame["fold"].nunique(), list(frame["ticker"].unique())
    n_tickers = len(tickers)
    names = ", ".join(tickers) if n_tickers <= FEW else f"{n_tickers} tickers"
    folds = "1 fold" if n_folds == 1 else f"{n_folds} folds"
    title = f"{names}: {folds}, {first} to {last}"
    _print_walked(backtest.scores, "forecast", title)
    if n_tickers > 1:
        by_ticker = backtest.by("ticker")
        chosen = by_ticker.index.get_level_values("model") == MODEL
        _print_walked(by_ticker[chosen].droplevel("model"), "model on", "")
    positive = bool((frame["last_value"] > 0).all())
    unit = "the price at the origin" if positive else "the mean size of the series"
    legend = f"RMSE and MAE in percent of {unit}; ratio: RMSE to last value"
    if backtest.levels:
        legend += (
            "\npinball: loss in percent too; a ratio behind it: to the best baseline"
            "\ninside: share of prices inside the central interval"
        )
    typer.echo(f"{legend}\n")
    _print_verdicts(backtest)
    _print_lags(backtest.lags)


def _print_verdicts(scored: Evaluation | Backtest) -> None:
    """Print the verdict; where there are two, what each is about and which counts."""
    if scored.quantile_verdict is None:
        typer.echo(str(scored.verdict))
        return
    typer.echo(f"Price: {scored.verdict}")
    typer.echo(f"Intervals, which decide the outcome: {scored.quantile_verdict}")


def _print_lags(lags: Mapping[str, Lag]) -> None:
    """Print the sentence of a single ticker, or which tickers share an outcome."""
    if len(lags) == 1:
        typer.echo(str(next(iter(lags.values()))))
        return
    for phrase, tickers in tickers_by_outcome(lags).items():
        typer.echo(f"{phrase}: {', '.join(tickers)}")


def _print_walked(scores: pd.DataFrame, heading: str, title: str) -> None:
    quantiles = "pinball" in scores
    inside = [str(name) for name in scores if str(name).startswith("coverage_")]
    headings = {name: f"inside {float(name.split('_')[1]):.0%}" for name in inside}
    rows = []
    for name, row in scores.iterrows():
        shown = {
            heading: _words(name),
            "RMSE": _number(row["rmse"]),
            "ratio": _number(row["rmse_ratio"]),
            "MAE": _number(row["mae"]),
            "direction": _percent(row["directional_accuracy"]),
        }
        if quantiles:
            shown |= {"pinball": _number(row["pinball"])}
            if scores["pinball_ratio"].notna().any():
                shown |= {"ratio ": _number(row["pinball_ratio"])}
            shown |= {headings[column]: _percent(row[column]) for column in inside}
        rows.append(shown)
    print_table(rows, list(rows[0]), title)


def print_forecast(forecast: Forecast) -> None:
    """Print the forecast sessions, and their intervals or quantiles if there are."""
    known = {"step", "predicted", "last_value"}
    if forecast.intervals:  # they tell what the quantiles do
        known |= {f"q{level:g}" for level in forecast.levels}
    more = {
        str(name): _heading(str(name)) for name in forecast.frame if name not in known
    }
    print_table(
        [
            {
                "session": session.date(),
                "step": row["step"],
                forecast.target: f"{row['predicted']:.4f}",
                "last value": f"{forecast.last_price:.4f}",
                **{title: f"{row[name]:.4f}" for name, title in more.items()},
            }
            for session, (_, row) in zip(
                forecast.sessions, forecast.frame.astype(object).iterrows(), strict=True
            )
        ],
        ("session", "step", forecast.target, "last value", *more.values()),
        f"{forecast.ticker} {forecast.target}, known to {forecast.origin.date()}",
    )
    if forecast.intervals:
        _explain_intervals(forecast)


def _heading(name: str) -> str:
    """Return the heading of a column: `low 80%` for `low_0.8`."""
    side, _, level = name.partition("_")
    return f"{side} {100 * float(level):g}%" if side in ("low", "high") else name


def _print_bands(forecast: Forecast) -> None:
    bands = {level: forecast.path_band(level) for level in forecast.intervals}
    rows: list[dict[str, object]] = [
        {"session": day.date()} for day in forecast.sessions
    ]
    for level, band in bands.items():
        for side, ends in (("low", band.low), ("high", band.high)):
            for row, price in zip(rows, ends, strict=True):
                row[f"{side} {100 * level:g}%"] = f"{price:.4f}"
    print_table(rows, list(rows[0]), "bands that hold whole paths, at every session")


def _explain_intervals(forecast: Forecast) -> None:
    typer.echo("low, high: ends of the interval that holds the price of that session")
    if forecast.paths is not None:
        _print_bands(forecast)
    if forecast.calibration == "none":
        typer.echo(
            "Not calibrated: train with calibration.method = 'adaptive' for intervals "
            "that hold what they promise."
        )
    else:
        typer.echo(f"calibrated on out-of-fold forecasts ({forecast.calibration})")


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
