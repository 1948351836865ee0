"""Saving: one figure, drawn and written, of which nothing else hears."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from forecaster.atomic import write_bytes
from forecaster.plotting.style import DPI, SIZE, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
}


def draw_bytes(
    draw: Callable[[Axes], object],
    *,
    file_format: Literal["png", "svg"] = "png",
    dark: bool = False,
    size: tuple[float, float] = SIZE,
    dpi: int = DPI,
) -> bytes:
    """Draw on a fresh figure, and return the file of it.

    Parameters
    ----------
    draw
        Is given the axis, such as ``lambda ax: plot_history(history, ax)``.
    dark
        Light lines and letters on a dark page.
    size
        Width and height in inches.
    dpi
        Points in an inch, of a PNG.
    """
    from matplotlib.figure import Figure

    content = io.BytesIO()
    with style(dark=dark):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.add_subplot())
        figure.savefig(
            content, format=file_format, dpi=dpi, metadata=METADATA[file_format]
        )
    return content.getvalue()


def save_figure(
    draw: Callable[[Axes], object], path: Path, *, dark: bool = False
) -> Path:
    """Draw on a fresh figure and write it as PNG, whole or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    write_bytes(path, draw_bytes(draw, dark=dark))
    return path
