"""Serving: one address that the pages are sent from until somebody ends it."""

from __future__ import annotations

import contextlib
import importlib.util
import ipaddress
import signal
import socket
from collections.abc import Callable, Collection, Iterator
from typing import Any

from forecaster.errors import ConfigError

EXTRA = ("fastapi", "uvicorn")
HEADER_BYTES = 16 * 1024
SECONDS_TO_END = 3
# Whoever takes longer to say what is wanted is not waited for.
SECONDS_TO_ASK = 10.0
MOST_CONNECTIONS = 1000


def require_extra() -> None:
    """Refuse where the libraries of the extra `serve` are missing.

    Raises
    ------
    ConfigError
        If one of them is not installed.
    """
    missing = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"the web page needs {' and '.join(missing)}, which is not installed. "
            "Install it with `pip install 'forecaster[serve]'`."
        )


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any free one.

    Raises
    ------
    ConfigError
        If the host is not of this machine, or the port is taken or not allowed.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"{host!r} is no address that can be served: {error}. Give one of this "
            "machine, such as 127.0.0.1."
        ) from error
    try:
        # An address whose last server has just ended is free.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        reason = error.strerror or str(error)
        raise ConfigError(
            f"cannot serve at {host}, port {port}: {reason}. Name another one with "
            "`--port` (0 takes any that is free) or `--host`."
        ) from error
    return listening


def is_loopback(host: str) -> bool:
    """Tell whether an address can be reached from this machine alone.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_any_address(host: str) -> bool:
    """Tell whether an address stands for all addresses of this machine.

    >>> is_any_address("0.0.0.0"), is_any_address("::"), is_any_address("10.0.0.1")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def url_of(listening: socket.socket, host: str) -> str:
    """Return the address for a browser."""
    port = listening.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/"


def serve(
    place: str | None,
    *,
    host: str = "127.0.0.1",
    port: int = 8321,
    names: Collection[str] = (),
    announce: Callable[[str, str], None],
) -> None:
    """Serve the ledger's pages until Ctrl-C or SIGTERM, which both end it in order.

    Parameters
    ----------
    place
        Of the ledger, as for `Ledger.open`.
    names
        Further names by which browsers may ask for this server.
    announce
        Told the URL and the ledger's place when the first request can come.

    Raises
    ------
    ConfigError
        If a library is missing, or the address cannot be had.
    LedgerError
        If there is no such ledger, or it cannot be read.
    """
    require_extra()
    from forecaster.web.opening import Reader

    with (
        contextlib.closing(Reader.open(place)) as reader,
        contextlib.closing(listen(host, port)) as listening,
    ):
        server = _server(reader, host, names)
        announce(url_of(listening, host), reader.place)
        with _ending_in_order():
            server.run(sockets=[listening])


def _server(reader: Any, host: str, names: Collection[str]) -> Any:
    import uvicorn

    from forecaster.web.app import create_app
    from forecaster.web.guarding import Guard

    for name in names:
        if not name.strip():
            raise ConfigError(
                "an empty name was given: leave out `--name`, or fill it."
            )
    hosts = {host, *names}
    guard: Any = Guard(create_app(reader), hosts, any_address=is_any_address(host))
    config = uvicorn.Config(
        guard,
        http=impatient_protocol(),
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=SECONDS_TO_END,
        h11_max_incomplete_event_size=HEADER_BYTES,
    )
    return uvicorn.Server(config)


def impatient_protocol() -> Any:
    """Return uvicorn's protocol, which hangs up on requests that are never finished.

    Each such connection would else be held for ever, until there is room for no other.
    """
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Impatient(H11Protocol):
        deadline: Any = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._set_deadline()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._set_deadline()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget_deadline()
            super().connection_lost(exc)

        def _set_deadline(self) -> None:
            """Begin to wait for the rest of a request, or no longer wait for it."""
            if self.cycle is not None and not self.cycle.response_complete:
                self._forget_deadline()
            elif self.deadline is None:
                self.deadline = self.loop.call_later(
                    SECONDS_TO_ASK, self.transport.close
                )

        def _forget_deadline(self) -> None:
            if self.deadline is not None:
                self.deadline.cancel()
                self.deadline = None

    return Impatient


@contextlib.contextmanager
def _ending_in_order() -> Iterator[None]:
    """Take both signals for the wish to end; the server raises them at its end."""
    usual = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, usual)
