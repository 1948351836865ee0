"""The agenda: which tasks are left, under suspicion, or have come to an end."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

from forecaster.engine.outcomes import (
    Answer,
    Outcome,
    WorkerLost,
    attempt,
    pack_task,
    unchanged,
    unpack_answer,
)


class Agenda:
    """The tasks of one run by their numbers, and how often each was begun.

    Attributes
    ----------
    left
        Those never begun.
    suspects
        Those whose worker died: each is to be tried again with none beside it.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        tasks: Sequence[Any],
        retries: int,
        name_of: Callable[[Any], str],
        prepare: Callable[[Any], Any] = unchanged,
    ) -> None:
        self.function, self.tasks, self.prepare = function, tasks, prepare
        self.retries, self.name_of = retries, name_of
        self.left, self.suspects = deque(range(len(tasks))), deque[int]()
        self.n_attempts = Counter[int]()

    def pack(self, number: int) -> Answer:
        """Return a task packed for a worker, or that it cannot be."""
        return attempt(
            lambda: pack_task(self.function, self.prepare(self.tasks[number]))
        )

    def refused(self, number: int, packed: Answer) -> Outcome[Any, Any]:
        """Return the outcome of a task that could not be packed."""
        return packed.outcome(self.tasks[number], 0)

    def answered(self, number: int, packed: bytes) -> Outcome[Any, Any]:
        """Return the outcome of a task that a worker has answered."""
        self.n_attempts[number] += 1
        answer = unpack_answer(packed)
        return answer.outcome(self.tasks[number], self.n_attempts[number])

    def died(
        self, number: int, how: str, *, n_deaths: int = 1
    ) -> Outcome[Any, Any] | None:
        """Suspect a task whose worker died; return its outcome once it is to blame.

        Parameters
        ----------
        how
            How the last of them died, in words.
        n_deaths
            How many died before it was given up; together they count as one try.
        """
        self.n_attempts[number] += n_deaths
        n_attempts = self.n_attempts[number]
        if n_attempts <= self.retries * n_deaths:
            self.suspects.append(number)
            return None
        error = _lost(self.name_of(self.tasks[number]), n_attempts, how)
        return Outcome(self.tasks[number], error=error, n_attempts=n_attempts)


def _lost(name: str, n_attempts: int, how: str) -> WorkerLost:
    times = "once" if n_attempts == 1 else f"{n_attempts} times"
    return WorkerLost(
        f"{name}: the process at work on it died {times}, last {how}. If memory ran "
        "out, use fewer workers or smaller tasks; else the task itself ends them."
    )
