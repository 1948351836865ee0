"""Pictures of a forecast: in a fan behind the last prices, or behind candlesticks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecaster.errors import DataError
from forecaster.forecast import Forecast
from forecaster.plotting.checking import check_kind, check_table
from forecaster.plotting.fans import draw_fan
from forecaster.plotting.style import (
    BLUE,
    GREY,
    LINES,
    ORANGE,
    check_count,
    date_ticks,
    day_number,
    finish,
    ink,
    new_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAR = ("open", "high", "low", "close")
MOST_DATES = 6
BODY = 0.6  # share of the room of a session
LOADER = "`load_prices`"


def plot_forecast(
    forecast: Forecast,
    prices: pd.DataFrame,
    ax: Axes | None = None,
    n_sessions: int = 60,
    *,
    whole_paths: float | None = None,
    unit: str = "quote currency",
) -> Axes:
    """Draw a forecast behind the last real prices, in a fan of its intervals.

    The fan holds `Forecast.intervals`, or without any those of pairs of quantiles;
    thin lines are some of the joint paths.

    Parameters
    ----------
    prices
        Price frame that reaches at least to the origin.
    n_sessions
        How many real prices to draw.
    whole_paths
        Level of `Forecast.path_band`, whose ends are then dotted: the share of paths
        that never leave it.
    unit
        Of the prices.

    Raises
    ------
    DataError
        If the prices lack the target, or end before the origin.
    ConfigError
        If `n_sessions` is below 1, or there are no paths of which to draw a band.
    """
    known = _known(forecast, prices, (forecast.target,), n_sessions)
    if whole_paths is not None:
        forecast.path_band(whole_paths)  # refuses before a figure is made
    ax = ax or new_axes()
    real = known[forecast.target]
    ax.plot(real.index, real, color=ink(ax), lw=1.6, zorder=LINES, label="real")
    draw_fan(forecast, ax, whole_paths=whole_paths)
    ax.plot(
        forecast.sessions,
        forecast.price,
        color=ORANGE,
        ls="--",
        marker="o",
        ms=4,
        zorder=LINES,
        label="forecast",
    )
    origin = day_number(forecast.origin)
    ax.axvline(origin, color=GREY, lw=0.8, ls="--", label="origin")
    date_ticks(ax)
    return finish(
        ax,
        title=f"{forecast.ticker} {forecast.target}: forecast at the close of "
        f"{forecast.origin.date()}",
        xlabel="session",
        ylabel=f"{forecast.target} ({unit})",
    )


def plot_candles(
    prices: pd.DataFrame,
    forecast: Forecast | None = None,
    ax: Axes | None = None,
    n_sessions: int = 40,
    *,
    unit: str = "quote currency",
) -> Axes:
    """Draw sessions as candlesticks, and a forecast behind them.

    A body reaches from open to close, hollow where the close is the higher one, filled
    where it is the lower one; the wick from low to high. Sessions stand at equal
    distances, without gaps for the days between them.

    Parameters
    ----------
    prices
        Price frame; with a forecast it is drawn to its origin.
    n_sessions
        How many real sessions to draw.
    unit
        Of the prices.

    Raises
    ------
    DataError
        If the prices lack a column, or end before the origin.
    ConfigError
        If `n_sessions` is below 1.
    """
    known = _known(forecast, prices, BAR, n_sessions)
    ax = ax or new_axes()
    _draw_candles(ax, known)
    days = pd.DatetimeIndex(known.index)
    ticker = str(prices.attrs.get("ticker", ""))
    title = f"{ticker} daily prices to {days[-1].date()}".strip()
    if forecast is not None:
        _draw_steps(ax, forecast, len(known))
        days = pd.DatetimeIndex([*days, *forecast.sessions])
        title = (
            f"{forecast.ticker}: daily prices, and the {forecast.target} forecast at "
            f"the close of {forecast.origin.date()}"
        )
    _session_ticks(ax, days)
    return finish(ax, title=title, xlabel="session", ylabel=f"price ({unit})")


def _known(
    forecast: Forecast | None,
    prices: pd.DataFrame,
    columns: Sequence[str],
    n_sessions: int,
) -> pd.DataFrame:
    """Return the last sessions to draw, all of them known to the forecast."""
    check_count("n_sessions", n_sessions)
    check_table(prices, columns, "prices", LOADER)
    if forecast is None:
        return prices.iloc[-n_sessions:]
    check_kind(forecast, Forecast, "forecast")
    if forecast.origin not in prices.index:
        raise DataError(
            f"the prices have no session {forecast.origin.date()}, the origin of the "
            "forecast: give those that it was made from"
        )
    return prices.loc[: forecast.origin].iloc[-n_sessions:]


def _draw_candles(ax: Axes, bars: pd.DataFrame) -> None:
    places = np.arange(len(bars))
    opened, high, low, close = (bars[name].to_numpy(dtype=float) for name in BAR)
    lower, upper = np.minimum(opened, close), np.maximum(opened, close)
    line = ink(ax)
    ax.vlines(places, low, lower, color=line, lw=0.9)
    ax.vlines(places, upper, high, color=line, lw=0.9)
    rose = close >= opened
    looks = ((rose, "none", "close above open"), (~rose, BLUE, "close below open"))
    for chosen, face, label in looks:
        ax.bar(
            places[chosen],
            (upper - lower)[chosen],
            BODY,
            bottom=lower[chosen],
            facecolor=face,
            edgecolor=line,
            lw=0.9,
            label=label,
        )


def _draw_steps(ax: Axes, forecast: Forecast, n_known: int) -> None:
    """Draw the forecast prices at the places behind the candlesticks, with whiskers."""
    from forecaster.plotting.fans import bands_of

    places = n_known + np.arange(len(forecast.sessions))
    bands = bands_of(forecast)
    if bands:
        level, low, high = bands[0]
        label = f"{100 * level:g}% interval"
        ax.vlines(places, low, high, color=ORANGE, lw=1.4, label=label)
        for ends in (low, high):
            ax.plot(places, ends, color=ORANGE, ls="none", marker="_", ms=7)
    ax.plot(places, forecast.price, "D", color=ORANGE, ms=5, label="forecast")
    ax.axvline(n_known - 0.5, color=GREY, lw=0.8, ls="--")


def _session_ticks(ax: Axes, days: pd.DatetimeIndex) -> None:
    """Write the dates of some of the sessions at their places."""
    step = max(-(-len(days) // MOST_DATES), 1)
    places = np.arange(len(days) - 1, -1, -step)[::-1]
    ax.set_xticks(places, [f"{days[place].date()}" for place in places])
    ax.set_xlim(-1, len(days))
