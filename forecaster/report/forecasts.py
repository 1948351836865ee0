"""Forecasts: the section on what an evening of a batch forecasts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from forecaster.errors import BundleError
from forecaster.plotting.style import BLUE, ORANGE, finish, ink
from forecaster.report.drawing import figure
from forecaster.report.interactive import levels_in
from forecaster.report.page import Figure, Section, table_of
from forecaster.report.stored import SUMMARY, read_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORECASTS = ("forecasts.csv", "forecasts.json", "forecasts.parquet")
MOST_DRAWN = 60
PERCENT = 100.0


def read_forecasts(folder: Path) -> pd.DataFrame:
    """Read the forecasts of an evening, in whichever form they were written.

    Raises
    ------
    BundleError
        If there are none, or they are damaged.
    """
    for name in FORECASTS:
        if (folder / name).is_file():
            table = _read(folder / name)
            if _is_whole(table):
                return table
            raise BundleError(f"{folder / name}: damaged, it is no table of forecasts.")
    raise BundleError(
        f"{folder}: there are no forecasts beside {SUMMARY}. Run the batch again."
    )


def _is_whole(table: pd.DataFrame) -> bool:
    """Tell whether every row says whose forecast it is, and of which session."""
    wanted = ["ticker", "session", "step"]
    if not {*wanted} <= {*table.columns}:
        return False
    return not table[wanted].isna().any(axis=None)


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        return read_table(path)
    try:
        if path.suffix == ".json":
            return pd.read_json(path, convert_dates=False)
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: damaged ({error}).") from error


def page_forecasts(table: pd.DataFrame) -> Section | None:
    """Return the section on what an evening forecasts; None without forecasts."""
    shown = table.drop(
        columns=[name for name in ("origin", "actual", "model") if name in table]
    )
    found = table_of(shown, "Forecasts", words=["ticker", "session"])
    if found is None:
        return None
    return Section(
        "forecasts",
        "Forecasts",
        figures=_changes(table),
        tables=(found,),
        notes=(
            "Prices in the quote currency of each ticker. Columns such as q0.05 are "
            "quantiles: the price stays below them with that probability. An interval "
            "says nothing of the direction: see what earlier forecasts were worth.",
        ),
    )


def _changes(table: pd.DataFrame) -> tuple[Figure, ...]:
    """Draw by how much the price of each ticker is forecast to change at step 1."""
    if not {"last_price", "predicted", "step"} <= {*table.columns}:
        return ()
    rows = table[(table["step"] == 1) & (table["last_price"] > 0)]
    rows = rows.dropna(subset=["predicted"]).sort_values("ticker")
    if rows.empty or len(rows) > MOST_DRAWN:
        return ()
    price = rows["last_price"].to_numpy(dtype=float)
    change = PERCENT * (rows["predicted"].to_numpy(dtype=float) / price - 1)
    levels = levels_in(rows)

    def draw(ax: Axes) -> None:
        places = range(len(rows))
        if levels:
            level = levels[-1]
            tails = ((1 - level) / 2, (1 + level) / 2)
            low, high = (
                PERCENT
                * (rows[f"q{round(tail, 6):g}"].to_numpy(dtype=float) / price - 1)
                for tail in tails
            )
            label = f"{100 * level:g}% interval"
            ax.hlines(places, low, high, color=BLUE, lw=3, alpha=0.6, label=label)
        ax.plot(change, places, color=ORANGE, marker="D", ls="none", label="forecast")
        ax.axvline(0, color=ink(ax), lw=0.9, ls="--")
        ax.set_yticks(places, list(rows["ticker"]))
        ax.set_ylim(len(rows) - 0.4, -0.6)
        finish(
            ax,
            title="Forecast of the next session beside the price known last",
            xlabel="change since the last price (%)",
            ylabel="",
        )

    told = ", ".join(
        f"{ticker} {value:+.2f}%"
        for ticker, value in zip(rows["ticker"], change, strict=True)
    )
    title = "Forecast change of each ticker"
    size = (10.0, 1.6 + 0.3 * len(rows))
    bars = f" Bars: the {PERCENT * levels[-1]:g}% intervals." if levels else ""
    described = f"Change of the price by the next session, forecast for each: {told}."
    return (figure("changes", title, described + bars, draw, size=size),)
