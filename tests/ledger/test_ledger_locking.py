"""Locking: one process at a time, and none for ever."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from forecaster.errors import LedgerBusy, OutputError
from forecaster.ledger import Ledger, locking

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys
from forecaster.ledger import Ledger

with Ledger.open(sys.argv[1]) as ledger, ledger.lock(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.readline()
print("released", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def hold_elsewhere():
    """Start another process that holds a lock until it is told, or killed."""
    started = []

    def hold(place, name):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, place, name],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def test_a_lock_that_another_process_holds_is_refused_at_once(
    ledger, place, hold_elsewhere
):
    other = hold_elsewhere(place, "nightly")
    began = time.monotonic()
    with (
        pytest.raises(LedgerBusy, match="at work on nightly in the ledger") as told,
        ledger.lock("nightly"),
    ):
        pytest.fail("two hold it")
    assert time.monotonic() - began < 5
    assert told.value.exit_code == 75
    assert f"process {other.pid} on " in str(told.value)
    assert "try again when it has ended" in str(told.value)
    with ledger.lock("weekly"):  # another name, another lock
        pass
    other.stdin.write("\n")
    other.stdin.flush()
    assert other.stdout.readline() == "released\n"
    with ledger.lock("nightly"):
        assert other.poll() is None  # released, though the process lives


def test_a_killed_process_holds_nothing(ledger, place, hold_elsewhere):
    other = hold_elsewhere(place, "nightly")
    other.send_signal(signal.SIGKILL)
    other.wait()
    with ledger.lock("nightly"):
        pass


def test_the_lock_is_held_while_the_ledger_is_used(ledger, place, begin, make_rows):
    with ledger.lock("nightly"), Ledger.open(place) as other:
        ledger.write(make_rows(begin(ledger), [100]))
        other.write(make_rows(begin(other), [100], ticker="AAPL"))
        for opened in (ledger, other):
            with pytest.raises(LedgerBusy), opened.lock("nightly"):
                pytest.fail("two hold it")
        assert len(ledger.known("lstm")) == 2
    with ledger.lock("nightly"), ledger.lock("other"):
        pass


def test_an_error_in_the_block_is_told_as_it_is_and_releases(ledger):
    for error in (ValueError("mine"), sa.exc.OperationalError("x", {}, Exception())):
        with pytest.raises(type(error)) as told, ledger.lock("nightly"):
            raise error
        assert told.value is error
    with ledger.lock("nightly"):
        pass


def test_locks_do_not_wear_out(ledger):
    for _ in range(30):  # more than the pool has connections
        with ledger.lock("nightly"):
            pass
    with ledger.lock("nightly"):
        pass


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "a/b", "ü" * 300, "\ud800"])
def test_any_name_has_a_file_of_its_own_beside_the_ledger(small, name, tmp_path):
    file = locking.lock_file(small.place, name)
    assert file.parent == tmp_path
    assert len(file.name) < 100
    with small.lock(name):
        assert file.exists()
    assert locking.lock_file(small.place, name + " ") != file
    # A file system may not tell the cases apart, the lock does.
    assert locking.lock_file("l.db", "A").name != locking.lock_file("l.db", "a").name


def test_one_ledger_has_one_lock_whatever_it_is_called(small, tmp_path):
    link = tmp_path / "link.db"
    link.symlink_to(small.place)
    with (
        small.lock("nightly"),
        Ledger.open(link) as other,
        pytest.raises(LedgerBusy),
        other.lock("nightly"),
    ):
        pytest.fail("two hold it")


def test_a_folder_that_cannot_be_written_is_told(small, monkeypatch):
    monkeypatch.setattr(small, "place", "/proc/none/ledger.db")
    with pytest.raises(OutputError, match="cannot write"), small.lock("nightly"):
        pytest.fail("nothing is held")


def test_numbers_fit_and_differ():
    names = [(schema, str(n)) for schema in ("public", "own") for n in range(500)]
    numbers = {locking.lock_number(*pair) for pair in names}
    assert len(numbers) == len(names)
    assert all(-(2**63) <= number < 2**63 for number in numbers)


def test_a_held_lock_keeps_the_server_from_nothing(postgres):
    """A transaction that stays open would stop the server from tidying up."""
    query = (
        "SELECT state, (SELECT count(*) FROM pg_locks l WHERE l.pid = a.pid AND"
        " locktype <> 'advisory') FROM pg_stat_activity a"
        " WHERE application_name LIKE 'process %%'"
    )
    with (
        Ledger.open(postgres.url("idle")) as ledger,
        ledger.lock("nightly"),
        ledger._read() as connection,
    ):
        assert connection.exec_driver_sql(query).all() == [("idle", 0)]


def test_a_lost_connection_does_not_hide_what_was_done(postgres):
    with Ledger.open(postgres.url("lost")) as ledger, ledger.lock("nightly"):
        with ledger._write() as connection:
            ended = connection.exec_driver_sql(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE application_name LIKE 'process %%'"
            )
            assert ended.scalar() == 1
        assert ledger.runs().empty
