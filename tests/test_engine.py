"""The engine: order, errors, and workers that neither linger nor differ."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from forecaster.engine import run_tasks
from forecaster.errors import ConfigError, DataError, TrainingFailed

WAIT_S = 60.0


def note_and_double(task):
    folder, number = task
    if number < 0:
        raise DataError("negative")
    (folder / str(number)).touch()
    return 2 * number


def sleep_unless_zero(task):
    folder, number = task
    if number == 0:
        deadline = time.monotonic() + WAIT_S
        while not (folder / "1").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        raise DataError("zero")
    try:
        (folder / str(number)).touch()
        time.sleep(WAIT_S)
    finally:
        (folder / f"{number}-tidied").touch()


def die(_):
    os._exit(1)


def test_one_worker_keeps_the_order_and_is_lazy(tmp_path):
    tasks = [(tmp_path, number) for number in (3, 1, 2)]
    running = run_tasks(note_and_double, tasks)
    assert next(running) == (tasks[0], 6)
    assert [path.name for path in tmp_path.iterdir()] == ["3"]
    assert [result for _, result in running] == [2, 4]


def test_an_error_surfaces_and_nothing_more_begins(tmp_path):
    tasks = [(tmp_path, number) for number in (1, -1, 2)]
    with pytest.raises(DataError, match="negative"):
        list(run_tasks(note_and_double, tasks))
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


@pytest.mark.parametrize("n_workers", [0, -1])
def test_less_than_one_worker_is_refused(n_workers):
    with pytest.raises(ConfigError, match=f"at least 1 worker, got {n_workers}"):
        list(run_tasks(abs, [1], n_workers=n_workers))


def test_nothing_to_do_is_done():
    assert list(run_tasks(abs, [], n_workers=3)) == []


def test_workers_return_every_task_with_its_result(tmp_path):
    tasks = [(tmp_path, number) for number in range(5)]
    found = dict(run_tasks(note_and_double, tasks, n_workers=2))
    assert found == {task: 2 * task[1] for task in tasks}


def test_an_error_interrupts_the_other_workers_and_lets_them_tidy_up(tmp_path):
    tasks = [(tmp_path, number) for number in range(9)]
    started = time.monotonic()
    with pytest.raises(DataError, match="zero"):
        list(run_tasks(sleep_unless_zero, tasks, n_workers=2))
    assert time.monotonic() - started < WAIT_S / 2
    assert (tmp_path / "1-tidied").exists()
    assert not (tmp_path / "8").exists()


def test_a_worker_that_dies_is_told_with_a_cure():
    with pytest.raises(TrainingFailed, match="fewer workers"):
        list(run_tasks(die, [1, 2], n_workers=2))


SCRIPT = """
import sys
from pathlib import Path
from forecaster.engine import run_tasks
from tests.test_engine import sleep_unless_zero

if __name__ == "__main__":
    tasks = [(Path(sys.argv[1]), number) for number in (1, 2)]
    list(run_tasks(sleep_unless_zero, tasks, n_workers=2))
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_the_process_that_began_them(tmp_path, how):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    child = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait_for(tmp_path / "1", tmp_path / "2")
    os.kill(child.pid, how)
    # The pipes close when the last worker has ended.
    _, err = child.communicate(timeout=WAIT_S / 2)
    assert (tmp_path / "1-tidied").exists()
    assert (tmp_path / "2-tidied").exists()
    if how == signal.SIGINT:
        assert err.count("Traceback") == err.count("KeyboardInterrupt") <= 1


def _wait_for(*paths):
    deadline = time.monotonic() + WAIT_S
    while not all(path.exists() for path in paths):
        assert time.monotonic() < deadline
        time.sleep(0.02)
