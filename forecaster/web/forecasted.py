"""Forecasts of one ticker and model: past ones beside real prices, and one fan."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from forecaster.ledger.schema import N_DIGITS, POINT
from forecaster.web import answers, queries
from forecaster.web.queries import Rows

MEDIAN = 0.5
SAME = 1e-6  # relative: adjusting changes prices by more
MOST_ORIGINS = 1000


def gather_history(
    connection: sa.Connection, ticker: str, model: str, *, step: int, n_origins: int
) -> answers.History | None:
    """Return forecasts of one step from the newest origins, None without any."""
    first = queries.nth_newest_origin(connection, ticker, model, n_origins)
    if first is None:
        return None
    rows = queries.read_forecasts(connection, ticker, model, first=first, step=step)
    newest = queries.nth_newest_origin(connection, ticker, model, 1)
    last = queries.read_forecasts(connection, ticker, model, first=newest)
    return answers.History(
        ticker=ticker,
        model=model,
        target=last[0]["target"],
        step=step,
        steps=sorted({row["step"] for row in last}),
        rows=_forecasted(rows),
    )


def gather_fan(
    connection: sa.Connection,
    ticker: str,
    model: str,
    *,
    origin: date | None,
    n_before: int,
) -> answers.Fan | None:
    """Return one origin, by default the newest; None if there is no such forecast."""
    origins = queries.read_origins(connection, ticker, model, limit=MOST_ORIGINS)
    if not origins:
        return None
    day = origins[0] if origin is None else origin
    rows = queries.read_forecasts(connection, ticker, model, first=day, last=day)
    if not rows:
        return None
    target = rows[0]["target"]
    prices = queries.read_prices(
        connection, ticker, target, around=day, n_before=n_before
    )
    steps = _forecasted(rows)
    return answers.Fan(
        ticker=ticker,
        model=model,
        target=target,
        origin=day,
        origins=origins,
        last_price=steps[0].last_price,
        adjusted=abs(_footing(rows[0]) - 1) > SAME,
        rows=steps,
        prices=[answers.Price(**price) for price in prices],
    )


def central_intervals(values: Mapping[float, float]) -> list[answers.Interval]:
    """Return the intervals between quantiles as far from both ends, widest first.

    >>> [(one.level, one.low) for one in central_intervals({0.1: 9.0, 0.9: 12.0})]
    [(0.8, 9.0)]
    """
    found = []
    for low in sorted(values):
        high = round(1 - low, N_DIGITS)
        if POINT < low < high and high in values:
            level = round(high - low, N_DIGITS)
            found.append(
                answers.Interval(level=level, low=values[low], high=values[high])
            )
    return found


def centre(values: Mapping[float, float]) -> float | None:
    """Return the point forecast, else the median, of values by their probability."""
    return values.get(POINT, values.get(MEDIAN))


def _footing(row: Mapping[str, Any]) -> float:
    """Return the price of the origin as it is stored now, over what it was then."""
    return 1.0 if row["stood"] is None else row["stood"] / row["last_price"]


def _forecasted(rows: Rows) -> list[answers.Forecasted]:
    """Put the quantiles of each session together.

    All are brought to the footing of the prices stored now: else a split would look
    like a fall, in a picture of many origins.
    """
    found = []
    for _, own in groupby(rows, key=lambda row: (row["origin"], row["session"])):
        quantiles = [*own]
        first, footing = quantiles[0], _footing(quantiles[0])
        values = {row["quantile"]: row["value"] * footing for row in quantiles}
        found.append(
            answers.Forecasted(
                **{name: first[name] for name in ("origin", "session", "step")},
                last_price=first["last_price"] * footing,
                predicted=centre(values),
                intervals=central_intervals(values),
                actual=first["came"],
            )
        )
    return found
