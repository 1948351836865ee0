"""Style: colours, the settings of matplotlib, and what every figure ends with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from forecaster.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of Okabe and Ito's colours those that are at least three times as dark as white paper
# and three times as light as a dark page; colour-blind readers tell them apart.
BLUE, ORANGE, GREEN, PINK = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
GREY = "#7F7F7F"
BLACK, WHITE, NIGHT = "#1A1A1A", "#F2F2F2", "#121212"
CYCLE = (BLUE, ORANGE, GREEN, PINK, GREY)
STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v")
SIZE, DPI = (10.0, 5.5), 120
NOTEBOOK_DPI = 100
TITLE_SIZE, TEXT_SIZE = 11, 10
EVEN = 0.5
# What is above the curves has a higher number.
BEHIND, FAN, LINES = 0.5, 1.5, 2.5


@contextlib.contextmanager
def style(*, dark: bool = False) -> Iterator[None]:
    """Set the font, sizes and colours of figures that are made inside the block.

    Examples
    --------
    >>> with style(dark=True):
    ...     import matplotlib
    ...
    ...     matplotlib.rcParams["axes.facecolor"]
    '#121212'
    """
    from matplotlib import rc_context

    with rc_context(_settings(dark)):  # type: ignore[arg-type]  # names as literals
        yield


def use_style(*, dark: bool = False) -> None:
    """Set the font, colours and layout of all figures made from now on.

    For a notebook's first cell; `style` sets font and colours inside a block.
    """
    from matplotlib import rcParams

    layout: dict[str, Any] = {
        "axes.titlesize": TITLE_SIZE,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.constrained_layout.use": True,
        "figure.dpi": NOTEBOOK_DPI,
    }
    rcParams.update(_settings(dark) | layout)  # type: ignore[arg-type]


def _settings(dark: bool) -> dict[str, Any]:
    ink, paper = (WHITE, NIGHT) if dark else (BLACK, "white")
    inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color")
    papered = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")
    return {
        **dict.fromkeys([*inked, "ytick.color"], ink),
        **dict.fromkeys(papered, paper),
        "font.family": "DejaVu Sans",
        "font.size": TEXT_SIZE,
        "svg.hashsalt": "forecaster",  # the same figure gives the same file
    }


def new_axes() -> Axes:
    """Return the axis of a new figure of pyplot, which its caller closes."""
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=SIZE, layout="constrained")[1]


def ink(ax: Axes) -> str:
    """Return the colour that stands out most from an axis's background."""
    return WHITE if is_dark(ax) else BLACK


def is_dark(ax: Axes) -> bool:
    """Return whether an axis's background is dark."""
    from matplotlib.colors import rgb_to_hsv, to_rgba

    colour = to_rgba(ax.get_facecolor())
    if colour[-1] == 0:  # the figure shines through
        colour = to_rgba(ax.figure.get_facecolor())
    brightness = float(rgb_to_hsv(colour[:3])[-1]) if colour[-1] else 1.0
    return brightness < EVEN


def look(place: int, *, marked: bool = False) -> dict[str, Any]:
    """Return colour, line style and marker of the series at a place, from 0 on.

    No two of the first twenty series look alike, and neighbours also differ without
    colour.
    """
    turn, hue = divmod(place, len(CYCLE))
    chosen: dict[str, Any] = {
        "color": CYCLE[hue],
        "ls": STYLES[(hue + turn) % len(STYLES)],
    }
    if marked:
        chosen |= {"marker": MARKERS[hue], "ms": 5}
    return chosen


def finish(
    ax: Axes, *, title: str, xlabel: str, ylabel: str, legend: bool = True
) -> Axes:
    """Name the axes, put the legend beside the data, and take away what is not data."""
    ax.set_title(title, fontsize=TITLE_SIZE)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.grid(visible=True, color=GREY, alpha=0.25, lw=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    if legend and ax.get_legend_handles_labels()[0]:
        ax.legend(
            frameon=False,
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
            borderaxespad=0.2,
            handlelength=2.6,
        )
    return ax


def date_ticks(ax: Axes) -> None:
    """Write dates along the x axis as short as can be, and as many as fit."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_formatter(formatter)


def day_number(day: date) -> float:
    """Return a day as matplotlib counts them."""
    from matplotlib.dates import date2num

    return float(date2num(day))  # type: ignore[no-untyped-call]


def check_count(name: str, value: int) -> None:
    """Refuse a number of things to draw that is not at least 1.

    Raises
    ------
    ConfigError
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"`{name}` must be a whole number from 1 on, not {value!r}")
