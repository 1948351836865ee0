"""Pictures of a walk-forward test: its folds, and where it gains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from forecaster.backtest_scores import Backtest
from forecaster.diagnostics import gains_by_origin
from forecaster.errors import DataError
from forecaster.folds import Fold
from forecaster.plotting.checking import check_kind, check_table, check_values
from forecaster.plotting.reliability import plot_coverage
from forecaster.plotting.saving import save_figure
from forecaster.plotting.style import (
    BLUE,
    ORANGE,
    date_ticks,
    day_number,
    finish,
    ink,
    look,
    new_axes,
)
from forecaster.reliability import coverage_by_year

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ADVANTAGE, COVERAGE = "advantage.png", "coverage.png"
THICKNESS, MOST_NAMES = 0.62, 30


def draw_backtest(backtest: Backtest, folder: Path) -> list[Path]:
    """Draw the pictures of a walk-forward test into a folder; return their paths."""
    gains = gains_by_origin(backtest)
    paths = [save_figure(lambda ax: plot_advantage(gains, ax), folder / ADVANTAGE)]
    if backtest.levels:
        held = coverage_by_year(backtest)
        paths.append(save_figure(lambda ax: plot_coverage(held, ax), folder / COVERAGE))
    return paths


def plot_advantage(gains: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how far the model's summed loss lies below that of each baseline.

    Parameters
    ----------
    gains
        As `gains_by_origin` returns it. A line that rises says that the model was
        better then.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    check_table(gains, (), "gains", "`gains_by_origin`")
    check_values(gains, "gains")
    ax = ax or new_axes()
    for place, (name, gain) in enumerate(gains.items()):
        label = f"{str(name).replace('_', ' ')} ({gain.iloc[-1]:+.1f}%)"
        ax.plot(gains.index, gain, lw=1.5, label=label, **look(place))
    ax.axhline(0, color=ink(ax), lw=0.8)
    date_ticks(ax)
    what = gains.attrs.get("loss", "loss")
    return finish(
        ax,
        title="What the model gains over each baseline, walking forward\nsum of the "
        f"{what} up to a day; rising: the model is better",
        xlabel="origin",
        ylabel=f"gain (% of the baseline's whole {what})",
    )


def plot_folds(folds: Sequence[Fold], ax: Axes | None = None) -> Axes:
    """Draw the training and the test range of each fold along time.

    Parameters
    ----------
    folds
        As `forecaster.folds.make_folds` returns them. A fold that is forecast by the
        training of an earlier one shows that range hollow.

    Raises
    ------
    DataError
        If there are none.
    """
    if not folds:
        raise DataError("folds: there are none to draw; see `make_folds`")
    for fold in folds:
        check_kind(fold, Fold, "folds")
    ax = ax or new_axes()
    own = [fold for fold in folds if fold.model == fold.number]
    borrowed = [fold for fold in folds if fold.model != fold.number]
    for part, face, label in (
        (own, BLUE, "training range"),
        (borrowed, "none", "training range of\nan earlier fold"),
    ):
        if part:
            starts = [pd.Timestamp(fold.training_start) for fold in part]
            ends = [pd.Timestamp(fold.training_end) for fold in part]
            _draw_ranges(ax, part, starts, ends, face=face, edge=BLUE, label=label)
    starts = [pd.Timestamp(fold.start) for fold in folds]
    ends = [pd.Timestamp(fold.end) for fold in folds]
    _draw_ranges(
        ax,
        folds,
        starts,
        ends,
        face=ORANGE,
        edge=ink(ax),
        label="test range",
        hatch="////",
    )
    if len(folds) <= MOST_NAMES:
        ax.set_yticks([fold.number for fold in folds])
    ax.set_ylim(folds[-1].number + 0.6, folds[0].number - 0.6)
    date_ticks(ax)
    return finish(
        ax,
        title="Folds of the walk-forward test\neach is forecast by a network that was "
        "trained on what lies before it",
        xlabel="session",
        ylabel="fold",
    )


def _draw_ranges(  # noqa: PLR0913  ranges, and how they look
    ax: Axes,
    folds: Sequence[Fold],
    starts: Sequence[pd.Timestamp],
    ends: Sequence[pd.Timestamp],
    *,
    face: str,
    edge: str,
    label: str,
    hatch: str = "",
) -> None:
    left = [day_number(day) for day in starts]
    right = [day_number(day) + 1 for day in ends]  # days included
    ax.barh(
        [fold.number for fold in folds],
        [end - start for start, end in zip(left, right, strict=True)],
        THICKNESS,
        left=left,
        facecolor=face,
        edgecolor=edge,
        hatch=hatch,
        lw=0.8,
        label=label,
    )
