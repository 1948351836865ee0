"""The console: results to stdout, messages to stderr, errors to exit codes."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ParamSpec

import typer

from forecaster.errors import (
    EXIT_INTERRUPTED,
    EXIT_TERMINATED,
    ForecasterError,
    ForecastWarning,
    NoSkill,
    PriceWarning,
    RunWarning,
)
from forecaster.interrupts import Terminated

# Whoever waits for a source logs it here.
WAITING = "forecaster.data.retrying"
Arguments = ParamSpec("Arguments")


def new_app(text: str) -> typer.Typer:
    """Return a group of commands with the help style that all share."""
    return typer.Typer(
        help=text,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def guarded(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Turn our warnings into lines and our errors into a line and an exit code.

    A bug keeps its traceback. With ``--json`` an error is a document too.
    """

    @functools.wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            for category in (PriceWarning, ForecastWarning, RunWarning):
                warnings.simplefilter("always", category)
            try:
                with _waits_told():
                    command(*args, **kwargs)
            except ForecasterError as error:
                _fail(error, as_json=bool(kwargs.get("as_json")))
            except Terminated:
                say("terminated")
                raise typer.Exit(EXIT_TERMINATED) from None
            except KeyboardInterrupt:
                say("interrupted")
                raise typer.Exit(EXIT_INTERRUPTED) from None

    return run


def now() -> datetime:
    """Return the time; the only place of the command line that reads the clock."""
    return datetime.now(UTC)


def say(message: str) -> None:
    """Write a message for a person to stderr."""
    typer.echo(message, err=True)


def print_json(document: Any) -> None:
    """Write the one JSON document of a command to stdout."""
    typer.echo(json.dumps(document, indent=1, default=str))


def demand_skill(require: Callable[[], None]) -> None:
    """End with the code of `NoSkill` if it is raised, after all else was printed.

    The result is the one document of stdout, so this prints no error document.
    """
    try:
        require()
    except NoSkill as error:
        say(f"error: {error}")
        raise typer.Exit(error.exit_code) from None


def print_table(
    rows: Sequence[Mapping[str, object]], columns: Sequence[str], title: str = ""
) -> None:
    """Write rows as a table to stdout, in plain text where it is no terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    for row in rows:
        table.add_row(*(str(row.get(column, "")) for column in columns))
    width = None if sys.stdout.isatty() else max(120, 14 * len(columns))
    console = Console(width=width, highlight=False)
    if title:  # by itself: above a narrow table it would be wrapped to its width
        console.print(Text(str(title), style="table.title"), soft_wrap=True)
    console.print(table)


class _Teller(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(f"waiting: {record.getMessage()}")


@contextlib.contextmanager
def _waits_told() -> Iterator[None]:
    """Tell a person why nothing happens while a source is left alone."""
    log, teller = logging.getLogger(WAITING), _Teller(logging.INFO)
    level, spreads = log.level, log.propagate
    log.addHandler(teller)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(teller)
        log.setLevel(level)
        log.propagate = spreads


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    say(f"warning: {message}")


def _fail(error: ForecasterError, *, as_json: bool) -> None:
    say(f"error: {error}")
    if as_json:
        kind = type(error).__name__
        print_json({"error": kind, "message": str(error), "exit_code": error.exit_code})
    raise typer.Exit(error.exit_code) from None
