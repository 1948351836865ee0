"""Interactive pictures: data and layout for plotly, and its script.

The layouts name no colour of the page: the page's own script adds those, light or dark.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from forecaster.correcting import quantile_columns
from forecaster.errors import ConfigError
from forecaster.metrics import central_intervals
from forecaster.plotting.style import BLUE, CYCLE, GREEN, GREY, ORANGE, PINK
from forecaster.report.page import name_cell

# The page's script puts its own colours in the place of these names.
OF_THE_PAGE = {"ink": "ink", BLUE: "blue", ORANGE: "orange"}
DASHES = ("dot", "dash", "dashdot", "longdash", "longdashdot")
RIVALS = (BLUE, GREEN, PINK, GREY)
SYMBOLS = ("square", "triangle-up", "diamond", "triangle-down")
FAINTEST, STRONGEST = 0.15, 0.4


def check_installed() -> None:
    """Refuse to make an interactive report without plotly.

    Raises
    ------
    ConfigError
        Naming the extra.
    """
    if importlib.util.find_spec("plotly") is None:
        raise ConfigError(
            "an interactive report needs plotly, which is not installed. Install it "
            "with `pip install 'forecaster[interactive]'`, or leave `--interactive` "
            "out: the report then has pictures that zoom."
        )


def plotly_script() -> str:
    """Return the script that draws the pictures, whole."""
    check_installed()
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def levels_in(rows: pd.DataFrame) -> list[float]:
    """Return the levels of the central intervals of a table, narrowest first."""
    return sorted(central_intervals([*quantile_columns(rows).values()]))


def live_predictions(
    rows: pd.DataFrame, baselines: Sequence[str], ylabel: str
) -> dict[str, Any]:
    """Return forecasts of one step beside real prices, with their intervals.

    Parameters
    ----------
    rows
        `session actual predicted`, a column for each baseline, and quantiles.
    """
    rows = rows.sort_values("session")
    days = [f"{day:%Y-%m-%d}" for day in pd.DatetimeIndex(rows["session"])]
    data = _bands(rows, days)
    data.append(_line(days, rows["actual"], "real", "ink", "solid", 2.0))
    data.append(_line(days, rows["predicted"], "predicted", ORANGE, "dash", 2.0))
    for place, name in enumerate(baselines):
        one = _line(
            days,
            rows[name],
            name_cell(name),
            RIVALS[place % len(RIVALS)],
            DASHES[place % len(DASHES)],
            1.4,
        )
        data.append(one if name == "last_value" else one | {"visible": "legendonly"})
    layout = _layout("session", ylabel)
    layout["xaxis"] |= {"type": "date", "rangeslider": {"thickness": 0.08}}
    return {"data": data, "layout": layout}


def live_errors(errors: pd.DataFrame, unit: str) -> dict[str, Any]:
    """Return the error of each forecast by step; see `errors_by_step`."""
    data = []
    rivals = 0
    for name, rows in errors.groupby("forecast", sort=False):
        own = name == "model"
        trace = _line(
            [int(step) for step in rows["step"]],
            rows["rmse"],
            name_cell(name),
            ORANGE if own else RIVALS[rivals % len(RIVALS)],
            "solid" if own else DASHES[rivals % len(DASHES)],
            2.4 if own else 1.4,
        )
        symbol = "circle" if own else SYMBOLS[rivals % len(SYMBOLS)]
        data.append(
            trace | {"mode": "lines+markers", "marker": {"symbol": symbol, "size": 8}}
        )
        rivals += 0 if own else 1
    layout = _layout("step (sessions after the origin)", f"RMSE ({unit})")
    layout["xaxis"]["dtick"] = 1
    return {"data": data, "layout": layout}


def live_gains(gains: pd.DataFrame) -> dict[str, Any]:
    """Return the gain over each baseline along time; see `gains_by_origin`."""
    days = [f"{day:%Y-%m-%d}" for day in pd.DatetimeIndex(gains.index)]
    data = [
        _line(
            days,
            gains[name],
            name_cell(name),
            CYCLE[place % len(CYCLE)],
            ("solid", *DASHES)[place % (len(DASHES) + 1)],
            1.8,
        )
        for place, name in enumerate(gains)
    ]
    layout = _layout("origin", "gain (% of the baseline's whole loss)")
    layout["xaxis"]["type"] = "date"
    return {"data": data, "layout": layout}


def live_losses(histories: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the losses of trainings by epoch, by name; the last one is the newest.

    Of those before it, only the names are shown until they are asked for.
    """
    newest = [*histories][-1]
    data = []
    for name, history in histories.items():
        epochs = [int(epoch) for epoch in history["epoch"]]
        looks = {"loss": ("training", BLUE), "val_loss": ("validation", ORANGE)}
        for column, (label, colour) in looks.items():
            if column not in history:
                continue
            dash = "solid" if column == "loss" else "dash"
            called = f"{label}, {name}" if name else label
            one = _line(epochs, history[column], called, colour, dash, 2.0)
            shown = name == newest
            data.append(one if shown else one | {"visible": "legendonly"})
    return {"data": data, "layout": _layout("epoch", "loss (scaled)")}


def _bands(rows: pd.DataFrame, days: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    levels = levels_in(rows)[::-1]
    for place, level in enumerate(levels):
        share = place / max(len(levels) - 1, 1)
        opacity = FAINTEST + share * (STRONGEST - FAINTEST)
        low, high = (
            f"q{round(tail, 6):g}" for tail in ((1 - level) / 2, (1 + level) / 2)
        )
        name = f"{100 * level:g}% interval"
        shape = {
            "x": days,
            "mode": "lines",
            "line": {"width": 0},
            "legendgroup": name,
            "name": name,
        }
        lower = {
            "y": _numbers(rows[low]),
            "showlegend": False,
            "hovertemplate": "from %{y}",
        }
        upper = {
            "y": _numbers(rows[high]),
            "hovertemplate": "to %{y}",
            "fill": "tonexty",
            "fillcolor": f"rgba(213, 94, 0, {opacity:.2f})",
        }
        found += [shape | lower, shape | upper]
    return found


def _line(
    x: Sequence[Any],
    y: pd.Series[float],
    name: str,
    colour: str,
    dash: str,
    width: float,
) -> dict[str, Any]:
    return {
        "x": list(x),
        "y": _numbers(y),
        "name": name,
        "mode": "lines",
        "line": {
            "color": OF_THE_PAGE.get(colour, colour),
            "dash": dash,
            "width": width,
        },
    }


def _numbers(values: pd.Series[float]) -> list[float | None]:
    """Return values as JSON has them, to six digits."""
    numbers = (float(value) for value in values)
    return [None if value != value else float(f"{value:.6g}") for value in numbers]  # noqa: PLR0124


def _layout(xlabel: str, ylabel: str) -> dict[str, Any]:
    return {
        "xaxis": {"title": {"text": xlabel}},
        "yaxis": {"title": {"text": ylabel}, "automargin": True},
        "hovermode": "x unified",
        "height": 480,
        "margin": {"t": 20, "r": 46, "b": 50, "l": 60},
        "modebar": {"orientation": "v"},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    }
