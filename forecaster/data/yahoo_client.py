"""The Yahoo client: the one place where yfinance is called, watched and held back."""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import logging
import os
import pickle
import re
import shutil
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecaster.atomic import output_errors
from forecaster.data.libcurl import load_own_libcurl
from forecaster.data.retrying import Gate, retry_seconds
from forecaster.data.yahoo_replies import CHART_PATH, NETWORK, Exchange
from forecaster.errors import SourceTimeout, SourceUnavailable

if TYPE_CHECKING:
    import pandas as pd

# The client keeps one session, cookie and set of caches for a whole process.
CLIENT_LOCK = threading.Lock()
SECRETS = re.compile(r"([?&])crumb=[^&]*&?")
# Cookies are wanted but not needed: they may use a third of the time of a chart.
SIDE_SHARE = 1 / 3
ATTEMPT_TIMEOUTS = 3


@dataclass
class Wire:
    """What one attempt may send, and a record of what came back.

    Parameters
    ----------
    ticker : str
        Named in errors.
    gate : Gate
        Opened for each request.
    timeout : float
        Seconds for a price chart. The client's own limits, up to 30 s for each of five
        requests, are cut to a third of it, and the whole attempt to three times it.
    offline : bool
        Refuse to send anything.
    """

    ticker: str
    gate: Gate
    timeout: float
    offline: bool = False
    exchanges: list[Exchange] = field(default_factory=list)
    spent: float = 0.0

    def send(self, post: Callable[..., Any], url: str, **options: Any) -> Any:
        """Send one request through the gate, and record it."""
        if self.offline:
            raise SourceUnavailable(
                f"{self.ticker}: not asked, because of offline mode."
            )
        options["timeout"] = self._limit(url)
        with self.gate.turn(self.ticker):
            began = self.gate.now()
            try:
                reply = post(url=url, **options)
            except Exception as error:
                names = tuple(kind.__name__ for kind in type(error).__mro__)
                self.exchanges.append(Exchange(url=url, asked=url, failure=names))
                raise
            finally:
                self.spent += self.gate.now() - began
        self.exchanges.append(self._record(url, reply))
        return reply

    def _limit(self, url: str) -> float:
        left = ATTEMPT_TIMEOUTS * self.timeout - self.spent
        if left <= 0:
            raise SourceTimeout(
                f"{self.ticker}: Yahoo did not answer in {self.spent:.0f} s. {NETWORK}"
            )
        share = 1.0 if CHART_PATH in url else SIDE_SHARE
        return min(share * self.timeout, left)

    def _record(self, url: str, reply: Any) -> Exchange:
        body: bytes = reply.content or b""
        wait = retry_seconds(reply.headers.get("Retry-After"), self.gate.now())
        return Exchange(
            url=SECRETS.sub(r"\1", str(reply.url)).rstrip("?&"),
            asked=url,
            status=int(reply.status_code),
            content_type=str(reply.headers.get("Content-Type") or ""),
            size=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            body=body,
            retry_after=wait,
        )


def ask_yfinance(ticker: str, start: date, wire: Wire) -> pd.DataFrame:
    """Return all rows from a day before `start` to the newest, as the client has them.

    The client wants the exchange's time zone before it asks for prices, and spends one
    request for each ticker to learn it, but uses it only to turn `start` into seconds.
    A day of margin in UTC serves every exchange, so that request is saved; should a
    later client ignore the hint, it asks as before.

    Raises
    ------
    Exception
        Whatever the client raises: see `read_chart` for what it means.
    """
    with _tamed_client() as yfinance:
        session = _session(os.getpid())
        session.wire = wire
        stock = yfinance.Ticker(ticker, session=session)
        stock._tz = "UTC"
        frame: pd.DataFrame = stock.history(
            start=(start - timedelta(days=1)).isoformat(),
            interval="1d",
            auto_adjust=False,
            actions=True,
            repair=False,
            keepna=True,
            timeout=wire.timeout,
        )
    return frame


def client_versions() -> dict[str, str]:
    """Return the versions of the libraries that fetched the prices."""
    from importlib.metadata import version

    return {name: version(name) for name in ("yfinance", "curl_cffi")}


def is_cache_failure(error: BaseException) -> bool:
    """Tell whether the client stumbled over its own files, not over Yahoo."""
    damaged = isinstance(error, pickle.UnpicklingError | EOFError)
    return damaged or type(error).__module__.partition(".")[0] in ("peewee", "sqlite3")


def start_afresh() -> None:
    """Drop the session and the private cache: the next attempt makes new ones."""
    forget_client()
    shutil.rmtree(_cache_folder(os.getpid()), ignore_errors=True)
    _cache_folder.cache_clear()


def forget_client() -> None:
    """Make the client forget session, cookies, replies and open cache files."""
    from yfinance import cache, data

    data.SingletonMeta._instances.pop(data.YfData, None)
    data.YfData.cache_get.cache_clear()
    for files in (cache._TzDBManager, cache._CookieDBManager, cache._ISINDBManager):
        files.close_db()
        files._db = None
    cache._TzCacheManager._tz_cache = None
    cache._CookieCacheManager._Cookie_cache = None
    cache._ISINCacheManager._isin_cache = None
    _session.cache_clear()


@contextlib.contextmanager
def _tamed_client() -> Iterator[Any]:
    """Yield yfinance, made to raise instead of hiding, to forget, and to be quiet."""
    folder = _cache_folder(os.getpid())
    yfinance = _import_quietly()
    if yfinance.cache._TzDBManager.get_location() != str(folder):
        forget_client()
        yfinance.set_tz_cache_location(str(folder))
    # A bad reply for a past range is otherwise replayed for ever.
    yfinance.data.YfData.cache_get.cache_clear()
    logger = logging.getLogger("yfinance")
    level, hides = logger.level, yfinance.config.debug.hide_exceptions
    logger.setLevel(logging.CRITICAL + 1)
    yfinance.config.debug.hide_exceptions = False
    try:
        yield yfinance
    finally:
        yfinance.config.debug.hide_exceptions = hides
        logger.setLevel(level)


def _import_quietly() -> Any:
    load_own_libcurl()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import yfinance
    # yfinance switches its own deprecation warnings on at import: pandas then prints
    # one for every call.
    warnings.filterwarnings("ignore", module=r"yfinance(\.|$)")
    return yfinance


@functools.cache
def _session(process: int) -> Any:  # noqa: ARG001  a forked child needs its own
    """Return the process's session: a browser's fingerprint, with a record."""
    from curl_cffi import requests

    class RecordingSession(requests.Session[Any]):
        wire: Wire

        def request(  # type: ignore[override]  # the client names all options
            self, method: Any, url: str, **options: Any
        ) -> Any:
            post = functools.partial(super().request, method)
            return self.wire.send(post, url, **options)

    return RecordingSession(impersonate="chrome")


@functools.cache
def _cache_folder(process: int) -> Path:
    """Return a folder of this process for the client's files, removed at its end.

    The client's default folder is shared, and two processes that begin together there
    fail, as does every process once one of the files is damaged.
    """
    with output_errors(Path(tempfile.gettempdir())):
        folder = Path(tempfile.mkdtemp(prefix="forecaster-yfinance-"))
    atexit.register(_remove, folder, process)
    return folder


def _remove(folder: Path, process: int) -> None:
    # A forked child inherits the parent's exit handlers, but not its folder.
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
