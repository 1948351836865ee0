"""The client's files, sockets, threads and processes."""

import os
import socket
import subprocess
import sys
import threading

import pandas as pd
import pytest

from forecaster.data import yahoo_client
from forecaster.errors import (
    SourceUnavailable,
)
from tests.support import faults

START = "2023-06-01"
N_SESSIONS = 78
CHILD = """
from forecaster.data.remote import open_source
history = open_source("yahoo").history("GOOG", "2023-06-01")
print(len(history.rows))
"""


def run_child(yahoo, tmp_path, certificate, code=CHILD):
    """Run an unmodified program that knows of the test by its environment alone."""
    (tmp_path / "temporary").mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HTTPS_PROXY": yahoo.url,
        "CURL_CA_BUNDLE": str(certificate),
        "XDG_CACHE_HOME": str(tmp_path / "shared"),
        "TMPDIR": str(tmp_path / "temporary"),
    }
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def damage_cache():
    """Write rubbish over the client's files, as another process would find them."""
    folder = yahoo_client._cache_folder(os.getpid())
    yahoo_client.forget_client()
    for file in folder.iterdir():
        file.unlink()
    for name in ("tkr-tz.db", "cookies.db"):
        (folder / name).write_bytes(b"garbage" * 500)


def test_damaged_client_cache_is_named(yahoo, make_source):
    make_source().history("GOOG", START)
    damage_cache()
    with pytest.raises(SourceUnavailable, match="GOOG: yfinance's own cache"):
        make_source(attempts=1).history("GOOG", START)


def test_damaged_client_cache_is_replaced(yahoo, make_source):
    source = make_source()
    source.history("GOOG", START)
    damage_cache()
    assert len(source.history("GOOG", START).rows) == N_SESSIONS


def test_client_settings_are_given_back(yahoo, make_source):
    import yfinance

    make_source().history("GOOG", START)
    assert yfinance.config.debug.hide_exceptions is True


def test_offline_opens_no_socket(yahoo, make_source, monkeypatch):
    def refuse(*_):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(SourceUnavailable, match=r"GOOG.*offline mode"):
        make_source(offline=True).history("GOOG", START)
    assert yahoo.requests == []


def test_offline_wire_sends_nothing(yahoo, make_gate):
    """The client's sockets belong to curl, where Python cannot see them."""
    wire = yahoo_client.Wire("GOOG", make_gate(), 1.0, offline=True)
    with pytest.raises(SourceUnavailable, match="offline"):
        yahoo_client.ask_yfinance("GOOG", pd.Timestamp(START).date(), wire)
    assert yahoo.requests == []


def test_child_is_led_by_its_environment_alone(yahoo, tmp_path, certificate):
    child = run_child(yahoo, tmp_path, certificate)
    assert (child.stdout, child.stderr) == (f"{N_SESSIONS}\n", "")
    assert list((tmp_path / "temporary").iterdir()) == []
    names = {file.name for file in (tmp_path / "shared").rglob("*") if file.is_file()}
    assert names <= {"yahoo.lock", "yahoo-last.json"}


def test_rate_limit_is_known_to_other_processes(yahoo, tmp_path, certificate):
    yahoo.plant("chart", faults.status(429, b"", Retry_After="7200"), always=True)
    first = run_child(yahoo, tmp_path, certificate)
    assert "RateLimited: GOOG: Yahoo asks for fewer requests" in first.stderr
    yahoo.heal()
    second = run_child(yahoo, tmp_path, certificate)
    assert "GOOG: not asked, because yahoo lately refused" in second.stderr
    assert yahoo.requests == []


def test_stderr_stays_quiet_under_faults(yahoo, make_source, capfd):
    yahoo.plant("getcrumb", faults.status(429, b"Too Many Requests"), always=True)
    yahoo.plant("GOOG", faults.truncated())
    make_source().history("GOOG", START)
    assert capfd.readouterr() == ("", "")


def test_threads_share_the_client(yahoo, make_source):
    source, lengths = make_source(), []

    def fetch(ticker):
        lengths.append(len(source.history(ticker, START).rows))

    threads = [
        threading.Thread(target=fetch, args=(name,)) for name in ("GOOG", "AAPL") * 3
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == [N_SESSIONS] * 6


def test_tensorflow_may_be_loaded_before(yahoo, tmp_path, certificate):
    answer = run_child(yahoo, tmp_path, certificate, "import tensorflow\n" + CHILD)
    assert answer.stdout.strip() == str(N_SESSIONS), answer.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="libraries do not mix elsewhere")
def test_a_client_that_is_loaded_too_late_is_told_how(yahoo, tmp_path, certificate):
    once = CHILD.replace('"yahoo"', '"yahoo", attempts=1')
    code = f"import tensorflow, curl_cffi\n{once}"
    answer = run_child(yahoo, tmp_path, certificate, code)
    assert "import `forecaster` or `yfinance` before `tensorflow`" in answer.stderr
