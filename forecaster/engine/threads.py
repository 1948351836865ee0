"""Thread counts: lets the workers of a machine share its cores.

TensorFlow reads them when it is imported, so they are set before anything of a task is.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from forecaster.errors import ConfigError

VARIABLES = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def n_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_settings(n_threads: int | None, share: int) -> dict[str, str]:
    """Return the environment variables that a worker needs.

    Parameters
    ----------
    n_threads
        Threads for each worker, whatever the environment says.
    share
        Threads for each worker otherwise, where the environment does not say.
    """
    if n_threads is not None:
        return dict.fromkeys(VARIABLES, str(n_threads))
    return {name: str(share) for name in VARIABLES if name not in os.environ}


def set_threads(n_threads: int | None, share: int) -> None:
    """Set this process's thread counts, unless TensorFlow has read them already."""
    if "tensorflow" not in sys.modules:
        os.environ.update(thread_settings(n_threads, share))


def set_threads_here(n_threads: int) -> None:
    """Set this process's thread counts.

    Raises
    ------
    ConfigError
        If TensorFlow has read others already.
    """
    wanted = thread_settings(n_threads, n_threads)
    as_wanted = all(os.environ.get(name) == count for name, count in wanted.items())
    if "tensorflow" in sys.modules and not as_wanted:
        raise ConfigError(
            f"want {n_threads} threads in this process, but TensorFlow is loaded and "
            "no longer asks. Set them before it is imported, or use several workers."
        )
    os.environ.update(wanted)


@contextlib.contextmanager
def inherited(settings: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes that are begun within.

    A spawned process imports the main script before it does anything else, so that it
    has to be born with them.
    """
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
