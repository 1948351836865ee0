"""Yahoo's replies: what came over the wire, and which error it is evidence of.

The client in between reports an outage, a block and an unknown ticker alike, as
"possibly delisted". So everything here is decided from the recorded bytes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from forecaster.data.replies import at, is_number, parse, plain
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

CHART_PATH = "/v8/finance/chart/"
PRICES = ("open", "high", "low", "close", "volume")

# Yahoo's own code for "denied", used when it blocks an address.
DENIED = 999
LARGEST_SPLIT = 1e5
# Seconds since 1970 that lie between the years 1800 and 2200.
EARLIEST_STAMP, LATEST_STAMP = -5_400_000_000, 7_300_000_000

LATER = "Try again later, or use stored or embedded prices."
NETWORK = (
    "Check the network connection and the proxy, or use stored or embedded prices."
)
# By the name of the client's exception, most telling first.
FAILURES = (
    ("DNSError", "its address cannot be resolved"),
    ("CertificateVerifyError", "its certificate is not trusted (see CURL_CA_BUNDLE)"),
    ("SSLError", "the encrypted connection failed"),
    ("ProxyError", "the proxy refused the connection"),
    (
        "ImpersonateError",
        "TensorFlow's libcurl stands in for the right one; restart Python, and import "
        "`forecaster` or `yfinance` before `tensorflow`",
    ),
    ("IncompleteRead", "the reply broke off"),
    ("ConnectionError", "the connection failed"),
)


@dataclass(frozen=True)
class Exchange:
    """One request and what became of it.

    Attributes
    ----------
    url
        Where the reply came from, after redirects, without the session's secret.
    asked
        Where the request went.
    status
        The HTTP status, or None if no reply came.
    failure
        Names of the exception's classes, most special first, if no reply came.
    content_type, size, sha256, body
        Of the reply.
    retry_after
        Seconds, if the reply named them.
    """

    url: str
    asked: str
    status: int | None = None
    failure: tuple[str, ...] = ()
    content_type: str = ""
    size: int = 0
    sha256: str = ""
    body: bytes = b""
    retry_after: float | None = None

    @property
    def is_chart(self) -> bool:
        """Whether prices were asked for, or came."""
        return CHART_PATH in self.asked or CHART_PATH in self.url


def read_chart(ticker: str, exchanges: Sequence[Exchange]) -> dict[str, Any]:
    """Return the `meta` part of a good reply; raise what a bad one is evidence of.

    Parameters
    ----------
    ticker : str
        The symbol asked for, upper case.
    exchanges : sequence of Exchange
        Everything sent and received in one attempt, oldest first. The last price
        chart decides; cookies and the like matter only if no chart was asked for.

    Raises
    ------
    SymbolNotFound, NoDataInRange
        If Yahoo says so, in its own format.
    InvalidPrices
        If the reply is for another ticker, or its columns do not fit together.
    RateLimited, SourceTimeout, SourceUnavailable, BadResponse
        If asking later may help.
    """
    if not exchanges:
        raise SourceUnavailable(f"{ticker}: no request to Yahoo was sent. {LATER}")
    charts = [exchange for exchange in exchanges if exchange.is_chart]
    last = charts[-1] if charts else exchanges[-1]
    _check_arrival(ticker, last)
    _check_status(ticker, last)
    payload = _parse(ticker, last)
    _check_refusal(ticker, last, payload)
    result = _result(ticker, payload)
    meta = _check_meta(ticker, result)
    _check_columns(ticker, result)
    _check_events(ticker, result)
    return meta


def _check_arrival(ticker: str, last: Exchange) -> None:
    if last.status is not None:
        return
    if "Timeout" in last.failure:
        raise SourceTimeout(f"{ticker}: Yahoo did not answer in time. {NETWORK}")
    reasons = (reason for name, reason in FAILURES if name in last.failure)
    reason = next(reasons, plain("".join(last.failure[:1])) or "no reply")
    raise SourceUnavailable(f"{ticker}: cannot reach Yahoo: {reason}. {NETWORK}")


def _check_status(ticker: str, last: Exchange) -> None:
    status = last.status or 0
    if status in (429, DENIED) or b"Too Many Requests" in last.body[:200]:
        pause = "an hour" if last.retry_after is None else f"{last.retry_after:.0f} s"
        raise RateLimited(
            f"{ticker}: Yahoo asks for fewer requests (HTTP {status}). Wait {pause}, "
            "ask for fewer tickers, or use stored or embedded prices.",
            retry_after=last.retry_after,
        )
    if (
        status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or b"Will be right back" in last.body[:2000]
    ):
        raise SourceUnavailable(
            f"{ticker}: Yahoo says that it is failing (HTTP {status}). {LATER}",
            retry_after=last.retry_after,
        )
    if status in (401, 403, 407, 451):
        raise SourceUnavailable(
            f"{ticker}: Yahoo or a proxy refused the request (HTTP {status}). {LATER}"
        )


def _parse(ticker: str, last: Exchange) -> Any:
    try:
        return parse(last.body)
    except ValueError:
        kind = plain(last.content_type.split(";")[0]) or "unknown type"
        cause = (
            "A proxy or a log-in page may stand between. "
            if b"<html" in last.body[:1000].lower()
            else ""
        )
        raise BadResponse(
            f"{ticker}: Yahoo's reply (HTTP {last.status}, {last.size} bytes, {kind}) "
            f"is not the JSON expected. {cause}{LATER}"
        ) from None


def _check_refusal(ticker: str, last: Exchange, payload: Any) -> None:
    """Look for Yahoo's own way to say no: a status of 4xx and `chart.error`."""
    error = at(payload, "chart", "error")
    status = last.status or 0
    if status == HTTPStatus.NOT_FOUND and isinstance(error, dict):
        raise SymbolNotFound(
            f"{ticker}: Yahoo knows no such ticker. Check its spelling on "
            "finance.yahoo.com; outside the United States it carries a suffix, as in "
            "VOD.L."
        )
    words = str(at(error, "description")).lower()
    if status in (400, 422) and ("doesn't exist" in words or "start date" in words):
        raise no_rows(ticker)
    if status >= HTTPStatus.MULTIPLE_CHOICES or error:
        raise BadResponse(
            f"{ticker}: Yahoo refused the request without a known reason "
            f"(HTTP {status}). {LATER}"
        )


def no_rows(ticker: str) -> NoDataInRange:
    """Say that the ticker is known, but not in this range."""
    return NoDataInRange(
        f"{ticker}: Yahoo has no prices in the range asked for. Choose an earlier "
        "start."
    )


def _result(ticker: str, payload: Any) -> dict[str, Any]:
    results = at(payload, "chart", "result")
    if isinstance(results, list) and results and isinstance(results[0], dict):
        return results[0]
    raise BadResponse(f"{ticker}: Yahoo's reply holds no prices. {LATER}")


def _check_meta(ticker: str, result: Mapping[str, Any]) -> dict[str, Any]:
    meta = result.get("meta")
    if not isinstance(meta, dict) or not isinstance(meta.get("symbol"), str):
        raise BadResponse(
            f"{ticker}: Yahoo's reply does not say which ticker it is for. {LATER}"
        )
    if meta["symbol"].upper() != ticker:
        raise InvalidPrices(
            f"{ticker}: Yahoo answered for {meta['symbol'][:20]!r}. If the company was "
            "renamed, ask for the new ticker."
        )
    if meta.get("dataGranularity", "1d") != "1d":
        raise BadResponse(f"{ticker}: Yahoo sent no daily prices. {LATER}")
    return meta


def _check_columns(ticker: str, result: Mapping[str, Any]) -> None:
    stamps = result.get("timestamp")
    if stamps is None or stamps == []:
        raise no_rows(ticker)
    if not isinstance(stamps, list) or not all(map(_is_stamp, stamps)):
        raise _malformed(ticker, "the list of dates")
    quotes = at(result, "indicators", "quote")
    quote = quotes[0] if isinstance(quotes, list) and quotes else None
    if not isinstance(quote, dict):
        raise _malformed(ticker, "the table of prices")
    for name in PRICES:
        _check_column(ticker, name, quote.get(name), len(stamps))


def _check_column(ticker: str, name: str, values: Any, length: int) -> None:
    if not isinstance(values, list) or len(values) != length:
        found = len(values) if isinstance(values, list) else "no"
        raise _malformed(ticker, f"`{name}` ({found} values for {length} dates)")
    if not all(value is None or is_number(value) for value in values):
        raise _malformed(ticker, f"`{name}` (not all values are numbers)")


def _check_events(ticker: str, result: Mapping[str, Any]) -> None:
    events = result.get("events")
    if events is None:
        return
    if not isinstance(events, dict):
        raise _malformed(ticker, "the list of events")
    _check_kind(ticker, events, "dividends", _is_dividend)
    _check_kind(ticker, events, "capitalGains", _is_dividend)
    _check_kind(ticker, events, "splits", _is_split)


def _check_kind(
    ticker: str,
    events: Mapping[str, Any],
    kind: str,
    is_good: Callable[[Mapping[str, Any]], bool],
) -> None:
    found = events.get(kind, {})
    if not isinstance(found, dict):
        raise _malformed(ticker, f"the list of {kind}")
    for event in found.values():
        dated = isinstance(event, dict) and _is_stamp(event.get("date"))
        if not dated or not is_good(event):
            raise _malformed(ticker, f"the list of {kind}")


def _is_dividend(event: Mapping[str, Any]) -> bool:
    return is_number(event.get("amount"))


def _is_split(event: Mapping[str, Any]) -> bool:
    new, old = event.get("numerator"), event.get("denominator")
    if not is_number(new) or not is_number(old) or not old:
        return False
    return 1 / LARGEST_SPLIT <= new / old <= LARGEST_SPLIT


def _malformed(ticker: str, what: str) -> ForecasterError:
    return InvalidPrices(
        f"{ticker}: in Yahoo's reply, {what} cannot be right. Try again tomorrow, use "
        "stored or embedded prices, or another source."
    )


def _is_stamp(value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and EARLIEST_STAMP < value < LATEST_STAMP
