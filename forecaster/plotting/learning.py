"""Pictures of a training: losses and gradients by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecaster.errors import ConfigError, DataError
from forecaster.plotting.checking import check_table, check_values
from forecaster.plotting.style import BLUE, LINES, ORANGE, finish, look, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRADIENT = "gradient/"
HISTORY = "`Forecaster.history`"
FEW = 30  # epochs that are marked each
FAR = 10.0  # between the largest and the least loss: from there on the axis is log
THIN, THICK, FAINT = 1.0, 2.2, 0.45
# Of each loss: its name, colour, line and mark.
LOSSES = {
    "loss": ("training", BLUE, "-", "o"),
    "val_loss": ("validation", ORANGE, "--", "s"),
}


def plot_history(history: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the training loss by epoch, and the validation loss if there is one.

    Parameters
    ----------
    history
        As `Forecaster.history`.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    check_table(history, ("epoch", "loss"), "learning curves", HISTORY)
    check_values(history["loss"], "learning curves")
    ax = ax or new_axes()
    _draw_losses(history, ax, marked=len(history) <= FEW)
    _scale_losses([history], ax)
    _whole_epochs(ax)
    axis = ax.get_yscale()
    return finish(
        ax,
        title="Loss by epoch",
        xlabel="epoch",
        ylabel=f"loss (of scaled targets, {axis} axis)",
        legend="val_loss" in history,
    )


def plot_histories(
    histories: Mapping[str, pd.DataFrame], ax: Axes | None = None
) -> Axes:
    """Draw the losses of several trainings by epoch; the last of them stands out.

    Parameters
    ----------
    histories
        Of each training as `Forecaster.history`, by its name, oldest first.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    if not histories:
        raise DataError("losses of trainings: there is no training to draw")
    for name, history in histories.items():
        check_table(history, ("epoch", "loss"), f"losses of {name}", HISTORY)
        check_values(history["loss"], f"losses of {name}")
    ax = ax or new_axes()
    newest = [*histories][-1]
    for history in [*histories.values()][:-1]:
        _draw_losses(history, ax, named=False, lw=THIN, alpha=FAINT)
    last = histories[newest]
    _draw_losses(
        last,
        ax,
        marked=len(last) <= FEW,
        suffix=f", {newest}",
        lw=THICK,
        zorder=LINES,
    )
    _scale_losses([*histories.values()], ax)
    _whole_epochs(ax)
    thin = "\nthick: the newest; thin: those before it" if len(histories) > 1 else ""
    return finish(
        ax,
        title=f"Loss by epoch of each training{thin}",
        xlabel="epoch",
        ylabel=f"loss (of scaled targets, {ax.get_yscale()} axis)",
    )


def plot_gradients(history: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the norm of each layer's gradient by epoch, before any clipping.

    Parameters
    ----------
    history
        As `Forecaster.history` of a training that watched its gradients.

    Raises
    ------
    ConfigError
        If the training did not watch them.
    DataError
        If there is nothing to draw.
    """
    check_table(history, ("epoch",), "gradients", HISTORY)
    names = [name for name in history if str(name).startswith(GRADIENT)]
    if not names:
        raise ConfigError(
            "this training did not watch its gradients: train with "
            "`training.watch_gradients = true`"
        )
    check_values(history[names], "gradients")
    ax = ax or new_axes()
    for place, name in enumerate(names):
        label = str(name).removeprefix(GRADIENT)
        ax.plot(history["epoch"], history[name], label=label, **look(place))
    ax.set_yscale("log")
    _whole_epochs(ax)
    return finish(
        ax,
        title="Norm of each layer's gradient by epoch, before clipping\n"
        "far above 1: exploding; falling towards 0 from top to bottom: vanishing",
        xlabel="epoch",
        ylabel="norm, mean over batches (log axis)",
    )


def _draw_losses(
    history: pd.DataFrame,
    ax: Axes,
    *,
    marked: bool = False,
    named: bool = True,
    suffix: str = "",
    **shape: Any,
) -> None:
    """Draw the losses of one training, with a mark at each epoch if wanted."""
    for column, (label, colour, line, marker) in LOSSES.items():
        if column in history:
            ax.plot(
                history["epoch"],
                history[column],
                color=colour,
                ls=line,
                marker=marker if marked else None,
                ms=4,
                label=f"{label}{suffix}" if named else None,
                **shape,
            )


def _scale_losses(histories: list[pd.DataFrame], ax: Axes) -> None:
    """Make the axis logarithmic where losses above zero lie far from each other."""
    values = np.concatenate(
        [
            one[name].to_numpy(dtype=float)
            for one in histories
            for name in LOSSES
            if name in one
        ]
    )
    # The loss of a density can be below zero.
    if 0 < FAR * np.nanmin(values) < np.nanmax(values):
        ax.set_yscale("log")


def _whole_epochs(ax: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
