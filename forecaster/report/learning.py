"""Learning: the sections on how the loss fell, in one training or in each of many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from forecaster.plotting import (
    GRADIENT,
    plot_gradients,
    plot_histories,
    plot_history,
)
from forecaster.report.drawing import figure
from forecaster.report.interactive import live_losses
from forecaster.report.page import Section, Table, cell, table_of

LOSS, VALIDATION = "loss", "val_loss"
MOST_LIVE = 8
HOW_MEASURED = (
    "Training losses are means over an epoch in which the weights change, and with "
    "dropout, if there is any; so they may lie above those of the validation slice."
)
NOT_KEPT = (
    "The trainings are not kept in this folder, so there are no losses by epoch to "
    "show. `forecaster backtest` keeps each of them in its fold."
)


def page_training(history: pd.DataFrame, *, interactive: bool) -> Section | None:
    """Return the section on the one training of a run; None without a history."""
    if history.empty or LOSS not in history:
        return None
    told = _how_it_fell(history)
    figures = [
        figure(
            "history",
            "Loss by epoch",
            f"Line chart of the training loss. {told}",
            lambda ax: plot_history(history, ax),
            live=live_losses({"": history}) if interactive else None,
        )
    ]
    if any(str(name).startswith(GRADIENT) for name in history):
        figures.append(
            figure(
                "gradients",
                "Gradient norms by epoch",
                "Line chart of the norm of each layer's gradient before clipping.",
                lambda ax: plot_gradients(history, ax),
            )
        )
    wanted = {1: "first", len(history): "last", kept_epoch(history): "kept"}
    chosen = history.iloc[[epoch - 1 for epoch in sorted(wanted)]]
    table = table_of(_named(chosen), "First, kept and last epoch")
    return Section(
        "training",
        "Training",
        (told, _what_is_kept(history)),
        tuple(figures),
        () if table is None else (table,),
        (HOW_MEASURED,) if VALIDATION in history else (),
    )


def page_trainings(
    histories: Mapping[str, pd.DataFrame], *, interactive: bool
) -> Section:
    """Return the section on the trainings of a walk-forward test, fold by fold.

    Parameters
    ----------
    histories
        `epoch loss`, and `val_loss` with validation, by the folder of each training,
        in order; empty where trainings are not kept.
    """
    known = {
        name: history
        for name, history in histories.items()
        if LOSS in history and not history.empty
    }
    if not known:
        return Section("training", "Training", (NOT_KEPT,))
    told = _summary(known)
    picture = figure(
        "trainings",
        "Losses by epoch of each training",
        f"Line chart of the losses of {len(known)} trainings; the newest stands out. "
        f"{told}",
        lambda ax: plot_histories(known, ax),
        size=(10.0, 4.2),
        live=live_losses(dict([*known.items()][-MOST_LIVE:])) if interactive else None,
    )
    return Section(
        "training",
        "Training",
        (told,),
        (picture,),
        (_table(known),),
        (
            "Each training scales its own prices, so losses of different folds are not "
            "to be held against each other to the last digit. Its scores on the test "
            "range are in the walk-forward timeline.",
            *((HOW_MEASURED,) if _validated(known) else ()),
        ),
    )


def kept_epoch(history: pd.DataFrame) -> int:
    """Return the epoch whose weights were kept: that of the least validation loss.

    The last one where there is no validation.
    """
    if VALIDATION not in history:
        return int(history["epoch"].iloc[-1])
    least = int(history[VALIDATION].to_numpy().argmin())
    return int(history["epoch"].iloc[least])


def _how_it_fell(history: pd.DataFrame) -> str:
    first, last = history[LOSS].iloc[0], history[LOSS].iloc[-1]
    ends_at = f"{last:.4g} after {len(history)} epochs"
    if len(history) == 1:
        return f"The loss is {last:.4g} after one epoch."
    if last < first:
        return f"The loss fell from {first:.4g} to {ends_at}."
    return f"The loss did not fall: {first:.4g} at first, {ends_at}."


def _what_is_kept(history: pd.DataFrame) -> str:
    kept = kept_epoch(history)
    if VALIDATION not in history:
        return f"No sessions were held back for validation: epoch {kept} was kept."
    least = history[VALIDATION].min()
    return f"Epoch {kept} was kept, whose validation loss is least: {least:.4g}."


def _named(history: pd.DataFrame) -> pd.DataFrame:
    shown = history[[name for name in ("epoch", LOSS, VALIDATION) if name in history]]
    return shown.rename(columns={LOSS: "training loss", VALIDATION: "validation loss"})


def _validated(known: Mapping[str, pd.DataFrame]) -> bool:
    return any(VALIDATION in history for history in known.values())


def _summary(known: Mapping[str, pd.DataFrame]) -> str:
    lengths = [len(history) for history in known.values()]
    fell = sum(one[LOSS].iloc[-1] < one[LOSS].iloc[0] for one in known.values())
    n = len(known)
    told = (
        f"{n} training{'s' if n > 1 else ''} of {_range(lengths)} epochs; the training "
        f"loss fell in {fell} of them."
    )
    own = [one for one in known.values() if VALIDATION in one]
    if not own:
        return f"{told} No sessions were held back for validation."
    kept = [kept_epoch(one) for one in own]
    unfinished = sum(epoch == len(one) for epoch, one in zip(kept, own, strict=True))
    return (
        f"{told} The validation loss was least in epoch {_range(kept)}, whose weights "
        f"are kept; in {unfinished} of {len(own)} that was the last, so that more "
        "epochs may lower it further."
    )


def _range(numbers: list[int]) -> str:
    first, last = min(numbers), max(numbers)
    return str(first) if first == last else f"{first} to {last}"


def _table(known: Mapping[str, pd.DataFrame]) -> Table:
    columns = [
        *("training", "epochs", "training loss, first", "training loss, last"),
        "epoch kept",
    ]
    if _validated(known):
        columns += ["validation loss, least", "validation loss, last"]
    rows = []
    for name, history in known.items():
        row: list[Any] = [name, len(history)]
        row += [float(history[LOSS].iloc[0]), float(history[LOSS].iloc[-1])]
        row.append(kept_epoch(history))
        if _validated(known):
            own = history.get(VALIDATION, pd.Series([float("nan")]))
            row += [float(own.min()), float(own.iloc[-1])]
        rows.append(tuple(cell(value) for value in row))
    words = frozenset({"training"})
    return Table("Losses of each training", tuple(columns), tuple(rows), words)
