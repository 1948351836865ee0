"""Pictures of forecasts beside the real prices that came, and of what is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecaster.errors import DataError
from forecaster.evaluation import Evaluation
from forecaster.plotting.checking import check_kind, check_table, check_values
from forecaster.plotting.fans import bands_in, draw_bands
from forecaster.plotting.style import (
    BEHIND,
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

PREDICTIONS = ("session", "step", "actual", "predicted", "last_value")
TRAINING_SESSIONS = 120


def plot_predictions(
    evaluation: Evaluation,
    ax: Axes | None = None,
    *,
    prices: pd.DataFrame | None = None,
    n_training: int = TRAINING_SESSIONS,
    levels: Sequence[float] = (),
    unit: str = "quote currency",
) -> Axes:
    """Draw predicted against real prices over the sessions of an evaluation.

    With a horizon beyond one session, the nearest step is drawn.

    Parameters
    ----------
    prices
        If given, the real prices before the first forecast are drawn too, and the
        sessions of training and of the test are shaded.
    n_training
        How many sessions before the first forecast to draw.
    levels
        Of the central intervals to shade, such as 0.9: those between two quantiles.
    unit
        Of the prices.

    Raises
    ------
    DataError
        If there are no forecasts, or the prices lack the target or end too early.
    ConfigError
        If the forecasts have no such interval, or `n_training` is below 1.
    """
    rows = _nearest(evaluation)
    bands = bands_in(rows, levels)
    before = None if prices is None else _before(evaluation, rows, prices, n_training)
    ax = ax or new_axes()
    days = pd.DatetimeIndex(rows["session"])
    line = ink(ax)
    if before is not None:
        _shade(ax, before, evaluation.trained_until, days)
        joined = [*before, rows["actual"].iloc[0]]
        ax.plot([*before.index, days[0]], joined, color=line, lw=1.6, zorder=LINES)
    draw_bands(ax, days, bands)
    _draw_lines(ax, rows)
    date_ticks(ax)
    return finish(
        ax,
        title=_title(evaluation),
        xlabel="session",
        ylabel=f"{evaluation.target} ({unit})",
    )


def plot_walk(
    rows: pd.DataFrame,
    ax: Axes | None = None,
    *,
    levels: Sequence[float] = (),
    title: str = "Predicted against real prices, walking forward",
    unit: str = "quote currency",
) -> Axes:
    """Draw the forecasts of one ticker and step beside the prices that came.

    Parameters
    ----------
    rows
        Of one model, such as those of `Backtest.frame` or of the ledger: `session
        actual predicted`, and if there are, `last_value`, quantiles such as `q0.05`,
        and `fold`, whose first sessions are marked.
    levels
        Of the central intervals to shade, such as 0.9: those between two quantiles.
    unit
        Of the prices.

    Raises
    ------
    DataError
        If there is nothing to draw, or a session comes twice.
    ConfigError
        If the forecasts have no such interval.
    """
    check_table(rows, ("session", "actual", "predicted"), "walk", "`Backtest.frame`")
    check_values(rows["predicted"], "walk")
    days = pd.DatetimeIndex(rows["session"])
    if not days.is_unique:
        raise DataError(
            "walk: sessions come twice. Give the rows of one ticker, model and step."
        )
    bands = bands_in(rows, levels)
    ax = ax or new_axes()
    draw_bands(ax, days, bands)
    _draw_lines(ax, rows)
    starts = _new_folds(rows)
    for start in starts:
        ax.axvline(day_number(start), color=ink(ax), lw=0.6, ls=":", alpha=0.6)
    date_ticks(ax)
    return finish(
        ax,
        title=title + ("\nupright lines: a new fold" if len(starts) else ""),
        xlabel="session",
        ylabel=f"price ({unit})",
    )


def _new_folds(rows: pd.DataFrame) -> pd.DatetimeIndex:
    if "fold" not in rows:
        return pd.DatetimeIndex([])
    return pd.DatetimeIndex(rows.groupby("fold")["session"].min().iloc[1:])


def _draw_lines(ax: Axes, rows: pd.DataFrame) -> None:
    """Draw what came, what was forecast, and what would have cost nothing."""
    days = pd.DatetimeIndex(rows["session"])
    looks: dict[str, dict[str, Any]] = {
        "actual": {"color": ink(ax), "lw": 1.6, "label": "real"},
        "predicted": {"color": ORANGE, "lw": 1.6, "ls": "--", "label": "predicted"},
        "last_value": {"color": BLUE, "lw": 1.2, "ls": ":", "label": "last value"},
    }
    for name, chosen in looks.items():
        if name in rows:
            ax.plot(days, rows[name], zorder=LINES, **chosen)


def plot_residuals(
    residuals: pd.DataFrame, ax: Axes | None = None, *, unit: str = "quote currency"
) -> Axes:
    """Draw what forecasts missed, session by session, beside what last-value missed.

    Parameters
    ----------
    residuals
        As `residuals_by_session` returns it.
    unit
        Of the prices.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    columns, maker = ("session", "model", "last_value"), "`residuals_by_session`"
    check_table(residuals, columns, "residuals", maker)
    check_values(residuals["model"], "residuals")
    ax = ax or new_axes()
    days = pd.DatetimeIndex(residuals["session"])
    own, naive = residuals["model"], residuals["last_value"]
    ax.vlines(days, 0, own, color=ORANGE, lw=1.0, label="model")
    ax.plot(days, naive, color=BLUE, ls="none", marker=".", ms=3.5, label="last value")
    ax.axhline(0, color=ink(ax), lw=0.9)
    date_ticks(ax)
    return finish(
        ax,
        title="What the forecasts missed: actual less predicted price\n"
        "a run of one sign: the forecasts stay behind or above",
        xlabel="session",
        ylabel=f"actual less predicted ({unit})",
    )


def _nearest(evaluation: Evaluation) -> pd.DataFrame:
    check_kind(evaluation, Evaluation, "predictions")
    table = check_table(
        evaluation.predictions, PREDICTIONS, "predictions", "`Forecaster.evaluate`"
    )
    return table[table["step"] == 1]


def _title(evaluation: Evaluation) -> str:
    horizon = int(evaluation.predictions["step"].max())
    which, over = "", ""
    if horizon > 1:
        which, over = f", step 1 of {horizon}", f" over {horizon} steps"
    ratio = f"{evaluation.rmse_ratio:.3g}"
    return (
        f"{evaluation.ticker} {evaluation.target}: predicted against real prices{which}"
        f"\nmodel trained to {evaluation.trained_until.date()}; RMSE{over} "
        f"{evaluation.scores['rmse']['model']:.3g}, "
        f"{'1.00' if ratio == '1' else ratio} times that of the last value"
    )


def _before(
    evaluation: Evaluation, rows: pd.DataFrame, prices: pd.DataFrame, n_training: int
) -> pd.Series[float]:
    """Return the last real prices before the first forecast."""
    check_count("n_training", n_training)
    check_table(prices, (evaluation.target,), "prices", "`load_prices`")
    first = rows["session"].min()
    known: pd.Series[float] = prices.loc[prices.index < first, evaluation.target]
    if known.empty:
        raise DataError(
            f"no price is older than the first forecast session, {first.date()}: give "
            "the prices of the training too, or leave `prices` out"
        )
    return known.iloc[-n_training:]


def _shade(
    ax: Axes, before: pd.Series[float], until: pd.Timestamp, days: pd.DatetimeIndex
) -> None:
    """Shade the sessions that were trained on, and paler those of the test."""
    first, start, end = map(day_number, (before.index[0], days[0], days[-1]))
    trained = day_number(until)
    looks: dict[str, Any] = {"color": GREY, "lw": 0, "zorder": BEHIND}
    if first < trained < start:  # a network may be tested on what was before it, too
        ax.axvspan(first, trained, alpha=0.32, label="training range", **looks)
    ax.axvspan(start, end, alpha=0.13, label="test range", **looks)
    ax.axvline(start, color=GREY, lw=0.9, ls="--")
    ax.margins(x=0.01)
