"""A case: two or more sides that do the same work, and what is demanded of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

OURS = "ours"
INSTALL = "install the extra bench"
# What the sides of a case must agree on, wherever they say it.
EQUAL_WORK = ("n_parameters", "n_steps", "n_windows")
Facts = dict[str, Any]
Kind = Literal[
    "ratio", "seconds", "memory", "time growth", "memory growth", "difference"
]


class NotMeasured(Exception):
    """Something that a side needs is not there."""


class UnequalWork(Exception):
    """The sides of a case do not do the same."""


@dataclass(frozen=True)
class Side:
    """What one worker process runs.

    Attributes
    ----------
    run
        The work that is timed. May return plain values, which are kept as its outcome.
    warm
        Run once before all timings; `run` itself if absent.
    facts
        Asked once, after the warm-up, so that it can report what was really done:
        numbers of parameters, of gradient steps and of windows, counted as the side
        itself counts them.
    """

    run: Callable[[], Facts | None]
    warm: Callable[[], object] | None = None
    facts: Callable[[], Facts] = dict


@dataclass(frozen=True)
class Limit:
    """What is measured of a case, and how large it may be.

    Attributes
    ----------
    kind
        `ratio`: our time over that of `against`. `seconds`: our time. `memory`: how
        many MB more the process holds after the first timed run than before it.
        `time growth`, `memory growth`: slope over the sides' `size`, both logarithmic.
        `difference`: of the outcomes' `score`, with a 95 % interval.
    against
        A side; for `ratio` and `difference`.
    must, aim
        Upper bounds; nothing is demanded where there is none.
    """

    kind: Kind
    against: str = ""
    must: float | None = None
    aim: float | None = None


@dataclass(frozen=True)
class Case:
    """Sides that are run in turn, each in a process of its own.

    Attributes
    ----------
    what
        One sentence for the list and the table.
    sides
        From each side's name to a function that builds it, told whether to shrink
        everything.
    limits
        One row of the table for each.
    repeats
        Rounds, where the usual number would take too long or is not meant.
    only_named
        Left out unless it is asked for by name.
    gpu
        Shows graphics cards to the sides; all other cases hide them.
    """

    what: str
    sides: Mapping[str, Callable[[bool], Side]]
    limits: tuple[Limit, ...]
    repeats: int | None = None
    only_named: bool = False
    gpu: bool = False


def check_equal_work(facts: Mapping[str, Facts]) -> None:
    """Compare what the sides of a case say of their work.

    Raises
    ------
    UnequalWork
        If two sides differ in a fact of `EQUAL_WORK` that both of them report.
    """
    for name in EQUAL_WORK:
        said = {side: known[name] for side, known in facts.items() if name in known}
        if len(set(said.values())) > 1:
            raise UnequalWork(
                f"the sides differ in {name}: "
                + ", ".join(f"{side} {value}" for side, value in said.items())
            )
