"""The journal: what a batch tells while it is at work, and how far it is."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

Level = Literal["info", "warning", "error"]
Advance = Callable[[], None]


class Journal:
    """Says nothing: what a batch tells unless somebody wants to hear."""

    def tell(self, event: str, *, level: Level = "info", **facts: Any) -> None:
        """Tell that something happened, in words that do not change, and its facts."""

    @contextlib.contextmanager
    def counting(self, what: str, total: int) -> Iterator[Advance]:
        """Yield a function to be called after each of `total` steps."""
        del what, total
        yield lambda: None


class LineJournal(Journal):
    """A JSON document on each line, for machines that collect logs.

    Parameters
    ----------
    stream
        Where the lines go.
    now
        The clock.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.stream, self.now = sys.stderr if stream is None else stream, now

    def tell(self, event: str, *, level: Level = "info", **facts: Any) -> None:
        """Write a line: `time level event`, and the facts."""
        time = self.now().isoformat(timespec="milliseconds")
        line = {"time": time, "level": level, "event": event, **facts}
        self.stream.write(json.dumps(line, default=str) + "\n")
        self.stream.flush()

    @contextlib.contextmanager
    def counting(self, what: str, total: int) -> Iterator[Advance]:
        """Write a line at the beginning, one at each tenth, and so the last."""
        self.tell(what, done=0, total=total)
        done, every = 0, max(1, total // 10)

        def advance() -> None:
            nonlocal done
            done += 1
            if done % every == 0 or done == total:
                self.tell(what, done=done, total=total)

        yield advance


class BarJournal(Journal):
    """Bars with the time left, and a line for each failure, for a person."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(stderr=True, highlight=False)

    def tell(self, event: str, *, level: Level = "info", **facts: Any) -> None:
        """Print warnings and errors; of the rest the bars tell enough."""
        if level == "info":
            return
        what = facts.get("reason") or event
        self.console.print(f"{level}: {what}", markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def counting(self, what: str, total: int) -> Iterator[Advance]:
        """Draw a bar."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as bars:
            bar = bars.add_task(f"{what:<9}", total=total)
            yield lambda: bars.advance(bar)


def journal_for(stream: TextIO | None = None) -> Journal:
    """Return bars for a terminal, and lines of JSON for everything else."""
    wanted = sys.stderr if stream is None else stream
    return BarJournal() if wanted.isatty() else LineJournal(wanted)
