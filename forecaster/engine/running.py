"""Running: chooses where tasks are done, and says what is the same everywhere."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Any

from forecaster.engine.agenda import Agenda
from forecaster.engine.local import run_beside
from forecaster.engine.outcomes import (
    Outcome,
    Result,
    Task,
    attempt,
    short_name,
    unchanged,
)
from forecaster.engine.threads import n_cores, set_threads_here, thread_settings
from forecaster.errors import ConfigError

ADDRESS = re.compile(r"(tcp|tls)://[^\s/]+:\d+")


def run_each(  # noqa: PLR0913  the engine has one door
    function: Callable[[Any], Result],
    tasks: Sequence[Task],
    *,
    n_workers: int = 1,
    scheduler: str | None = None,
    retries: int = 1,
    threads: int | None = None,
    name_of: Callable[[Task], str] = short_name,
    prepare: Callable[[Task], Any] = unchanged,
) -> Generator[Outcome[Task, Result], None, None]:
    """Yield the outcome of each task, in the order in which they end.

    No failure of one task stops another. An exception is an outcome at once, since it
    would come again. A task whose worker died is tried again, after the others and
    with none of them beside it: a neighbour of the task that is at fault, or one that
    only found too little memory left, then ends well, and a poisoned one is found.

    Whatever a function keeps in its module, say a compiled network, is there for the
    next task of the same worker; a worker does one task at a time.

    Parameters
    ----------
    function
        With several workers or a cluster, a function of a module that can be imported
        there; it, the tasks and the results are pickled.
    n_workers
        Processes of this machine at work at once; with 1 everything happens in this
        one, where a task that ends its process ends the whole.
    scheduler
        Address of a Dask scheduler, such as ``tcp://host:8786``, whose workers do the
        work instead. It begins a task again by itself, up to its setting
        ``distributed.scheduler.allowed-failures``, and blames whatever waited on the
        dead worker; `retries` come after that.
    retries
        How often a task is tried again whose worker died. On a cluster at least 1 is
        needed to tell a poisoned task from those that waited beside it.
    threads
        Threads of each worker; if absent, what the environment says, else an equal
        share of the cores, in this process all of them, on a cluster the worker's own
        ``nthreads``. TensorFlow reads it when it is imported.
    name_of
        Names a task in messages.
    prepare
        Makes of a task what the function is given, in this process and when a worker
        is free for it: what is large then need not be there for all tasks at once (on
        a cluster it is). It may be called again for a task that is tried again.

    Raises
    ------
    ConfigError
        If a number is out of range, the address is none, the extra ``cluster`` is not
        installed, or thread counts come too late for this process; all at once. On a
        cluster also if the function is one of a script or notebook.
    ClusterFailed
        If the scheduler cannot be reached, is of another version, is lost again and
        again without a task done in between, or has no workers (exit code 7).
    TrainingFailed
        If worker processes die before they get a task.

    Notes
    -----
    On Ctrl-C, or when the iterator is closed, the tasks at work in local processes are
    interrupted and may clean up. On a cluster they cannot be: those not begun are
    taken back, and the others' results are dropped. A cluster may do a task twice, if
    a worker or the scheduler is lost before its result has come: it must not matter.

    Examples
    --------
    >>> [outcome.result for outcome in run_each(abs, [-1, 2])]
    [1, 2]
    """
    _check_numbers(n_workers, retries, threads)
    agenda = Agenda(function, tasks, retries, name_of, prepare)
    if scheduler is not None:
        _check_cluster(scheduler, n_workers, function)
        from forecaster.engine.cluster import run_on_cluster

        return run_on_cluster(agenda, scheduler, threads)
    if n_workers == 1:
        if threads is not None:
            set_threads_here(threads)
        return _run_here(function, tasks, prepare)
    settings = thread_settings(threads, max(1, n_cores() // n_workers))
    return run_beside(agenda, n_workers, settings)


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
    _check_numbers(n_workers, 0, None)
    if n_workers == 1 or len(tasks) < 2:  # noqa: PLR2004
        for task in tasks:
            yield task, function(task)
        return
    agenda = Agenda(function, tasks, 0, short_name)
    with contextlib.closing(run_beside(agenda, n_workers, {})) as outcomes:
        for outcome in outcomes:
            yield outcome.task, outcome.get()


def _run_here(
    function: Callable[[Any], Result],
    tasks: Sequence[Task],
    prepare: Callable[[Task], Any],
) -> Generator[Outcome[Task, Result], None, None]:
    for task in tasks:
        yield attempt(partial(_prepared, function, prepare, task)).outcome(task, 1)


def _prepared(
    function: Callable[[Any], Result], prepare: Callable[[Task], Any], task: Task
) -> Result:
    return function(prepare(task))


def _check_numbers(n_workers: int, retries: int, threads: int | None) -> None:
    if n_workers < 1:
        raise ConfigError(f"want at least 1 worker, got {n_workers}")
    if retries < 0:
        raise ConfigError(f"want 0 or more retries, got {retries}")
    if threads is not None and threads < 1:
        raise ConfigError(f"want at least 1 thread for each worker, got {threads}")


def _check_cluster(
    scheduler: str, n_workers: int, function: Callable[..., Any]
) -> None:
    if not ADDRESS.fullmatch(scheduler):
        raise ConfigError(
            f"want a scheduler's address as tcp://host:port, got {scheduler!r}"
        )
    if n_workers != 1:
        raise ConfigError(
            f"got a scheduler and {n_workers} workers: give one of them, since a "
            "cluster has workers of its own."
        )
    if getattr(function, "__module__", "") == "__main__":
        raise ConfigError(
            f"{function.__name__} is defined in a script or notebook, which a "
            "cluster's workers cannot import: move it into a module that they have."
        )
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "a Dask cluster needs the extra `cluster`: pip install "
            "'forecaster[cluster]'"
        ) from error
