"""One finished run to ask."""

from __future__ import annotations

import pytest

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
