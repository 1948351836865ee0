"""Help: every command explains itself, and the README knows every command."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from forecaster import errors
from forecaster.cli.app import app

README = Path(__file__).parents[2] / "README.md"


def leaf_commands(group, path=()):
    for name, found in group.commands.items():
        if hasattr(found, "commands"):
            yield from leaf_commands(found, (*path, name))
        else:
            yield (*path, name)


COMMANDS = list(leaf_commands(typer.main.get_command(app)))


def test_all_the_commands_are_there():
    assert {" ".join(words) for words in COMMANDS} == {
        *("train", "compare", "backtest", "tune", "audit"),
        *("fetch", "evaluate", "predict", "plot", "explain", "monitor"),
        *("batch", "report"),
        *("score", "ledger show", "ledger export", "ledger verify", "ledger runs"),
        *("models register", "models promote", "models rollback"),
        *("models list", "models show", "models verify"),
        "serve",
        *("runs list", "runs show", "runs verify"),
        *("data list", "data show", "data history", "data verify", "data prune"),
        *("config check", "config schema", "config show"),
    }


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_an_example_and_json(command, words):
    for flag in ("--help", "-h"):
        answer = command(*words, flag)
        assert answer.exit_code == 0
        assert re.search(r"\n  Examples?:\n", answer.stdout)
        assert "----" not in answer.stdout
        assert f"forecaster {' '.join(words)}" in answer.stdout
        assert "--json" in answer.stdout


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_readme_knows_every_command(words):
    assert f"`forecaster {' '.join(words)}" in README.read_text(encoding="utf-8")


def subclasses(kind):
    yield kind
    for child in kind.__subclasses__():
        yield from subclasses(child)


def test_every_exit_code_is_documented(command):
    codes = {kind.exit_code for kind in subclasses(errors.ForecasterError)}
    codes |= {errors.EXIT_INTERRUPTED, errors.EXIT_TERMINATED}
    shown = " ".join(command("--help").stdout.split())
    readme = README.read_text(encoding="utf-8")
    for code in codes:
        assert f" {code} " in shown or f"; {code} " in shown
        assert f"| {code} |" in readme


def test_no_arguments_show_the_help(command):
    assert "Start with: forecaster train" in command().output


def test_the_version_is_the_packages(command):
    from importlib.metadata import version

    assert command("--version").stdout.strip() == f"forecaster {version('forecaster')}"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("forecaster train go", "google"),
        ("forecaster data show A", "AAPL"),
        ("forecaster predict --ticker N", "NVDA"),
        ("forecaster ev", "evaluate"),
    ],
)
def test_the_shell_completes(typed, offered):
    answer = subprocess.run(
        [sys.executable, "-c", "from forecaster.cli import main; main()"],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": "",
            "_FORECASTER_COMPLETE": "complete_bash",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(len(typed.split()) - 1),
        },
    )
    assert offered in answer.stdout.split()


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom forecaster.cli.app import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'tensorflow', 'keras', 'sklearn', 'scipy', 'pandas', 'numpy',"
        " 'pydantic', 'matplotlib', 'exchange_calendars', 'sqlalchemy', 'alembic',"
        " 'jinja2', 'fastapi', 'uvicorn', 'plotly'}\n"
        "print('LOADED', *sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "Usage" in answer.stdout
    assert answer.stdout.splitlines()[-1] == "LOADED"
