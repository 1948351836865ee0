"""Whatever is asked: 4xx, never a trace; nothing reaches files or SQL."""

import sqlite3

import pytest
import sqlalchemy as sa

from forecaster.web import app as app_module
from forecaster.web import opening
from forecaster.web.guarding import HEADERS, LONGEST_URL, Guard
from forecaster.web.opening import Reader
from forecaster.web.pages import PAGES

PATHS = ("/", "/ticker", "/page.css", "/api/summary", "/api/openapi.json", "/none")
NASTY = (
    "'; DROP TABLE forecasts; --",
    "GOOG' OR '1'='1",
    "GOOG%",
    "../../../../etc/passwd",
    "..\\..\\etc\\passwd",
    "GOOG\x00",
    "\x00",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "A" * 41,
    "A" * 1500,
    "ГООГ",
    "\u202egoog",
    "😀",
    "\ud800".encode("utf-8", "surrogatepass"),
    " ",
    "",
    "nan",
    "$(id)",
    "GOOG\r\nX-Injected: 1",
)


def plain(answer):
    """Say whether an answer tells nothing of the inside."""
    text = answer.text
    words = ("Traceback", "sqlalchemy", "sqlite", ".py", "/tmp", "SELECT", "root:")
    return not any(word in text for word in words)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_each_answer_has_the_headers(shown, path, method):
    answer = shown.request(method, path)
    for name, value in HEADERS.items():
        wanted = "no-cache" if name == "Cache-Control" and path in PAGES else value
        assert answer.headers[name] == wanted
    assert answer.headers.get_list("content-security-policy")[1:] == []
    if method == "HEAD":
        assert answer.content == b""
        assert answer.status_code == shown.get(path).status_code


def test_the_policy_lets_nothing_in_but_our_own():
    policy = dict(
        part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    for name in ("script-src", "style-src", "connect-src", "img-src"):
        assert policy[name] == "'self'"
    for name in ("frame-ancestors", "base-uri", "form-action"):
        assert policy[name] == "'none'"


@pytest.mark.parametrize("path", sorted(PAGES))
def test_no_page_needs_more_than_the_policy_allows(shown, path):
    text = shown.get(path).text
    assert "://" not in text.replace("http://www.w3.org/", "")
    for word in ("style=", "onclick", "<style", "eval(", "innerHTML", "<script>"):
        assert word not in text


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
)
@pytest.mark.parametrize("path", ["/", "/api/universe", "/none"])
def test_only_reading_is_allowed(shown, method, path):
    answer = shown.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path",
    [
        *("/none", "/api", "/api/", "/api/none", "/docs", "/redoc", "/openapi.json"),
        *("/static/page.css", "/universe.html", "/page.css/", "/ticker/"),
        *("/../forecaster/errors.py", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc"),
        *("//etc/passwd", "/page.css%00.html", "/common.js/../../opening.py", "/%ff"),
    ],
)
def test_unknown_paths_are_not_found(shown, path):
    answer = shown.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"detail": "Not Found"}


@pytest.mark.parametrize("value", NASTY)
@pytest.mark.parametrize(
    ("path", "name", "others"),
    [
        ("ticker", "ticker", {}),
        ("fan", "ticker", {"model": "lstm"}),
        ("fan", "model", {"ticker": "GOOG"}),
        ("fan", "origin", {"ticker": "GOOG", "model": "lstm"}),
        ("history", "model", {"ticker": "GOOG"}),
        ("history", "step", {"ticker": "GOOG", "model": "lstm"}),
        ("universe", "text", {}),
        ("universe", "model", {}),
        ("universe", "offset", {}),
        ("runs", "status", {}),
        ("failures", "run", {}),
    ],
)
def test_nasty_values_are_refused_or_find_nothing(shown, path, name, others, value):
    answer = shown.get(f"/api/{path}", params={**others, name: value})
    harmless = path == "universe" and name in ("model", "text")
    assert answer.status_code in ((200, 404, 422) if harmless else (404, 422))
    assert plain(answer)
    if answer.status_code == 200 and value:
        assert answer.json()["rows"] == []
    assert "x-injected" not in answer.headers


def test_a_ticker_is_checked_before_the_ledger_is_asked(shown, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the database was asked")

    monkeypatch.setattr(Reader, "connect", refuse)
    for value in ("'", "../x", "A" * 41, ""):
        answer = shown.get("/api/ticker", params={"ticker": value})
        assert answer.status_code == 422


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("universe", "limit=0"),
        ("universe", "limit=501"),
        ("universe", "limit=1e9"),
        ("universe", "offset=-1"),
        ("universe", "offset=1000001"),
        ("runs", "limit=99999999999999999999999999"),
        ("runs", "status=none"),
        ("failures", "run=0"),
        ("failures", "run=2147483648"),
        ("failures", ""),
        ("history", "ticker=GOOG"),
        ("history", "ticker=GOOG&model=lstm&step=0"),
        ("history", "ticker=GOOG&model=lstm&origins=1001"),
        ("fan", "ticker=GOOG&model=lstm&before=0"),
        ("fan", "ticker=GOOG&model=lstm&origin=2020-02-30"),
    ],
)
def test_numbers_out_of_bounds_are_refused(shown, path, query):
    answer = shown.get(f"/api/{path}?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert plain(answer)


def test_long_urls_and_bodies_are_refused(shown):
    assert shown.get("/?" + "a" * (LONGEST_URL - 2)).status_code == 200
    assert shown.get("/?" + "a" * LONGEST_URL).status_code == 414
    assert shown.get("/" + "a" * LONGEST_URL).status_code == 414
    assert shown.request("GET", "/", content=b"x").status_code == 413


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost:8321", 200),
        ("127.0.0.1", 200),
        ("LOCALHOST", 200),
        ("[::1]:8321", 200),
        ("evil.example", 400),
        ("localhost.evil.example", 400),
        ("127.0.0.1.evil.example:8321", 400),
        ("10.0.0.1", 400),
        ("localhost@evil.example", 400),
        ("localhost:8321:1", 400),
        ("localhost/", 400),
        ("", 400),
    ],
)
def test_the_server_answers_to_its_own_names_alone(shown, host, code):
    assert shown.get("/", headers={"host": host}).status_code == code


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("10.0.0.1:80", 200),
        ("box.lan", 200),
        ("evil.example", 400),
        ("10.0.0.1.x", 400),
    ],
)
def test_at_all_addresses_each_address_is_a_name(client_of, demonstration, host, code):
    client = client_of(demonstration, hosts=["Box.lan"], any_address=True)
    assert client.get("/", headers={"host": host}).status_code == code


def test_an_error_inside_tells_nothing(shown, monkeypatch):
    def fail(_):
        raise RuntimeError("secret words")

    monkeypatch.setattr(app_module, "gather_summary", fail)
    answer = shown.get("/api/summary")
    assert answer.status_code == 500
    assert answer.json() == {"detail": "an error of the server"}
    assert answer.headers["x-content-type-options"] == "nosniff"


def unavailable(client, reason):
    answer = client.get("/api/summary")
    assert answer.status_code == 503
    assert answer.json() == {"detail": f"the ledger {reason}"}
    assert answer.headers["retry-after"] == "5"
    assert plain(answer)


def test_a_ledger_that_is_gone_or_damaged_is_unavailable(
    place, ledger, record, client, caplog
):
    record(ledger, {(0, 1): {0.0: 101.0}})
    ledger.close()
    whole = place.read_bytes()
    place.write_bytes(b"SQLite format 3\x00" + b"\x07" * 4000)
    unavailable(client, "cannot be read")
    place.unlink()
    unavailable(client, "cannot be read")
    assert not place.exists()  # asking makes none
    # Whoever runs the server reads the reason in its log.
    assert "ledger.db" in caplog.text
    place.write_bytes(whole)
    assert client.get("/api/summary").status_code == 200


def test_a_locked_ledger_is_unavailable(place, ledger, record, client_of, monkeypatch):
    record(ledger, {(0, 1): {0.0: 101.0}})
    ledger.close()
    monkeypatch.setattr(opening, "SECONDS_TO_WAIT", 0.1)
    client = client_of(place)
    with sqlite3.connect(place) as holder:
        holder.execute("PRAGMA journal_mode = DELETE")
        holder.execute("BEGIN EXCLUSIVE")
        unavailable(client, "does not answer; try again")
        holder.rollback()
    holder.close()
    assert client.get("/api/summary").status_code == 200


def test_the_reader_cannot_write(demonstration):
    reader = Reader.open(demonstration)
    with (
        pytest.raises(sa.exc.OperationalError, match="readonly"),
        reader._engine.connect() as connection,
    ):
        connection.execute(sa.text("DELETE FROM forecasts"))


def test_what_is_no_request_passes():
    """Uvicorn's other messages, such as the beginning of its life, are not for us."""
    seen = []

    async def inside(scope, receive, send):
        seen.append(scope["type"])

    call = Guard(inside)({"type": "lifespan"}, None, None)
    with pytest.raises(StopIteration):
        call.send(None)
    assert seen == ["lifespan"]
