"""Opening: the ledger for reading alone, anew for each request."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from forecaster.ledger import Ledger
from forecaster.ledger.connecting import database_errors, url_of
from forecaster.ledger.places import default_place

# Somebody waits at a browser; whoever writes holds the file for far less.
SECONDS_TO_WAIT = 3.0
# Of PostgreSQL: no statement may write, none may run long.
READ_ONLY = "-c default_transaction_read_only=on -c statement_timeout=15000"


class Reader:
    """A ledger that cannot be written through it.

    Attributes
    ----------
    place
        Where it lies, without any password.
    """

    def __init__(self, engine: sa.Engine, place: str) -> None:
        self._engine, self.place = engine, place

    @classmethod
    def open(cls, place: str | Path | None = None) -> Reader:
        """Open a ledger that exists; an older schema is brought up to date first.

        Raises
        ------
        ConfigError, LedgerError, OutputError
            As `Ledger.open`.
        """
        wanted = default_place() if place is None else place
        with Ledger.open(wanted, create=False) as checked:
            shown = checked.place
        return cls(_read_only(url_of(wanted)), shown)

    @contextlib.contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """Yield a connection; in SQLite all that it reads is of one moment.

        Raises
        ------
        LedgerBusy
            If the database does not answer.
        LedgerError
            If it is damaged, or gone.
        """
        with database_errors(self.place), self._engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _read_only(url: sa.URL) -> sa.Engine:
    if url.drivername != "sqlite":
        wait = {"connect_timeout": int(SECONDS_TO_WAIT), "options": READ_ONLY}
        return sa.create_engine(url, connect_args=wait, pool_pre_ping=True)
    file = Path(str(url.database)).absolute().as_uri()
    # No pool: a file that was restored from a copy is read, not its predecessor.
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=file, query={"mode": "ro", "uri": "true"}),
        connect_args={"timeout": SECONDS_TO_WAIT},
        poolclass=sa.NullPool,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA query_only = ON")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")
