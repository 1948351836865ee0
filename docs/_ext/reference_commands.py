"""Reads every command's help from the command line itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import typer.main
from typer.testing import CliRunner

from forecaster.cli.app import app

WIDTH = 84


def commands() -> str:
    """Return a section for each command, with what its `--help` prints."""
    root = typer.main.get_command(app)
    return "".join(section_of(path) for path in paths_of(root, ()))


def paths_of(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command, groups before what is in them."""
    yield path
    for name, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield from paths_of(below, (*path, name))


def section_of(path: tuple[str, ...]) -> str:
    """Return one command's heading and help."""
    name = " ".join(("forecaster", *path))
    level = "##" if len(path) < 2 else "###"  # noqa: PLR2004
    return f"\n{level} {name}\n\n```text\n{help_of(path)}\n```\n"


def help_of(path: tuple[str, ...]) -> str:
    """Return what `--help` prints, in the same width and without colours everywhere."""
    # An option's default and place may not tell of the machine that builds the pages.
    named = {name: None for name in os.environ if name.startswith("FORECASTER_")}
    answer = CliRunner().invoke(
        app,
        [*path, "--help"],
        prog_name="forecaster",
        env={**named, "COLUMNS": str(WIDTH), "NO_COLOR": "1", "TERM": "dumb"},
        terminal_width=WIDTH,
    )
    if answer.exit_code != 0:
        raise RuntimeError(f"forecaster {' '.join(path)} --help: {answer.output}")
    return "\n".join(line.rstrip() for line in answer.stdout.rstrip().splitlines())
