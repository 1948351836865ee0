"""The class `RunBook`: the database of a ledger, its lock, its runs and failures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from typing import Self

import pandas as pd
import sqlalchemy as sa

from forecaster.data.calendar import as_day
from forecaster.ledger import reading, writing
from forecaster.ledger.checking import checked_failures
from forecaster.ledger.connecting import database_errors
from forecaster.ledger.locking import hold
from forecaster.ledger.migrating import open_database
from forecaster.ledger.places import default_place
from forecaster.ledger.reading import select


class RunBook:
    """The part of a `forecaster.ledger.Ledger` that is about runs, not forecasts.

    Attributes
    ----------
    place
        Where it lies, without any password.
    """

    def __init__(self, engine: sa.Engine, place: str) -> None:
        self._engine, self.place = engine, place

    @classmethod
    def open(cls, place: str | Path | None = None, *, create: bool = True) -> Self:
        """Open a ledger; create its tables, or bring older ones up to date.

        Parameters
        ----------
        place
            A file of SQLite, not on a network drive; or ``postgresql://user@host/name``.
            By default see `forecaster.ledger.places.default_place`.
        create
            False refuses where there is no ledger yet.

        Raises
        ------
        ConfigError
            If the place is of another kind, or psycopg is missing.
        LedgerError
            If the schema is newer than this version of forecaster.
        """
        wanted = default_place() if place is None else place
        return cls(*open_database(wanted, create=create))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Hold a lock of this ledger as long as the block lasts.

        It ends with the process, however that ends. In SQLite it is a file beside the
        ledger, in PostgreSQL an advisory lock of a connection of its own: no pooler
        that hands connections on between transactions may stand before the server.

        Parameters
        ----------
        name
            What the work is called, such as the name of the settings.

        Raises
        ------
        LedgerBusy
            At once, if another process holds it, or another block of this one.
        """
        return hold(self._engine, self.place, name)

    def begin_run(
        self,
        config: str,
        model: str,
        *,
        started: datetime,
        version: str,
        target: str = "close",
        origin: date | None = None,
        fingerprint: str | None = None,
    ) -> int:
        """Note that a run of one model begins, and return its number.

        Parameters
        ----------
        config
            Name of the settings.
        started
            With a time zone.
        version
            Of the program.
        target
            Which price is forecast: a column of the prices for `add_actuals`.
        origin
            The session after which the run forecasts, if there is only one.
        fingerprint
            SHA-256 that identifies the weights used.
        """
        facts: dict[str, str | None] = {"config": config, "model": model}
        facts |= {"target": target, "version": version, "fingerprint": fingerprint}
        day = None if origin is None else as_day(origin).date()
        with self._write() as connection:
            return writing.insert_run(connection, **facts, started=started, origin=day)

    def finish_run(
        self,
        run: int,
        status: str,
        counts: Mapping[str, int] | None = None,
        *,
        finished: datetime,
    ) -> None:
        """Note how a run ended: `finished`, `partly`, `failed` or `abandoned`.

        Parameters
        ----------
        counts
            Any that are worth keeping, such as ``{"tickers": 500}``.

        Raises
        ------
        ConfigError
            If there is no such status.
        LedgerError
            If there is no such run.
        """
        with self._write() as connection:
            writing.end_run(connection, run, status, counts or {}, finished)

    def abandon_runs(self, config: str, *, finished: datetime) -> int:
        """Mark runs that are still `running` as `abandoned`, and return how many.

        For whoever holds the lock of these settings: such runs were killed.

        Parameters
        ----------
        config
            Name of the settings; runs of others stay as they are.
        finished
            When this was found, with a time zone.
        """
        with self._write() as connection:
            return writing.abandon(connection, config, finished)

    def runs(self) -> pd.DataFrame:
        """Return all runs, oldest first.

        ``id config model target version started finished status counts origin
        fingerprint``, the last two empty where they were not said.
        """
        with self._read() as connection:
            return reading.read_runs(connection)

    def add_failures(self, run: int, failures: pd.DataFrame) -> int:
        """Write which tickers a run has no forecasts of, and why; return how many.

        What was stored of the same run, ticker and origin is replaced.

        Parameters
        ----------
        failures
            ``ticker origin kind reason n_attempts``, one row for each ticker and
            origin: `kind` is the class of the error, `reason` its message.

        Raises
        ------
        DataError
            If the rows are not fit to be stored. Nothing is written.
        LedgerError
            If there is no such run.
        """
        checked = checked_failures(failures)
        with self._write() as connection:
            return writing.write_failures(connection, run, checked)

    def failures(
        self, *, run: int | None = None, last: int | None = None
    ) -> pd.DataFrame:
        """Return failures in the order of their keys.

        Parameters
        ----------
        run
            One run alone.
        last
            Of the newest runs alone, as many as this, with failures or without.

        Returns
        -------
        DataFrame
            ``run ticker origin kind reason n_attempts``.
        """
        wanted = select(last=last)
        with self._read() as connection:
            return reading.read_failures(connection, run, wanted.last)

    @contextlib.contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        with database_errors(self.place), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        engine = self._engine.execution_options(writes=True)
        with database_errors(self.place), engine.begin() as connection:
            yield connection
