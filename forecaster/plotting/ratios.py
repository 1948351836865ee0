"""Pictures of ratios: forest plots of verdicts with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from forecaster.errors import DataError
from forecaster.plotting.checking import check_kind, check_values
from forecaster.plotting.style import BLUE, GREY, ORANGE, finish, ink, new_axes
from forecaster.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOOKS = {
    "beats": (BLUE, "o", BLUE, "beats it"),
    "ties": (GREY, "s", "none", "not told apart"),
    "loses": (ORANGE, "X", ORANGE, "loses to it"),
}
FAR = 4.0  # between the ends of the intervals: from there on the axis is logarithmic


def plot_ratios(verdicts: Mapping[str, Verdict], ax: Axes | None = None) -> Axes:
    """Draw the ratio of losses that each verdict speaks of, with its 95% interval.

    Parameters
    ----------
    verdicts
        By the name of a ticker, year, model or whatever was judged, drawn from top to
        bottom; as `verdicts_by` returns them, or one of each `Evaluation`. Where they
        lie far apart, the axis is logarithmic.

    Raises
    ------
    DataError
        If there is nothing to draw, or the verdicts are on different losses.
    """
    _check(verdicts)
    ax = ax or new_axes()
    found = list(verdicts.values())
    places = np.arange(len(found))
    for outcome, (colour, marker, face, label) in LOOKS.items():
        chosen = [n for n in places if found[n].outcome == outcome]
        if chosen:
            ratio = [found[n].ratio for n in chosen]
            bars = [(found[n].low, found[n].high) for n in chosen]
            ax.hlines(chosen, *np.transpose(bars), color=colour, lw=2)
            ax.plot(
                ratio,
                chosen,
                color=colour,
                marker=marker,
                mfc=face,
                ls="none",
                ms=8,
                label=label,
            )
    ax.axvline(1, color=ink(ax), lw=0.9, ls="--")
    ax.set_yticks(places, [str(name).replace("_", " ") for name in verdicts])
    ax.set_ylim(len(found) - 0.4, -0.6)
    rivals = {one.against.replace("_", " ") for one in found}
    rival = rivals.pop() if len(rivals) == 1 else "a baseline"
    ends = np.array([(one.low, one.ratio, one.high) for one in found])
    far = bool(np.nanmax(ends) > FAR * np.nanmin(ends))
    if far:
        _log_axis(ax)
    finish(
        ax,
        title=f"{_capital(found[0].measure)} of the model over that of {rival}\n"
        "left of 1: the model is better; bars: 95% intervals",
        xlabel=f"ratio of {found[0].measure} (1: equal{', log axis' if far else ''})",
        ylabel="",
    )
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def _check(verdicts: Mapping[str, Verdict]) -> None:
    check_kind(verdicts, Mapping, "ratios")
    if not verdicts:
        raise DataError("ratios: there are no verdicts to draw")
    for verdict in verdicts.values():
        check_kind(verdict, Verdict, "ratios")
    measures = sorted({one.measure for one in verdicts.values()})
    if len(measures) > 1:
        raise DataError(
            f"ratios: verdicts on {' and '.join(measures)} cannot share one axis. Draw "
            "one figure for each."
        )
    check_values([one.ratio for one in verdicts.values()], "ratios")


def _log_axis(ax: Axes) -> None:
    """Let equal factors be equally far, with ticks written plainly."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.xaxis.set_minor_locator(NullLocator())


def _capital(measure: str) -> str:
    return measure[0].upper() + measure[1:]
