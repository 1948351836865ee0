"""The engine: runs many tasks, in this process or in fresh ones beside each other.

Worker processes are spawned, never forked: TensorFlow hangs in a forked process. None
outlives the process that began it, whatever ended that.
"""

from __future__ import annotations

import _thread
import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.connection import Connection
from typing import TypeVar

from forecaster.errors import ConfigError, TrainingFailed

Task = TypeVar("Task")
Result = TypeVar("Result")
# Time for a worker to clean up after itself before it is ended.
GRACE_S, POLL_S = 10.0, 0.05
# Of a worker process: whether it shall stop, and whether a task runs.
_stopped, _at_work = threading.Event(), threading.Event()


def run_tasks(
    function: Callable[[Task], Result], tasks: Sequence[Task], *, n_workers: int = 1
) -> Iterator[tuple[Task, Result]]:
    """Yield each task with its result, in the order in which they end.

    Parameters
    ----------
    function
        With several workers, a function of a module; it and the tasks are pickled.
    n_workers
        Processes at work at once; with 1 everything happens in this one.

    Raises
    ------
    ConfigError
        If `n_workers` is less than 1.
    TrainingFailed
        If a worker process died.
    Exception
        Whatever a task raises; all other tasks are then given up, as they are by
        Ctrl-C or when the iterator is closed.

    Examples
    --------
    >>> list(run_tasks(abs, [-1, 2]))
    [(-1, 1), (2, 2)]
    """
    if n_workers < 1:
        raise ConfigError(f"want at least 1 worker, got {n_workers}")
    if n_workers == 1 or len(tasks) < 2:  # noqa: PLR2004
        for task in tasks:
            yield task, function(task)
        return
    yield from _run_beside(function, tasks, min(n_workers, len(tasks)))


def _run_beside(
    function: Callable[[Task], Result], tasks: Sequence[Task], n_workers: int
) -> Iterator[tuple[Task, Result]]:
    spawn = multiprocessing.get_context("spawn")
    # Only this process holds the writing end: its closing is the sign to stop, which
    # workers notice also when this process is killed.
    watched, held = spawn.Pipe(duplex=False)
    executor = concurrent.futures.ProcessPoolExecutor(
        n_workers, mp_context=spawn, initializer=_begin_worker, initargs=(watched,)
    )
    try:
        work = partial(_run_one, function)
        waiting = {executor.submit(work, task): task for task in tasks}
        for done in concurrent.futures.as_completed(waiting):
            yield waiting[done], done.result()
    except BrokenProcessPool as error:
        raise TrainingFailed(
            "a worker process died; perhaps memory ran out. Use fewer workers, and in "
            'a script of your own begin them below `if __name__ == "__main__":`.'
        ) from error
    except BaseException:
        held.close()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
        held.close()
        watched.close()


def _begin_worker(watched: Connection) -> None:
    """Leave Ctrl-C to tasks, and end when the process that began this one does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(watched,), daemon=True).start()


def _end_with(watched: Connection) -> None:
    with contextlib.suppress(OSError):
        watched.poll(None)
    _stopped.set()
    # As Ctrl-C does: a task may clean up. A signal also wakes a task that waits.
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()
    parent, last = multiprocessing.parent_process(), time.monotonic() + GRACE_S
    while time.monotonic() < last:
        if not _at_work.is_set() and (parent is None or not parent.is_alive()):
            break
        time.sleep(POLL_S)
    os._exit(1)


def _run_one(function: Callable[[Task], Result], task: Task) -> Result:
    """Run a task that Ctrl-C interrupts; a worker without one ignores it."""
    ignoring = signal.signal(signal.SIGINT, signal.default_int_handler)
    _at_work.set()
    try:
        if _stopped.is_set():  # it had been handed over before
            raise KeyboardInterrupt
        return function(task)
    finally:
        signal.signal(signal.SIGINT, ignoring)
        _at_work.clear()
