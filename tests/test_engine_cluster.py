"""A Dask cluster that is lost, wrong or interrupted: real processes on loopback."""

import os
import signal
import socket
import sys
import time
from functools import partial

import pytest

from forecaster.engine import ClusterFailed, WorkerLost, cluster, run_each
from forecaster.engine.threads import VARIABLES
from forecaster.errors import ConfigError
from tests.support.dask_cluster import DaskCluster
from tests.support.engine_tasks import answer
from tests.test_engine_each import GUARDED, begin, by_task

distributed = pytest.importorskip("distributed")
WAIT_S = 60.0


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    """A cluster that every test leaves as it was."""
    made = DaskCluster(tmp_path_factory.mktemp("dask"))
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture
def dask_cluster(tmp_path_factory):
    made = DaskCluster(tmp_path_factory.mktemp("dask"))
    try:
        yield made.start()
    finally:
        made.stop()


def allow(n_failures, dask_scheduler):
    dask_scheduler.allowed_failures = n_failures


def n_held(dask_worker):
    return len(dask_worker.state.tasks)


def test_a_restarted_scheduler_is_asked_again(dask_cluster, tmp_path):
    tasks = [("gated", tmp_path, number) for number in range(6)]
    running = run_each(answer, tasks, scheduler=dask_cluster.address)
    first = [next(running), next(running)]
    dask_cluster.kill_scheduler()
    dask_cluster.start()
    (tmp_path / "gate").touch()
    found = by_task([*first, *running])
    assert [found[task].get() for task in tasks] == list(range(6))
    assert {found[task].n_attempts for task in tasks} == {1}
    # What had ended is not done again.
    assert {outcome.task for outcome in first} == set(tasks[:2])
    for number in (0, 1):
        assert (tmp_path / f"begun-gated-{number}").stat().st_size == 1


def test_tasks_that_the_scheduler_forgets_are_asked_again(lasting, tmp_path):
    tasks = [("gated", tmp_path, number) for number in range(4)]
    running = run_each(answer, tasks, scheduler=lasting.address)
    first = [next(running), next(running)]
    with distributed.Client(lasting.address, set_as_default=False) as client:
        client.restart()
    (tmp_path / "gate").touch()
    found = by_task([*first, *running])
    assert [found[task].get() for task in tasks] == list(range(4))


def test_a_scheduler_that_does_not_return_is_told(dask_cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "RETURN_S", 0.5)
    tasks = [("gated", tmp_path, number) for number in range(4)]
    running = run_each(answer, tasks, scheduler=dask_cluster.address)
    assert {next(running).get(), next(running).get()} == {0, 1}
    dask_cluster.kill_scheduler()
    with pytest.raises(ClusterFailed, match="no Dask scheduler"):
        next(running)


def test_a_scheduler_lost_again_and_again_is_told(dask_cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "MOST_LOSSES", 0)
    tasks = [("gated", tmp_path, number) for number in range(4)]
    running = run_each(answer, tasks, scheduler=dask_cluster.address)
    assert {next(running).get(), next(running).get()} == {0, 1}
    dask_cluster.kill_scheduler()
    with pytest.raises(ClusterFailed, match="lost 1 times in a row"):
        next(running)


def test_the_failures_that_the_scheduler_allows_come_first(lasting, tmp_path):
    with distributed.Client(lasting.address, set_as_default=False) as client:
        client.run_on_scheduler(partial(allow, 1))
        (poisoned,) = run_each(
            answer, [("kill", tmp_path)], scheduler=lasting.address, retries=0
        )
        client.run_on_scheduler(partial(allow, 0))
    assert isinstance(poisoned.error, WorkerLost)
    assert poisoned.n_attempts == (tmp_path / "begun-kill").stat().st_size == 2


def test_an_interrupt_takes_back_what_was_not_begun(lasting, tmp_path):
    child = begin(tmp_path, GUARDED, "stay", tmp_path, lasting.address)
    deadline = time.monotonic() + WAIT_S
    while len(list(tmp_path.glob("block-*"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGINT)
    _, err = child.communicate(timeout=WAIT_S / 2)
    assert err.count("Traceback") == err.count("KeyboardInterrupt") == 1
    with distributed.Client(lasting.address, set_as_default=False) as client:
        # A task at work cannot be taken from a worker, but those behind it.
        while max(client.run(n_held).values()) > 1:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    (tmp_path / "gate").touch()  # and the cluster serves the next
    found = by_task(run_each(answer, [("double", 4)], scheduler=lasting.address))
    assert found["double", 4].get() == 8
    assert len(list(tmp_path.glob("block-*"))) == 2


def test_threads_are_those_of_the_worker_or_as_asked(lasting):
    from tests.support.engine_threads import environment  # first imported by a task

    (outcome,) = run_each(environment, [None], scheduler=lasting.address)
    ones = dict.fromkeys(VARIABLES, "1")
    assert outcome.get() == (ones, ones, False)
    (outcome,) = run_each(environment, [None], scheduler=lasting.address, threads=2)
    assert outcome.get()[1] == dict.fromkeys(VARIABLES, "2")


@pytest.mark.parametrize("package", ["distributed", "tensorflow", "python"])
def test_another_version_is_refused(lasting, monkeypatch, package):
    own, here = cluster.installed_versions, os.getpid()

    def older_here(names):  # runs on the workers, too
        return own(names) | ({package: "0.1"} if os.getpid() == here else {})

    monkeypatch.setattr(cluster, "installed_versions", older_here)
    message = f"has {package} {own((package,))[package]}, but here is 0.1"
    with pytest.raises(ClusterFailed, match=message) as raised:
        list(run_each(answer, [("double", 1)], scheduler=lasting.address))
    assert raised.value.exit_code == 7


def test_a_cluster_without_workers_is_told(dask_cluster, monkeypatch):
    dask_cluster.stop_workers()
    monkeypatch.setattr(cluster, "WORKERS_S", 0.5)
    with pytest.raises(ClusterFailed, match="no worker for"):
        list(run_each(answer, [("double", 1)], scheduler=dask_cluster.address))


def test_where_no_scheduler_is_none_is_found(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 0.5)
    with socket.socket() as taken:  # nobody listens here
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ClusterFailed, match="no Dask scheduler") as raised:
            list(run_each(answer, [("double", 1)], scheduler=address))
    assert address in str(raised.value)
    assert raised.value.exit_code == 7


def test_a_function_of_a_script_is_refused(monkeypatch):
    monkeypatch.setattr(answer, "__module__", "__main__")
    with pytest.raises(ConfigError, match="answer is defined in a script"):
        run_each(answer, [("double", 1)], scheduler="tcp://127.0.0.1:1")


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"pip install 'forecaster\[cluster\]'"):
        run_each(answer, [("double", 1)], scheduler="tcp://127.0.0.1:1")
