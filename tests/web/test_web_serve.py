"""`forecaster serve` as a command: its beginning, its end, and its refusals."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest
from typer.testing import CliRunner

from forecaster.cli.app import app
from forecaster.ledger import Ledger
from forecaster.web import serving
from forecaster.web.opening import Reader


def run(*words):
    return CliRunner().invoke(app, ["serve", *map(str, words)])


@pytest.fixture
def place(tmp_path):
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        return ledger.place


def test_it_serves_until_it_is_interrupted(place):
    for number in (signal.SIGINT, signal.SIGTERM):
        words = ("serve", "--ledger", place, "--port", "0", "--json")
        with subprocess.Popen(
            [sys.executable, "-m", "forecaster", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # As for a user: Python may hold back what goes into a pipe.
            env={**os.environ, "PYTHONUNBUFFERED": ""},
        ) as process:
            try:
                told = json.loads(read_document(process.stdout))
                assert told["ledger"] == place
                assert told["url"].startswith("http://127.0.0.1:")
                with urllib.request.urlopen(told["url"] + "api/summary") as answer:
                    assert json.load(answer)["n_tickers"] == 0
                    assert "server" not in {name.lower() for name in answer.headers}
                with pytest.raises(urllib.error.HTTPError, match="405"):
                    urllib.request.urlopen(told["url"], data=b"")
                process.send_signal(number)
                assert process.wait(60) == 0
            finally:
                process.kill()
            assert process.stderr.read() == ""


def read_document(stream):
    lines = []
    while not lines or lines[-1] != "}\n":
        line = stream.readline()
        assert line, "it ended without a word"
        lines.append(line)
    return "".join(lines)


def test_headers_have_a_limit(site):
    host, port = site.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        line.sendall(b"X-Long: " + b"a" * 200_000 + b"\r\n\r\n")
        answer = line.recv(200)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))


def test_requests_that_are_never_finished_are_hung_up_on(place, monkeypatch):
    """Many of them would else keep everybody out."""
    monkeypatch.setattr(serving, "SECONDS_TO_ASK", 0.3)
    reader = Reader.open(place)
    server = serving._server(reader, "127.0.0.1", ())
    listening = serving.listen("127.0.0.1", 0)
    address = listening.getsockname()
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    slow = [socket.create_connection(address, timeout=30) for _ in range(20)]
    for one in slow:
        one.sendall(b"GET / HTTP/1.1\r\nX: ")
    assert {one.recv(1) for one in slow} == {b""}
    with urllib.request.urlopen(serving.url_of(listening, "127.0.0.1")) as answer:
        assert answer.status == 200
    for one in slow:
        one.close()
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()
    listening.close()
    reader.close()


def test_an_empty_name_is_refused(place):
    answer = run("--ledger", place, "--port", 0, "--name", "")
    assert answer.exit_code == 2
    assert "empty name" in answer.output


def test_a_port_in_use_is_a_wrong_setting(place):
    with serving.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        answer = run("--ledger", place, "--port", port)
    assert answer.exit_code == 2
    assert f"error: cannot serve at 127.0.0.1, port {port}: " in answer.stderr
    assert "--port" in answer.stderr


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "256.0.0.1", "a" * 300])
def test_an_address_of_no_use_is_a_wrong_setting(place, host):
    answer = run("--ledger", place, "--host", host)
    assert answer.exit_code == 2
    assert "127.0.0.1" in answer.stderr or "--host" in answer.stderr


def test_no_ledger_ends_at_once(tmp_path):
    answer = run("--ledger", tmp_path / "none.db", "--json")
    assert answer.exit_code == 4
    assert json.loads(answer.stdout)["error"] == "LedgerError"
    assert not (tmp_path / "none.db").exists()


def test_a_damaged_ledger_ends_at_once(tmp_path):
    place = tmp_path / "ledger.db"
    place.write_bytes(b"nothing of the kind" * 100)
    answer = run("--ledger", place)
    assert answer.exit_code == 4
    assert "is damaged, or no ledger" in answer.stderr


def test_missing_libraries_are_named(place, monkeypatch):
    monkeypatch.setattr(serving, "EXTRA", ("fastapi", "no_such_library"))
    answer = run("--ledger", place)
    assert answer.exit_code == 2
    assert "no_such_library" in answer.stderr
    assert "pip install 'forecaster[serve]'" in answer.stderr


@pytest.mark.parametrize(
    ("host", "warned"), [("0.0.0.0", True), ("::", True), ("127.0.0.1", False)]
)
def test_an_address_for_others_is_warned_of(monkeypatch, host, warned):
    seen = {}
    monkeypatch.setattr(serving, "serve", lambda _, **options: seen.update(options))
    answer = run("--host", host, "--name", "box.lan")
    assert answer.exit_code == 0
    assert ("there is no login" in answer.stderr) is warned
    assert (seen["host"], seen["port"], seen["names"]) == (host, 8321, ["box.lan"])


def test_a_server_at_an_ipv6_address_has_a_url():
    try:
        listening = serving.listen("::1", 0)
    except serving.ConfigError:
        pytest.skip("this machine has no IPv6")
    with listening:
        port = listening.getsockname()[1]
        assert serving.url_of(listening, "::1") == f"http://[::1]:{port}/"
