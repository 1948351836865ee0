"""Plotting: each function draws what it is given on an axis, and computes nothing."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.atomic import write_bytes
from forecaster.evaluation import Evaluation
from forecaster.forecast import Forecast

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, told apart by colour-blind readers and in grey.
BLACK, BLUE, ORANGE, GREY = "#000000", "#0072B2", "#D55E00", "#8C8C8C"
CYCLE = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", BLACK)
STYLES = ("-", "--", ":")
SIZE, DPI = (10.0, 5.5), 120
GRADIENT = "gradient/"
PALEST, DARKEST, N_PATHS = 0.15, 0.55, 8  # how far a shade is from white


def plot_predictions(evaluation: Evaluation, ax: Axes | None = None) -> Axes:
    """Draw predicted against real prices over the sessions of an evaluation.

    With a horizon beyond one session, the nearest step is drawn.
    """
    ax = ax or _new_axes()
    rows = evaluation.predictions.query("step == 1")
    ax.plot(rows["session"], rows["actual"], color=BLACK, lw=1.6, label="real")
    ax.plot(rows["session"], rows["predicted"], color=ORANGE, lw=1.6, label="predicted")
    ax.plot(
        rows["session"],
        rows["last_value"],
        color=BLUE,
        lw=0.9,
        ls=":",
        label="last value",
    )
    ax.set_title(
        f"{evaluation.ticker} {evaluation.target}: predicted against real prices\n"
        f"model trained to {evaluation.trained_until.date()}; RMSE "
        f"{evaluation.scores['rmse']['model']:.3g}, "
        f"{evaluation.rmse_ratio:.3g} times that of the last value",
        fontsize=11,
    )
    return _finish(ax, f"{evaluation.target} (quote currency)")


def plot_history(history: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the training loss by epoch, and the validation loss if there is one."""
    ax = ax or _new_axes()
    ax.plot(history["epoch"], history["loss"], color=BLUE, label="training")
    if "val_loss" in history:
        ax.plot(history["epoch"], history["val_loss"], color=ORANGE, label="validation")
    ax.set_yscale("log")
    ax.set_xlabel("epoch")
    ax.set_title("Loss by epoch", fontsize=11)
    return _finish(ax, "loss (scaled prices, log axis)")


def plot_gradients(history: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the norm of each layer's gradient by epoch, before any clipping.

    Parameters
    ----------
    history
        As `Forecaster.history` of a training that watched its gradients.
    """
    ax = ax or _new_axes()
    names = [name for name in history if str(name).startswith(GRADIENT)]
    for place, name in enumerate(names):
        ax.plot(
            history["epoch"],
            history[name],
            color=CYCLE[place % len(CYCLE)],
            ls=STYLES[place // len(CYCLE) % len(STYLES)],
            label=str(name).removeprefix(GRADIENT),
        )
    ax.set_yscale("log")
    ax.set_xlabel("epoch")
    ax.set_title(
        "Norm of each layer's gradient by epoch, before clipping\n"
        "far above 1: exploding; falling towards 0 from top to bottom: vanishing",
        fontsize=11,
    )
    return _finish(ax, "norm, mean over batches (log axis)")


def plot_forecast(
    forecast: Forecast,
    prices: pd.DataFrame,
    ax: Axes | None = None,
    n_sessions: int = 60,
) -> Axes:
    """Draw a forecast behind the last real prices, in a fan of its intervals.

    The fan holds `Forecast.intervals`, or without any those of pairs of quantiles;
    thin lines are some of the joint paths.
    """
    ax = ax or _new_axes()
    known = prices.loc[: forecast.origin, forecast.target].iloc[-n_sessions:]
    ax.plot(known.index, known, color=BLACK, lw=1.6, label="real")
    _draw_fan(forecast, ax)
    ax.plot(
        forecast.sessions,
        forecast.price,
        color=ORANGE,
        marker="o",
        ms=4,
        label="forecast",
    )
    ax.axvline(forecast.origin, color=GREY, lw=0.8, ls="--")  # type: ignore[arg-type]
    ax.set_title(
        f"{forecast.ticker} {forecast.target}: forecast known to "
        f"{forecast.origin.date()}",
        fontsize=11,
    )
    return _finish(ax, f"{forecast.target} (quote currency)")


def _draw_fan(forecast: Forecast, ax: Axes) -> None:
    """Shade each interval from the origin on, the widest one first and palest."""
    bands = _bands(forecast)
    days = pd.DatetimeIndex([forecast.origin]).append(forecast.sessions)
    shades = np.linspace(PALEST, DARKEST, len(bands))
    for (level, low, high), shade in zip(bands, shades, strict=True):
        ax.fill_between(
            days,
            np.append(forecast.last_price, low),
            np.append(forecast.last_price, high),
            color=_mixed(shade),
            lw=0,
            zorder=1.5,
            label=f"{100 * level:g}% interval",
        )
    if forecast.paths is not None:
        for number, path in enumerate(forecast.paths[:N_PATHS]):
            line = np.append(forecast.last_price, path)
            name = None if number else f"{N_PATHS} of {len(forecast.paths)} paths"
            ax.plot(days, line, color=GREY, lw=0.6, alpha=0.8, label=name)


def _mixed(share: float) -> tuple[float, float, float]:
    """Return orange mixed with white, so that shades over each other do not add up."""
    from matplotlib.colors import to_rgb

    red, green, blue = (1 - share * (1 - part) for part in to_rgb(ORANGE))
    return red, green, blue


def _bands(forecast: Forecast) -> list[tuple[float, FloatArray, FloatArray]]:
    """Return level, low and high ends of the intervals to draw, widest first."""
    found = [
        (level, interval.low, interval.high)
        for level, interval in forecast.intervals.items()
    ]
    if not found and forecast.quantiles is not None:
        places = {round(level, 6): n for n, level in enumerate(forecast.levels)}
        found = [
            (
                round(1 - 2 * level, 6),
                forecast.quantiles[:, place],
                forecast.quantiles[:, places[round(1 - level, 6)]],
            )
            for level, place in places.items()
            if level < 1 / 2 and round(1 - level, 6) in places
        ]
    return sorted(found, key=lambda band: -band[0])


def save_figure(draw: Callable[[Axes], object], path: Path) -> Path:
    """Draw on a fresh figure and write it as PNG, whole or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    draw(figure.add_subplot())
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI, metadata={"Software": None})
    write_bytes(path, content.getvalue())
    return path


def _new_axes() -> Axes:
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=SIZE, layout="constrained")[1]


def _finish(ax: Axes, ylabel: str) -> Axes:
    ax.set_ylabel(ylabel)
    ax.grid(visible=True, alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return ax
