"""Outcomes: how a task ended, and how that travels from one process to another."""

from __future__ import annotations

import pickle
import reprlib
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from forecaster.errors import ForecasterError, TrainingFailed

Task = TypeVar("Task")
Result = TypeVar("Result")
# What an error is rebuilt from: its class, its arguments and its attributes.
ErrorParts = tuple[type[Exception], tuple[Any, ...], dict[str, Any]]
NAME_LENGTH = 80


class WorkerLost(TrainingFailed):
    """The process at work on a task died, each time that it was tried."""


class ClusterFailed(ForecasterError):
    """A Dask scheduler cannot be reached or used, or has no workers; later it may."""

    exit_code = 7


@dataclass(frozen=True, eq=False)
class Outcome(Generic[Task, Result]):
    """How one task ended: with a result or with an error.

    Attributes
    ----------
    task
        The task itself.
    result
        What the function returned; None if it raised.
    error
        What it raised, or `WorkerLost` if the process at work on it died; None if
        there is a result. It carries no stack: that would keep its data alive.
    n_attempts
        How often the task was begun, as far as is known: a task that a cluster began
        again by itself and then finished counts once.
    traceback
        The stack of an error that the function raised, as text.
    """

    task: Task
    result: Result | None = None
    error: Exception | None = None
    n_attempts: int = 1
    traceback: str = ""

    def get(self) -> Result:
        """Return the result, or raise the error."""
        if self.error is None:
            return self.result  # type: ignore[return-value]
        if self.traceback:
            raise self.error from RaisedThere(self.traceback)
        raise self.error


class RaisedThere(Exception):
    """Shows, as the cause of an error, where it was raised in another process."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


@dataclass(frozen=True)
class Answer:
    """What an attempt at a task came to; all of it can be pickled if `result` can."""

    result: Any = None
    error: ErrorParts | None = None
    traceback: str = ""

    def outcome(self, task: Any, n_attempts: int) -> Outcome[Any, Any]:
        """Return this as the outcome of a task."""
        error = None if self.error is None else rebuild_error(*self.error)
        return Outcome(task, self.result, error, n_attempts, self.traceback)


def attempt(work: Callable[[], Any]) -> Answer:
    """Call a function and answer with what it returns or raises."""
    try:
        return Answer(work())
    except Exception as error:
        return Answer(None, take_apart(error), traceback.format_exc())


def pack_task(function: Callable[[Any], Any], task: Any) -> bytes:
    """Return a function and a task as bytes for `answer_packed`."""
    return pickle.dumps((function, task), pickle.HIGHEST_PROTOCOL)


def answer_packed(packed: bytes) -> bytes:
    """Attempt a packed task and return the packed answer, whatever happens."""

    def call() -> Any:
        function, task = pickle.loads(packed)
        return function(task)

    answer = attempt(call)
    sent = attempt(lambda: pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))
    return pickle.dumps(sent) if sent.error is not None else sent.result


def unpack_answer(packed: bytes) -> Answer:
    """Return a packed answer, or that it could not be read here."""
    read = attempt(lambda: pickle.loads(packed))
    return read if read.error is not None else read.result


def take_apart(error: Exception) -> ErrorParts:
    """Return what `rebuild_error` makes the error from, in this or another process.

    Pickling alone is not enough: an error whose class takes other arguments than its
    message can then not be read, and that would end the whole pool.
    """
    text = str(error)
    whole = (type(error), error.args, vars(error))
    for parts in (whole, (type(error), (text,), {})):
        if attempt(partial(_travel, parts)).result is not None:
            return parts
    return RuntimeError, (f"{type(error).__name__}: {text}",), {}


def _travel(parts: ErrorParts) -> Exception:
    return rebuild_error(*pickle.loads(pickle.dumps(parts)))


def rebuild_error(
    kind: type[Exception], args: tuple[Any, ...], attributes: dict[str, Any]
) -> Exception:
    """Make an error, past its class's own arguments where they are not its message."""
    try:
        error = kind(*args)
        fits = bool(error.args == args)
    except Exception:
        fits = False
    if not fits:
        error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


def short_name(task: Any) -> str:
    """Return a task as text of one line, for messages."""
    text = " ".join(reprlib.repr(task).split())
    return text if len(text) <= NAME_LENGTH else f"{text[: NAME_LENGTH - 1]}…"


def unchanged(task: Any) -> Any:
    """Return a task as it is."""
    return task
