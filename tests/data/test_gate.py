import itertools
import json
import os
import subprocess
import sys
import threading
import time

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecaster.data import retrying
from forecaster.data.retrying import (
    LONGEST_BLOCK,
    Gate,
    cache_folder,
)
from forecaster.errors import (
    SourceUnavailable,
)


def test_gate_is_open_at_first(make_gate):
    make_gate().check("GOOG")


def test_block_is_never_shortened(make_gate):
    gate = make_gate()
    gate.block(500)
    gate.block(10)
    assert gate.blocked_for() == pytest.approx(500)


def test_block_is_never_absurd(make_gate):
    gate = make_gate()
    gate.block(1e12)
    assert gate.blocked_for() == pytest.approx(LONGEST_BLOCK)


def test_sources_do_not_block_each_other(make_gate):
    make_gate("yahoo").block(500)
    make_gate("tiingo").check("GOOG")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"until": null}',
        b'{"until": "soon"}',
        b'{"until": NaN}',
        b'{"until": Infinity}',
        b'{"until": 1e300}',
        b'{"until": [1]}',
        b"\xff\x00",
        b"[" * 100_000,
        b'{"until": 1' + b"0" * 400 + b"}",
    ],
    ids=range(14),
)
def test_damaged_notes_are_ignored(make_gate, content):
    gate = make_gate(min_interval=1.0)
    gate.folder.mkdir()
    for name in ("yahoo-blocked.json", "yahoo-last.json"):
        (gate.folder / name).write_bytes(content)
    gate.check("GOOG")
    with gate.turn("GOOG"):
        pass


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary())
def test_any_note_is_survived(make_gate, content):
    gate = make_gate()
    gate.folder.mkdir(exist_ok=True)
    (gate.folder / "yahoo-blocked.json").write_bytes(content)
    gate.check("GOOG")


def test_requests_are_kept_apart(make_gate, clock):
    first, second = make_gate(min_interval=0.5), make_gate(min_interval=0.5)
    with first.turn("GOOG"):
        clock.time += 0.2
    with second.turn("GOOG"):
        pass
    assert clock.waits == [pytest.approx(0.3)]
    clock.time += 10
    with first.turn("GOOG"):
        pass
    assert len(clock.waits) == 1


def test_clock_set_back_costs_no_wait(make_gate, clock):
    gate = make_gate(min_interval=0.5)
    with gate.turn("GOOG"):
        clock.time -= 86_400
    with gate.turn("GOOG"):
        pass
    assert clock.waits == []


def test_unusable_folder_does_not_stop_the_work(make_gate, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    gate = make_gate(folder=tmp_path / "file" / "gate", min_interval=0.1)
    gate.block(100)
    gate.check("GOOG")
    with gate.turn("GOOG"):
        pass


def test_turn_that_never_comes(make_gate, monkeypatch):
    monkeypatch.setattr(retrying, "LONGEST_TURN", 0.1)
    gate = make_gate()
    gate.folder.mkdir()
    refused = pytest.raises(SourceUnavailable, match="GOOG: another process")
    with FileLock(gate.folder / "yahoo.lock"), refused, gate.turn("GOOG"):
        pass


def test_turn_is_given_back_after_an_error(make_gate):
    gate = make_gate()
    with pytest.raises(ValueError, match="inside"), gate.turn("GOOG"):
        raise ValueError("inside")
    with gate.turn("GOOG"):
        pass


def test_only_one_thread_at_a_time(make_gate):
    inside, most = [], []

    def work():
        with make_gate().turn("GOOG"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 6


def run_python(code, cache):
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(cache)},
        stdout=subprocess.PIPE,
        text=True,
    )


TURNS = """
import time
from forecaster.data.retrying import Gate
gate = Gate("yahoo", min_interval=0.05)
for _ in range(5):
    with gate.turn("GOOG"):
        began = time.time()
        time.sleep(0.01)
        print(began, time.time())
"""
BLOCKED = """
from forecaster.data.retrying import Gate
print(Gate("yahoo").blocked_for())
"""


def test_processes_take_turns(tmp_path):
    children = [run_python(TURNS, tmp_path) for _ in range(3)]
    lines = "".join(child.communicate(timeout=60)[0] for child in children)
    turns = sorted(tuple(map(float, line.split())) for line in lines.splitlines())
    assert len(turns) == 15
    for (_, ended), (next_began, _) in itertools.pairwise(turns):
        assert next_began >= ended
    # Each interval may look shorter than it was, but not most of them.
    assert turns[-1][0] - turns[0][0] > 10 * 0.05


def test_block_is_known_to_other_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    Gate("yahoo").block(1000)
    note = json.loads((cache_folder() / "yahoo-blocked.json").read_text())
    assert note["until"] == pytest.approx(time.time() + 1000, abs=60)
    child = run_python(BLOCKED, tmp_path)
    assert float(child.communicate(timeout=60)[0]) == pytest.approx(1000, abs=60)
