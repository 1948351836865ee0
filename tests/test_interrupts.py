"""A Ctrl-C whose exception is swallowed still counts."""

import contextlib
import os
import signal
import threading

import pytest

from forecaster.interrupts import heeded_interrupts


def test_a_swallowed_interrupt_is_raised_again():
    with heeded_interrupts() as heed:
        heed()
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            heed()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_raises_at_once():
    with pytest.raises(KeyboardInterrupt), heeded_interrupts():
        os.kill(os.getpid(), signal.SIGINT)


def test_another_thread_or_handler_is_left_alone():
    def inside():
        with heeded_interrupts() as heed:
            heed()

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    own = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with heeded_interrupts():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, own)
