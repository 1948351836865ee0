"""Workers: what happens inside a spawned process that answers tasks."""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection

from forecaster.engine.outcomes import answer_packed
from forecaster.errors import EXIT_INTERRUPTED

# Time for a worker to clean up after itself before it is ended.
GRACE_S, POLL_S = 10.0, 0.05
# Of a worker process: whether it shall stop, and whether a task runs.
_stopped, _at_work = threading.Event(), threading.Event()


def serve(tasks: Connection, watched: Connection) -> None:
    """Answer packed tasks until there are no more or the engine is gone.

    Parameters
    ----------
    tasks
        Tasks come in and answers go out here; an empty answer says that it is ready.
    watched
        Closes when all is to stop, also when the process that began this one is
        killed: only that one holds the writing end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is left to tasks
    threading.Thread(target=_end_with, args=(watched,), daemon=True).start()
    try:
        tasks.send_bytes(b"")
        while True:
            tasks.send_bytes(_interruptible(tasks.recv_bytes()))
    except (EOFError, OSError):
        return
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _interruptible(packed: bytes) -> bytes:
    """Answer a task that Ctrl-C interrupts; a worker without one ignores it."""
    ignoring = signal.signal(signal.SIGINT, signal.default_int_handler)
    _at_work.set()
    try:
        if _stopped.is_set():  # it had been handed over before
            raise KeyboardInterrupt
        return answer_packed(packed)
    finally:
        signal.signal(signal.SIGINT, ignoring)
        _at_work.clear()


def _end_with(watched: Connection) -> None:
    with contextlib.suppress(OSError):
        watched.poll(None)
    _stopped.set()
    # As Ctrl-C does: a task may clean up. A signal also wakes a task that waits.
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()
    last = time.monotonic() + GRACE_S
    while _at_work.is_set() and time.monotonic() < last:
        time.sleep(POLL_S)
    os._exit(1)
