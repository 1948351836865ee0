"""Tasks for the engine: they answer, fail, wait for a file, or kill their process."""

import os
import signal
import time

from forecaster.errors import DataError, NotEnoughHistory

WAIT_S = 60.0
calls = []


class OddError(Exception):
    """Takes other arguments than it keeps, so that it cannot be unpickled."""

    def __init__(self, code, *, extra):
        super().__init__(f"odd {code}")
        self.code, self.extra = code, extra


def answer(task):
    """Do what the first word of the task says."""
    kind, *rest = task
    return globals()[kind](*rest)


def double(number):
    return 2 * number


def bad_data(ticker):
    raise DataError(f"{ticker}: no prices")


def too_short(ticker):
    raise NotEnoughHistory(ticker, 65, 40)


def bug(number):
    return number / 0


def odd(code):
    raise OddError(code, extra=1)


def odd_with_lock(code):
    import threading

    raise OddError(code, extra=threading.Lock())


def unpicklable():
    return lambda: None


def kill(folder):
    note_begin(folder, "kill")
    os.kill(os.getpid(), signal.SIGKILL)


def kill_once(folder):
    if note_begin(folder, "kill_once") == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return "recovered"


def victim(folder):
    """Wait to be killed from outside the first time, then answer."""
    if note_begin(folder, "victim") == 1:
        (folder / "pid-part").write_text(str(os.getpid()))
        (folder / "pid-part").rename(folder / "pid")
        time.sleep(WAIT_S)
    return "recovered"


def die_and_look(folder):
    """Die beside a neighbour; the second time tell who else is at work."""
    if note_begin(folder, "die_and_look") == 1:
        wait_for(folder / "neighbour")
        os.kill(os.getpid(), signal.SIGKILL)
    return sorted(path.name for path in folder.glob("neighbour*"))


def neighbour(folder):
    """Be at work until the other task was begun and has died."""
    (folder / "neighbour").touch()
    wait_for(folder / "begun-die_and_look")
    for _ in range(3):  # still at work when the death is noticed
        time.sleep(0.1)
    (folder / "neighbour").unlink()
    return "undisturbed"


def gated(folder, number):
    """Answer when the gate is open; the first ones pass."""
    note_begin(folder, f"gated-{number}")
    if number > 1:
        wait_for(folder / "gate")
    return number


def block(folder, number):
    """Wait for an interrupt, and tidy up after it."""
    try:
        (folder / f"block-{number}").touch()
        wait_for(folder / "gate")
    finally:
        (folder / f"tidied-{number}").touch()


def remember(number):
    calls.append(number)
    return os.getpid(), len(calls)


def note_begin(folder, name):
    """Note that a task begins and return how often it has by now."""
    notes = folder / f"begun-{name}"
    with notes.open("a") as file:
        file.write("x")
    return notes.stat().st_size


def wait_for(*paths):
    deadline = time.monotonic() + WAIT_S
    while not all(path.exists() for path in paths):
        if time.monotonic() > deadline:
            raise TimeoutError(str(paths))
        time.sleep(0.02)
