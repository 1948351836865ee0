"""Running: the sides of a case in turn, each kept alive in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from benchmarks.case import OURS, Case, Facts, check_equal_work

ROOT = Path(__file__).resolve().parents[1]
REPEATS, QUICK_REPEATS = 5, 2
# Before each turn, so that threads of the side before have gone to sleep.
REST_S = 0.3
# For a worker to end by itself.
GRACE_S = 10.0
TAIL = 12


class WorkerFailed(Exception):
    """A worker ended before it had answered."""


@dataclass
class Record:
    """Everything that was measured of one side.

    Attributes
    ----------
    resident_mb, peak_mb
        After the warm-up, then after each timed run: one longer than `seconds`.
    missing
        Why nothing was measured; empty where something was.
    """

    facts: Facts = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    resident_mb: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)
    outcomes: list[Any] = field(default_factory=list)
    missing: str = ""

    def note(self, answer: dict[str, Any]) -> None:
        """Add what a worker answered."""
        if answer["event"] == "missing":
            self.missing = answer["why"]
            return
        self.resident_mb.append(answer["resident_mb"])
        self.peak_mb.append(answer["peak_mb"])
        if answer["event"] == "ready":
            self.facts = answer["facts"]
        else:
            self.seconds.append(answer["seconds"])
            self.outcomes.append(answer["outcome"])

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


class Worker:
    """One side in a process of its own, from its start until the `with` ends."""

    def __init__(self, name: str, side: str, *, quick: bool, gpu: bool) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", name, side]
        self.what = f"{name}/{side}"
        self._errors = tempfile.TemporaryFile(  # noqa: SIM115  closed by __exit__
            "w+", encoding="utf-8", errors="replace"
        )
        self._process = subprocess.Popen(
            command + ["--quick"] * quick,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=ROOT,
            env=worker_environment(gpu=gpu),
            encoding="utf-8",
        )

    def listen(self) -> dict[str, Any]:
        """Wait for the next answer.

        Raises
        ------
        WorkerFailed
            With the end of what the process wrote to stderr.
        """
        assert self._process.stdout is not None  # noqa: S101  it was piped
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            tail = "".join(self._errors.readlines()[-TAIL:])
            raise WorkerFailed(f"{self.what} ended without an answer:\n{tail}")
        return dict(json.loads(line))

    def run_once(self) -> dict[str, Any]:
        """Let the side run once and return its answer."""
        assert self._process.stdin is not None  # noqa: S101  it was piped
        with suppress(BrokenPipeError):  # it has ended, and `listen` tells how
            self._process.stdin.write("run\n")
            self._process.stdin.flush()
        return self.listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let the worker end with its input, so that it clears up; or else end it."""
        assert self._process.stdin and self._process.stdout  # noqa: S101  piped
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()


def worker_environment(*, gpu: bool) -> dict[str, str]:
    """Return the environment of a worker: graphics cards are shown only for `gpu`."""
    settings = dict(os.environ)
    settings.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if not gpu:
        settings["CUDA_VISIBLE_DEVICES"] = "-1"
    return settings


def measure(
    name: str,
    case: Case,
    *,
    quick: bool,
    repeats: int | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Record]:
    """Run the sides of a case in turn: ours, theirs, ours, theirs.

    Parameters
    ----------
    repeats
        Rounds; if absent, those of the case, or 5 (2 when quick).
    tell
        Called with a few words whenever something begins.

    Raises
    ------
    WorkerFailed
        If a side ended with an error.
    UnequalWork
        If the sides do not do the same.
    """
    records = {side: Record() for side in case.sides}
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for side in case.sides:
            tell(f"{name}: {side} warms up")
            worker = Worker(name, side, quick=quick, gpu=case.gpu)
            workers[side] = stack.enter_context(worker)
            records[side].note(worker.listen())
        if records.get(OURS, Record()).missing:
            return records
        check_equal_work({side: record.facts for side, record in records.items()})
        for number in range(1, n_rounds(case, quick=quick, repeats=repeats) + 1):
            for side, worker in workers.items():
                if not records[side].missing:
                    tell(f"{name}: round {number}, {side}")
                    time.sleep(REST_S)
                    records[side].note(worker.run_once())
    return records


def n_rounds(case: Case, *, quick: bool, repeats: int | None) -> int:
    """Return how often each side of a case is timed."""
    if repeats is not None:
        return repeats
    return QUICK_REPEATS if quick else case.repeats or REPEATS
