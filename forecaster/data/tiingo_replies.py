"""Tiingo's replies: rows as traded, or the error that a reply is evidence of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

import pandas as pd

from forecaster.data.history import RAW_COLUMNS
from forecaster.data.replies import at, is_number, parse, plain
from forecaster.errors import (
    BadResponse,
    ConfigError,
    InvalidPrices,
    NoDataInRange,
    RateLimited,
    SourceUnavailable,
    SymbolNotFound,
)

KEY_VARIABLE = "TIINGO_API_KEY"
KEY_PAGE = "https://www.tiingo.com/account/api/token"
LATER = "Try again later, or use stored or embedded prices."
NUMBERS = {
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "volume": "volume",
    "divCash": "dividend",
    "splitFactor": "split",
}


@dataclass(frozen=True)
class Answer:
    """One reply, read to its end."""

    url: str
    status: int
    body: bytes
    retry_after: float | None


def check_status(symbol: str, answer: Answer) -> None:
    """Raise what a reply's status says, unless it says that all is well.

    Raises
    ------
    ConfigError, SymbolNotFound, RateLimited, SourceUnavailable, BadResponse
        As `TiingoSource.history` describes.
    """
    status = answer.status
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise ConfigError(
            f"{symbol}: Tiingo does not accept the key in {KEY_VARIABLE} "
            f"(HTTP {status}). Compare it with "
            f"{KEY_PAGE}."
        )
    if status == HTTPStatus.NOT_FOUND:
        raise SymbolNotFound(
            f"{symbol}: Tiingo knows no such ticker. Check its spelling on "
            "www.tiingo.com."
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise RateLimited(
            f"{symbol}: the key's requests to Tiingo are used up (HTTP 429). Wait an "
            "hour, ask for fewer tickers, or use stored or embedded prices.",
            retry_after=answer.retry_after,
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise SourceUnavailable(
            f"{symbol}: Tiingo is failing (HTTP {status}). {LATER}",
            retry_after=answer.retry_after,
        )
    if status != HTTPStatus.OK:
        raise BadResponse(
            f"{symbol}: Tiingo's reply was not expected (HTTP {status}). {LATER}"
        )


def read_rows(symbol: str, body: bytes) -> pd.DataFrame:
    """Turn a reply's body into rows as `History.rows`.

    Raises
    ------
    BadResponse
        If it is not a list in JSON.
    NoDataInRange
        If the list is empty.
    InvalidPrices
        If a row lacks something, or sessions repeat.
    """
    try:
        sessions = parse(body)
    except ValueError:
        sessions = None
    if not isinstance(sessions, list):
        raise BadResponse(
            f"{symbol}: Tiingo's reply ({len(body)} bytes) is not the list of prices "
            f"expected. {LATER}"
        )
    if not sessions:
        raise NoDataInRange(
            f"{symbol}: Tiingo has no prices in the range asked for. Choose an earlier "
            "start."
        )
    dates = [_date(symbol, session) for session in sessions]
    table = [
        [_number(symbol, session, name) for name in NUMBERS] for session in sessions
    ]
    index = pd.DatetimeIndex(dates, name="session").as_unit("us")
    rows = pd.DataFrame(table, index=index, columns=list(NUMBERS.values()), dtype=float)
    if not index.is_unique:
        raise InvalidPrices(
            f"{symbol}: Tiingo sent {index[index.duplicated()][0]:%Y-%m-%d} twice. Try "
            "again tomorrow, or use another source."
        )
    return rows.sort_index()[list(RAW_COLUMNS)]


def _date(symbol: str, session: Any) -> datetime:
    """Return a row's date, which comes as midnight in UTC whatever the exchange."""
    text = at(session, "date")
    try:
        return datetime.strptime(str(text)[:10], "%Y-%m-%d")  # noqa: DTZ007
    except ValueError:
        raise _malformed(symbol, f"the date {plain(str(text))!r}") from None


def _number(symbol: str, session: Any, name: str) -> float:
    value = at(session, name)
    if not is_number(value) or (name == "splitFactor" and value <= 0):
        day = plain(str(at(session, "date")))[:10]
        found = plain(str(value)) or "nothing"
        raise _malformed(symbol, f"`{name}` of {day} ({found})")
    return float(value)


def _malformed(symbol: str, what: str) -> InvalidPrices:
    return InvalidPrices(
        f"{symbol}: in Tiingo's reply, {what} cannot be right. Try again tomorrow, or "
        "use stored or embedded prices, or another source."
    )
