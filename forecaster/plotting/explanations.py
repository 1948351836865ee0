"""Pictures of explanations: which inputs matter, and which sessions of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecaster.errors import DataError
from forecaster.plotting.checking import check_table, check_values
from forecaster.plotting.style import BLUE, finish, ink, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from forecaster.attributions import Attributions

IMPORTANCE = ("feature", "kind", "ratio", "ratio_spread")
MOST_BARS, MOST_NAMES, MOST_TICKS = 30, 30, 9
BASELINES = {
    "mean": "a window flat at its mean",
    "zero": "a window of zeros",
    "origin": "a window flat at its last session",
}
KINDS = {"known": " (of the day forecast)", "static": " (at the origin)"}


def plot_importance(importance: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw by how much the loss grows when each input is scrambled.

    Parameters
    ----------
    importance
        As `permutation_importance` returns it; the 30 most important are drawn, the
        most important at the top. Bars show the mean, whiskers one standard deviation.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    maker = "`permutation_importance`"
    check_table(importance, IMPORTANCE, "importance", maker)
    check_values(importance["ratio"], "importance")
    ax = ax or new_axes()
    line = ink(ax)
    rows, facts = importance.head(MOST_BARS).iloc[::-1], importance.attrs
    change = 100 * (rows["ratio"] - 1)
    spread = 100 * rows["ratio_spread"].fillna(0.0)
    names = [
        f"{name}{KINDS.get(kind, '')}"
        for name, kind in zip(rows["feature"], rows["kind"], strict=True)
    ]
    height = 0.62 if len(rows) > 1 else 0.3
    whiskers = {"ecolor": line, "capsize": 3, "elinewidth": 1.1}
    ax.barh(names, change, height, xerr=spread, color=BLUE, error_kw=whiskers)
    ax.axvline(0, color=line, lw=0.8)
    size = 10 if len(rows) <= MOST_BARS // 2 else 8
    ax.tick_params(axis="y", length=0, labelsize=size)
    ax.set_ylim(-0.7, len(rows) - 0.3)
    finish(
        ax,
        title=f"{facts['ticker']} {facts['target']}: what scrambling an input costs\n"
        f"means and standard deviations, {facts['n_repeats']} exchanges, "
        f"{facts['n_folds']} fold(s), {facts['n_windows']} windows",
        xlabel=f"growth of the {facts['loss']} (%)",
        ylabel="",
        legend=False,
    )
    ax.grid(visible=False, axis="y")
    ax.spines["left"].set_visible(False)
    return ax


def plot_attributions(attributions: Attributions, ax: Axes | None = None) -> Axes:
    """Draw which sessions of which features move the forecast, as a map of shades.

    A single feature is drawn as bars: a map of one row says less.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    table = attributions.mean_absolute
    if table.empty:
        raise DataError("attributions: there are no sessions or features to draw")
    check_values(table, "attributions")
    ax = ax or new_axes()
    days = [pd.Timestamp(attributions.origins[place]).date() for place in (0, -1)]
    span = f"{days[0]} to {days[1]}" if len(attributions.origins) > 1 else f"{days[0]}"
    alone = table.shape[1] == 1
    finish(
        ax,
        title=f"{attributions.ticker} {attributions.target}: what moves the forecast "
        f"of the next session\nintegrated gradients against "
        f"{BASELINES[attributions.baseline]}; {len(attributions.origins)} window(s), "
        f"origins {span}",
        xlabel="sessions before the origin (0: the last session known)",
        ylabel=f"{table.columns[0]}\nmean size ({attributions.unit})" if alone else "",
        legend=False,
    )
    ax.grid(visible=False, axis="both" if not alone else "x")
    if alone:
        ax.bar(table.index, table.iloc[:, 0], 0.85, color=BLUE)
        ax.set_xlim(table.index[0] - 0.7, 0.7)
    else:
        _draw_map(table, attributions.unit, ax)
    return ax


def _draw_map(table: pd.DataFrame, unit: str, ax: Axes) -> None:
    lookback, n_features = table.shape
    image = ax.imshow(
        table.to_numpy().T,
        aspect="auto",
        cmap="cividis",
        vmin=0.0,
        interpolation="nearest",
        extent=(0.5 - lookback, 0.5, n_features - 0.5, -0.5),
    )
    size = 10 if n_features <= MOST_NAMES // 2 else 7
    ax.set_yticks(np.arange(n_features), list(table.columns), fontsize=size)
    ax.tick_params(axis="y", length=0)
    step = max(-(-lookback // MOST_TICKS), 1)
    ax.set_xticks(np.arange(0, -lookback, -step)[::-1])
    # Thin lines between the rows keep neighbouring features apart.
    ax.set_yticks(np.arange(0.5, n_features - 1), minor=True)
    ax.grid(visible=True, which="minor", axis="y", color="white", lw=0.8)
    ax.tick_params(axis="y", which="minor", length=0)
    ax.spines[:].set_visible(False)
    bar = ax.figure.colorbar(image, ax=ax, pad=0.02)
    bar.set_label(f"mean size ({unit})")
    bar.outline.set_visible(False)
