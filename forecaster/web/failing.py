"""Failing: which tickers the runs could not forecast, selected by the database."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from forecaster.ledger.schema import failures, runs
from forecaster.web.queries import Rows, rows_of


def read_newest_failures(
    connection: sa.Connection, *, ticker: str | None = None
) -> Rows:
    """Return each ticker's and model's failure of the newest origin and run.

    With the columns of `Ledger.failures`, and `model`.
    """
    own = failures.c
    newest: sa.Select[Any] = sa.select(
        own.ticker, runs.c.model, sa.func.max(own.origin).label("origin")
    ).join_from(failures, runs, own.run == runs.c.id)
    if ticker is not None:
        newest = newest.where(own.ticker == ticker)
    found = newest.group_by(own.ticker, runs.c.model).subquery()
    query = (
        sa.select(failures, runs.c.model)
        .join_from(failures, runs, own.run == runs.c.id)
        .join(
            found,
            sa.and_(
                own.ticker == found.c.ticker,
                runs.c.model == found.c.model,
                own.origin == found.c.origin,
            ),
        )
        .order_by(own.run)
    )
    last = {(row["ticker"], row["model"]): row for row in rows_of(connection, query)}
    return [*last.values()]


def count_failures(connection: sa.Connection, ids: Collection[int]) -> dict[int, int]:
    """Return how many failures each run has; runs without any are absent."""
    if not ids:
        return {}
    query = (
        sa.select(failures.c.run, sa.func.count().label("n_failures"))
        .where(failures.c.run.in_(sorted(ids)))
        .group_by(failures.c.run)
    )
    return {row["run"]: row["n_failures"] for row in rows_of(connection, query)}


def read_failures(
    connection: sa.Connection, run: int, *, offset: int, limit: int
) -> Rows:
    """Return failures of one run, by ticker and origin."""
    query = sa.select(failures).where(failures.c.run == run)
    query = query.order_by(failures.c.ticker, failures.c.origin)
    return rows_of(connection, query.offset(offset).limit(limit))
