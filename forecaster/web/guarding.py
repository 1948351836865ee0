"""The guard: what each request must be, and the headers that each answer bears.

It stands before the application, so that an error inside has the headers too.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

METHODS = ("GET", "HEAD")
WRONG_METHOD = 405
LONGEST_URL = 2048  # bytes of path and query
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:[0-9]{1,5})?")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # What the ledger says is read anew each time.
    "Cache-Control": "no-store",
}


class Guard:
    """Lets only reading requests through that name this server.

    A page elsewhere can have its own name point to this address and then read the
    answers as if they were its own; the name in the request gives it away.

    Parameters
    ----------
    app
        What answers.
    hosts
        Names that the server has beside those of loopback.
    any_address
        Let each IP address through as a name: no page elsewhere can take one.
    """

    def __init__(
        self, app: App, hosts: Collection[str] = (), *, any_address: bool = False
    ) -> None:
        self._app, self._any_address = app, any_address
        self._hosts = {*LOOPBACK, *(host.lower() for host in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        bare = scope["method"] == "HEAD"
        sending = _with_headers(send, bare=bare)
        refused = self._refusal(scope)
        if refused is None:
            await self._app({**scope, "method": "GET"}, receive, sending)
        else:
            await _refuse(sending, *refused)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        if not self._is_own(_values(scope, b"host")):
            return 400, "this server does not go by that name"
        if scope["method"] not in METHODS:
            return WRONG_METHOD, "this server is read only: GET and HEAD alone"
        path = scope.get("raw_path") or scope["path"].encode()
        # Some callers leave the query at the end of the path.
        if len(path.partition(b"?")[0]) + len(scope["query_string"]) > LONGEST_URL:
            return 414, f"a URL here has at most {LONGEST_URL} bytes"
        length = _values(scope, b"content-length")
        if _values(scope, b"transfer-encoding") or length not in ([], [b"0"]):
            return 413, "requests here have no body"
        return None

    def _is_own(self, values: list[bytes]) -> bool:
        if len(values) != 1:
            return False
        match = HOST.fullmatch(values[0].decode("latin-1").lower())
        if match is None:
            return False
        name = match.group(1).strip("[]")
        return name in self._hosts or (self._any_address and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _values(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


def _with_headers(send: Send, *, bare: bool) -> Send:
    """Add the headers to each answer, and take the body from one to HEAD."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = [*message.get("headers", [])]
            known = {name.lower() for name, _ in own}
            own += [
                (name.lower().encode(), value.encode())
                for name, value in HEADERS.items()
                if name.lower().encode() not in known
            ]
            message = {**message, "headers": own}
        elif bare and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return sending


async def _refuse(send: Send, status: int, reason: str) -> None:
    body = json.dumps({"detail": reason}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if status == WRONG_METHOD:
        headers.append((b"allow", ", ".join(METHODS).encode()))
    start = {"type": "http.response.start", "status": status, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": body})
