"""Pictures of a walk-forward test: where it gains, and whether intervals hold."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecaster.backtest_losses import PERCENT, add_losses, losses_of
from forecaster.backtest_scores import MODEL, UNCALIBRATED, Backtest
from forecaster.plotting import BLACK, CYCLE, GREY, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (10.0, 5.5)
ADVANTAGE, COVERAGE = "advantage.png", "coverage.png"


def draw_backtest(backtest: Backtest, folder: Path) -> list[Path]:
    """Draw the pictures of a walk-forward test into a folder; return their paths."""
    paths = [save_figure(lambda ax: plot_advantage(backtest, ax), folder / ADVANTAGE)]
    if backtest.levels:
        paths.append(
            save_figure(lambda ax: plot_coverage(backtest, ax), folder / COVERAGE)
        )
    return paths


def plot_advantage(backtest: Backtest, ax: Axes | None = None) -> Axes:
    """Draw how far the model's summed loss lies below that of each baseline.

    Of the pinball loss if there are quantiles, else of the squared error, in percent of
    the baseline's whole sum. A line that rises says that the model was better then.
    """
    ax = ax or _new_axes()
    loss = "pinball" if backtest.levels else "squared"
    rows = add_losses(backtest.frame)
    losses = losses_of(rows[rows["model"] != UNCALIBRATED], loss)
    days = pd.DatetimeIndex(np.sort(rows["origin"].unique()))
    own = losses.pop(MODEL)
    for place, (name, rival) in enumerate(losses.items()):
        gain = PERCENT * np.cumsum(rival - own) / rival.sum()
        label = f"{name.replace('_', ' ')} ({gain[-1]:+.1f}%)"
        ax.plot(days, gain, color=CYCLE[place % len(CYCLE)], lw=1.5, label=label)
    ax.axhline(0, color=BLACK, lw=0.8)
    what = "pinball loss" if backtest.levels else "squared error"
    ax.set_title(
        f"What the model gains over each baseline, walking forward\nsum of the {what} "
        "up to a day; rising: the model is better",
        fontsize=11,
    )
    return _finish(ax, f"gain (% of the baseline's whole {what})")


def plot_coverage(backtest: Backtest, ax: Axes | None = None) -> Axes:
    """Draw the share of prices inside each central interval, year by year."""
    ax = ax or _new_axes()
    scores = backtest.by("year").xs(MODEL, level="model")
    for place, name in enumerate(_intervals(scores.columns)):
        level, color = float(name.removeprefix("coverage_")), CYCLE[place % len(CYCLE)]
        ax.axhline(PERCENT * level, color=color, lw=0.9, ls="--")
        share = PERCENT * scores[name]
        label = f"{level:.0%} interval"
        ax.plot(scores.index, share, color=color, marker="o", lw=1.5, label=label)
    ax.set_xticks(scores.index)
    ax.set_title(
        "Share of prices inside the central intervals, by year\ndashed: what each "
        "interval promises",
        fontsize=11,
    )
    return _finish(ax, "prices inside (%)")


def _intervals(columns: Iterable[object]) -> list[str]:
    return [str(name) for name in columns if str(name).startswith("coverage_")]


def _new_axes() -> Axes:
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=SIZE, layout="constrained")[1]


def _finish(ax: Axes, ylabel: str) -> Axes:
    ax.set_ylabel(ylabel)
    ax.grid(visible=True, alpha=0.25, color=GREY)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax
