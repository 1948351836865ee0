"""Explained: the section on which inputs matter, if that was measured."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from forecaster.backtest_losses import PERCENT
from forecaster.explain_files import (
    IMPORTANCE,
    RECORD,
    Explained,
    folder_beside,
    networks_of,
    read_explained,
    read_networks,
)
from forecaster.plotting import plot_importance
from forecaster.report.drawing import figure
from forecaster.report.page import Section, Table, name_cell, table_of

MOST_INPUTS, MOST_TICKERS = 30, 8
TITLE = "Importance of the inputs"
NOT_MEASURED = "Not measured: run `forecaster explain {name}`, then report again."
ANOTHER = (
    "Not shown: {beside} was made for another network than the one reported here. "
    "Measure this one with `forecaster explain {name}`, then report again."
)
UNKNOWN = (
    "Not shown: {beside} was written by an earlier version of forecaster, which did "
    "not keep for which network. Measure this one with `forecaster explain {name}`, "
    "then report again."
)
NOT_KEPT = (
    "Not shown: the networks are not kept in this folder, so it cannot be told "
    "whether {beside} was made for them."
)


def page_importance(folder: Path) -> Section:
    """Return the section on what `forecaster explain` left beside a run or a walk.

    Without a picture where nothing was left, or not for these networks.

    Raises
    ------
    BundleError
        If what was left is damaged.
    """
    place = folder.resolve()
    beside = folder_beside(place)
    told = _why_not(place, beside)
    if told is not None:
        text = told.format(beside=beside.name, name=place.name)
        return Section("importance", TITLE, (text,))
    return _shown(read_explained(beside), beside.name)


def _why_not(place: Path, beside: Path) -> str | None:
    """Return why nothing can be shown; None if it can."""
    if not any((beside / name).is_file() for name in (RECORD, IMPORTANCE)):
        return NOT_MEASURED
    explained, own = read_networks(beside), networks_of(place)
    if explained is None:
        return UNKNOWN
    if not own:
        return NOT_KEPT
    return None if explained == own else ANOTHER


def _shown(explained: Explained, beside: str) -> Section:
    importance = explained.importance
    facts = importance.attrs
    tickers = str(facts["ticker"]).split()
    if len(tickers) > MOST_TICKERS:
        facts["ticker"] = f"{len(tickers)} tickers"
    told = importance_text(importance)
    shown = min(len(importance), MOST_INPUTS)
    picture = figure(
        "importance",
        TITLE,
        f"Bar chart of the growth of the {facts['loss']} when one input is exchanged "
        f"between windows, for {_counted(shown, 'input')}. {told}",
        lambda ax: plot_importance(importance, ax),
        size=(10.0, 2.0 + 0.22 * shown),
    )
    tables = (
        table_of(importance, "Importance", words=["feature", "kind"]),
        _attributions(explained.attributions),
    )
    return Section(
        "importance",
        TITLE,
        texts=(
            f"{facts['ticker']} {facts['target']}, {facts['first_session']} to "
            f"{facts['last_session']}: {told}",
        ),
        figures=(picture,),
        tables=tuple(table for table in tables if table is not None),
        notes=(
            f"Measured over {_counted(facts['n_windows'], 'window')} of "
            f"{_counted(facts['n_folds'], 'fold')}, with "
            f"{_counted(facts['n_repeats'], 'exchange')} of each input; the "
            f"{facts['loss']} with nothing scrambled is {facts['base_loss']:.4g}. "
            f"The checksums in {beside} are those of what is reported here.",
            "An input that another one can stand in for seems to matter little.",
        ),
    )


def importance_text(importance: pd.DataFrame) -> str:
    """Return in a sentence or two which input matters most, if any does measurably.

    An input does if the loss grows by more than one standard deviation over folds and
    exchanges.
    """
    growth, spread = importance["ratio"] - 1, importance["ratio_spread"]
    alone = bool(spread.isna().all())
    measurable = importance[growth > spread.fillna(0.0).clip(lower=0.0)]
    loss = importance.attrs["loss"]
    if measurable.empty:
        first = importance.iloc[0]
        wide = "" if alone else f", standard deviation {_percent(spread.iloc[0])}"
        return (
            f"No input measurably matters. The {loss} is largest when "
            f"{name_cell(first['feature'])} is scrambled: it changes by "
            f"{_percent(growth.iloc[0], signed=True)}{wide}."
        )
    best = measurable.iloc[0]
    told = (
        f"The {loss} grows most when {name_cell(best['feature'])} is scrambled: by "
        f"{_percent(float(best['ratio']) - 1)}."
    )
    if alone:
        return f"{told} From one exchange alone it cannot be told from luck."
    if len(importance) == 1:
        return told
    return (
        f"{told} {len(measurable)} of {len(importance)} inputs matter measurably: by "
        "more than one standard deviation over folds and exchanges."
    )


def _attributions(table: pd.DataFrame) -> Table | None:
    """Return how much each feature moves the forecast, over all sessions."""
    sums = table.sum().sort_values(ascending=False)
    nearest = table.iloc[-1].reindex(sums.index)
    frame = pd.DataFrame(
        {"feature": sums.index, "all sessions": sums, "last session": nearest}
    )
    return table_of(
        frame, "Mean size of integrated gradients by feature", words=["feature"]
    )


def _counted(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def _percent(value: float, *, signed: bool = False) -> str:
    return f"{PERCENT * value:{'+' if signed else ''}.2f}%"
