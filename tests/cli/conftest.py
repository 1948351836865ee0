"""A command line in this process, and one finished run to ask."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from forecaster.cli.app import app

TINY = """
name = "tiny"

[window]
lookback = 5

[[model.layers]]
units = 2

[training]
start = 2016-06-01
epochs = 1
"""


class CommandLine:
    """Runs commands and hands back exit code, stdout and stderr."""

    def __call__(self, *words):
        answer = CliRunner().invoke(app, [str(word) for word in words])
        if answer.exception and not isinstance(answer.exception, SystemExit):
            raise answer.exception
        return answer

    def json(self, *words, code=0):
        answer = self(*words, "--json")
        assert answer.exit_code == code, answer.stderr
        return json.loads(answer.stdout)


@pytest.fixture(scope="session")
def command():
    return CommandLine()


@pytest.fixture(scope="session")
def tiny_toml(tmp_path_factory):
    path = tmp_path_factory.mktemp("configs") / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def runs_dir(command, tiny_toml, tmp_path_factory):
    """A folder that holds one finished run, `tiny`; nobody changes it."""
    folder = tmp_path_factory.mktemp("runs")
    answer = command("train", tiny_toml, "--runs-dir", folder, "--quiet")
    assert answer.exit_code == 0, answer.output
    return folder


@pytest.fixture
def copied_run(runs_dir, tmp_path):
    """A copy of the finished run's folder of runs, free to be damaged."""
    import shutil

    return shutil.copytree(runs_dir, tmp_path / "runs")
