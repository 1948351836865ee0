"""`forecaster monitor`: a verdict for people, and an exit code for schedulers."""

import pytest

DATES = ("--start", "2018-01-01", "--end", "2018-06-29")


def test_monitor_prints_the_verdict_with_reasons(command, runs_dir):
    answer = command("monitor", "tiny", "--runs-dir", runs_dir, *DATES)
    assert answer.exit_code == 0
    assert "GOOG close, 2018-01-02 to 2018-06-29" in answer.stdout
    assert "verdict: refit" in answer.stdout
    assert "close is outside the range of training on 100% of days" in answer.stdout
    assert "Train again" in answer.stdout


@pytest.mark.parametrize("fail_on", ["refit", "watch"])
def test_a_scheduler_may_ask_for_an_exit_code(command, runs_dir, fail_on):
    words = ("monitor", "--runs-dir", runs_dir, *DATES, "--fail-on", fail_on)
    document = command.json(*words, code=10)
    assert document["verdict"] == "refit"
    assert document["first_session"] == "2018-01-02"
    assert document["inputs"][0]["outside"] == 1
    assert "the verdict is refit" in command(*words).stderr


def test_monitor_refuses_dates_of_training(command, runs_dir):
    answer = command("monitor", "--runs-dir", runs_dir, "--start", "2016-01-01")
    assert answer.exit_code == 2
    assert "needs sessions after training" in answer.stderr
