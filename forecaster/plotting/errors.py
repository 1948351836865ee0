"""Pictures of errors: how they grow with the horizon, and whether forecasts lag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from forecaster.errors import DataError
from forecaster.lag import Lag
from forecaster.plotting.checking import check_table, check_values
from forecaster.plotting.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    finish,
    ink,
    look,
    new_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MODEL = "model"
MOST_TICKS = 20
ROOM = 1.1  # above the highest point
RIVALS = (BLUE, GREEN, PINK, GREY)


def plot_errors(errors: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the error of the model and of each baseline by step of the horizon.

    Parameters
    ----------
    errors
        As `errors_by_step` returns it. Whiskers of the model show its interval beside
        last-value.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    columns, what = ("forecast", "step", "rmse", "low", "high"), "errors by step"
    check_table(errors, columns, what, "`errors_by_step`")
    check_values(errors["rmse"], what)
    ax = ax or new_axes()
    names = list(dict.fromkeys(errors["forecast"]))
    rivals = [name for name in names if name != MODEL]
    for place, name in enumerate(rivals):
        rows = errors[errors["forecast"] == name]
        shape = _shape_of(place)
        label = str(name).replace("_", " ")
        ax.plot(rows["step"], rows["rmse"], lw=1.4, label=label, **shape)
    own = errors[errors["forecast"] == MODEL]
    known = own.dropna(subset=["low", "high"])
    ax.plot(own["step"], own["rmse"], color=ORANGE, marker="o", lw=2, label="model")
    ax.errorbar(
        known["step"],
        known["rmse"],
        yerr=[known["rmse"] - known["low"], known["high"] - known["rmse"]],
        fmt="none",
        ecolor=ORANGE,
        elinewidth=1.3,
        capsize=4,
        label="95% interval beside\nthe last value",
    )
    steps = sorted(errors["step"].unique())
    if len(steps) <= MOST_TICKS:
        ax.set_xticks(steps)
    ax.set_xlim(min(steps) - 0.5, max(steps) + 0.5)
    unit = errors.attrs.get("unit", "quote currency")
    return finish(
        ax,
        title="Error by step of the horizon\nwhiskers that reach the last value: not "
        "told apart from it",
        xlabel="step (sessions after the origin)",
        ylabel=f"RMSE ({unit})",
    )


def plot_lag(
    curve: pd.Series[float],
    ax: Axes | None = None,
    *,
    lag: Lag | None = None,
    unit: str = "quote currency",
) -> Axes:
    """Draw how far the forecasts are from the actual prices some sessions earlier.

    Parameters
    ----------
    curve
        As `forecaster.lag.shift_curve` returns it.
    lag
        What `detect_lag` says; its sentence's figures stand in the title.
    unit
        Of the prices.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    if not isinstance(curve, pd.Series) or curve.empty:
        raise DataError("lag: want the series of `forecaster.lag.shift_curve`")
    check_values(curve, "lag")
    ax = ax or new_axes()
    ax.plot(curve.index, curve, color=BLUE, marker="s", lw=1.6, label="forecasts")
    if lag is not None and lag.shift is not None:
        ax.plot(
            [lag.shift],
            [curve[lag.shift]],
            color=ORANGE,
            ls="none",
            marker="D",
            ms=11,
            mfc="none",
            mew=2,
            label="closest",
        )
    ax.set_xticks(curve.index)
    ax.set_ylim(0, ROOM * float(curve.max()))
    title = "Distance of the forecasts from the price some sessions earlier"
    if lag is not None:
        title += "\n" + _outcome(lag)
    return finish(
        ax,
        title=title,
        xlabel="shift (sessions by which the actual price is older than the forecast)",
        ylabel=f"RMSE ({unit})",
    )


def plot_correlations(correlations: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the correlation of forecast returns with actual ones, by shift.

    Parameters
    ----------
    correlations
        As `correlations_by_shift` returns it.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    columns, what = ("shift", "correlation", "low", "high"), "correlations"
    check_table(correlations, columns, what, "`correlations_by_shift`")
    check_values(correlations["correlation"], what)
    ax = ax or new_axes()
    rows = correlations.dropna(subset=["correlation"])
    centre = rows["correlation"]
    ax.axhline(0, color=ink(ax), lw=0.9)
    for chosen, colour, marker, label in (
        (rows["shift"] == 0, ORANGE, "o", "of the session\nthat is forecast"),
        (rows["shift"] > 0, BLUE, "s", "of earlier sessions,\nalready known"),
    ):
        part = rows[chosen]
        ends = [part["correlation"] - part["low"], part["high"] - part["correlation"]]
        ax.errorbar(
            part["shift"],
            centre[chosen],
            yerr=ends,
            color=colour,
            fmt=marker,
            ms=7,
            elinewidth=1.6,
            capsize=4,
            label=label,
        )
    ax.set_xticks(rows["shift"])
    ax.axvline(0.5, color=GREY, lw=0.8, ls="--")
    return finish(
        ax,
        title="Forecast returns against actual returns some sessions earlier\n"
        "at 0: what the forecasts foresee; to the right: how they trail what is known",
        xlabel="shift (sessions)",
        ylabel="correlation, 95% interval",
    )


def _shape_of(place: int) -> dict[str, Any]:
    """Return the look of a baseline, which leaves orange to the model."""
    shape = look(place + 1, marked=True)
    return shape | {"color": RIVALS[place % len(RIVALS)]}


def _outcome(lag: Lag) -> str:
    return {
        "copies": "they copy the price that was known last",
        "lags": "they lag behind even the price that was known last",
        "no_skill": "they show no skill",
        "clear": "they do not just copy a known price",
        "too_few": "too few of them to tell",
    }[lag.outcome]
