"""Tiingo: daily histories as traded, for a free key from the environment."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from forecaster.data.history import History
from forecaster.data.retrying import Gate, RetryPolicy, patiently, retry_seconds
from forecaster.data.symbols import check_start, check_ticker
from forecaster.data.tiingo_replies import (
    KEY_PAGE,
    KEY_VARIABLE,
    LATER,
    Answer,
    check_status,
    read_rows,
)
from forecaster.errors import ConfigError, SourceTimeout, SourceUnavailable

if TYPE_CHECKING:
    import pandas as pd
    import requests

ADDRESS = "https://api.tiingo.com"
CHUNK = 1 << 16


class TiingoSource:
    """Tiingo's end-of-day prices, which come as traded, with dividends and splits.

    Parameters
    ----------
    offline : bool
        Never open a connection: every question is refused.
    timeout : float
        Seconds for a whole reply.
    policy : RetryPolicy
        How failures are repeated.
    gate : Gate, optional
        The door shared with other processes; by default two requests a second.
    address : str
        Where Tiingo is.
    """

    name = "tiingo"

    def __init__(
        self,
        *,
        offline: bool = False,
        timeout: float = 30.0,
        policy: RetryPolicy | None = None,
        gate: Gate | None = None,
        address: str = ADDRESS,
    ) -> None:
        self.offline, self.timeout = offline, timeout
        self.policy = policy if policy is not None else RetryPolicy()
        self.gate = gate if gate is not None else Gate(self.name, min_interval=0.5)
        self.address = address.rstrip("/")

    def history(self, ticker: str, start: str) -> History:
        """Return all sessions from `start` (ISO date) to the newest one known.

        Tiingo does not name currency, time zone and exchange in this reply, so the
        provenance has None for them.

        Raises
        ------
        ConfigError
            If there is no key, or Tiingo does not accept it.
        SymbolNotFound, NoDataInRange, InvalidPrices
            If asking again would not help.
        RateLimited, SourceTimeout, SourceUnavailable, BadResponse
            If asking later may help. It has been tried several times.
        """
        symbol, first = check_ticker(ticker), check_start(start)
        if self.offline:
            raise SourceUnavailable(
                f"{symbol}: Tiingo was not asked, because of offline mode. Leave "
                "out `--offline`, or use embedded prices or your own."
            )
        key = _key(symbol)
        answer, rows = patiently(
            lambda: self._ask(symbol, first, key),
            symbol,
            gate=self.gate,
            policy=self.policy,
        )
        return History(symbol, rows, self._provenance(answer))

    def _ask(self, symbol: str, first: date, key: str) -> tuple[Answer, pd.DataFrame]:
        answer = self._fetch(symbol, first, key)
        check_status(symbol, answer)
        return answer, read_rows(symbol, answer.body)

    def _fetch(self, symbol: str, first: date, key: str) -> Answer:
        import requests
        import urllib3

        url = f"{self.address}/tiingo/daily/{symbol.lower()}/prices"
        with self.gate.turn(symbol), requests.Session() as session:
            try:
                # A redirect would carry the key elsewhere.
                with session.get(
                    url,
                    params={"startDate": first.isoformat(), "format": "json"},
                    auth=_Token(key),
                    timeout=self.timeout,
                    allow_redirects=False,
                    stream=True,
                ) as reply:
                    return self._read(symbol, reply)
            except (requests.Timeout, urllib3.exceptions.TimeoutError):
                raise self._too_slow(symbol) from None
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                raise SourceUnavailable(
                    f"{symbol}: cannot reach Tiingo ({type(error).__name__}). Check "
                    "the network connection and the proxy, or use stored prices."
                ) from None

    def _read(self, symbol: str, reply: requests.Response) -> Answer:
        """Read a reply to its end, which has to come in time.

        Piece by piece as they come: a server that sends a little now and again would
        never let a larger piece be full, nor the time between two of them run out.
        """
        began, body = self.gate.now(), b""
        while piece := reply.raw.read1(CHUNK, decode_content=True):
            body += piece
            if self.gate.now() - began > self.timeout:
                raise self._too_slow(symbol)
        wait = retry_seconds(reply.headers.get("Retry-After"), self.gate.now())
        return Answer(reply.url, reply.status_code, body, wait)

    def _too_slow(self, symbol: str) -> SourceTimeout:
        return SourceTimeout(
            f"{symbol}: Tiingo did not answer within {self.timeout:g} s. {LATER}"
        )

    def _provenance(self, answer: Answer) -> dict[str, Any]:
        from importlib.metadata import version

        fetched = datetime.fromtimestamp(self.gate.now(), UTC)
        digest = hashlib.sha256(answer.body).hexdigest()
        return {
            "source": self.name,
            "libraries": {"requests": version("requests")},
            "fetched_at": fetched.isoformat(timespec="seconds"),
            "urls": [{"url": answer.url, "sha256": digest}],
            "currency": None,
            "timezone": None,
            "exchange": None,
        }


class _Token:
    """Adds the key to a request: as `auth`, so that no `.netrc` file replaces it."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Token {self._key}"
        return request


def _key(symbol: str) -> str:
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key:
        raise ConfigError(
            f"{symbol}: Tiingo needs a key. Get a free one at {KEY_PAGE} and set the "
            f"environment variable {KEY_VARIABLE} to it, or use the source yahoo."
        )
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(
            f"{symbol}: the environment variable {KEY_VARIABLE} holds signs that no "
            f"key has. Copy the key again from {KEY_PAGE}."
        )
    return key
