"""Everything that can be wrong with Yahoo for good, and what the user is told.

`python -m tests.support.fault_table` writes the table as Markdown.
"""

import contextlib
import copy
import os
import sys
import tempfile
from pathlib import Path
from unittest import mock

import trustme

from forecaster.data.retrying import Gate, RetryPolicy
from forecaster.data.yahoo import YahooSource
from forecaster.data.yahoo_client import forget_client, start_afresh
from forecaster.errors import (
    BadResponse,
    ForecasterError,
    InvalidPrices,
    NoDataInRange,
    RateLimited,
    SourceTimeout,
    SourceUnavailable,
    SymbolNotFound,
)
from tests.support import faults
from tests.support.clock import Clock
from tests.support.fakeyahoo import FakeYahoo, Listing

BUNDLES = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
TIMEOUT = 0.6
HTML = b"<html><body>Please log in to the hotel's network</body></html>"
GONE = b"Will be right back...\n"
GATEWAY = b'{"chart":{"result":null,"error":{"code":"Bad Gateway","description":"x"}}}'
CRUMB = b'{"finance":{"error":{"code":"Unauthorized","description":"Invalid Crumb"}}}'
RANGE = (
    b'{"chart":{"result":null,"error":{"code":"Bad Request",'
    b'"description":"Data doesn\'t exist for startDate = 1, endDate = 2"}}}'
)


def always(fault, key="chart"):
    """Spoil every answer."""
    return lambda server: server.plant(key, fault, always=True)


def changed(change):
    """Change every good chart: `change(result, quote)` works in place."""

    def mutate(_, payload):
        payload = copy.deepcopy(payload)
        for result in payload["chart"]["result"] or ():
            change(result, result["indicators"]["quote"][0])
        return payload

    return lambda server: setattr(server, "mutate", mutate)


def without_rows(result, quote):
    result["timestamp"] = []
    for name in quote:
        quote[name] = []


def split_by_zero(result, _):
    stamp = result["timestamp"][5]
    broken = {"date": stamp, "numerator": 2, "denominator": 0}
    result["events"] = {"splits": {str(stamp): broken}}


def split_not_applied(result, _):
    """Announce a split by what the last session happened to move, and then some."""
    stamp = result["timestamp"][-2]
    split = {"date": stamp, "numerator": 20, "denominator": 1}
    result["events"] = {"splits": {str(stamp): split}}
    for name, values in result["indicators"]["quote"][0].items():
        if name != "volume":
            values[-2:] = [value / 20 for value in values[-2:]]


# name: how to bring it about, and the error that it has to end in
FAULTS = {
    "429 Too Many Requests": (
        always(faults.status(429, b"Too Many Requests")),
        RateLimited,
    ),
    "429 with Retry-After": (
        always(faults.status(429, b"", Retry_After="7200")),
        RateLimited,
    ),
    "200 'Edge: Too Many Requests'": (
        always(faults.body(b"Edge: Too Many Requests")),
        RateLimited,
    ),
    "999 Request denied": (always(faults.status(999, b"denied")), RateLimited),
    "500 with a page": (always(faults.status(500, HTML)), SourceUnavailable),
    "502 with Yahoo's JSON": (always(faults.status(502, GATEWAY)), SourceUnavailable),
    "503 'Will be right back'": (always(faults.status(503, GONE)), SourceUnavailable),
    "200 'Will be right back'": (always(faults.body(GONE)), SourceUnavailable),
    "401 Invalid Crumb": (always(faults.status(401, CRUMB)), SourceUnavailable),
    "403 Forbidden": (always(faults.status(403, HTML)), SourceUnavailable),
    "418, never heard of": (always(faults.status(418, b"{}")), BadResponse),
    "404 with a page": (always(faults.status(404, HTML)), BadResponse),
    "half of the JSON": (always(faults.truncated()), BadResponse),
    "empty body": (always(faults.body(b"")), BadResponse),
    "log-in page": (always(faults.body(HTML, kind="text/html")), BadResponse),
    "redirect to a log-in page": (
        always(faults.redirect("https://consent.yahoo.com/portal")),
        BadResponse,
    ),
    "JSON `null`": (always(faults.body(b"null")), BadResponse),
    "JSON `{}`": (always(faults.body(b"{}")), BadResponse),
    "JSON `[]`": (always(faults.body(b"[]")), BadResponse),
    "JSON nested 100,000 deep": (always(faults.body(b"[" * 100_000)), BadResponse),
    "no result": (always(faults.body(b'{"chart":{"result":[]}}')), BadResponse),
    "no reply in time": (always(faults.slow(2 * TIMEOUT)), SourceTimeout),
    "reply drop by drop": (always(faults.drip(2 * TIMEOUT)), SourceTimeout),
    "connection reset": (always(faults.reset()), SourceUnavailable),
    "connection closed": (always(faults.hang_up()), SourceUnavailable),
    "reply cut off": (always(faults.cut_off()), SourceUnavailable),
    "proxy refuses": (
        always(faults.status(403), key="connect query2.finance.yahoo.com"),
        SourceUnavailable,
    ),
    "unknown ticker": (lambda server: server.listings.clear(), SymbolNotFound),
    "range without data": (always(faults.status(400, RANGE)), NoDataInRange),
    "200 without rows": (changed(without_rows), NoDataInRange),
    "another ticker": (
        changed(lambda result, _: result["meta"].update(symbol="MSFT")),
        InvalidPrices,
    ),
    "no `meta`": (changed(lambda result, _: result.pop("meta")), BadResponse),
    "no currency": (
        changed(lambda result, _: result["meta"].pop("currency")),
        BadResponse,
    ),
    "weekly prices": (
        changed(lambda result, _: result["meta"].update(dataGranularity="1wk")),
        BadResponse,
    ),
    "columns of unequal length": (
        changed(lambda _, quote: quote["close"].pop()),
        InvalidPrices,
    ),
    "no closing prices": (changed(lambda _, quote: quote.pop("close")), InvalidPrices),
    "text for a price": (
        changed(lambda _, quote: quote["high"].__setitem__(3, "high")),
        InvalidPrices,
    ),
    "split by zero": (changed(split_by_zero), InvalidPrices),
    "split not applied yet": (changed(split_not_applied), BadResponse),
}


@contextlib.contextmanager
def led_to(server, certificate, cache):
    """Lead the client of this process to a loopback server."""
    import yfinance

    changes = dict.fromkeys(BUNDLES, str(certificate)) | {"XDG_CACHE_HOME": str(cache)}
    with mock.patch.dict(os.environ, changes):
        for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
            os.environ.pop(name, None)
            os.environ.pop(name.lower(), None)
        start_afresh()
        yfinance.config.network.proxy = server.url
        try:
            yield server
        finally:
            yfinance.config.network.proxy = None
            forget_client()


def ask_in_trouble(server, name, folder):
    """Bring a fault about, ask for GOOG with two attempts, and return the error."""
    clock = Clock()
    gate = Gate("yahoo", folder=folder, now=clock.now, sleep=clock.sleep)
    policy = RetryPolicy(attempts=2)
    source = YahooSource(timeout=TIMEOUT, policy=policy, gate=gate)
    FAULTS[name][0](server)
    try:
        source.history("GOOG", "2023-06-01")
    except ForecasterError as error:
        return error
    return None


def table(names=tuple(FAULTS)):
    """Return the Markdown table of faults, errors and messages."""
    lines = ["| fault | error | message |", "|---|---|---|"]
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder:
        certificate = Path(folder) / "authority.pem"
        authority.cert_pem.write_to_path(str(certificate))
        for number, name in enumerate(names):
            listings = {"GOOG": Listing.embedded("GOOG")}
            home = Path(folder) / str(number)
            server = FakeYahoo(listings, authority)
            with server, led_to(server, certificate, home):
                error = ask_in_trouble(server, name, home)
            lines.append(f"| {name} | `{type(error).__name__}` | {error} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
