"""A Ctrl-C whose exception is swallowed still counts."""

import contextlib
import os
import signal
import sys
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


class Falls:
    """Does something in its destructor, where exceptions are lost."""

    def __init__(self, fall):
        self.fall = fall

    def __del__(self):
        self.fall()


def test_the_loss_of_an_interrupt_is_not_reported_but_others_are(monkeypatch):
    reports = []
    monkeypatch.setattr(
        sys, "unraisablehook", lambda lost: reports.append(lost.exc_type)
    )
    outside = sys.unraisablehook
    with heeded_interrupts() as heed:
        Falls(lambda: os.kill(os.getpid(), signal.SIGINT))
        Falls(lambda: 1 / 0)
        with pytest.raises(KeyboardInterrupt):
            heed()
    assert reports == [ZeroDivisionError]
    assert sys.unraisablehook is outside
