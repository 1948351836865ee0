"""Faults: the ways in which a server's answer can be spoilt.

Each function returns a fault: a function of the handler and of the good answer.
"""

import contextlib
import time
import urllib.parse
from dataclasses import replace

from tests.support.loopback import JSON, Answer


def status(code, body=b"", *, kind="text/plain", **headers):
    """Answer with another status; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def fault(handler, good):
        handler.send(Answer(body, code, kind, named))

    return fault


def body(content, *, kind=JSON):
    """Answer 200 with something else."""
    return status(200, content, kind=kind)


def fine():
    """Answer as if nothing were wrong: a pause in a sequence of faults."""

    def fault(handler, good):
        handler.send(good)

    return fault


def truncated():
    """Send half of the content as if it were all."""

    def fault(handler, good):
        handler.send(replace(good, body=good.body[: len(good.body) // 2]))

    return fault


def cut_off():
    """Promise all of the content, send half, and hang up."""

    def fault(handler, good):
        half = replace(good, body=good.body[: len(good.body) // 2])
        handler.send(half, promised=len(good.body))
        handler.hang_up(reset=False)

    return fault


def slow(seconds):
    """Keep silent for a while before the answer."""

    def fault(handler, good):
        time.sleep(seconds)
        with contextlib.suppress(OSError):
            handler.send(good)

    return fault


def drip(seconds):
    """Begin at once, then send a blank now and again."""

    def fault(handler, good):
        began = replace(good, body=good.body[:50])
        with contextlib.suppress(OSError):
            handler.send(began, promised=len(good.body) + 10_000)
            for _ in range(int(seconds / 0.1)):
                handler.wfile.write(b" ")
                time.sleep(0.1)
        handler.close_connection = True

    return fault


def reset():
    """Break the connection with a reset."""

    def fault(handler, good):
        handler.hang_up(reset=True)

    return fault


def hang_up():
    """Close the connection without a word."""

    def fault(handler, good):
        handler.hang_up(reset=False)

    return fault


def redirect(target):
    """Send the client elsewhere."""
    return status(302, Location=target)


def ask_for_consent():
    """Send the client to Yahoo's page on cookies, which sends it back when accepted."""

    def fault(handler, good):
        wanted = urllib.parse.quote(f"https://{handler.tunnel}{handler.path}", safe="")
        page = f"https://consent.yahoo.com/page?done={wanted}"
        handler.send(Answer(b"", 302, headers={"Location": page}))

    return fault
