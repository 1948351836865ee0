"""Progress: a bar with the time left, or a few lines where no bar can be drawn."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

Advance = Callable[[int, str], None]
N_LINES = 10
# Characters; about what a notebook's cell has room for.
NOTEBOOK_WIDTH = 88
# Between two drawings in a notebook, each of which is a message to the browser.
PAUSE_S = 0.2


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
    notebook = in_notebook()
    terminal = not notebook and sys.stderr.isatty()
    if shown is None:
        shown = notebook or terminal
    if not shown:
        yield lambda _epoch, _note: None
    elif notebook:
        yield from _notebook_bar(n_epochs, unit)
    elif terminal:
        yield from _terminal_bar(n_epochs, unit)
    else:
        yield _lines(n_epochs, unit)


def in_notebook() -> bool:
    """Return whether the code runs in a Jupyter kernel.

    That `ipykernel` is imported says little: a program that starts kernels, such as a
    test run of notebooks, imports it too. Only a shell inside a kernel has a `kernel`.
    """
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _terminal_bar(n_epochs: int, unit: str) -> Iterator[Advance]:
    from rich.console import Console

    with _bar(unit, Console(stderr=True)) as bar:
        yield _teller(bar, n_epochs)


def _notebook_bar(n_epochs: int, unit: str) -> Iterator[Advance]:
    """Draw the bar into one output of the cell, which later drawings replace.

    Rich's own bar needs ipywidgets in a notebook, and leaves nothing in the saved file.
    The last drawing is that of the end, however the training ends.
    """
    from IPython.display import display
    from rich.console import Console

    paper = Console(
        file=io.StringIO(),
        width=NOTEBOOK_WIDTH,
        color_system=None,
        force_jupyter=False,
        force_terminal=False,
    )
    bar = _bar(unit, paper)
    tell = _teller(bar, n_epochs)

    def drawn() -> dict[str, str]:
        with paper.capture() as text:
            paper.print(bar.get_renderable())
        return {"text/plain": text.get().rstrip()}

    shown: Any = display(drawn(), raw=True, display_id=True)  # type: ignore[no-untyped-call]
    latest = time.monotonic()

    def advance(epoch: int, note: str) -> None:
        nonlocal latest
        tell(epoch, note)
        if time.monotonic() - latest >= PAUSE_S:
            shown.update(drawn(), raw=True)
            latest = time.monotonic()

    try:
        yield advance
    finally:
        shown.update(drawn(), raw=True)


def _bar(unit: str, console: Console) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("training"),
        BarColumn(),
        TextColumn(unit + " {task.completed}/{task.total}"),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=console,
    )


def _teller(bar: Progress, n_epochs: int) -> Advance:
    task = bar.add_task("training", total=n_epochs, note="")
    return lambda epoch, note: bar.update(task, completed=epoch, note=note)


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
