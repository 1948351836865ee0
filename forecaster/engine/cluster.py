"""A Dask cluster: hands tasks to an existing scheduler, and outlives its restarts.

Only bytes go over the line, so that the scheduler and Dask's own pickling never meet
what a task is made of.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import queue
import sys
import threading
import time
import uuid
import warnings
from collections import deque
from collections.abc import Generator, Iterator
from typing import Any

from forecaster.engine.agenda import Agenda
from forecaster.engine.outcomes import ClusterFailed, Outcome, answer_packed
from forecaster.engine.threads import set_threads

# Time for a scheduler to answer at first, to come back, and for a worker to appear.
CONNECT_S, RETURN_S, WORKERS_S = 30.0, 120.0, 120.0
# How often in a row the scheduler may be lost without a task done in between.
MOST_LOSSES = 3
LOOK_S = 2.0
SAME_EVERYWHERE = ("dask", "distributed")
SAME_ON_WORKERS = (*SAME_EVERYWHERE, "forecaster", "keras", "numpy", "tensorflow")

_one_at_a_time = threading.Lock()


class _SchedulerLost(Exception):
    """The scheduler went away or forgot the tasks: what is not done is asked again."""


def run_on_cluster(
    agenda: Agenda, address: str, threads: int | None
) -> Generator[Outcome[Any, Any], None, None]:
    """Yield the outcome of each task, done by the workers of a Dask scheduler.

    Raises
    ------
    ClusterFailed
        If the scheduler cannot be reached, is of another version, is lost again and
        again without a task done in between, or has no workers.
    """
    n_losses, patience_s = 0, CONNECT_S
    while agenda.left or agenda.suspects:
        try:
            with _connected(address, patience_s) as client:
                for outcome in _ask(client, agenda, threads):
                    n_losses = 0
                    yield outcome
        except _SchedulerLost as error:
            n_losses, patience_s = n_losses + 1, RETURN_S
            if n_losses > MOST_LOSSES:
                raise ClusterFailed(
                    f"the Dask scheduler at {address} was lost {n_losses} times in a "
                    f"row without a task done in between ({error}). Look at its log."
                ) from error


def answer_on_worker(packed: bytes, threads: int | None) -> bytes:
    """Answer a packed task on a worker of the cluster, one at a time.

    A worker with several threads has one compiled network all the same, and gives it
    those threads.
    """
    from distributed import get_worker

    with _one_at_a_time:
        set_threads(threads, get_worker().state.nthreads)
        return answer_packed(packed)


def _ask(
    client: Any, agenda: Agenda, threads: int | None
) -> Iterator[Outcome[Any, Any]]:
    """Have all tasks done, then the suspects alone; numbers stay until they are."""
    yield from _round(client, agenda, agenda.left, list(agenda.left), threads)
    while agenda.suspects:
        first = [agenda.suspects[0]]
        yield from _round(client, agenda, agenda.suspects, first, threads)


def _round(
    client: Any,
    agenda: Agenda,
    source: deque[int],
    numbers: list[int],
    threads: int | None,
) -> Iterator[Outcome[Any, Any]]:
    from distributed import KilledWorker

    asked: dict[str, tuple[int, Any]] = {}
    ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for number in numbers:
        packed = agenda.pack(number)
        if packed.error is not None:
            source.remove(number)
            yield agenda.refused(number, packed)
            continue
        future = _submit(client, packed.result, threads)
        asked[future.key] = number, future
        future.add_done_callback(ended.put)
    while asked:
        number, future = asked.pop(_next_ended(client, ended).key)
        answer = _answer(client, future)
        source.remove(number)
        if not isinstance(answer, KilledWorker):
            yield agenda.answered(number, answer)
            continue
        how, n_deaths = f"on {answer.last_worker.address}", answer.allowed_failures + 1
        if (outcome := agenda.died(number, how, n_deaths=n_deaths)) is not None:
            yield outcome


def _submit(client: Any, packed: bytes, threads: int | None) -> Any:
    key = f"forecaster-{uuid.uuid4().hex}"  # never the result of an earlier run
    try:
        return client.submit(answer_on_worker, packed, threads, key=key, pure=False)
    except Exception as error:
        if client.status == "running":
            raise
        raise _SchedulerLost(str(error)) from error


def _next_ended(client: Any, ended: queue.SimpleQueue[Any]) -> Any:
    """Wait for a future to end, while there is a scheduler with workers."""
    last = time.monotonic() + WORKERS_S
    while True:
        with contextlib.suppress(queue.Empty):
            return ended.get(timeout=LOOK_S)
        if client.status != "running":
            raise _SchedulerLost("its connection is closed")
        try:
            has_workers = bool(client.nthreads())
        except Exception as error:
            raise _SchedulerLost(str(error)) from error
        if has_workers:
            last = time.monotonic() + WORKERS_S
        elif time.monotonic() > last:
            raise _without_workers(client)


def _answer(client: Any, future: Any) -> Any:
    """Return a packed answer, or Dask's word that the workers died at the task."""
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        return error
    except (Exception, asyncio.CancelledError) as error:
        if client.status != "running" or future.status != "error":
            raise _SchedulerLost(str(error)) from error
        # Not the task's own error, which would be in an answer.
        raise _cannot_work(client, error) from error


@contextlib.contextmanager
def _connected(address: str, patience_s: float) -> Iterator[Any]:
    """Yield a client; closing it takes back whatever tasks have not ended."""
    client = _open_client(address, patience_s)
    try:
        _check_usable(client, address)
        yield client
    finally:
        with contextlib.suppress(Exception):
            client.close()


def _open_client(address: str, patience_s: float) -> Any:
    import distributed
    from distributed.versions import VersionMismatchWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)  # see _check_usable
            connect: Any = distributed.Client  # its types are not complete
            return connect(
                address, timeout=patience_s, set_as_default=False, name="forecaster"
            )
    except Exception as error:
        raise ClusterFailed(
            f"no Dask scheduler of this version answers at {address} "
            f"({type(error).__name__}: {error}). Is it running there?"
        ) from error


def _check_usable(client: Any, address: str) -> None:
    """Refuse a cluster whose versions differ, or that has no workers."""
    try:
        client.wait_for_workers(1, timeout=WORKERS_S)
        scheduler = client.get_versions()["scheduler"]["packages"]
        workers = client.run(installed_versions, SAME_ON_WORKERS)
    except TimeoutError as error:
        raise _without_workers(client) from error
    except (ImportError, AttributeError) as error:
        raise _cannot_work(client, error) from error
    except Exception as error:
        raise _SchedulerLost(str(error)) from error
    _compare(scheduler, SAME_EVERYWHERE, address)
    for worker, versions in workers.items():
        _compare(versions, ("python", *SAME_ON_WORKERS), f"worker {worker}")


def installed_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Return versions of packages and Python's here; none of them is imported."""
    versions = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def _compare(theirs: dict[str, str], names: tuple[str, ...], where: str) -> None:
    own = installed_versions(names)
    for name in names:
        here, there = own.get(name, "missing"), theirs.get(name, "missing")
        if here != there:
            raise ClusterFailed(
                f"{where} has {name} {there}, but here is {here}. Install the same "
                "version in both places."
            )


def _cannot_work(client: Any, error: BaseException) -> ClusterFailed:
    return ClusterFailed(
        f"the workers of {client.scheduler.address} cannot do forecaster's tasks "
        f"({type(error).__name__}: {error}). Install the same version there."
    )


def _without_workers(client: Any) -> ClusterFailed:
    return ClusterFailed(
        f"the Dask scheduler at {client.scheduler.address} has had no worker for "
        f"{WORKERS_S:.0f} s. Begin some by `dask worker ADDRESS --nthreads 1`."
    )
