"""Pictures of a training: losses and gradients by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecaster.errors import ConfigError
from forecaster.plotting.checking import check_table, check_values
from forecaster.plotting.style import BLUE, ORANGE, finish, look, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRADIENT = "gradient/"
HISTORY = "`Forecaster.history`"
FEW = 30  # epochs that are marked each
FAR = 10.0  # between the largest and the least loss: from there on the axis is log


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
    marker = "o" if len(history) <= FEW else None
    epoch = history["epoch"]
    ax.plot(epoch, history["loss"], color=BLUE, marker=marker, ms=4, label="training")
    if "val_loss" in history:
        loss, marker = history["val_loss"], marker and "s"
        ax.plot(
            epoch, loss, color=ORANGE, ls="--", marker=marker, ms=4, label="validation"
        )
    losses = history[[name for name in ("loss", "val_loss") if name in history]]
    values = losses.to_numpy(dtype=float)
    # The loss of a density can be below zero.
    if 0 < FAR * np.nanmin(values) < np.nanmax(values):
        ax.set_yscale("log")
    _whole_epochs(ax)
    axis = ax.get_yscale()
    return finish(
        ax,
        title="Loss by epoch",
        xlabel="epoch",
        ylabel=f"loss (of scaled targets, {axis} axis)",
        legend="val_loss" in history,
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


def _whole_epochs(ax: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
