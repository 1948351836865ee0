"""Documents: the pages, their blocks, and what a line of a shell block means.

An HTML comment before a block says what is special about it:

- `docs-test: parse REASON`: the options are checked, and nothing is run;
- `docs-test: exit 4`: a command of the block may end with this code;
- `docs-test: replace "old" "new"`: something smaller is run, and both are checked.

A TOML block whose first line is `# NAME.toml` is written to that file.
"""

import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import typer.main

from benchmarks.cases import CASES
from benchmarks.command import app as benchmarks
from benchmarks.nightly import app as nightly
from forecaster.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted(
        path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts
    ),
    ROOT / "benchmarks" / "README.md",
    ROOT / "data" / "README.md",
]
# Why a block may stay unrun; `measuring` has a machine to itself, for an hour.
REASONS = {"network", "root", "cluster", "server", "package", "measuring"}
# Programs that are not ours, by the pages that may name them.
INSTALLING = {"pip", "python3", "."}
PROGRAMS = {
    "README.md": INSTALLING | {"pytest"},
    "tutorial.md": INSTALLING,
    "howto/web.md": {"pip"},
    "howto/report.md": {"pip"},
    "howto/speed.md": {"pip"},
    "howto/notebooks.md": {"pip", "jupyter", "jupytext"},
    "benchmarks/README.md": {"pip"},
    "deploying.md": {
        *("useradd", "python3", "install", "systemctl", "sudo", "kubectl"),
        *("chgrp", "chmod", "/opt/forecaster/bin/pip"),
    },
}
# What these options promise to end with, if it comes to that.
PROMISED = {"--fail-on": 10, "--require-skill": 11}
BLOCK = re.compile(
    r"^(?:<!-- docs-test: (?P<marker>.*?) -->\n+)?```(?P<kind>\S*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
SPAN = re.compile(r"`((?:forecaster|python -m benchmarks) [^`\n]+)`")
# How commands of this project begin.
FORECASTER, REBUILD = ["forecaster"], ["python", "data/rebuild.py"]
BENCHMARKS = ["python", "-m", "benchmarks"]
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, and the words of the comment before it."""

    kind: str
    text: str
    marker: tuple[str, ...]

    @property
    def commands(self) -> Iterator[list[str]]:
        """The words of each command, as a shell would see them."""
        for line in self.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words:
                end = words.index("&&") if "&&" in words else len(words)
                yield words[:end]
                words = words[end + 1 :]


def name_of(page: Path) -> str:
    folder = ROOT / "docs" if page.is_relative_to(ROOT / "docs") else ROOT
    return page.relative_to(folder).as_posix()


def blocks_of(page: Path) -> list[Block]:
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [
        Block(match["kind"], match["text"], tuple(shlex.split(match["marker"] or "")))
        for match in found
    ]


class WrongLine(Exception):
    """A line names a command or an option that there is not."""


def begins(words: list[str], *ways: list[str]) -> bool:
    return any(words[: len(way)] == way for way in ways)


def find_command(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that words name, and the words behind its name."""
    if begins(words, [*BENCHMARKS, "nightly"]):
        return typer.main.get_command(nightly), words[4:]
    if begins(words, BENCHMARKS):
        return typer.main.get_command(benchmarks), words[3:]
    command, rest = typer.main.get_command(app), words[1:]
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        if rest[0] not in command.commands:
            raise WrongLine(f"no command {rest[0]}: {words}")
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def options_of(command: Any) -> set[str]:
    both = (name for option in command.params for name in option.opts)
    return {"--help", *both}


def check_words(words: list[str]) -> None:
    """Have the program read the words of a command, without running it."""
    if begins(words, REBUILD):
        check_rebuild(words[2:])
        return
    command, rest = find_command(words)
    if hasattr(command, "commands"):
        if not rest or not set(rest) <= options_of(command):
            raise WrongLine(f"not a whole command: {words}")
        return
    try:
        read = command.make_context(words[1], [*rest]).params
    except Exception as error:
        raise WrongLine(f"{words}: {error}") from error
    if begins(words, BENCHMARKS) and not {*(read.get("cases") or ())} <= {*CASES}:
        raise WrongLine(f"no such case: {words}")


def check_rebuild(words: list[str]) -> None:
    spec = importlib.util.spec_from_file_location(
        "rebuild_of_documents", ROOT / "data" / "rebuild.py"
    )
    assert spec is not None
    assert spec.loader is not None
    rebuild = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = rebuild  # where its dataclasses look for it
    spec.loader.exec_module(rebuild)
    try:
        rebuild.parse(words)
    except SystemExit as error:
        raise WrongLine(f"data/rebuild.py: {words}") from error


def asks_the_network(words: list[str]) -> bool:
    return "--offline" not in words and (
        words[1] == "fetch" or bool({"yahoo", "tiingo"} & set(words))
    )


def shrunk(settings: dict) -> dict:
    """Return settings of a run that trains in a moment."""
    model = settings.setdefault("model", {})
    layers = model.setdefault("layers", [{}])[:1]
    model["layers"] = [layer | {"units": 3} for layer in layers]
    model["members"] = 1
    window = settings.setdefault("window", {})
    window["lookback"] = min(window.get("lookback", 60), 8)
    training = settings.setdefault("training", {})
    training["epochs"] = 1
    if "start" in training:
        recent = training["end"] - timedelta(days=500)
        training["start"] = max(training["start"], recent)
    tested = settings.setdefault("evaluation", {})
    if "start" in tested:
        tested["end"] = min(tested["end"], tested["start"] + timedelta(days=150))
    slow = {"garch", "ets", "arima"}
    baselines = tested.get("baselines", ["last_value", "drift"])
    tested["baselines"] = [name for name in baselines if name not in slow]
    return settings


def check_path(words: list[str]) -> None:
    """Check the names of a command and of its options, whatever stands behind them."""
    command, rest = find_command(words)
    named = {word.partition("=")[0] for word in rest if word.startswith("--")}
    if not named <= options_of(command):
        raise WrongLine(f"{named - options_of(command)}: {words}")


class Wanted(HTMLParser):
    """What a built page makes a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[Any]) -> None:
        known = dict(attrs)
        if tag in {"script", "img", "iframe"} and known.get("src"):
            self.loaded.append(known["src"])
        if tag == "link" and known.get("rel") in {"stylesheet", "preload", "icon"}:
            self.loaded.append(known["href"])
