"""Common sections: what reports on runs and on walk-forward tests share."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from forecaster.backtest_losses import PERCENT
from forecaster.backtest_scores import MODEL, Backtest
from forecaster.correcting import quantile_columns
from forecaster.diagnostics import errors_by_step
from forecaster.errors import ConfigError, DataError
from forecaster.evaluation import Evaluation
from forecaster.lag import Lag, tickers_by_outcome
from forecaster.plotting import (
    plot_calibration,
    plot_coverage,
    plot_errors,
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

MOST_NAMED = 8
NO_INTERVALS = (
    "Nothing to calibrate: this network forecasts a single price for each session, and "
    "no interval. With `model.head` set to quantiles or student_t it gives intervals."
)
NO_PRICES = (
    "Nothing to calibrate here: this network says how likely a rise is, and no price "
    "or interval. Its Brier score is part of the verdict."
)
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


def page_calibration(source: Scored) -> Section:
    """Return the section on intervals and quantiles, or on why there are none."""
    if not _has_quantiles(source):
        rows = source.frame if isinstance(source, Backtest) else source.predictions
        told = NO_PRICES if "probability_up" in rows else NO_INTERVALS
        return Section("calibration", "Calibration", (told,))
    figures: list[Figure] = []
    tables: list[Table | None] = []
    texts: list[str] = []
    try:
        held = coverage_by_level(source)
    except (ConfigError, DataError) as error:
        texts.append(f"The intervals are not judged: {error}")
    else:
        texts.append(f"Of the prices of the nearest step {_shares(held)}.")
        figures.append(_coverage_figure(held))
        luck = {"low": "by luck, from", "high": "by luck, to"}
        shares_of = held.rename(columns=luck)
        tables.append(table_of(shares_of, "Shares of prices inside the intervals"))
        if isinstance(source, Backtest):
            figures.append(_yearly_figure(source))
    try:
        figures.append(_pit_figure(source))
    except (ConfigError, DataError) as error:
        texts.append(f"There is no histogram: {error}")
    shown = tuple(table for table in tables if table is not None)
    return Section("calibration", "Calibration", tuple(texts), tuple(figures), shown)


def _has_quantiles(source: Scored) -> bool:
    rows = source.frame if isinstance(source, Backtest) else source.predictions
    if isinstance(source, Backtest):
        rows = rows[rows["model"] == MODEL].dropna(axis="columns", how="all")
    return bool(quantile_columns(rows))


def _shares(held: pd.DataFrame) -> str:
    return ", ".join(
        f"the {PERCENT * level:g}% interval held {PERCENT * observed:.1f}%"
        for level, observed in zip(held["level"], held["observed"], strict=True)
    )


def _coverage_figure(held: pd.DataFrame) -> Figure:
    return figure(
        "calibration",
        "Calibration of the intervals",
        f"Line chart of the share of prices inside each interval against the share "
        f"that it promises: {_shares(held)}. A grey band shows what luck explains.",
        lambda ax: plot_calibration(held, ax),
    )


def _yearly_figure(backtest: Backtest) -> Figure:
    yearly = coverage_by_year(backtest)
    told = "; ".join(
        f"{year}: "
        + ", ".join(
            f"{PERCENT * held:.1f}% in {PERCENT * float(str(level)):g}%"
            for level, held in row.items()
        )
        for year, row in yearly.iterrows()
    )
    return figure(
        "coverage",
        "Coverage by year",
        "Line chart of the share of prices of the nearest step inside each interval, "
        f"year by year, beside dashed lines of what each promises. {told}.",
        lambda ax: plot_coverage(yearly, ax),
    )


def _pit_figure(source: Scored) -> Figure:
    histogram = pit_by_bin(source)
    outside = (histogram["density"] < histogram["low"]) | (
        histogram["density"] > histogram["high"]
    )
    return figure(
        "pit",
        "Probability integral transform",
        f"Histogram of where prices fell in their forecast distributions: "
        f"{int(outside.sum())} of {len(histogram)} bars end outside the band of "
        "luck. Densities from the lowest quantiles to the highest: "
        f"{', '.join(f'{value:.2f}' for value in histogram['density'])}.",
        lambda ax: plot_pit(histogram, ax),
    )


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


def lag_texts(lags: Mapping[str, Lag]) -> list[str]:
    """Say whether forecasts copy a known price: of one ticker, or by what was found."""
    if len(lags) == 1:
        return [str(lag) for lag in lags.values()]
    return [
        f"{phrase.capitalize()}: {_listed(tickers)}."
        for phrase, tickers in tickers_by_outcome(lags).items()
    ]


def _listed(tickers: list[str]) -> str:
    more = len(tickers) - MOST_NAMED
    shown = ", ".join(tickers[:MOST_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown


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
