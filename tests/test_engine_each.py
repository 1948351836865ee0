"""Outcomes of each task: the same from this process, from others, from a cluster."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from forecaster.engine import Outcome, WorkerLost, run_each
from forecaster.engine.outcomes import rebuild_error, short_name, take_apart
from forecaster.engine.threads import VARIABLES, n_cores
from forecaster.errors import (
    ConfigError,
    DataError,
    ForecasterError,
    NotEnoughHistory,
    TrainingFailed,
)
from tests.support import engine_tasks
from tests.support.dask_cluster import DaskCluster
from tests.support.engine_tasks import answer, wait_for

ROOT = Path(__file__).parents[1]
WAIT_S = 60.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    pytest.importorskip("distributed")
    cluster = DaskCluster(tmp_path_factory.mktemp("dask"))
    try:
        yield cluster.start()
    finally:
        cluster.stop()


def place(name, request):
    if name == "cluster":
        return {"scheduler": request.getfixturevalue("cluster").address}
    return {"n_workers": 2 if name == "processes" else 1}


@pytest.fixture(params=["here", "processes", "cluster"])
def anywhere(request):
    return place(request.param, request)


@pytest.fixture(params=["processes", "cluster"])
def elsewhere(request):
    return place(request.param, request)


def by_task(outcomes):
    """Return outcomes by task, after checking that none comes twice."""
    outcomes = list(outcomes)
    found = {outcome.task: outcome for outcome in outcomes}
    assert len(found) == len(outcomes)
    return found


def test_outcomes_are_the_same_everywhere(anywhere):
    tasks = [
        ("double", 1),
        ("bad_data", "GONE"),
        ("too_short", "NEW"),
        ("bug", 5),
        ("odd", 7),
        ("odd_with_lock", 8),
        ("double", 2),
    ]
    found = by_task(run_each(answer, tasks, **anywhere))
    facts = [
        (found[t].result, type(found[t].error), found[t].n_attempts) for t in tasks
    ]
    assert facts == [
        (2, type(None), 1),
        (None, DataError, 1),
        (None, NotEnoughHistory, 1),
        (None, ZeroDivisionError, 1),
        (None, engine_tasks.OddError, 1),
        (None, engine_tasks.OddError, 1),
        (4, type(None), 1),
    ]
    short = found["too_short", "NEW"].error
    assert (short.ticker, short.needed, short.found) == ("NEW", 65, 40)
    assert str(found["odd", 7].error) == "odd 7"
    assert (found["odd", 7].error.code, found["odd", 7].error.extra) == (7, 1)
    assert str(found["odd_with_lock", 8].error) == "odd 8"
    assert "in bug" in found["bug", 5].traceback
    assert found["double", 1].traceback == ""


def test_nothing_to_do_is_done(anywhere):
    assert list(run_each(answer, [], **anywhere)) == []


def test_what_cannot_be_pickled_fails_alone(elsewhere):
    tasks = [("double", lambda: None), ("unpicklable",), ("double", 3)]
    by_kind = {
        outcome.task: outcome for outcome in run_each(answer, tasks, **elsewhere)
    }
    assert [by_kind[task].result for task in tasks] == [None, None, 6]
    assert "pickle" in str(by_kind[tasks[0]].error)
    assert "pickle" in str(by_kind[tasks[1]].error)


def test_a_poisoned_task_is_blamed_and_the_others_end(tmp_path, elsewhere):
    innocent = [("double", number) for number in range(6)]
    poisoned = ("kill", tmp_path)
    tasks = [*innocent[:2], poisoned, *innocent[2:], ("kill_once", tmp_path)]
    found = by_task(run_each(answer, tasks, name_of=lambda task: task[0], **elsewhere))
    error = found[poisoned].error
    assert isinstance(error, WorkerLost)
    assert str(error).startswith("kill: the process at work on it died 2 times")
    assert (error.exit_code, found[poisoned].n_attempts) == (9, 2)
    assert (tmp_path / "begun-kill").stat().st_size == 2
    assert [found[task].get() for task in innocent] == [2 * n for n in range(6)]
    assert found["kill_once", tmp_path].get() == "recovered"
    with pytest.raises(WorkerLost, match="kill: "):
        found[poisoned].get()


def test_without_retries_the_first_death_counts(tmp_path, elsewhere):
    (outcome,) = run_each(answer, [("kill_once", tmp_path)], retries=0, **elsewhere)
    assert isinstance(outcome.error, WorkerLost)
    assert outcome.n_attempts == (tmp_path / "begun-kill_once").stat().st_size == 1


def test_a_worker_killed_in_the_middle_costs_nothing(tmp_path, elsewhere):
    def kill_when_at_work():
        wait_for(tmp_path / "pid")
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill_when_at_work)
    killer.start()
    tasks = [("victim", tmp_path), *(("double", number) for number in range(4))]
    found = by_task(run_each(answer, tasks, **elsewhere))
    killer.join()
    assert found["victim", tmp_path].get() == "recovered"
    assert found["victim", tmp_path].n_attempts == 2
    assert [found["double", number].get() for number in range(4)] == [0, 2, 4, 6]


def test_a_suspect_is_tried_again_with_none_beside_it(tmp_path):
    tasks = [("die_and_look", tmp_path), ("neighbour", tmp_path)]
    found = by_task(run_each(answer, tasks, n_workers=2))
    assert found[tasks[0]].get() == []
    assert (found[tasks[0]].n_attempts, found[tasks[1]].n_attempts) == (2, 1)
    assert found[tasks[1]].get() == "undisturbed"


class KillsIdleWorkers:
    """A task that is `double`; packing it the first time kills the workers."""

    done = False

    def __reduce__(self):
        for worker in [] if self.done else multiprocessing.active_children():
            worker.kill()
            worker.join()
        self.done = True
        return tuple, (["double", 4],)


def test_a_worker_that_dies_idle_is_replaced_and_nobody_blamed():
    task = KillsIdleWorkers()
    (outcome,) = run_each(answer, [task], n_workers=2, retries=0)
    assert task.done
    assert (outcome.get(), outcome.n_attempts) == (8, 1)


def test_a_worker_keeps_what_its_module_holds_and_is_not_a_fork(monkeypatch):
    monkeypatch.setattr(engine_tasks, "calls", ["of this process"] * 100)
    outcomes = run_each(answer, [("remember", n) for n in range(7)], n_workers=2)
    counts = {}
    for outcome in outcomes:
        process, count = outcome.get()
        counts.setdefault(process, []).append(count)
    assert os.getpid() not in counts
    assert len(counts) <= 2
    assert sum(map(len, counts.values())) == 7
    assert all(found == list(range(1, len(found) + 1)) for found in counts.values())


def test_this_process_is_lazy_and_keeps_the_order():
    running = run_each(answer, [("remember", 1), ("remember", 2)])
    before = len(engine_tasks.calls)
    assert next(running).get() == (os.getpid(), before + 1)
    assert len(engine_tasks.calls) == before + 1
    running.close()


@pytest.mark.parametrize("threads", [None, 3])
def test_workers_share_the_cores_from_their_first_import_on(threads, monkeypatch):
    from tests.support.engine_threads import environment  # not by all workers

    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    (outcome,) = run_each(environment, [None], n_workers=2, threads=threads)
    share = str(threads or max(1, n_cores() // 2))
    wanted = dict.fromkeys(VARIABLES, share)
    wanted["OMP_NUM_THREADS"] = str(threads or 5)  # what the environment says counts
    assert outcome.get() == (wanted, wanted, False)
    assert [os.environ.get(name) for name in VARIABLES] == ["5", None, None]


def test_threads_here_come_before_tensorflow_or_not_at_all(monkeypatch):
    from tests.support.engine_threads import environment

    for name in VARIABLES:
        monkeypatch.setenv(name, "1")
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    (outcome,) = run_each(environment, [None], threads=2)
    assert outcome.get()[1] == dict.fromkeys(VARIABLES, "2")
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    assert next(run_each(abs, [-1], threads=2)).get() == 1  # as they are
    with pytest.raises(ConfigError, match="TensorFlow is loaded"):
        run_each(abs, [-1], threads=3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_workers": 0}, "at least 1 worker, got 0"),
        ({"retries": -1}, "0 or more retries, got -1"),
        ({"threads": 0}, "at least 1 thread for each worker, got 0"),
        ({"scheduler": "localhost"}, "tcp://host:port, got 'localhost'"),
        ({"scheduler": "tcp://h:1", "n_workers": 2}, "give one of them"),
    ],
)
def test_wrong_numbers_and_addresses_are_refused_at_once(wrong, message):
    with pytest.raises(ConfigError, match=message):
        run_each(abs, [1], **wrong)


def subclasses(kind):
    yield kind
    for lower in kind.__subclasses__():
        yield from subclasses(lower)


@pytest.mark.parametrize("kind", list(subclasses(ForecasterError)))
def test_every_error_travels_with_its_facts(kind):
    error = kind("T", 5, 3) if kind is NotEnoughHistory else kind("what came")
    error.add_note("where")
    there = rebuild_error(*pickle.loads(pickle.dumps(take_apart(error))))
    assert type(there) is kind
    assert (str(there), vars(there)) == (str(error), vars(error))
    assert there.exit_code == error.exit_code


def test_an_error_of_a_class_that_cannot_be_imported_becomes_its_text():
    class Local(Exception):
        pass

    there = rebuild_error(*take_apart(Local("why")))
    assert (type(there), str(there)) == (RuntimeError, "Local: why")


def test_an_outcome_gives_its_result_or_raises_with_the_stack():
    assert Outcome("a", 3).get() == 3
    (failed,) = run_each(answer, [("bug", 1)])
    with pytest.raises(ZeroDivisionError) as raised:
        failed.get()
    assert "in bug" in str(raised.value.__cause__)


def test_a_task_is_named_in_one_short_line():
    assert short_name(("a", 1)) == "('a', 1)"
    long = short_name([["x\n" * 90] * 5] * 5)
    assert "\n" not in long
    assert len(long) == 80


SCRIPT = """
import sys
from pathlib import Path
from forecaster.engine import run_each
from tests.support.engine_tasks import answer

def main(how, folder, address):
    place = {"scheduler": address} if address else {"n_workers": 2}
    first = [("double", 1)] if how == "leave" else []
    tasks = first + [("block", Path(folder), number) for number in range(9)]
    outcomes = run_each(answer, tasks, **place)
    next(outcomes)

"""
GUARDED = SCRIPT + 'if __name__ == "__main__":\n    main(*sys.argv[1:])\n'


def begin(folder, text, *arguments):
    script = folder / "script.py"
    script.write_text(text)
    return subprocess.Popen(
        [sys.executable, str(script), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_workers_tidy_up_and_end_with_the_process_that_began_them(tmp_path, how):
    child = begin(tmp_path, GUARDED, "stay", tmp_path, "")
    wait_for(tmp_path / "block-0", tmp_path / "block-1")
    os.kill(child.pid, how)
    # The pipes close when the last worker has ended.
    _, err = child.communicate(timeout=WAIT_S / 2)
    assert (tmp_path / "tidied-0").exists()
    assert (tmp_path / "tidied-1").exists()
    assert not (tmp_path / "block-2").exists()
    assert err.count("Traceback") == (how == signal.SIGINT)
    assert child.returncode == -how


def test_an_iterator_that_is_never_closed_does_not_keep_the_process(tmp_path):
    child = begin(
        tmp_path,
        GUARDED.replace(
            "next(outcomes)", "next(outcomes); globals().update(kept=outcomes)"
        ),
        "leave",
        tmp_path,
        "",
    )
    _, err = child.communicate(timeout=WAIT_S / 2)
    assert (child.returncode, err) == (0, "")


def test_a_script_without_a_guard_is_told_to_have_one(tmp_path):
    child = begin(tmp_path, SCRIPT + "main(*sys.argv[1:])\n", "stay", tmp_path, "")
    _, err = child.communicate(timeout=WAIT_S)
    assert child.returncode == 1
    last = err.strip().splitlines()[-1]
    assert last.startswith(f"forecaster.errors.{TrainingFailed.__name__}")
    assert '`if __name__ == "__main__":`' in last
