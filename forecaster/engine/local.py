"""Local processes: a pool that knows which task each of its workers is at.

Each worker has a pipe of its own. When one dies, the task at fault is known, and the
others work on undisturbed.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import signal
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from forecaster.engine.agenda import Agenda
from forecaster.engine.outcomes import Outcome
from forecaster.engine.threads import inherited
from forecaster.engine.workers import GRACE_S, serve
from forecaster.errors import TrainingFailed

# After so many workers in a row that died before they were ready no more are begun.
MOST_STILLBORN = 3
# A process that a task has left behind can hold a dead worker's pipe open.
LOOK_S = 1.0
SPAWN = multiprocessing.get_context("spawn")


def run_beside(
    agenda: Agenda, n_workers: int, settings: dict[str, str]
) -> Generator[Outcome[Any, Any], None, None]:
    """Yield the outcome of each task, done in spawned processes of this machine.

    Parameters
    ----------
    settings
        Environment variables of each worker.

    Raises
    ------
    TrainingFailed
        If worker processes die before they get a task.
    """
    ended: list[Outcome[Any, Any]] = []
    with _pool(settings) as pool:
        while agenda.left or agenda.suspects or pool.at_work():
            n_wanted = max(1, len(agenda.left) + len(pool.at_work()))
            pool.keep(min(n_workers, n_wanted))
            for worker in pool.idle():
                yield from _hand_over(agenda, worker, is_alone=pool.is_alone(worker))
            # Only now, so that the workers have something to do meanwhile.
            yield from ended
            ended = list(_conclude(agenda, pool))
        yield from ended


def _hand_over(
    agenda: Agenda, worker: _Worker, *, is_alone: bool
) -> Iterator[Outcome[Any, Any]]:
    """Give a worker the next task that can be packed; yield those that cannot."""
    waiting = agenda.suspects if is_alone and not agenda.left else agenda.left
    while waiting and worker.number is None:
        number = waiting.popleft()
        packed = agenda.pack(number)
        if packed.error is not None:
            yield agenda.refused(number, packed)
        elif not worker.take(number, packed.result):
            waiting.appendleft(number)
            return


def _conclude(agenda: Agenda, pool: _Pool) -> Iterator[Outcome[Any, Any]]:
    """Wait for workers, and yield the outcomes that their answers or deaths are."""
    for number, answer in pool.answers():
        if isinstance(answer, bytes):
            yield agenda.answered(number, answer)
        elif (outcome := agenda.died(number, answer)) is not None:
            yield outcome


@dataclass(eq=False)
class _Worker:
    """A process, the pipe to it, and the number of the task it is at."""

    process: BaseProcess
    pipe: Connection
    is_ready: bool = False
    number: int | None = None

    def take(self, number: int, packed: bytes) -> bool:
        """Hand over a task; a worker that has died meanwhile does not get it."""
        try:
            self.pipe.send_bytes(packed)
        except OSError:
            return False
        self.number = number
        return True

    def end(self, grace_s: float) -> None:
        self.pipe.close()
        self.process.join(max(0.0, grace_s))
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class _Pool:
    """Workers that come and go; `watched` closes when all are to stop."""

    def __init__(self, settings: dict[str, str], watched: Connection) -> None:
        self.settings, self.watched = settings, watched
        self.workers: list[_Worker] = []
        self.n_stillborn = 0

    def at_work(self) -> list[_Worker]:
        return [worker for worker in self.workers if worker.number is not None]

    def idle(self) -> list[_Worker]:
        return [w for w in self.workers if w.is_ready and w.number is None]

    def is_alone(self, worker: _Worker) -> bool:
        return self.workers == [worker]

    def keep(self, n_workers: int) -> None:
        """Begin workers, or end idle ones, until there are so many."""
        if self.n_stillborn >= MOST_STILLBORN:  # those there are shall go on
            n_workers = min(n_workers, len(self.workers))
        while len(self.workers) < n_workers:
            self.workers.append(self._begun())
        free = [worker for worker in self.workers if worker.number is None]
        leaving = free[: len(self.workers) - n_workers]
        for worker in leaving:
            self.workers.remove(worker)
            worker.pipe.close()
        for worker in leaving:
            worker.end(GRACE_S)

    def answers(self) -> Iterator[tuple[int, bytes | str]]:
        """Wait, then yield tasks' numbers with the answer or how the worker died."""
        # An idle worker says nothing, unless it has died before it could get a task.
        is_quiet = not self.at_work() and bool(self.idle())
        pipes = [worker.pipe for worker in self.workers]
        heard = wait(pipes, timeout=0 if is_quiet else LOOK_S)
        for worker in list(self.workers):
            if worker.pipe in heard or not worker.process.is_alive():
                yield from self._hear(worker)

    def _begun(self) -> _Worker:
        ours, theirs = SPAWN.Pipe()
        process = SPAWN.Process(target=serve, args=(theirs, self.watched))
        with inherited(self.settings):
            process.start()
        theirs.close()  # so that our end tells of the worker's death
        return _Worker(process, ours)

    def _hear(self, worker: _Worker) -> Iterator[tuple[int, bytes | str]]:
        number = worker.number
        try:
            if not worker.pipe.poll():
                raise EOFError
            answer: bytes | str = worker.pipe.recv_bytes()
        except (EOFError, OSError):
            answer = self._bury(worker)
        else:
            worker.is_ready, worker.number, self.n_stillborn = True, None, 0
        if number is not None:
            yield number, answer

    def _bury(self, worker: _Worker) -> str:
        """Forget a dead worker and say how it died."""
        self.workers.remove(worker)
        worker.end(GRACE_S)
        self.n_stillborn = 0 if worker.is_ready else self.n_stillborn + 1
        is_any_ready = any(other.is_ready for other in self.workers)
        if self.n_stillborn >= MOST_STILLBORN and not is_any_ready:
            raise TrainingFailed(
                "worker processes die before they get a task; perhaps memory ran out. "
                "Use fewer workers, and in a script of your own begin them below "
                '`if __name__ == "__main__":`.'
            )
        code = worker.process.exitcode or 0
        if code >= 0:
            return f"with exit code {code}"
        return f"by signal {-code} ({signal.strsignal(-code)})"


@contextlib.contextmanager
def _pool(settings: dict[str, str]) -> Iterator[_Pool]:
    """Yield a pool without workers; in the end none is left, whatever ends it."""
    # Only this process holds the writing end: its closing is the sign to stop, which
    # workers notice also when this process is killed.
    watched, held = SPAWN.Pipe(duplex=False)
    pool = _Pool(settings, watched)
    # For an iterator that is never closed: Python waits for processes at its end.
    atexit.register(held.close)
    try:
        yield pool
        pool.keep(0)
    finally:
        held.close()
        last = time.monotonic() + GRACE_S + LOOK_S
        for worker in pool.workers:
            worker.end(last - time.monotonic())
        watched.close()
        atexit.unregister(held.close)
