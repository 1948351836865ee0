"""Locking: one process at a time does a named piece of work on a ledger.

Both kinds of lock end with the process that holds them, however it ends: the kernel
drops a lock on a file, PostgreSQL one of a connection that is gone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from forecaster.atomic import output_errors
from forecaster.errors import LedgerHeld
from forecaster.ledger.connecting import database_errors

LONGEST_SLUG = 40
# PostgreSQL needs a moment to see that a process is dead.
N_TRIES, SECONDS_BETWEEN = 10, 0.05
# Of the connection that holds a lock: a machine that has lost its power is noticed in a
# minute, and no limit of the server's ends a connection for being idle.
LASTING = {
    "idle_session_timeout": "0",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}


@contextlib.contextmanager
def hold(engine: sa.Engine, place: str, name: str) -> Iterator[None]:
    """Hold the lock of a ledger and a name as long as the block lasts.

    Raises
    ------
    LedgerHeld
        At once, if another process holds it, or another block of this one.
    OutputError
        If the file of the lock cannot be made.
    """
    local = engine.dialect.name == "sqlite"
    holding = _hold_file(place, name) if local else _hold_row(engine, place, name)
    with holding:
        yield


def lock_file(place: str, name: str) -> Path:
    """Return the file of a lock, beside the ledger's own whatever link leads there.

    Examples
    --------
    >>> lock_file("/data/ledger.db", "a/b").name
    'ledger.db.a-b-0debd2558bca8fa0.lock'
    """
    ledger = Path(place).resolve()
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST_SLUG]
    return ledger.with_name(f"{ledger.name}.{slug}-{_digest(name).hex()}.lock")


def lock_number(schema: str, name: str) -> int:
    """Return the number of PostgreSQL's advisory lock, from -2**63 to 2**63 - 1."""
    # The database may hold the locks of other programs.
    digest = _digest(f"forecaster ledger\0{schema}\0{name}")
    return int.from_bytes(digest, "big", signed=True)


@contextlib.contextmanager
def _hold_file(place: str, name: str) -> Iterator[None]:
    from filelock import FileLock, Timeout

    file = lock_file(place, name)
    lock = FileLock(file, thread_local=False)
    with output_errors(file):
        try:
            lock.acquire(timeout=0)
        except Timeout:  # which is an OSError too
            raise _busy(place, name, _read(file)) from None
    try:
        with contextlib.suppress(OSError):  # a note for people, no more
            file.write_text(_ourselves(), encoding="utf-8")
        yield
    finally:
        # The file stays: another process may have opened it to wait for it.
        lock.release()


@contextlib.contextmanager
def _hold_row(engine: sa.Engine, place: str, name: str) -> Iterator[None]:
    # Not in a transaction, which would keep the server from tidying up for hours.
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    with database_errors(place):
        connection = alone.connect()
    try:
        with database_errors(place):
            connection.detach()  # from the pool, which would hand it on
            number = _take(connection, place, name)
        yield
        with contextlib.suppress(sa.exc.DBAPIError):  # then the lock is gone already
            connection.execute(sa.select(sa.func.pg_advisory_unlock(number)))
    finally:
        with contextlib.suppress(sa.exc.DBAPIError):
            connection.close()


def _take(connection: sa.Connection, place: str, name: str) -> int:
    schema = connection.execute(sa.select(sa.func.current_schema())).scalar()
    number = lock_number(str(schema), name)
    for n_left in reversed(range(N_TRIES)):
        if connection.execute(sa.select(sa.func.pg_try_advisory_lock(number))).scalar():
            break
        if n_left:
            time.sleep(SECONDS_BETWEEN)
    else:
        raise _busy(place, name, _holder(connection, number))
    for setting, value in {**LASTING, "application_name": _ourselves()}.items():
        _set_if_known(connection, setting, value)
    return number


def _set_if_known(connection: sa.Connection, setting: str, value: str) -> None:
    """Set what holds for this connection; older servers know fewer settings."""
    query = (
        "SELECT set_config(name, :value, false) FROM pg_settings WHERE name = :setting"
    )
    connection.execute(sa.text(query), {"setting": setting, "value": value})


def _holder(connection: sa.Connection, number: int) -> str:
    query = sa.text(
        "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
        " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
        " AND (l.classid::bigint << 32 | l.objid::bigint) = :number"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname ="
        " current_database())"
    )
    found: Any = connection.execute(query, {"number": number}).scalar()
    return str(found or "")


def _busy(place: str, name: str, holder: str) -> LedgerHeld:
    who = f" ({holder})" if holder else ""
    return LedgerHeld(
        f"another process{who} is at work on {name} in the ledger {place}, and only "
        "one may be. Nothing was done: try again when it has ended."
    )


def _ourselves() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"[:63]


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")[:100].strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _digest(text: str) -> bytes:
    encoded = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(encoded, digest_size=8).digest()
