"""The engine: runs many tasks, in this process or in fresh ones beside each other.

Worker processes are spawned, never forked: TensorFlow hangs in a forked process.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from forecaster.errors import ConfigError

Task = TypeVar("Task")
Result = TypeVar("Result")


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
    Exception
        Whatever a task raises; tasks that have not begun are given up.

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
    executor = concurrent.futures.ProcessPoolExecutor(n_workers, mp_context=spawn)
    try:
        waiting = {executor.submit(function, task): task for task in tasks}
        for done in concurrent.futures.as_completed(waiting):
            yield waiting[done], done.result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
