"""A web server on loopback that can be told to misbehave.

It answers plain requests, requests through it as a proxy, and encrypted ones: as a
proxy it accepts `CONNECT` to any host and answers for that host itself.
"""

import collections
import http.server
import socket
import ssl
import struct
import threading
import urllib.parse
from dataclasses import dataclass, field

JSON = "application/json;charset=utf-8"


@dataclass
class Request:
    """One request as it arrived."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Answer:
    """What the server wants to say, before a fault spoils it."""

    body: bytes
    status: int = 200
    kind: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


class LoopbackServer(http.server.ThreadingHTTPServer):
    """Answers with `respond`, except where a fault has been planted.

    Parameters
    ----------
    authority : trustme.CA, optional
        Signs the certificates for `hosts`; without it only plain HTTP is spoken.
    hosts : tuple of str
        Whom the server can pretend to be.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, authority=None, hosts=()):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        self.lock = threading.Lock()
        self._faults = collections.defaultdict(collections.deque)
        self._connections = set()
        self.encryption = None
        if authority is not None:
            self.encryption = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(*hosts, "127.0.0.1").configure_cert(self.encryption)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def respond(self, request):
        """Return the answer to a request, and the keys that a fault for it may have."""
        raise NotImplementedError

    def plant(self, key, *faults, always=False):
        """Spoil the next answers with this key; with `always`, the last fault stays."""
        self._faults[key] = collections.deque(faults)
        if always:
            self._faults[key].append(None)

    def take_fault(self, keys):
        with self.lock:
            for key in keys:
                waiting = self._faults[key]
                if len(waiting) > 1 and waiting[1] is None:
                    return waiting[0]
                if waiting:
                    return waiting.popleft()
        return None

    def heal(self):
        """Forget all faults and all requests."""
        self._faults.clear()
        self.requests.clear()

    def __enter__(self):
        thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """Say nothing: resets and broken pipes are wanted here."""


class Handler(http.server.BaseHTTPRequestHandler):
    """Reads one request, asks the server for the answer, and sends or spoils it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    tunnel = None

    def do_CONNECT(self):
        self.tunnel = self.path.rpartition(":")[0]
        fault = self.server.take_fault([f"connect {self.tunnel}"])
        if fault:
            fault(self, Answer(b""))
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.connection = self.server.encryption.wrap_socket(
            self.connection, server_side=True
        )
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = self.connection.makefile("wb", 0)
        self.close_connection = False

    def do_GET(self):
        request = self._request()
        with self.server.lock:
            self.server.requests.append(request)
        answer, keys = self.server.respond(request)
        fault = self.server.take_fault(keys)
        if fault:
            fault(self, answer)
        else:
            self.send(answer)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()

    def _request(self):
        parts = urllib.parse.urlsplit(self.path)
        return Request(
            method=self.command,
            host=self.tunnel or parts.hostname or "127.0.0.1",
            path=urllib.parse.unquote(parts.path),
            query=dict(urllib.parse.parse_qsl(parts.query)),
            headers=dict(self.headers),
        )

    def send(self, answer, *, promised=None):
        """Send an answer, with a `Content-Length` that may promise too much."""
        length = len(answer.body) if promised is None else promised
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(length))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def hang_up(self, *, reset):
        """Close the connection below the encryption, politely or with a reset."""
        self.close_connection = True
        connection = self.connection
        if isinstance(connection, ssl.SSLSocket):
            connection = socket.socket(fileno=connection.detach())
        if reset:
            at_once = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        else:
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def finish(self):
        try:
            super().finish()
        except OSError:
            pass
        finally:
            self.connection.close()

    def log_message(self, *_):
        """Say nothing."""
