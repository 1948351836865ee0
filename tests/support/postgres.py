"""A PostgreSQL of our own: in a temporary folder, on a free port of loopback."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # nobody pulls the plug in a test
}


class NoPostgres(Exception):
    """PostgreSQL cannot be started here; the message says why."""


class Postgres:
    """A server that lives as long as the block."""

    def __enter__(self) -> Postgres:
        if importlib.util.find_spec("psycopg") is None:
            raise NoPostgres("psycopg is not installed")
        self.user = unprivileged_user()
        self.programs = find_programs()
        # Not below pytest's own folder, which no other user may enter.
        self.folder = Path(tempfile.mkdtemp(prefix="ledger-postgres-"))
        try:
            self._start()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._run("pg_ctl", "stop", "-D", self.data, "-m", "immediate", "-w")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str) -> str:
        """Return the URL of a new and empty database."""
        import psycopg

        base = f"postgresql://ledger@127.0.0.1:{self.port}"
        with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"{base}/{name}"

    def _start(self) -> None:
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        self.data, self.port = self.folder / "data", free_port()
        words = ("-D", self.data, "-U", "ledger", "-A", "trust", "-E", "UTF8", "-N")
        self._run("initdb", *words, "--locale=C")
        settings = " ".join(f"-c {k}='{v}'" for k, v in SETTINGS.items())
        log = self.folder / "log"
        options = f"-p {self.port} {settings}"
        self._run("pg_ctl", "start", "-D", self.data, "-w", "-l", log, "-o", options)

    def _run(self, program: str, *words: object) -> None:
        answer = subprocess.run(
            [str(self.programs / program), *map(str, words)],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            # The server keeps its parent's pipes open, so none is given to it.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self.user,
            group=None if self.user is None else pwd.getpwnam(self.user).pw_gid,
            extra_groups=None if self.user is None else [],
            check=False,
        )
        if answer.returncode:
            raise NoPostgres(f"{program} ended with {answer.returncode}")


def find_programs() -> Path:
    """Return the folder of initdb and pg_ctl."""
    on_path = shutil.which("initdb")
    found = [Path(on_path)] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    for program in found:
        folder = program.resolve().parent
        if (folder / "pg_ctl").exists():
            return folder
    raise NoPostgres("initdb is not installed; Debian's package is `postgresql`")


def unprivileged_user() -> str | None:
    """Return whom the server runs as; None for ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NoPostgres("PostgreSQL refuses root, and there is no user to run it as")


def free_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
