"""The evening of an exchange: many made tickers on a loopback Yahoo, some of them bad.

Prices, broken tickers and failing requests follow from a seed alone: two servers with
the same settings say the same. `nightly_exchange` starts one in a process of its own::

    with nightly_exchange(folder, n_tickers=60) as exchange:
        subprocess.run([..., "fetch", *exchange.tickers], env=exchange.environment)
        exchange.advance()  # the next session has closed
        assert exchange.state()["n_charts"] > 60

`python -m tests.support.nightly --tickers 500 --out FOLDER` does the same from a shell,
until it is interrupted: FOLDER then has `ca.pem` and `address.json`.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import trustme

from forecaster.data.finished import last_finished_session
from tests.support import fakeyahoo, faults
from tests.support.fakeyahoo import FakeYahoo
from tests.support.loopback import Answer
from tests.support.synthetic import (
    BROKEN_SHARE,
    PAGE,
    REPLIES,
    SyntheticExchange,
)

FAILING_SHARE = 0.10  # of all requests
# Of the failing requests, those with a 429: each closes the client's gate for 30 s.
LIMITED_SHARE = 0.02
BUNDLES = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
ROOT = Path(__file__).parents[2]
WAIT_S = 120.0


LIMITED = faults.status(429, b"Too Many Requests", Retry_After="2")
PASSING = (faults.status(503, PAGE), faults.reset(), faults.hang_up(), faults.cut_off())


class NightlyYahoo(FakeYahoo):
    """Serves a `SyntheticExchange`, and lets a share of all requests fail.

    Which fail follows from the seed, what was asked for, and how often it was asked
    before. Each chart is put into JSON once. A POST to `/control/advance`,
    `/control/forget` or `/control/fail` changes the server, and answers with its state.
    """

    def __init__(self, exchange, authority, *, seed=0, failing_share=FAILING_SHARE):
        super().__init__(exchange.listings(), authority)
        self.exchange, self.seed, self.failing_share = exchange, seed, failing_share
        self._bodies = {}
        self._forget()

    def respond(self, request):
        if request.path.startswith("/control/"):
            return Answer(json.dumps(self._control(request)).encode()), ()
        return super().respond(request)

    def take_fault(self, keys):
        planted = super().take_fault(keys)
        if planted or not keys or keys[0].startswith("connect "):
            return planted
        ticker = keys[0]
        broken = REPLIES.get(self.exchange.broken.get(ticker))
        return broken or self._passing_fault(ticker)

    def state(self):
        """Return plain JSON values: counts, and the newest session."""
        return {
            "until": f"{self.exchange.until:%Y-%m-%d}",
            "n_requests": len(self.requests),
            "n_charts": len(self.charts()),
            "n_failing": self.n_failing,
            "broken": self.exchange.broken,
        }

    def _control(self, request):
        with self.lock:
            # This request is none of the client's.
            del self.requests[-1]
            action = request.path.rpartition("/")[2]
            if action == "advance":
                self.exchange.advance(int(request.query.get("n", 1)))
                self.listings = self.exchange.listings()
                self._bodies.clear()
            elif action == "forget":
                self._forget()
            elif action == "fail":
                self.failing_share = float(request.query["share"])
            return self.state()

    def _forget(self):
        self.requests.clear()
        self.n_failing, self._n_asked = 0, {}

    def _passing_fault(self, key):
        with self.lock:
            number = self._n_asked[key] = self._n_asked.get(key, 0) + 1
        chance = random.Random(f"{self.seed} {key} {number}")
        if chance.random() >= self.failing_share:
            return None
        with self.lock:
            self.n_failing += 1
        is_limited = chance.random() < LIMITED_SHARE
        return LIMITED if is_limited else chance.choice(PASSING)

    def _chart(self, ticker, query):
        listing = self.listings.get(ticker)
        if listing is None or self.mutate is not None or "period1" not in query:
            return super()._chart(ticker, query)
        stamps = [listing.stamp(day) for day in listing.prices.index[[0, -1]]]
        begin, end = int(query["period1"]), int(query["period2"])
        if self.exchange.broken.get(ticker) == "delisted":
            begin = end = 0
        elif begin >= end or begin > stamps[-1] or end < stamps[0]:
            return super()._chart(ticker, query)
        # Questions that differ by less than an hour have the same answer.
        key = (ticker, max(begin, stamps[0]) // 3600, min(end, stamps[-1] + 1) // 3600)
        if key not in self._bodies:
            payload = fakeyahoo.chart(ticker, listing, begin, end)
            self._bodies[key] = json.dumps(payload).encode()
        return Answer(self._bodies[key])


@dataclasses.dataclass
class NightlyExchange:
    """A server in another process, and what a child needs to take it for Yahoo."""

    url: str
    folder: Path
    tickers: tuple[str, ...]

    @property
    def environment(self):
        """The variables of this process, led to the server, with folders of its own."""
        kept = {k: v for k, v in os.environ.items() if k.upper() not in PROXIES}
        return kept | self.changes

    @property
    def changes(self):
        """What is different in `environment`, besides proxies that are gone."""
        bundle = str(self.folder / "ca.pem")
        return {
            "HTTPS_PROXY": self.url,
            **dict.fromkeys(BUNDLES, bundle),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "FORECASTER_DATA": str(self.folder / "data"),
        }

    def state(self):
        """Ask the server for its counts."""
        return self._control("state")

    def advance(self, n_sessions=1):
        """Let so many more sessions close."""
        return self._control(f"advance?n={n_sessions}")

    def forget(self):
        """Let the server count from zero: the same requests then fail again."""
        return self._control("forget")

    def fail(self, share):
        """Let another share of the requests fail."""
        return self._control(f"fail?share={share}")

    def _control(self, what):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        address = f"{self.url}/control/{what}"
        with opener.open(address, data=b"", timeout=WAIT_S) as reply:
            return json.load(reply)


@contextlib.contextmanager
def nightly_exchange(
    folder,
    *,
    n_tickers=500,
    seed=0,
    until=None,
    broken_share=BROKEN_SHARE,
    failing_share=FAILING_SHARE,
):
    """Serve an exchange from a process that ends with the block, or with this one."""
    folder = Path(folder)
    address = folder / "address.json"
    address.unlink(missing_ok=True)
    words = ["--tickers", n_tickers, "--seed", seed, "--out", folder, "--attached"]
    words += ["--broken", broken_share, "--failing", failing_share]
    words += ["--until", until] if until else []
    command = [sys.executable, "-m", "tests.support.nightly", *map(str, words)]
    server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE)
    try:
        told = await_address(server, address)
        yield NightlyExchange(told["url"], folder, tuple(told["tickers"]))
    finally:
        server.stdin.close()
        server.wait(timeout=WAIT_S)


def await_address(server, address):
    """Return what a server writes when it is ready."""
    deadline = time.monotonic() + WAIT_S
    while not address.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the exchange ended, or is slow: {server.poll()}")
        time.sleep(0.05)
    return json.loads(address.read_text())


def main(words=None):
    """Serve until interrupted, or until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tickers", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--until", help="newest session; else the last finished one")
    parser.add_argument("--broken", type=float, default=BROKEN_SHARE)
    parser.add_argument("--failing", type=float, default=FAILING_SHARE)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--attached", action="store_true", help="end with stdin")
    asked = parser.parse_args(words)
    until = asked.until or last_finished_session(datetime.datetime.now(datetime.UTC))
    exchange = SyntheticExchange(
        asked.tickers, asked.seed, until, broken_share=asked.broken
    )
    authority = trustme.CA()
    asked.out.mkdir(parents=True, exist_ok=True)
    authority.cert_pem.write_to_path(str(asked.out / "ca.pem"))
    settings = {"seed": asked.seed, "failing_share": asked.failing}
    with NightlyYahoo(exchange, authority, **settings) as server:
        told = {"url": server.url, "tickers": exchange.tickers, "pid": os.getpid()}
        half = asked.out / "address.json.half"
        half.write_text(json.dumps(told))
        half.rename(asked.out / "address.json")
        with contextlib.suppress(KeyboardInterrupt):
            sys.stdin.read() if asked.attached else signal.pause()


if __name__ == "__main__":
    main()
