"""Fans: the shaded intervals that forecasts are drawn in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.correcting import quantile_columns
from forecaster.errors import ConfigError
from forecaster.forecast import Forecast
from forecaster.metrics import central_intervals
from forecaster.plotting.style import FAN, GREY, LINES, ORANGE, is_dark

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHADES = {True: (0.2, 0.45), False: (0.15, 0.55)}  # shares of orange, if it is dark
N_PATHS = 8
Band = tuple[float, FloatArray, FloatArray]


def bands_of(forecast: Forecast) -> list[Band]:
    """Return level, low and high ends of a forecast's intervals, widest first.

    Those of its pairs of quantiles, if it has no others.
    """
    found = [
        (level, interval.low, interval.high)
        for level, interval in forecast.intervals.items()
    ]
    if not found and forecast.quantiles is not None:
        found = [
            (level, forecast.quantiles[:, low], forecast.quantiles[:, high])
            for level, (low, high) in central_intervals(forecast.levels).items()
        ]
    return sorted(found, key=lambda band: -band[0])


def bands_in(table: pd.DataFrame, wanted: Sequence[float]) -> list[Band]:
    """Return the wanted intervals of a table with columns such as `q0.05`.

    Raises
    ------
    ConfigError
        Naming the levels that the table has.
    """
    levels = quantile_columns(table)
    known = central_intervals([*levels.values()])
    for level in wanted:
        if level not in known:
            there = ", ".join(f"{one:g}" for one in sorted(known)) or "none"
            raise ConfigError(
                f"there is no {level:g} interval in these forecasts; there: {there}"
            )
    values = table[[*levels]].to_numpy(dtype=float)
    return [
        (level, values[:, known[level][0]], values[:, known[level][1]])
        for level in sorted(set(wanted), reverse=True)
    ]


def draw_bands(ax: Axes, days: pd.DatetimeIndex, bands: Iterable[Band]) -> None:
    """Shade intervals over days, the widest one first and palest."""
    drawn = list(bands)
    shades = np.linspace(*SHADES[is_dark(ax)], len(drawn))
    for (level, low, high), shade in zip(drawn, shades, strict=True):
        ax.fill_between(
            days,
            low,
            high,
            color=_mixed(shade, ax),
            lw=0,
            zorder=FAN,
            label=f"{100 * level:g}% interval",
        )


def draw_fan(forecast: Forecast, ax: Axes, *, whole_paths: float | None = None) -> None:
    """Shade a forecast's intervals from the origin on, and draw some of its paths."""
    days = pd.DatetimeIndex([forecast.origin, *forecast.sessions])
    from_origin = [
        (level, _behind(forecast, low), _behind(forecast, high))
        for level, low, high in bands_of(forecast)
    ]
    draw_bands(ax, days, from_origin)
    if forecast.paths is not None:
        shown = forecast.paths[:N_PATHS]
        for number, path in enumerate(shown):
            label = None if number else f"{len(shown)} of {len(forecast.paths)} paths"
            line = _behind(forecast, path)
            ax.plot(days, line, color=GREY, lw=0.6, zorder=LINES - 0.5, label=label)
    if whole_paths is not None:
        band = forecast.path_band(whole_paths)
        label = f"holds {100 * whole_paths:g}% of whole paths"
        for end, name in ((band.low, label), (band.high, None)):
            line = _behind(forecast, end)
            ax.plot(days, line, color=ORANGE, lw=1.1, ls=(0, (1, 1.5)), label=name)


def _behind(forecast: Forecast, values: FloatArray) -> FloatArray:
    """Return values of the sessions behind the price at the origin."""
    return np.append(forecast.last_price, values)


def _mixed(share: float, ax: Axes) -> tuple[float, float, float]:
    """Return orange mixed with the page, so that shades over each other do not add."""
    from matplotlib.colors import to_rgb, to_rgba

    page = to_rgba(ax.get_facecolor())
    paper = page[:3] if page[-1] else (1.0, 1.0, 1.0)
    red, green, blue = (
        share * part + (1 - share) * white
        for part, white in zip(to_rgb(ORANGE), paper, strict=True)
    )
    return red, green, blue
