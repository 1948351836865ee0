"""`forecaster tune`: what it prints, what it leaves, and how it ends."""

import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from forecaster import tuning
from tests.cli.conftest import TINY

SPACE = """
[tuning.space]
"window.lookback" = [3, 5]
"training.learning_rate" = { low = 1e-3, high = 1e-1, log = true }
"""
WAIT_S = 60


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY + SPACE)
    return path


def test_the_best_trials_the_caution_and_the_way_on(command, settings, tmp_path):
    runs = tmp_path / "runs"
    words = ("tune", settings, "--runs-dir", runs)
    answer = command(*words, "--trials", 2)
    assert answer.exit_code == 0, answer.output
    for word in ("best of 2 trials", "window.lookback", "training.learning_rate"):
        assert word in answer.stdout
    assert "in 2 trials. The best of 2 trials is optimistic" in answer.stdout
    assert "trial 2/2, score" in answer.stderr
    best = runs / "tiny.tuning" / "best.toml"
    assert f"forecaster train {best}" in answer.stdout
    document = command.json(*words, "--trials", 3, "--quiet")
    assert [row["trial"] for row in document["trials"]] == [1, 2, 3]
    assert document["score"] == min(row["score"] for row in document["trials"])
    assert document["best_config"] == str(best)
    trained = command("train", best, "--runs-dir", runs, "--quiet")
    assert trained.exit_code == 0, trained.output
    assert (runs / "tiny-best" / "bundle").is_dir()
    assert [
        row["name"] for row in command.json("runs", "list", "--runs-dir", runs)
    ] == ["tiny-best"]


def test_only_failures_end_in_9_and_some_are_told(
    command, settings, tmp_path, monkeypatch
):
    from forecaster.errors import TrainingFailed

    def score(_known, _config, values, _folds):
        if values["window.lookback"] in wrong:
            raise TrainingFailed("no luck")
        return 1.0

    monkeypatch.setattr(tuning, "_score", score)
    words = ("tune", settings, "--runs-dir", tmp_path, "--trials", 6, "--quiet")
    wrong = (3, 5)
    answer = command(*words, "--name", "all")
    assert answer.exit_code == 9
    assert "all 6 trials failed: no luck" in answer.stderr
    wrong = (3,)
    answer = command(*words, "--name", "some")
    assert answer.exit_code == 0
    assert "of 6 trials failed: no luck" in answer.stderr
    assert "of them failed" in answer.stdout
    assert (tmp_path / "some.tuning" / "best.toml").is_file()


def test_what_cannot_be_searched_is_a_wrong_setting(command, settings, tmp_path):
    assert command("tune", "google", "--runs-dir", tmp_path).exit_code == 2
    settings.write_text(TINY + '[tuning.space]\n"data.ticker" = ["GOOG"]\n')
    answer = command("config", "check", settings)
    assert answer.exit_code == 2
    assert "data.ticker cannot be searched" in answer.stderr
    assert command("tune", settings, "--trials", 0).exit_code == 2


def complete(study):
    try:
        with sqlite3.connect(f"file:{study}?mode=ro", uri=True) as connection:
            query = "select count(*) from trials where state = 'COMPLETE'"
            return connection.execute(query).fetchone()[0]
    except sqlite3.Error:
        return 0
    finally:
        if "connection" in locals():
            connection.close()


def test_an_interruption_keeps_trials_and_a_second_process_is_locked_out(
    command, settings, tmp_path
):
    words = ["tune", str(settings), "--runs-dir", str(tmp_path), "--quiet"]
    whole = command.json(*words, "--name", "whole", "--trials", 3)
    child = subprocess.Popen(
        [sys.executable, "-m", "forecaster", *words, "--trials", "500"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    study = tmp_path / "tiny.tuning" / "study.db"
    deadline = time.monotonic() + WAIT_S
    while complete(study) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    try:
        second = command(*words, "--trials", 3)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=WAIT_S)
    finally:
        child.kill()
        child.communicate()
    assert (child.returncode, out) == (130, "")
    assert "Finished trials are kept: the same command goes on" in err
    assert len(err.splitlines()) == 2  # no traceback, and no chatter of libraries
    assert second.exit_code == 75
    assert "another process is at work on the search" in second.stderr
    assert complete(study) >= 2
    resumed = command.json(*words, "--trials", 3)
    assert resumed["trials"][:3] == whole["trials"]
    assert resumed["n_failed"] == 0
