"""Timeline: the section on the folds of a walk-forward test, along time."""

from __future__ import annotations

from forecaster.backtest_losses import UP
from forecaster.backtest_scores import MODEL
from forecaster.diagnostics import gains_by_origin
from forecaster.plotting import plot_advantage, plot_folds
from forecaster.report.drawing import figure
from forecaster.report.interactive import live_gains
from forecaster.report.page import Section, Table, cell
from forecaster.report.stored import Walked

NOT_KEPT = "not kept"


def page_timeline(walked: Walked, *, interactive: bool) -> Section:
    """Return the section on the folds, and on where the model gains along time."""
    backtest, folds = walked.backtest, walked.folds
    figures = []
    if folds:
        first, last = folds[0], folds[-1]
        figures.append(
            figure(
                "folds",
                "Folds of the walk-forward test",
                f"Bars of the training and test range of {len(folds)} folds, the first "
                f"tested from {first.start}, the last until {last.end}.",
                lambda ax: plot_folds(folds, ax),
                size=(10.0, 1.8 + 0.32 * len(folds)),
            )
        )
    if UP not in backtest.frame:
        gains = gains_by_origin(backtest)
        ends = "; ".join(
            f"{str(name).replace('_', ' ')} {gains[name].iloc[-1]:+.1f}%"
            for name in gains
        )
        figures.append(
            figure(
                "gains",
                "What the model gains over each baseline, walking forward",
                f"Line chart of the summed gain along time. At the end: {ends}.",
                lambda ax: plot_advantage(gains, ax),
                live=live_gains(gains) if interactive else None,
            )
        )
    return Section(
        "timeline",
        "Walk-forward timeline",
        figures=tuple(figures),
        tables=(_fold_table(walked),),
    )


def _fold_table(walked: Walked) -> Table:
    scores = walked.backtest.by("fold").xs(MODEL, level="model")
    known = {fold.number: fold for fold in walked.folds}
    frame = walked.backtest.frame
    ranges = {
        int(str(fold)): (days.min(), days.max())
        for fold, days in frame[frame["step"] == 1].groupby("fold")["session"]
    }
    rows = []
    for number, score in scores.iterrows():
        fold = known.get(int(str(number)))
        trained = NOT_KEPT
        if fold is not None:
            trained = f"{fold.training_start} to {fold.training_end}"
        first, last = ranges[int(str(number))]
        rows.append(
            (
                str(number),
                trained,
                f"{cell(first)} to {cell(last)}",
                str(int(score["n_forecasts"])),
                cell(float(score["rmse_ratio"])),
                cell(float(score.get("pinball_ratio", float("nan")))),
                cell(float(score["directional_accuracy"])),
            )
        )
    columns = (
        *("fold", "training range", "test range", "forecasts"),
        *("RMSE ratio", "pinball ratio", "right directions"),
    )
    words = frozenset({"training range", "test range"})
    return Table("Scores of the model by fold", columns, tuple(rows), words)
