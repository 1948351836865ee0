"""Pictures of reliability: whether intervals and quantiles hold what they promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecaster.backtest_losses import PERCENT
from forecaster.plotting.checking import check_table, check_values
from forecaster.plotting.style import (
    BLUE,
    CYCLE,
    FAN,
    GREY,
    LINES,
    MARKERS,
    ORANGE,
    finish,
    ink,
    new_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAND = 0.3  # how dark bands of luck are
MARGIN = 5.0  # percent


def plot_calibration(coverage: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the share of prices that each interval held against what it promises.

    Parameters
    ----------
    coverage
        As `coverage_by_level` returns it. The grey band is where the points of a
        calibrated forecast would lie.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    columns, what = ("level", "observed", "low", "high", "n_origins"), "calibration"
    check_table(coverage, columns, what, "`coverage_by_level`")
    check_values(coverage["observed"], what)
    ax = ax or new_axes()
    level, observed = PERCENT * coverage["level"], PERCENT * coverage["observed"]
    low, high = PERCENT * coverage["low"], PERCENT * coverage["high"]
    name = f"by luck, {coverage['n_origins'].max()} origins"
    ax.fill_between(level, low, high, color=GREY, alpha=BAND, lw=0, label=name)
    # The band is narrow where there are many forecasts: its ends are drawn as well.
    for place, end, start in zip(level, high, low, strict=True):
        ax.plot([place, place], [start, end], color=GREY, lw=5, alpha=0.5)
    ends = (0.0, PERCENT)
    ax.plot(ends, ends, color=ink(ax), lw=0.9, ls="--", label="as promised")
    ax.plot(
        level,
        observed,
        color=ORANGE,
        marker="o",
        ms=6,
        lw=1.5,
        zorder=LINES,
        label="observed",
    )
    least = max(min(level.min(), observed.min(), low.min()) - MARGIN, 0.0)
    ax.set(xlim=(least, PERCENT), ylim=(least, PERCENT), aspect="equal")
    return finish(
        ax,
        title="Prices inside the central intervals against what they promise\n"
        "below the dashed line: too narrow, above: too wide",
        xlabel="promised (% of prices)",
        ylabel="observed (% of prices)",
    )


def plot_pit(histogram: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw where in their forecast distributions the prices fell, as a histogram.

    Parameters
    ----------
    histogram
        As `pit_by_bin` returns it. Bars end at the quantiles, so their widths differ;
        those of a calibrated forecast would end in the band.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    columns, what = ("left", "right", "density", "low", "high"), "PIT histogram"
    check_table(histogram, columns, what, "`pit_by_bin`")
    check_values(histogram["density"], what)
    ax = ax or new_axes()
    line = ink(ax)
    edges = np.append(histogram["left"], histogram["right"].iloc[-1])
    ax.stairs(
        histogram["high"],
        edges,
        baseline=histogram["low"].to_numpy(),
        fill=True,
        color=GREY,
        alpha=0.45,
        zorder=FAN,
        label="by luck",
    )
    ax.stairs(histogram["density"], edges, fill=True, color=BLUE, alpha=0.2)
    ax.stairs(
        histogram["density"],
        edges,
        baseline=0,
        color=BLUE,
        lw=2,
        zorder=LINES,
        label="observed",
    )
    ax.vlines(edges[1:-1], 0, histogram["density"].iloc[1:], color=BLUE, lw=0.8)
    ax.axhline(1, color=line, lw=0.9, ls="--", label="as promised")
    ax.set_xlim(0, 1)
    p_value = histogram.attrs.get("p_value", np.nan)
    tested = "" if np.isnan(p_value) else f"; chi-square p = {p_value:.2g}"
    return finish(
        ax,
        title="Where prices fell in their forecast distributions"
        f"\na U: too narrow, a hump: too wide, a slope: biased{tested}",
        xlabel="probability that was given to lower prices",
        ylabel="density (1: as often as forecast)",
    )


def plot_coverage(coverage: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the share of prices inside each central interval, year by year.

    Parameters
    ----------
    coverage
        As `coverage_by_year` returns it. The dashed lines are what each promises.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    check_table(coverage, (), "coverage", "`coverage_by_year`")
    check_values(coverage, "coverage")
    ax = ax or new_axes()
    for place, (level, held) in enumerate(coverage.items()):
        promised, color = PERCENT * float(str(level)), CYCLE[place % len(CYCLE)]
        ax.axhline(promised, color=color, lw=0.9, ls="--")
        ax.plot(
            coverage.index,
            PERCENT * held,
            color=color,
            marker=MARKERS[place % len(MARKERS)],
            lw=1.5,
            label=f"{promised:g}% interval",
        )
    ax.set_xticks(coverage.index)
    return finish(
        ax,
        title="Share of prices inside the central intervals, by year\ndashed: what "
        "each interval promises",
        xlabel="year",
        ylabel="prices inside (%)",
    )
