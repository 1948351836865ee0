"""Verifying: what is wrong in a ledger, be it damage or rows that cannot be true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from forecaster.ledger.schema import POINT, actuals, failures, forecasts, runs

ORIGIN = (forecasts.c.ticker, forecasts.c.model, forecasts.c.origin)
FAILURE = (failures.c.ticker, failures.c.origin)


@dataclass(frozen=True)
class Problem:
    """Something that is wrong.

    Attributes
    ----------
    kind
        `damage`, `orphan`, `not_ahead`, `crossing`, `duplicate`, `last_price`,
        `value` or `failure`.
    where
        The row: ticker, model, origin and session, as far as they matter.
    message
        What is wrong with it.
    """

    kind: str
    where: str
    message: str

    def to_dict(self) -> dict[str, str]:
        """Return plain JSON values."""
        return asdict(self)


def find_problems(connection: sa.Connection) -> tuple[Problem, ...]:
    """Return all problems; nothing is changed."""
    damage = tuple(_find_damage(connection))
    if damage:  # what a damaged file says further means nothing
        return damage
    return tuple(
        Problem(kind, " ".join(map(str, row[:-1])), message.format(row[-1]))
        for kind, message, query in _checks()
        for row in connection.execute(query)
    )


def _find_damage(connection: sa.Connection) -> Iterator[Problem]:
    if connection.dialect.name != "sqlite":  # PostgreSQL checks pages as it reads them
        return
    for (message,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if message != "ok":
            yield Problem("damage", "the file", " ".join(message.split()))


def _checks() -> Iterator[tuple[str, str, sa.Select[Any]]]:
    yield "orphan", "its run {} is not in the ledger", _orphans()
    yield "orphan", "its run {} is of another model", _strangers()
    yield "not_ahead", "its session {} is not after its origin", _not_ahead()
    yield "crossing", "the quantile {:g} is below a smaller one", _crossing()
    yield (
        "duplicate",
        "step {} stands for several sessions",
        _several("session", "step"),
    )
    yield "duplicate", "the session {} has several steps", _several("step", "session")
    yield "last_price", "there are {} last prices of one origin", _last_prices()
    yield "value", "the price {} is not above zero", _bad_actuals()
    yield "value", "the last price {} is not above zero", _bad_last_prices()
    yield "orphan", "its failure's run {} is not in the ledger", _orphan_failures()
    yield "value", "a failure after {} attempts", _bad_attempts()
    yield "failure", "it failed in run {}, which has forecasts of it", _contradicted()


def _orphans() -> sa.Select[Any]:
    return (
        sa.select(*ORIGIN, forecasts.c.run)
        .distinct()
        .outerjoin_from(forecasts, runs, forecasts.c.run == runs.c.id)
        .where(runs.c.id.is_(None))
    )


def _strangers() -> sa.Select[Any]:
    return (
        sa.select(*ORIGIN, forecasts.c.run)
        .distinct()
        .join_from(forecasts, runs, forecasts.c.run == runs.c.id)
        .where(runs.c.model != forecasts.c.model)
    )


def _not_ahead() -> sa.Select[Any]:
    late = forecasts.c.session <= forecasts.c.origin
    return sa.select(*ORIGIN, forecasts.c.session).distinct().where(late)


def _crossing() -> sa.Select[Any]:
    key = (*ORIGIN, forecasts.c.session)
    below = sa.func.lag(forecasts.c.value).over(
        partition_by=key, order_by=forecasts.c.quantile
    )
    quantiles = (
        sa.select(*key, forecasts.c.quantile, forecasts.c.value, below.label("below"))
        .where(forecasts.c.quantile != POINT)
        .subquery()
    )
    names = [column.name for column in (*key, forecasts.c.quantile)]
    return sa.select(*(quantiles.c[name] for name in names)).where(
        quantiles.c.value < quantiles.c.below
    )


def _several(what: str, of: str) -> sa.Select[Any]:
    key = (*ORIGIN, forecasts.c[of])
    several = sa.func.count(forecasts.c[what].distinct()) > 1
    return sa.select(*key).group_by(*key).having(several)


def _last_prices() -> sa.Select[Any]:
    n_prices = sa.func.count(forecasts.c.last_price.distinct())
    return sa.select(*ORIGIN, n_prices).group_by(*ORIGIN).having(n_prices > 1)


def _bad_actuals() -> sa.Select[Any]:
    key = (actuals.c.ticker, actuals.c.target, actuals.c.session)
    return sa.select(*key, actuals.c.price).where(actuals.c.price <= 0)


def _bad_last_prices() -> sa.Select[Any]:
    price = forecasts.c.last_price
    return sa.select(*ORIGIN, price).distinct().where(price <= 0)


def _orphan_failures() -> sa.Select[Any]:
    return (
        sa.select(*FAILURE, failures.c.run)
        .outerjoin_from(failures, runs, failures.c.run == runs.c.id)
        .where(runs.c.id.is_(None))
    )


def _bad_attempts() -> sa.Select[Any]:
    n_attempts = failures.c.n_attempts
    return sa.select(*FAILURE, n_attempts).where(n_attempts < 1)


def _contradicted() -> sa.Select[Any]:
    same = [
        failures.c[name] == forecasts.c[name] for name in ("run", "ticker", "origin")
    ]
    pairs = sa.and_(*same)
    return (
        sa.select(*FAILURE, failures.c.run)
        .distinct()
        .join_from(failures, forecasts, pairs)
    )
