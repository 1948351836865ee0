"""Pings: sent to a service on loopback, which hears them, or does not."""

import socket
import time
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.batch.pinging import POLICY, check_url, ping
from forecaster.data.retrying import RetryPolicy
from forecaster.errors import ConfigError, RunWarning
from tests.support.clock import Clock
from tests.support.loopback import Answer, Handler, LoopbackServer

SECRET = "4f1c-secret"
AT_ONCE = RetryPolicy(attempts=3, first_wait=0.0)


class KeepsBodies(Handler):
    def do_POST(self):  # noqa: N802
        length = int(self.headers.get("Content-Length") or 0)
        self.server.bodies.append(self.rfile.read(length))
        self.do_GET()


class Service(LoopbackServer):
    """Confirms every ping, unless a fault is planted."""

    def __init__(self, *words, **more):
        super().__init__(*words, **more)
        self.RequestHandlerClass = KeepsBodies
        self.bodies = []

    def respond(self, _):
        return Answer(b"OK", kind="text/plain"), ["ping"]


@pytest.fixture
def service():
    with Service() as server:
        yield server


def says(status, **headers):
    return lambda handler, _: handler.send(
        Answer(b"no", status=status, headers=headers)
    )


def too_late(handler, answer):
    time.sleep(0.5)
    handler.hang_up(reset=True)


def hangs_up(handler, answer):
    handler.hang_up(reset=True)


@pytest.mark.parametrize(
    ("signal", "code", "path"),
    [
        ("start", None, f"/{SECRET}/start"),
        ("success", None, f"/{SECRET}"),
        ("success", 0, f"/{SECRET}"),
        ("fail", None, f"/{SECRET}/fail"),
        ("fail", 1, f"/{SECRET}/1"),
        ("fail", 143, f"/{SECRET}/143"),
    ],
)
@pytest.mark.parametrize("ending", ["", "/", "#top"])
def test_each_signal_has_its_address(service, signal, code, path, ending):
    assert ping(f"{service.url}/{SECRET}{ending}", signal, code=code, body="5 failed")
    assert [(one.method, one.path) for one in service.requests] == [("POST", path)]
    assert service.bodies == [b"5 failed"]


def test_a_query_stays_behind_the_path(service):
    assert ping(f"{service.url}/{SECRET}/nightly?create=1", "fail", code=7)
    [request] = service.requests
    assert (request.path, request.query) == (f"/{SECRET}/nightly/7", {"create": "1"})


def test_of_a_long_text_the_end_is_sent(service):
    assert ping(service.url, "success", body="ü" + "a" * 20_000 + "end")
    assert service.bodies == [b"a" * 9_997 + b"end"]


@pytest.mark.parametrize("fault", [says(500), says(503), says(429), hangs_up])
def test_what_passes_is_tried_again(service, fault):
    service.plant("ping", fault, fault)
    clock = Clock()
    assert ping(service.url, "start", sleep=clock.sleep)
    assert len(service.requests) == 3
    assert clock.waits == [0.5, 1.0]


@pytest.mark.parametrize(
    ("fault", "n_requests", "told"),
    [
        (says(500), 3, "answered HTTP 500"),
        (says(429), 3, "answered HTTP 429"),
        (hangs_up, 3, "the connection failed"),
        (too_late, 3, "no answer in time"),
        (says(404), 1, "answered HTTP 404"),
        (says(302, Location="/log-in"), 1, "answered HTTP 302"),
    ],
)
def test_a_ping_that_is_not_heard_is_told_once(service, fault, n_requests, told):
    service.plant("ping", fault, always=True)
    url = f"{service.url.replace('//', f'//user:{SECRET}@')}/{SECRET}?key={SECRET}"
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert ping(url, "fail", code=5, timeout=0.2, policy=AT_ONCE) is False
    assert len(service.requests) == n_requests
    [warning] = seen
    assert warning.category is RunWarning
    assert told in str(warning.message)
    assert SECRET not in str(warning.message)
    assert warning.filename == __file__


def test_refused_connections(monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, but nobody listens
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/{SECRET}"
        with pytest.warns(RunWarning, match="the connection failed") as seen:
            assert ping(url, "success", policy=AT_ONCE) is False
    assert SECRET not in str(seen[0].message)


def test_an_unknown_host_and_a_host_that_cannot_be_one():
    for host, told in [("nobody.invalid", "connection failed"), ("a" * 70, "cannot")]:
        with pytest.warns(RunWarning, match=told):
            assert not ping(f"http://{host}/{SECRET}", "start", policy=AT_ONCE)


def test_encrypted_pings_want_a_trusted_certificate(
    authority, certificate, monkeypatch
):
    with Service(authority) as service:
        service.socket = service.encryption.wrap_socket(
            service.socket, server_side=True
        )
        url = service.url.replace("http://", "https://") + f"/{SECRET}"
        with pytest.warns(RunWarning, match="certificate is not trusted"):
            assert not ping(url, "start", policy=AT_ONCE)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        assert ping(url, "start")
        assert [one.path for one in service.requests] == [f"/{SECRET}/start"]


def test_patience_is_short(service):
    """Even where each attempt takes long, no new one begins after 15 seconds."""
    service.plant("ping", too_late, always=True)
    began = time.monotonic()
    policy = RetryPolicy(attempts=50, first_wait=0.0, total=0.3)
    with pytest.warns(RunWarning):
        ping(service.url, "start", timeout=0.2, policy=policy)
    assert time.monotonic() - began < 2
    assert 1 < len(service.requests) < 5
    assert POLICY.total <= 15


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            SECRET,
            f"ftp://host/{SECRET}",
            f"file:///{SECRET}",
            f"https:///{SECRET}",
        ),
        *(f"http://host:x/{SECRET}", f"http://[::1/{SECRET}", f"http://ho st/{SECRET}"),
        *(f"http://host/{SECRET}\n", f"http://host:0/{SECRET}", f"//host/{SECRET}"),
    ],
)
def test_what_is_no_web_address_is_refused_without_being_shown(url):
    for call in (lambda: check_url(url), lambda: ping(url, "start")):
        with pytest.raises(
            ConfigError, match="ping URL is not a web address"
        ) as caught:
            call()
        assert SECRET not in str(caught.value)
        assert SECRET not in str(caught.value.__cause__)


@pytest.mark.parametrize("code", [0, -1, 256])
def test_the_code_of_a_failure_is_none_of_a_success(service, code):
    with pytest.raises(ConfigError, match="exit code of a failure is 1 to 255"):
        ping(service.url, "fail", code=code)
    assert not service.requests


def test_an_unknown_signal_is_refused(service):
    with pytest.raises(ConfigError, match="not 'done'"):
        ping(service.url, "done")
    assert not service.requests


@given(text=st.text(max_size=30))
def test_any_text_is_an_address_or_a_config_error(text):
    for url in (text, f"https://{text}"):
        try:
            assert check_url(url).hostname
        except ConfigError:
            continue
