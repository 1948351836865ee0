"""Interrupts: a Ctrl-C that counts, even where a library swallows its exception."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def heeded_interrupts() -> Iterator[Callable[[], None]]:
    """Yield a function that raises `KeyboardInterrupt` if there was one meanwhile.

    An interrupt raises at once, as always. But raised inside a callback or a destructor
    of a library, the exception is lost, and the work would go on to its end; Python's
    report of the loss is held back, since nothing is lost here. Outside the main
    thread, or where another handler is in place, nothing is changed.
    """
    usual = signal.default_int_handler
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not usual:
        yield lambda: None
        return
    seen = threading.Event()

    def remember(number: int, frame: Any) -> None:
        seen.set()
        usual(number, frame)

    def heed() -> None:
        if seen.is_set():
            raise KeyboardInterrupt

    report = sys.unraisablehook

    def report_others(lost: Any) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            report(lost)

    signal.signal(signal.SIGINT, remember)
    sys.unraisablehook = report_others
    try:
        yield heed
    finally:
        sys.unraisablehook = report
        signal.signal(signal.SIGINT, usual)


class Terminated(KeyboardInterrupt):
    """The process was told to end, by SIGTERM."""


@contextlib.contextmanager
def heeded_termination() -> Iterator[Callable[[], None]]:
    """Turn SIGTERM into `Terminated`, and yield a function that raises it again.

    As with Ctrl-C, a library can lose the exception; whoever calls the function now
    and then ends all the same. Outside the main thread nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    told = threading.Event()

    def end(number: int, frame: Any) -> None:
        del number, frame
        told.set()
        raise Terminated

    def heed() -> None:
        if told.is_set():
            raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield heed
    finally:
        signal.signal(signal.SIGTERM, before)
