"""Progress: a bar with the time left, or a few lines where no bar can be drawn."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

Advance = Callable[[int, str], None]
N_LINES = 10


@contextlib.contextmanager
def epoch_progress(
    n_epochs: int, *, shown: bool | None = None, unit: str = "epoch"
) -> Iterator[Advance]:
    """Yield a function that is told each finished epoch and a word on it.

    Parameters
    ----------
    n_epochs
        Epochs in all.
    shown
        Whether to show anything; if absent, only on a terminal or in a notebook.
    unit
        What is counted, if it is not epochs.

    Examples
    --------
    >>> with epoch_progress(3, shown=False) as advance:
    ...     advance(1, "loss 0.1")
    """
    drawable = sys.stderr.isatty() or in_notebook()
    if shown is None:
        shown = drawable
    if not shown:
        yield lambda _epoch, _note: None
    elif drawable:
        yield from _bar(n_epochs, unit)
    else:
        yield _lines(n_epochs, unit)


def in_notebook() -> bool:
    """Return whether the code runs in a Jupyter kernel."""
    return "ipykernel" in sys.modules


def _bar(n_epochs: int, unit: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("training"),
        BarColumn(),
        TextColumn(unit + " {task.completed}/{task.total}"),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=Console(stderr=not in_notebook())) as bar:
        task = bar.add_task("training", total=n_epochs, note="")

        def advance(epoch: int, note: str) -> None:
            bar.update(task, completed=epoch, note=note)

        yield advance


def _lines(n_epochs: int, unit: str) -> Advance:
    started = time.monotonic()
    every = max(1, n_epochs // N_LINES)
    first: list[int] = []

    def advance(epoch: int, note: str) -> None:
        first.append(epoch)
        if epoch % every and epoch != n_epochs:
            return
        elapsed = time.monotonic() - started
        done = epoch - first[0] + 1
        left = elapsed / done * (n_epochs - epoch)
        sys.stderr.write(
            f"{unit} {epoch}/{n_epochs}, {note}, about {left:.0f} s left\n"
        )
        sys.stderr.flush()

    return advance
