"""The page of a walk-forward test: its verdict, its folds, and where it gains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forecaster.backtest import BUNDLE
from forecaster.backtest_scores import MODEL
from forecaster.bundle import load_bundle_config
from forecaster.diagnostics import Group, verdicts_by
from forecaster.errors import DataError
from forecaster.plotting import plot_walk
from forecaster.report.common import (
    CENTRE,
    lag_table,
    lag_texts,
    page_calibration,
    page_errors,
    page_of,
)
from forecaster.report.drawing import figure
from forecaster.report.explained import page_importance
from forecaster.report.interactive import levels_in, live_predictions
from forecaster.report.learning import page_trainings
from forecaster.report.page import (
    Figure,
    Page,
    Section,
    Table,
    cell,
    facts_table,
    joined,
)
from forecaster.report.provenance import (
    checksums_table,
    page_data,
    request_toml,
    training_facts,
    versions_table,
)
from forecaster.report.stored import Walked, read_backtest
from forecaster.report.timeline import page_timeline
from forecaster.report.verdicts import (
    MANY_TESTS,
    OUTCOMES,
    disagreement_notes,
    forests,
    verdict_facts,
    verdict_rows,
)
from forecaster.verdict import LAST_VALUE, Verdict

MOST_TICKERS = 8
FAN = (0.5, 0.9)


def backtest_page(folder: Path, *, interactive: bool = False) -> Page:
    """Return the report of a walk-forward test, from what its folder holds.

    Raises
    ------
    BundleError
        If it is not finished, or a file of it is missing or damaged.
    """
    walked = read_backtest(folder)
    backtest, request = walked.backtest, walked.request
    target = str(request.get("data.target", "price"))
    tickers = sorted(str(one) for one in backtest.frame["ticker"].unique())
    sections = joined(
        [
            _verdict(walked, tickers),
            _predictions(walked, tickers, target, interactive=interactive),
            page_errors(backtest, interactive=interactive),
            page_calibration(backtest),
            _significance(walked, tickers),
            _lag(walked),
            page_timeline(walked, interactive=interactive),
            page_importance(folder),
            page_trainings(walked.histories, interactive=interactive),
            _data(folder, walked, tickers),
            _provenance(folder, walked),
        ]
    )
    name = folder.resolve().name
    few = len(tickers) <= MOST_TICKERS
    who = ", ".join(tickers) if few else f"{len(tickers)} tickers"
    title = f"{who} {target}: the walk-forward test {name}"
    return page_of("backtest", backtest, name, title, sections)


def _verdict(walked: Walked, tickers: list[str]) -> Section:
    backtest = walked.backtest
    texts = [str(backtest.best_verdict)]
    facts = verdict_facts(backtest.best_verdict)
    notes = [*disagreement_notes({"verdict": backtest.best_verdict})]
    if backtest.quantile_verdict is not None:
        notes.append(CENTRE)
        texts.append(str(backtest.verdict))
        facts |= verdict_facts(backtest.verdict, prefix="centre: ")
    texts += lag_texts(backtest.lags)
    days = backtest.frame["session"]
    facts |= {
        "RMSE over that of the last value": cell(
            float(backtest.scores["rmse_ratio"][MODEL])
        ),
        "tickers": str(len(tickers)),
        "folds": str(backtest.frame["fold"].nunique()),
        "tested on": f"{cell(days.min())} to {cell(days.max())}",
    }
    return Section(
        "verdict",
        "Verdict",
        texts=tuple(texts),
        tables=(facts_table("The verdict in numbers", facts),),
        notes=(
            *notes,
            "Losses of one origin are averaged over tickers and steps before they are "
            "compared. A ratio below 1 is better.",
        ),
    )


def _predictions(
    walked: Walked, tickers: list[str], target: str, *, interactive: bool
) -> Section:
    figures = tuple(
        _predicted(walked, ticker, target, place, interactive=interactive)
        for place, ticker in enumerate(tickers[:MOST_TICKERS])
    )
    left = len(tickers) - MOST_TICKERS
    notes = ["The forecasts of the nearest step, each from the session before."]
    if left > 0:
        notes.append(f"The first {MOST_TICKERS} tickers; {left} more are scored below.")
    return Section(
        "predictions", "Predicted against real", (), figures, (), tuple(notes)
    )


def _predicted(
    walked: Walked, ticker: str, target: str, place: int, *, interactive: bool
) -> Figure:
    frame = walked.backtest.frame
    chosen = (frame["ticker"] == ticker) & (frame["step"] == 1)
    rows = frame[chosen & (frame["model"] == MODEL)].sort_values("session")
    rows = rows.dropna(axis="columns", how="all")
    levels = [level for level in levels_in(rows) if level in FAN]
    shares = " and ".join(f"{100 * level:g}%" for level in levels)
    fan = f" Shaded: the intervals of {shares}." if levels else ""
    label = f"{target} (quote currency)"
    title = f"{ticker} {target}: predicted against real prices, walking forward"
    return figure(
        f"predictions-{place}",
        f"{ticker} {target}: predicted against real prices",
        f"Line chart of {len(rows)} sessions from {cell(rows['session'].min())} to "
        f"{cell(rows['session'].max())}. Real prices from "
        f"{cell(float(rows['actual'].min()))} to {cell(float(rows['actual'].max()))}, "
        f"predicted ones from {cell(float(rows['predicted'].min()))} to "
        f"{cell(float(rows['predicted'].max()))}.{fan}",
        lambda ax: plot_walk(rows, ax, levels=levels, title=title),
        zoomable=True,
        live=live_predictions(rows, [LAST_VALUE], label) if interactive else None,
    )


def _significance(walked: Walked, tickers: list[str]) -> Section:
    backtest = walked.backtest
    groups: list[tuple[Group, str]] = [("baseline", "Beside each baseline")]
    if len(tickers) > 1:
        groups.append(("ticker", "By ticker"))
    groups.append(("year", "By year"))
    figures: list[Figure] = []
    tables: list[Table] = []
    judged: dict[str, Verdict] = {}
    for group, caption in groups:
        try:
            verdicts = verdicts_by(backtest, group)
        except DataError:
            continue
        what = "forecast" if group == "baseline" else group
        tables.append(verdict_rows(verdicts, caption, what))
        figures.extend(forests(group, caption, verdicts))
        judged |= {str(name): one for name, one in verdicts.items()}
    notes = [*disagreement_notes(judged), OUTCOMES]
    if backtest.quantile_verdict is not None:
        notes.append(
            "Judged by pinball loss: baselines without quantiles have none, and stand "
            "under the error by step."
        )
    return Section(
        "significance",
        "Significance",
        figures=tuple(figures),
        tables=tuple(tables),
        notes=(*notes, MANY_TESTS),
    )


def _lag(walked: Walked) -> Section | None:
    lags = walked.backtest.lags
    if not lags:
        return None
    texts = [f"{ticker}: {lag}" for ticker, lag in lags.items()]
    if len(texts) > MOST_TICKERS:
        texts = []
    return Section("lag", "Lag diagnosis", tuple(texts), tables=(lag_table(lags),))


def _data(folder: Path, walked: Walked, tickers: list[str]) -> Section | None:
    if not walked.manifests:
        return None
    newest = list(walked.manifests)[-1]
    config = load_bundle_config(folder / newest / BUNDLE)
    frame = walked.backtest.frame
    rows = frame[(frame["model"] == MODEL) & (frame["step"] == 1)]
    return page_data(config, rows, tickers)


def _provenance(folder: Path, walked: Walked) -> Section:
    facts = {
        "walk-forward test": folder.resolve().name,
        "trainings": len(walked.manifests),
    }
    tables = [facts_table("Where this comes from", facts)]
    trained = {
        name: training_facts(manifest["trained_on"])
        for name, manifest in walked.manifests.items()
    }
    if trained:
        newest = list(walked.manifests.values())[-1]
        files = {
            f"{name}/{file}": checksum
            for name, manifest in walked.manifests.items()
            for file, checksum in manifest["files"].items()
        }
        tables += [
            _trainings(trained),
            versions_table(newest["versions"]),
            checksums_table(files),
        ]
    prices = walked.request.get("prices")
    if isinstance(prices, dict):
        shown = tuple((str(name), str(prices[name])) for name in sorted(prices))
        words = frozenset({"ticker", "SHA-256"})
        title = "Fingerprints of the prices"
        tables.append(Table(title, ("ticker", "SHA-256"), shown, words))
    return Section(
        "provenance",
        "Provenance",
        tables=tuple(tables),
        code=(("All settings, defaults included", request_toml(walked.request)),),
        notes=(
            "Training sessions are counted over all tickers. Where there is a "
            "validation slice, it lies after the training range that is named here.",
        ),
    )


def _trainings(trained: dict[str, dict[str, Any]]) -> Table:
    names = tuple(next(iter(trained.values())))
    rows = tuple(
        (fold, *(cell(value) for value in facts.values()))
        for fold, facts in trained.items()
    )
    words = frozenset({"fold", *names}) - {"training sessions", "training windows"}
    return Table("Trainings", ("fold", *names), rows, words)
