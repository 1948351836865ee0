"""Connecting: the database behind a URL or a file, and its failures in our words."""

from __future__ import annotations

import contextlib
import importlib.util
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from forecaster.atomic import output_errors
from forecaster.errors import ConfigError, LedgerBusy, LedgerError, OutputError

SECONDS_TO_WAIT = 60.0
POSTGRES_DRIVER = "postgresql+psycopg"
# Words of messages: neither driver says more of an error when connecting.
UNWRITABLE = ("readonly database", "disk is full", "disk I/O error", "No space left")
# Of PostgreSQL, what waiting does not cure.
LASTING = ("does not exist", "authentication failed", "no password supplied")


def url_of(place: str | Path) -> sa.URL:
    """Return the database URL of a file or of a URL.

    Raises
    ------
    ConfigError
        If it is neither SQLite nor PostgreSQL, or psycopg is not installed.
    """
    if isinstance(place, Path) or "://" not in place:
        return sa.URL.create("sqlite", database=str(Path(place).expanduser()))
    try:
        url = sa.make_url(place)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise ConfigError(_refusal("a URL that cannot be read")) from error
    named = url.database or ""
    if url.drivername == "sqlite" and named and not named.startswith((":", "file:")):
        return url
    if url.drivername not in ("postgres", "postgresql", POSTGRES_DRIVER):
        raise ConfigError(_refusal(url.render_as_string()))
    if importlib.util.find_spec("psycopg") is None:
        raise ConfigError(
            "a ledger in PostgreSQL needs psycopg, which is not installed. Install it "
            "with `pip install 'forecaster[postgres]'`."
        )
    return url.set(drivername=POSTGRES_DRIVER)


def connect(url: sa.URL, *, create: bool) -> sa.Engine:
    """Return an engine; transactions of ``execution_options(writes=True)`` may write.

    In SQLite they take the lock at their beginning: one that first reads and then
    writes could otherwise find that another has written in between.

    Raises
    ------
    LedgerError, OutputError
        If there is no such file and none may be made.
    """
    if url.drivername != "sqlite":
        wait = {"connect_timeout": int(SECONDS_TO_WAIT)}
        return sa.create_engine(url, connect_args=wait, pool_pre_ping=True)
    file = Path(str(url.database))
    if not create and not file.is_file():
        raise LedgerError(no_ledger(str(file)))
    with output_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": SECONDS_TO_WAIT})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def no_ledger(place: str) -> str:
    """Return the message that there is no ledger at a place."""
    return (
        f"there is no ledger at {place}. `forecaster predict --record` makes one; name "
        "another place with `--ledger` or $FORECASTER_LEDGER."
    )


@contextlib.contextmanager
def database_errors(place: str) -> Iterator[None]:
    """Turn a database's failures into a `LedgerError`, and leave bugs alone."""
    try:
        yield
    except OperationalError as error:
        raise _operational(place, error) from error
    except DatabaseError as error:
        # SQLite's bare DatabaseError is that of a damaged file; its children are bugs.
        if type(error.orig) is sqlite3.DatabaseError:
            raise LedgerError(
                f"{place} is damaged, or no ledger: {error.orig}. Restore a copy, or "
                "name another place with `--ledger`."
            ) from error
        raise


def _operational(place: str, error: DBAPIError) -> LedgerError | OutputError:
    reason = str(error.orig).strip().splitlines()[0] if str(error.orig) else "no reason"
    if any(words in reason for words in UNWRITABLE):
        return OutputError(
            f"cannot write {place}: {reason}. Free some space, or name a place that "
            "you may write with `--ledger`."
        )
    local = isinstance(error.orig, sqlite3.Error)
    if (local and "locked" not in reason) or any(words in reason for words in LASTING):
        return LedgerError(
            f"{place} cannot be used: {reason}. Check the place, or name another one "
            "with `--ledger`."
        )
    return LedgerBusy(f"{place} does not answer: {reason}. Try again later.")


def _prepare_sqlite(connection: Any, _: object) -> None:
    """Hand the transactions to us, wait for other writers, and check references."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    # A commit is on the disk before it is reported, whatever happens to the machine.
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _refusal(what: str) -> str:
    return (
        f"a ledger lies in a SQLite file or in PostgreSQL, got {what}. Give a file "
        "such as ledger.db, or postgresql://user@host/database."
    )
