"""Interruptions: real processes, stopped at real moments, that lose nothing."""

import filecmp
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from forecaster.engine.threads import VARIABLES

SETTINGS = """
name = "tiny"

[window]
lookback = 5

[[model.layers]]
units = 2

[training]
start = 2014-01-01
epochs = 40
validation_fraction = 0.1
"""
WAIT_S = 120
# With as many threads as TensorFlow likes, as a user runs it: results must be the same.
THREADED = {name: value for name, value in os.environ.items() if name not in VARIABLES}


def words(folder, *more):
    return [
        *(sys.executable, "-m", "forecaster", "train", str(folder / "tiny.toml")),
        *("--runs-dir", str(folder / "runs"), "--quiet", *more),
    ]


def finish(folder, *more):
    """Run a training to its end, and return what it said."""
    (folder / "tiny.toml").write_text(SETTINGS)
    return subprocess.run(
        words(folder, *more), env=THREADED, check=True, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the folder of a training that nobody stopped, and what it said."""
    folder = tmp_path_factory.mktemp("whole")
    return folder / "runs" / "tiny", finish(folder)


def stop_in_training(folder, how):
    """Start a training and send it a signal after its first epochs."""
    (folder / "tiny.toml").write_text(SETTINGS)
    checkpoint = folder / "runs" / ".tiny.partial" / "checkpoint.npz"
    child = subprocess.Popen(
        words(folder),
        env=THREADED,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + WAIT_S
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(child.pid, how)
    out, err = child.communicate(timeout=WAIT_S)
    assert sorted(path.name for path in (folder / "runs").iterdir()) == [
        ".tiny.partial"
    ]
    return child.returncode, out, err


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Return a folder in which a training was killed, and how it ended."""
    folder = tmp_path_factory.mktemp("killed")
    return folder, stop_in_training(folder, signal.SIGKILL)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_a_stopped_run_is_resumed_to_the_same_result(tmp_path, whole, killed, how):
    if how == signal.SIGKILL:
        (code, out, err) = killed[1]
        shutil.copytree(killed[0], tmp_path, dirs_exist_ok=True)
    else:
        code, out, err = stop_in_training(tmp_path, how)
    assert out == ""
    if how == signal.SIGINT:
        assert code == 130
        assert "--resume" in err
        assert "Traceback" not in err
    else:
        assert code == -how
    finish(tmp_path, "--resume")
    whole_run = whole[0]
    resumed = tmp_path / "runs" / "tiny"
    assert [path.name for path in resumed.parent.iterdir()] == ["tiny"]
    names = ["predictions.csv", "metrics.json", "history.csv", "loss.png"]
    assert filecmp.cmpfiles(resumed, whole_run, names, shallow=False)[0] == names


def test_another_run_meanwhile_takes_the_next_name(tmp_path, killed):
    shutil.copytree(killed[0], tmp_path, dirs_exist_ok=True)
    answer = finish(tmp_path, "--epochs", "1")
    assert str(tmp_path / "runs" / "tiny-2" / "bundle") in answer.stdout
    unfinished = tmp_path / "runs" / ".tiny.partial"
    assert (unfinished / "checkpoint.npz").is_file()
    refused = subprocess.run(
        words(tmp_path, "--resume", "--epochs", "1", "--name", "tiny"),
        check=False,
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 2
    assert "other settings or other prices" in refused.stderr


def test_the_same_name_at_the_same_time_is_locked(tmp_path):
    (tmp_path / "tiny.toml").write_text(SETTINGS.replace("40", "2000"))
    first = subprocess.Popen(
        words(tmp_path, "--name", "mine"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        checkpoint = tmp_path / "runs" / ".mine.partial" / "checkpoint.npz"
        deadline = time.monotonic() + WAIT_S
        while not checkpoint.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        for more in ((), ("--resume",), ("--overwrite",)):
            second = subprocess.run(
                words(tmp_path, "--name", "mine", *more),
                check=False,
                capture_output=True,
                text=True,
            )
            assert second.returncode == 75
            assert "another process is at work" in second.stderr
    finally:
        first.kill()
        first.wait()


def test_a_closed_pipe_is_no_crash(tmp_path):
    (tmp_path / "tiny.toml").write_text(SETTINGS)
    answer = subprocess.run(
        f"{sys.executable} -m forecaster config schema | head -n 1",
        shell=True,
        check=False,
        capture_output=True,
        text=True,
    )
    assert answer.stdout == "{\n"
    assert "Traceback" not in answer.stderr


def test_stderr_holds_no_chatter_of_libraries(tmp_path, whole):
    assert whole[1].stderr == ""
    # TensorFlow's graph optimiser would speak up on this one.
    layers = '[{cell = "simple_rnn", units = 2, activation = "relu"}]'
    answer = finish(tmp_path, "--epochs", "1", "--set", f"model.layers={layers}")
    assert answer.stderr == ""
