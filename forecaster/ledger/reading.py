"""Reading: what the ledger holds, with the actual price beside each forecast."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from forecaster.data.calendar import as_day
from forecaster.data.store import stored_name
from forecaster.errors import ConfigError
from forecaster.ledger.schema import POINT, actuals, failures, forecasts, runs

# Said, since an empty table has no types of its own.
DTYPES = {
    "origin": "datetime64[us]",
    "session": "datetime64[us]",
    "first": "datetime64[us]",
    "stored": "datetime64[us]",
    **dict.fromkeys(("quantile", "value", "last_price", "came", "stood"), "float64"),
    **dict.fromkeys(("step", "run", "n_sessions", "n_rows", "n_attempts"), "int64"),
}


@dataclass(frozen=True)
class Selection:
    """Which forecasts are wanted; None is all.

    Attributes
    ----------
    last
        Of each ticker and model, the newest origins alone.
    step
        One step alone, 1 being the session after the origin.
    origin
        One origin alone.
    since
        Origins from this one on.
    """

    tickers: Collection[str] | None = None
    model: str | None = None
    last: int | None = None
    step: int | None = None
    origin: date | None = None
    since: date | None = None


def select(
    *,
    tickers: Collection[str] | None = None,
    model: str | None = None,
    last: int | None = None,
    step: int | None = None,
    origin: str | date | None = None,
    since: str | date | None = None,
) -> Selection:
    """Return a checked selection; tickers in any case.

    Raises
    ------
    ConfigError
        If a number is below 1.
    """
    for name, number in (("last", last), ("step", step)):
        if number is not None and number < 1:
            raise ConfigError(f"`{name}` is 1 or more, got {number}.")
    names = None if tickers is None else {stored_name(ticker) for ticker in tickers}
    day = None if origin is None else as_day(origin).date()
    first = None if since is None else as_day(since).date()
    return Selection(names, model, last, step, day, first)


def read_forecasts(connection: sa.Connection, wanted: Selection) -> pd.DataFrame:
    """Return forecasts in the order of their keys, with `target` and `actual`.

    Adjusted prices change with each split and dividend. So `actual` is on the footing
    that the forecast was made on: the stored price of its session, times the last price
    over the stored price of the origin. NaN if one of the two is not known.
    """
    came, origin = actuals.alias("came"), actuals.alias("origin")
    query = (
        sa.select(
            forecasts,
            runs.c.target,
            came.c.price.label("came"),
            origin.c.price.label("stood"),
        )
        .join_from(forecasts, runs, forecasts.c.run == runs.c.id)
        .outerjoin(came, is_price_of(came, forecasts.c.session))
        .outerjoin(origin, is_price_of(origin, forecasts.c.origin))
        .where(*_conditions(wanted))
        .order_by(*forecasts.primary_key)
    )
    rows = _frame(connection, query)
    footing = rows["last_price"] / rows.pop("stood")
    return rows.assign(actual=rows.pop("came") * footing)


def read_each(connection: sa.Connection, wanted: Selection) -> Iterator[pd.DataFrame]:
    """Yield what `read_forecasts` returns, one ticker at a time, to hold no more."""
    for ticker in read_awaited(connection, wanted)["ticker"].unique():
        yield read_forecasts(connection, replace(wanted, tickers=[ticker]))


def read_known(connection: sa.Connection, wanted: Selection) -> pd.DataFrame:
    """Return what there is, by ticker and origin: `n_sessions` and `n_rows`."""
    query = (
        sa.select(
            forecasts.c.ticker,
            forecasts.c.origin,
            sa.func.count(forecasts.c.session.distinct()).label("n_sessions"),
            sa.func.count().label("n_rows"),
        )
        .where(*_conditions(wanted))
        .group_by(forecasts.c.ticker, forecasts.c.origin)
        .order_by(forecasts.c.ticker, forecasts.c.origin)
    )
    return _frame(connection, query)


def read_newest_origins(connection: sa.Connection) -> pd.DataFrame:
    """Return `model newest n_later`: how many sessions later others have forecast."""
    newest = sa.func.max(forecasts.c.origin).label("newest")
    models = _frame(
        connection, sa.select(forecasts.c.model, newest).group_by(forecasts.c.model)
    )
    origins = _frame(connection, sa.select(forecasts.c.origin).distinct())["origin"]
    days = pd.to_datetime(models["newest"])
    return models.assign(n_later=[int((origins > day).sum()) for day in days])


def read_runs(connection: sa.Connection) -> pd.DataFrame:
    """Return all runs, oldest first; `counts` are mappings."""
    rows = _frame(connection, sa.select(runs).order_by(runs.c.id))
    return rows.assign(counts=[json.loads(text) for text in rows["counts"]])


def read_failures(
    connection: sa.Connection, run: int | None, last: int | None
) -> pd.DataFrame:
    """Return the failures of one run, of the newest runs, or all, by their keys."""
    query = sa.select(failures).order_by(*failures.primary_key)
    if run is not None:
        query = query.where(failures.c.run == run)
    if last is not None:
        newest = sa.select(runs.c.id).order_by(runs.c.id.desc()).limit(last)
        query = query.where(failures.c.run.in_(newest))
    return _frame(connection, query)


def read_awaited(connection: sa.Connection, wanted: Selection) -> pd.DataFrame:
    """Return `ticker target first`: from when on which prices are needed."""
    key = (forecasts.c.ticker, runs.c.target)
    origins = (
        sa.select(*key, sa.func.min(forecasts.c.origin).label("first"))
        .join_from(forecasts, runs, forecasts.c.run == runs.c.id)
        .where(*_conditions(wanted))
        .group_by(*key)
        .order_by(*key)
    )
    stored_key = (actuals.c.ticker, actuals.c.target)
    stored = sa.select(*stored_key, sa.func.min(actuals.c.session).label("stored"))
    rows = _frame(connection, origins)
    earliest = _frame(connection, stored.group_by(*stored_key))
    both = rows.merge(earliest, how="left", on=["ticker", "target"])
    return rows.assign(first=both[["first", "stored"]].min(axis="columns"))


def read_newest_actuals(connection: sa.Connection) -> dict[tuple[str, str], Any]:
    """Return the last session with an actual price, by ticker and target."""
    query = sa.select(
        actuals.c.ticker, actuals.c.target, sa.func.max(actuals.c.session)
    ).group_by(actuals.c.ticker, actuals.c.target)
    return {
        (ticker, target): pd.Timestamp(session)
        for ticker, target, session in connection.execute(query)
    }


def widen(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each session: `predicted`, and quantiles such as `q0.9`."""
    key = ["ticker", "model", "origin", "session"]
    names = [
        "predicted" if level == POINT else f"q{level:g}" for level in rows["quantile"]
    ]
    facts = rows.drop_duplicates(key).set_index(key)
    facts = facts[["step", "last_price", "actual"]]
    named = rows.assign(name=names)
    # Each key is there once: nothing is to be aggregated.
    values = named.pivot(index=key, columns="name", values="value")  # noqa: PD010
    return facts.join(values.rename_axis(columns=None)).reset_index()


def is_price_of(
    price: sa.FromClause, session: sa.ColumnElement[Any]
) -> sa.ColumnElement[bool]:
    """Join an alias of `actuals` to forecasts and their runs, at a session."""
    return sa.and_(
        price.c.ticker == forecasts.c.ticker,
        price.c.target == runs.c.target,
        price.c.session == session,
    )


def _conditions(wanted: Selection) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.tickers is not None:
        conditions.append(forecasts.c.ticker.in_(sorted(wanted.tickers)))
    if wanted.model is not None:
        conditions.append(forecasts.c.model == wanted.model)
    if wanted.step is not None:
        conditions.append(forecasts.c.step == wanted.step)
    if wanted.origin is not None:
        conditions.append(forecasts.c.origin == wanted.origin)
    if wanted.since is not None:
        conditions.append(forecasts.c.origin >= wanted.since)
    if wanted.last is not None:
        conditions.append(_is_among_the_last(wanted.last))
    return conditions


def _is_among_the_last(n_origins: int) -> sa.ColumnElement[bool]:
    keys = (forecasts.c.ticker, forecasts.c.model, forecasts.c.origin)
    origins = sa.select(*keys).distinct().subquery()
    place = sa.func.row_number().over(
        partition_by=(origins.c.ticker, origins.c.model),
        order_by=origins.c.origin.desc(),
    )
    placed = sa.select(*origins.c, place.label("place")).subquery()
    newest = sa.select(placed.c.ticker, placed.c.model, placed.c.origin)
    return sa.tuple_(*keys).in_(newest.where(placed.c.place <= n_origins))


def _frame(connection: sa.Connection, query: sa.Select[Any]) -> pd.DataFrame:
    result = connection.execute(query)
    names = list(result.keys())
    rows = pd.DataFrame(result.all(), columns=names)
    return rows.astype({name: kind for name, kind in DTYPES.items() if name in rows})
