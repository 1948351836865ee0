"""Writing: runs, forecasts and scores, each key once however often it is written."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from forecaster.errors import ConfigError, DataError, LedgerError
from forecaster.ledger.checking import COLUMNS, FAILURE_COLUMNS
from forecaster.ledger.schema import KEY, failures, forecasts, runs

RUNNING = "running"
ABANDONED = "abandoned"
ENDED = ("finished", "partly", "failed", ABANDONED)
FACTS = ("step", "value", "last_price")  # the run may differ, these may not
# Relative: the same network answers so differently alone, among others, or by ONNX.
SAME = {"value": 1e-5, "last_price": 1e-9}


def insert(table: sa.Table, connection: sa.Connection) -> Any:
    """Return an insert that can say what happens on a conflict."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def upsert(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows, or replace what is stored under their keys."""
    if not rows:  # which would insert one row of defaults
        return
    key = [column.name for column in table.primary_key]
    statement = insert(table, connection)
    new = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column.name not in key
    }
    updating = statement.on_conflict_do_update(index_elements=key, set_=new)
    connection.execute(updating, rows)


def insert_run(connection: sa.Connection, **facts: Any) -> int:
    """Insert a run that begins, and return its number."""
    values = {**facts, "started": iso(facts["started"])}
    statement = runs.insert().values(**values, status=RUNNING, counts="{}")
    run: Any = connection.execute(statement).inserted_primary_key
    return int(run[0])


def end_run(
    connection: sa.Connection,
    run: int,
    status: str,
    counts: Mapping[str, int],
    finished: datetime,
) -> None:
    """Say how a run ended.

    Raises
    ------
    ConfigError
        If there is no such status.
    LedgerError
        If there is no such run.
    """
    if status not in ENDED:
        raise ConfigError(f"a run ends as {', '.join(ENDED)}, not as {status!r}.")
    statement = runs.update().where(runs.c.id == run)
    counted = json.dumps(dict(counts), sort_keys=True)
    values = {"status": status, "counts": counted, "finished": iso(finished)}
    if not connection.execute(statement.values(**values)).rowcount:
        raise _no_run(run)


def abandon(connection: sa.Connection, config: str, finished: datetime) -> int:
    """Mark the runs of some settings that are still running; return how many."""
    values = {"status": ABANDONED, "finished": iso(finished)}
    statement = runs.update().where(runs.c.config == config, runs.c.status == RUNNING)
    return connection.execute(statement.values(**values)).rowcount


def write_failures(connection: sa.Connection, run: int, rows: pd.DataFrame) -> int:
    """Write checked failures of a run, or replace them; return how many.

    Raises
    ------
    LedgerError
        If there is no such run.
    """
    found = connection.execute(sa.select(runs.c.id).where(runs.c.id == run)).first()
    if found is None:
        raise _no_run(run)
    columns = [rows[name].tolist() for name in FAILURE_COLUMNS]
    records = [
        {"run": run, **dict(zip(FAILURE_COLUMNS, row, strict=True))}
        for row in zip(*columns, strict=True)
    ]
    upsert(connection, failures, records)
    return len(records)


def _no_run(run: int) -> LedgerError:
    return LedgerError(f"the ledger has no run {run}. Begin one with `begin_run`.")


def iso(moment: datetime) -> str:
    """Return a time with its zone as ISO text."""
    if moment.tzinfo is None:
        raise ConfigError(f"{moment} has no time zone. Give one, such as UTC.")
    return moment.isoformat(timespec="seconds")


def require_runs(connection: sa.Connection, rows: pd.DataFrame) -> None:
    """Refuse forecasts of a run that does not exist, or is of another model.

    Raises
    ------
    LedgerError
        If a run does not exist.
    DataError
        If it is of another model.
    """
    pairs = rows[["run", "model"]].drop_duplicates()
    wanted = [int(run) for run in pairs["run"].unique()]
    query = sa.select(runs.c.id, runs.c.model).where(runs.c.id.in_(wanted))
    models = {row.id: row.model for row in connection.execute(query)}
    for run, model in pairs.itertuples(index=False):
        if run not in models:
            raise _no_run(run)
        if models[run] != model:
            raise DataError(
                f"run {run} is of the model {models[run]}, its forecasts of {model}. "
                "Begin a run for each model."
            )


def write_ticker(
    connection: sa.Connection, rows: pd.DataFrame, *, replace: bool
) -> int:
    """Write the checked forecasts of one ticker; return how many rows are new.

    Raises
    ------
    LedgerError
        If other values are stored and `replace` is not asked for.
    """
    records = [dict(zip(COLUMNS, row, strict=True)) for row in _tuples(rows)]
    statement = insert(forecasts, connection).on_conflict_do_nothing()
    # Of an insert the count is forgotten otherwise.
    counted = statement.execution_options(preserve_rowcount=True)
    n_new = connection.execute(counted, records).rowcount
    if n_new == len(records):
        return n_new
    # Whoever wrote the others has committed: PostgreSQL waited for it.
    others = _differing(connection, records)
    if others and not replace:
        raise LedgerError(_contradiction(others))
    upsert(connection, forecasts, [new for _, new in others])
    return n_new + len(others)


def write_tickers(
    connection: sa.Connection, rows: pd.DataFrame, *, replace: bool
) -> tuple[int, dict[str, LedgerError]]:
    """Write the checked forecasts of many tickers; return new rows, and refusals.

    A savepoint for each ticker, so that nothing of a refused one is written.
    """
    n_new, refused = 0, {}
    for ticker, own in rows.groupby("ticker"):
        try:
            with connection.begin_nested():
                n_new += write_ticker(connection, own, replace=replace)
        except LedgerError as error:
            refused[str(ticker)] = error
    return n_new, refused


def _tuples(rows: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    # Python's own numbers: the drivers know no others.
    columns = [rows[name].tolist() for name in COLUMNS]
    return zip(*columns, strict=True)


def _differing(
    connection: sa.Connection, records: Sequence[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return stored rows and new ones of the same key that say something else."""
    origins = [record["origin"] for record in records]
    query = sa.select(forecasts).where(
        forecasts.c.ticker == records[0]["ticker"],
        forecasts.c.model.in_({record["model"] for record in records}),
        forecasts.c.origin.between(min(origins), max(origins)),
    )
    stored: dict[tuple[Any, ...], Mapping[str, Any]] = {
        tuple(row[name] for name in KEY): dict(row)
        for row in connection.execute(query).mappings()
    }
    pairs = [(stored[tuple(row[name] for name in KEY)], row) for row in records]
    return [(old, new) for old, new in pairs if _unlike(old, new)]


def _unlike(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the facts that differ by more than another way to add up would make."""
    return [
        fact
        for fact in FACTS
        if not math.isclose(old[fact], new[fact], rel_tol=SAME.get(fact, 0.0))
    ]


def _contradiction(
    others: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
) -> str:
    old, new = others[0]
    facts = _unlike(old, new)
    said = ", ".join(f"{fact} {old[fact]!r} and not {new[fact]!r}" for fact in facts)
    return (
        f"{old['ticker']}: the ledger says otherwise of {len(others)} rows. For "
        f"{old['session']} from {old['origin']}, {old['model']}, quantile "
        f"{old['quantile']:g}, it has {said}. What is stored stays: record into "
        "another ledger, or under another run's name."
    )
