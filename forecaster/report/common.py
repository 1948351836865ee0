"""Common sections: what reports on runs and on walk-forward tests share."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from forecaster.backtest_losses import PERCENT
from forecaster.backtest_scores import Backtest
from forecaster.diagnostics import errors_by_step
from forecaster.errors import BundleError, ConfigError, DataError
from forecaster.evaluation import Evaluation
from forecaster.lag import Lag
from forecaster.plotting import (
    plot_calibration,
    plot_coverage,
    plot_errors,
    plot_importance,
    plot_pit,
)
from forecaster.reliability import coverage_by_level, coverage_by_year, pit_by_bin
from forecaster.report.drawing import figure
from forecaster.report.interactive import live_errors
from forecaster.report.page import (
    MOODS,
    WORDS,
    Figure,
    Page,
    Section,
    Table,
    cell,
    name_cell,
    table_of,
)
from forecaster.report.stored import read_table

IMPORTANCE, ATTRIBUTIONS = "importance.csv", "attributions.csv"
EXPLAINED = ".explain"
MOST_INPUTS = 30
SCORES_EXPLAINED = (
    "MAPE and sMAPE are shares of the price: 0.01 is one per cent. MASE and RMSSE are "
    "errors over those of the last value in the training range. “right directions” is "
    "the share of rises and falls that were foreseen, “commoner direction” what "
    "always naming the commoner one would reach."
)
CENTRE = (
    "The quantiles are judged first, by their pinball loss. “centre” is the forecast "
    "of the price alone, without its intervals, judged by squared errors."
)
Scored = Evaluation | Backtest


def page_errors(source: Scored, *, interactive: bool) -> Section:
    """Return the section on the error at each step, and on all scores."""
    errors = errors_by_step(source)
    unit = str(errors.attrs["unit"])
    own = errors[errors["forecast"] == "model"]
    naive = errors[errors["forecast"] == "last_value"].set_index("step")["rmse"]
    first, last = own.iloc[0], own.iloc[-1]
    told = (
        f"RMSE ({unit}) of the model at step {first['step']}: "
        f"{cell(float(first['rmse']))}, of the last value "
        f"{cell(float(naive[first['step']]))}"
    )
    if len(own) > 1:
        told += (
            f"; at step {last['step']}: {cell(float(last['rmse']))} against "
            f"{cell(float(naive[last['step']]))}"
        )
    picture = figure(
        "errors",
        "Error by step of the horizon",
        f"Line chart of the root mean squared error of the model and of each baseline. "
        f"{told}.",
        lambda ax: plot_errors(errors, ax),
        live=live_errors(errors, unit) if interactive else None,
    )
    scores = source.scores.rename_axis("forecast").reset_index()
    scores["forecast"] = scores["forecast"].map(name_cell)
    tables = [table_of(scores, "Scores over all steps", words=["forecast"])]
    if isinstance(source, Evaluation):
        more = source.quantile_scores.rename_axis("forecast").reset_index()
        more["forecast"] = more["forecast"].map(name_cell)
        tables.append(table_of(more, "Scores of the quantiles", words=["forecast"]))
    return Section(
        "errors",
        "Error by step",
        texts=(f"{told}.",),
        figures=(picture,),
        tables=tuple(table for table in tables if table is not None),
        notes=(
            "Ratios are to the last value: below 1 is better. Whiskers that reach the "
            "last value: not told apart from it.",
            SCORES_EXPLAINED,
        ),
    )


def page_calibration(source: Scored) -> Section | None:
    """Return the section on intervals and quantiles; None without any."""
    figures: list[Figure] = []
    tables: list[Table | None] = []
    texts: list[str] = []
    try:
        held = coverage_by_level(source)
    except (ConfigError, DataError):
        held = None
    if held is not None:
        shares = ", ".join(
            f"the {PERCENT * level:g}% interval held {PERCENT * observed:.1f}%"
            for level, observed in zip(held["level"], held["observed"], strict=True)
        )
        texts.append(f"Of the prices of the nearest step {shares}.")
        figures.append(
            figure(
                "calibration",
                "Calibration of the intervals",
                f"Line chart of the share of prices inside each interval against the "
                f"share that it promises: {shares}. A grey band shows what luck "
                f"explains.",
                lambda ax: plot_calibration(held, ax),
            )
        )
        luck = {"low": "by luck, from", "high": "by luck, to"}
        shares_of = held.rename(columns=luck)
        tables.append(table_of(shares_of, "Shares of prices inside the intervals"))
    if isinstance(source, Backtest) and held is not None:
        yearly = coverage_by_year(source)
        figures.append(
            figure(
                "coverage",
                "Coverage by year",
                "Line chart of the share of prices inside each interval, year by year, "
                "beside dashed lines of what each promises.",
                lambda ax: plot_coverage(yearly, ax),
            )
        )
    figures += _pit_figures(source)
    if not figures:
        return None
    shown = tuple(table for table in tables if table is not None)
    return Section("calibration", "Calibration", tuple(texts), tuple(figures), shown)


def _pit_figures(source: Scored) -> list[Figure]:
    try:
        histogram = pit_by_bin(source)
    except (ConfigError, DataError):
        return []
    outside = (histogram["density"] < histogram["low"]) | (
        histogram["density"] > histogram["high"]
    )
    return [
        figure(
            "pit",
            "Probability integral transform",
            f"Histogram of where prices fell in their forecast distributions: "
            f"{int(outside.sum())} of {len(histogram)} bars end outside the band of "
            "luck. Densities from the lowest quantiles to the highest: "
            f"{', '.join(f'{value:.2f}' for value in histogram['density'])}.",
            lambda ax: plot_pit(histogram, ax),
        )
    ]


def lag_table(lags: dict[str, Lag]) -> Table:
    """Return what was found of the lag of each ticker."""
    rows = tuple(
        (
            ticker,
            lag.outcome.replace("_", " "),
            cell(lag.shift),
            f"{lag.correlation.estimate:.3f}",
            f"{lag.correlation.low:.3f} to {lag.correlation.high:.3f}",
            cell(lag.r2),
            cell(lag.rmse_to_last),
            str(lag.n_windows),
        )
        for ticker, lag in lags.items()
    )
    columns = (
        *("ticker", "outcome", "best shift", "correlation", "95% interval"),
        *("R² of returns", "RMSE to the last value", "forecasts"),
    )
    words = frozenset({"ticker", "outcome"})
    return Table("Forecasts beside the price known last", columns, rows, words)


def page_importance(folder: Path, ticker: str, target: str) -> Section | None:
    """Return the section on what `forecaster explain` left beside a run."""
    place = folder.resolve()
    beside = place.with_name(f"{place.name}{EXPLAINED}")
    if not (beside / IMPORTANCE).is_file():
        return None
    importance = read_table(beside / IMPORTANCE)
    wanted = {"feature", "kind", "increase", "ratio", "ratio_spread"}
    whole = wanted <= {*importance.columns}
    if not whole or importance.empty or importance["ratio"].isna().any():
        raise BundleError(
            f"{beside / IMPORTANCE}: damaged, it is no table of importance. Make it "
            "again with `forecaster explain`."
        )
    importance.attrs = {
        "ticker": ticker,
        "target": target,
        "loss": "loss",
        **dict.fromkeys(("n_repeats", "n_folds", "n_windows"), 0),
    }

    def draw(ax: object) -> None:
        drawn = plot_importance(importance, ax)  # type: ignore[arg-type]
        drawn.set_title(
            "How much worse the forecasts get when an input is scrambled\n"
            "means and standard deviations over folds and exchanges"
        )

    best = importance.iloc[0]
    growth = PERCENT * (float(best["ratio"]) - 1)
    picture = figure(
        "importance",
        "Importance of the inputs",
        f"Bar chart of the growth of the loss when one input is exchanged between "
        f"windows, for {min(len(importance), MOST_INPUTS)} inputs. The most important "
        f"is {best['feature']}, with {growth:.2f}%.",
        draw,
        size=(10.0, 2.0 + 0.22 * min(len(importance), MOST_INPUTS)),
    )
    tables = [table_of(importance, "Importance", words=["feature", "kind"])]
    if (beside / ATTRIBUTIONS).is_file():
        tables.append(_attributions(beside / ATTRIBUTIONS))
    return Section(
        "importance",
        "Importance of the inputs",
        texts=(
            f"{ticker} {target}: the loss grows by {growth:.2f}% when "
            f"{best['feature']} is scrambled, which no other input exceeds.",
        ),
        figures=(picture,),
        tables=tuple(table for table in tables if table is not None),
        notes=(
            "An input that another one can stand in for seems to matter little. Read "
            f"from {beside.name}, as `forecaster explain` left it.",
        ),
    )


def _attributions(path: Path) -> Table | None:
    """Return how much each feature moves the forecast, over all sessions."""
    table = read_table(path).set_index("session_from_origin")
    sums = table.sum().sort_values(ascending=False)
    nearest = table.iloc[-1].reindex(sums.index)
    frame = pd.DataFrame(
        {"feature": sums.index, "all sessions": sums, "last session": nearest}
    )
    return table_of(
        frame, "Mean size of integrated gradients by feature", words=["feature"]
    )


def page_of(
    kind: str, source: Scored, name: str, title: str, sections: tuple[Section, ...]
) -> Page:
    """Return a page that begins with the verdict that matters."""
    verdict = source.best_verdict
    facts = {
        "verdict": source.verdict.to_dict(),
        "quantile_verdict": (
            None
            if source.quantile_verdict is None
            else source.quantile_verdict.to_dict()
        ),
    }
    outcome = verdict.outcome
    return Page(
        kind, name, title, WORDS[outcome], MOODS[outcome], sections, facts=facts
    )
