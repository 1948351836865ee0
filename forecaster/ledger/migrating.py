"""Migrating: creates the ledger's tables, or brings older ones up to date."""

from __future__ import annotations

import time
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from forecaster.errors import LedgerError
from forecaster.ledger.connecting import (
    SECONDS_TO_WAIT,
    connect,
    database_errors,
    no_ledger,
    url_of,
)

MIGRATIONS = Path(__file__).parent / "migrations"
# Its own, since another program's migrations may share the database.
VERSION_TABLE = "forecaster_ledger_version"
LOCK = 0x1ED6E4  # of PostgreSQL's advisory locks: any number that all versions share


def open_database(place: str | Path, *, create: bool) -> tuple[sa.Engine, str]:
    """Return an engine for tables that are up to date, and the place without password.

    Raises
    ------
    ConfigError, LedgerError, OutputError
        As `Ledger.open`.
    """
    url = url_of(place)
    local = url.drivername == "sqlite"
    shown = str(url.database) if local else url.render_as_string()
    with database_errors(shown):
        engine = connect(url, create=create)
        try:
            migrate(engine, shown, create=create)
        except BaseException:
            engine.dispose()
            raise
    return engine, shown


def migrate(engine: sa.Engine, place: str, *, create: bool) -> None:
    """Create or update the tables, in one transaction and by one process at a time.

    Raises
    ------
    LedgerError
        If the schema is newer than this version knows, or there is none and none may be
        created.
    """
    scripts = ScriptDirectory(str(MIGRATIONS))
    with engine.connect() as connection:
        if _is_newest(connection, scripts, place, create=create):
            return
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)
    with engine.execution_options(writes=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        # Another process may have been faster.
        if not _is_newest(connection, scripts, place, create=create):
            _upgrade(connection)


def schema_version(connection: sa.Connection) -> str | None:
    """Return the version of the tables; None if there are none."""
    options = {"version_table": VERSION_TABLE}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def _is_newest(
    connection: sa.Connection, scripts: ScriptDirectory, place: str, *, create: bool
) -> bool:
    found, newest = schema_version(connection), scripts.get_current_head()
    if found is None and not create:
        raise LedgerError(no_ledger(place))
    known = {script.revision for script in scripts.walk_revisions()}
    if found is not None and found not in known:
        raise LedgerError(
            f"{place} has schema {found}, and this version of forecaster knows up to "
            f"{newest}. Install a newer forecaster, or name another place with "
            "`--ledger`."
        )
    return found == newest


def _upgrade(connection: sa.Connection) -> None:
    settings = Config()
    # Alembic reads % as the beginning of a variable.
    settings.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    settings.attributes["connection"] = connection
    settings.attributes["version_table"] = VERSION_TABLE
    command.upgrade(settings, "head")


def _write_ahead(engine: sa.Engine) -> None:
    """Let readers and a writer work side by side; the file remembers it.

    SQLite does not wait here for other processes, so this does.
    """
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while True:
        connection = engine.raw_connection()
        try:
            connection.driver_connection.execute("PRAGMA journal_mode = WAL")  # type: ignore[union-attr]
        except engine.dialect.dbapi.OperationalError as error:  # type: ignore[union-attr]
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
