"""Watched: a command and its children, their memory, and their sudden end."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import MB
from benchmarks.running import ROOT

LOOK_S, WEIGH_S = 0.02, 0.2
GRACE_S = 2.0  # for children to be gone
SESSION = 3  # of what /proc tells behind the name: state, parent, group, session
RESIDENT = 1


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes
    ----------
    code
        Exit code; minus 9 if it was killed.
    seconds
        From its start to its end.
    cpu_seconds
        Of the command and of those children that it waited for.
    peak_mb
        The most that the command and all its children held together.
    n_left
        Children that were alive two seconds after the command had ended.
    """

    code: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    n_left: int

    @property
    def was_killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.code == -signal.SIGKILL


def watch(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    *,
    kill_after: float | None = None,
) -> Ended:
    """Run a command in a session of its own, and kill it and its children in time.

    Parameters
    ----------
    log
        Gets its stdout and stderr, behind those of former commands.
    kill_after
        Seconds until SIGKILL goes to its whole process group.
    """
    before, began = _cpu_seconds(), time.perf_counter()
    with log.open("ab") as said:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        peak = _attend(process, began, kill_after)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    seconds = time.perf_counter() - began
    n_left = _outliving(process.pid)
    return Ended(process.returncode, seconds, _cpu_seconds() - before, peak, n_left)


def _attend(
    process: subprocess.Popen[bytes], began: float, kill_after: float | None
) -> float:
    """Wait for the end, and return the peak of memory in MB."""
    peak, weighed = 0.0, 0.0
    while process.poll() is None:
        now = time.perf_counter()
        if kill_after is not None and now - began >= kill_after:
            os.killpg(process.pid, signal.SIGKILL)
            break
        if now - weighed >= WEIGH_S:
            peak, weighed = max(peak, sum(_members(process.pid))), now
        time.sleep(LOOK_S)
    return peak


def _outliving(session: int) -> int:
    """Return how many processes of a session do not end with the first."""
    deadline = time.perf_counter() + GRACE_S
    while (n_alive := len([*_members(session)])) and time.perf_counter() < deadline:
        time.sleep(LOOK_S)
    return n_alive


def _members(session: int) -> Iterator[float]:
    """Yield the memory, in MB, of each process of a session."""
    page = os.sysconf("SC_PAGE_SIZE")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "stat").read_text(encoding="latin-1").rpartition(")")[2]
            fields = told.split()
            if int(fields[SESSION]) == session and fields[0] != "Z":
                sizes = (folder / "statm").read_text(encoding="ascii").split()
                yield int(sizes[RESIDENT]) * page / MB
        except (OSError, IndexError):
            continue  # it has ended meanwhile


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
