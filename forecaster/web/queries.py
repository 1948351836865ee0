"""Queries: what the pages need of the ledger, selected by the database.

Nothing here walks through all forecasts: each query follows the keys of the tables, so
that the answer takes as long for ten evenings as for a thousand.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

import sqlalchemy as sa

from forecaster.ledger.reading import is_price_of
from forecaster.ledger.schema import ALL_STEPS, actuals, forecasts, runs, scores

Rows = list[dict[str, Any]]


def read_pairs(
    connection: sa.Connection,
    *,
    tickers: Collection[str] | None = None,
    model: str | None = None,
) -> Rows:
    """Return ``ticker model origin``, the newest origin, in order of the first two."""
    found = _pairs(tickers, model)
    return rows_of(connection, sa.select(found).order_by(found.c.ticker, found.c.model))


def read_next(connection: sa.Connection, tickers: Collection[str]) -> Rows:
    """Return the newest forecasts of the first session, all quantiles."""
    found = _pairs(tickers)
    same = sa.and_(
        *(forecasts.c[name] == found.c[name] for name in ("ticker", "model", "origin")),
        forecasts.c.step == 1,
    )
    # An outer join, since SQLite would walk through all forecasts for an inner one.
    query = sa.select(forecasts).outerjoin_from(found, forecasts, same)
    rows = rows_of(connection, query.order_by(*forecasts.primary_key))
    return [row for row in rows if row["step"] is not None]


def read_scores(
    connection: sa.Connection, tickers: Collection[str] | None = None
) -> Rows:
    """Return ``ticker model through metric value`` of the newest scores stored."""
    found = _pairs(tickers)
    earlier = scores.alias("earlier")
    newest = sa.select(sa.func.max(earlier.c.through)).where(
        earlier.c.ticker == found.c.ticker,
        earlier.c.model == found.c.model,
        earlier.c.step == ALL_STEPS,
    )
    same = sa.and_(
        scores.c.ticker == found.c.ticker,
        scores.c.model == found.c.model,
        scores.c.step == ALL_STEPS,
        scores.c.through == newest.scalar_subquery(),
    )
    query = sa.select(scores).outerjoin_from(found, scores, same)
    return [row for row in rows_of(connection, query) if row["metric"] is not None]


def read_runs(
    connection: sa.Connection,
    *,
    ids: Collection[int] | None = None,
    model: str | None = None,
    status: str | None = None,
    offset: int = 0,
    limit: int | None = None,
) -> Rows:
    """Return runs, newest first."""
    query = sa.select(runs).where(*_of_runs(ids, model, status))
    query = query.order_by(runs.c.id.desc()).offset(offset).limit(limit)
    return rows_of(connection, query)


def count_runs(
    connection: sa.Connection, *, model: str | None = None, status: str | None = None
) -> int:
    """Return how many runs there are."""
    query = sa.select(sa.func.count()).select_from(runs)
    return int(connection.scalar(query.where(*_of_runs(None, model, status))) or 0)


def read_models(connection: sa.Connection) -> Rows:
    """Return ``model n_runs run``, the number of the newest run, by model."""
    n_runs = sa.func.count().label("n_runs")
    query = sa.select(runs.c.model, n_runs, sa.func.max(runs.c.id).label("run"))
    return rows_of(connection, query.group_by(runs.c.model).order_by(runs.c.model))


def nth_newest_origin(
    connection: sa.Connection, ticker: str, model: str, n: int
) -> date | None:
    """Return the origin with which the newest `n` begin, or the first of fewer."""
    own = _newest_origins(ticker, model, n).subquery()
    first: date | None = connection.scalar(sa.select(sa.func.min(own.c.origin)))
    return first


def read_forecasts(
    connection: sa.Connection,
    ticker: str,
    model: str,
    *,
    first: date | None,
    last: date | None = None,
    step: int | None = None,
) -> Rows:
    """Return forecasts of the origins from `first` to `last`, beside what came.

    ``origin session step quantile value last_price target came stood``, where `came`
    and `stood` are the stored prices of the session and of the origin, or None.
    """
    came, stood = actuals.alias("came"), actuals.alias("stood")
    columns = ("origin", "session", "step", "quantile", "value", "last_price")
    query = (
        sa.select(
            *(forecasts.c[name] for name in columns),
            runs.c.target,
            came.c.price.label("came"),
            stood.c.price.label("stood"),
        )
        .join_from(forecasts, runs, forecasts.c.run == runs.c.id)
        .outerjoin(came, is_price_of(came, forecasts.c.session))
        .outerjoin(stood, is_price_of(stood, forecasts.c.origin))
        .where(forecasts.c.ticker == ticker, forecasts.c.model == model)
        .where(forecasts.c.origin >= first)
        .order_by(*forecasts.primary_key)
    )
    if last is not None:
        query = query.where(forecasts.c.origin <= last)
    if step is not None:
        query = query.where(forecasts.c.step == step)
    return rows_of(connection, query)


def read_origins(
    connection: sa.Connection, ticker: str, model: str, *, limit: int
) -> list[date]:
    """Return the newest origins, newest first."""
    return [*connection.scalars(_newest_origins(ticker, model, limit))]


def read_prices(
    connection: sa.Connection, ticker: str, target: str, *, around: date, n_before: int
) -> Rows:
    """Return ``session price``: `n_before` sessions up to a day, and all later ones."""
    own = (actuals.c.ticker == ticker, actuals.c.target == target)
    columns = (actuals.c.session, actuals.c.price)
    before = sa.select(*columns).where(*own, actuals.c.session <= around)
    before = before.order_by(actuals.c.session.desc()).limit(n_before)
    after = sa.select(*columns).where(*own, actuals.c.session > around)
    after = after.order_by(actuals.c.session).limit(n_before)
    return [*reversed(rows_of(connection, before)), *rows_of(connection, after)]


def _newest_origins(ticker: str, model: str, n: int) -> sa.Select[tuple[Any]]:
    return (
        sa.select(forecasts.c.origin)
        .where(forecasts.c.ticker == ticker, forecasts.c.model == model)
        .distinct()
        .order_by(forecasts.c.origin.desc())
        .limit(n)
    )


def _tickers() -> sa.CTE:
    """Leap from ticker to ticker along the key, over all rows of each."""
    first = sa.select(sa.func.min(forecasts.c.ticker).label("ticker"))
    leaping = first.cte("tickers", recursive=True)
    later = forecasts.alias("later")
    following = sa.select(sa.func.min(later.c.ticker)).where(
        later.c.ticker > leaping.c.ticker
    )
    onward = sa.select(following.scalar_subquery())
    return leaping.union_all(onward.where(leaping.c.ticker.is_not(None)))


def _pairs(
    tickers: Collection[str] | None = None, model: str | None = None
) -> sa.Subquery:
    """Return ``ticker model origin`` with the newest origin, by leaps along the key."""
    names = _tickers()
    models = sa.select(runs.c.model).distinct().subquery()
    own = forecasts.alias("own")
    newest = sa.select(sa.func.max(own.c.origin)).where(
        own.c.ticker == names.c.ticker, own.c.model == models.c.model
    )
    every = sa.select(names.c.ticker, models.c.model)
    every = every.add_columns(newest.scalar_subquery().label("origin"))
    every = every.join_from(names, models, sa.true())
    every = every.where(names.c.ticker.is_not(None))
    if tickers is not None:
        every = every.where(names.c.ticker.in_(sorted(tickers)))
    if model is not None:
        every = every.where(models.c.model == model)
    found = every.subquery()
    return sa.select(found).where(found.c.origin.is_not(None)).subquery()


def _of_runs(
    ids: Collection[int] | None, model: str | None, status: str | None
) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if ids is not None:
        conditions.append(runs.c.id.in_(sorted(ids)))
    if model is not None:
        conditions.append(runs.c.model == model)
    if status is not None:
        conditions.append(runs.c.status == status)
    return conditions


def rows_of(connection: sa.Connection, query: sa.Select[Any]) -> Rows:
    """Return what a query finds, a mapping for each row."""
    return [dict(row) for row in connection.execute(query).mappings()]
