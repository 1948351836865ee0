"""Yahoo: daily histories as traded, through the real yfinance client."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Any

import pandas as pd

from forecaster.data.history import History
from forecaster.data.retrying import Gate, RetryPolicy, patiently
from forecaster.data.symbols import check_start, check_ticker
from forecaster.data.yahoo_actions import foreign_dividends
from forecaster.data.yahoo_client import (
    CLIENT_LOCK,
    Wire,
    ask_yfinance,
    client_versions,
    is_cache_failure,
    start_afresh,
)
from forecaster.data.yahoo_replies import LATER, Exchange, read_chart
from forecaster.data.yahoo_rows import raw_rows
from forecaster.errors import (
    BadResponse,
    ForecasterError,
    PriceWarning,
    SourceUnavailable,
)


@dataclass(frozen=True)
class Reply:
    """One good answer: the client's table, and the evidence for it."""

    frame: pd.DataFrame
    meta: dict[str, Any]
    exchanges: Sequence[Exchange]


class YahooSource:
    """Yahoo Finance, asked politely, with an answer that can be trusted or an error.

    Parameters
    ----------
    offline : bool
        Never open a connection: every question is refused.
    timeout : float
        Seconds that Yahoo has for a price chart. One attempt takes at most three times
        as long, whatever happens.
    policy : RetryPolicy
        How failures are repeated.
    gate : Gate, optional
        The door shared with other processes; by default five requests a second.
    """

    name = "yahoo"

    def __init__(
        self,
        *,
        offline: bool = False,
        timeout: float = 15.0,
        policy: RetryPolicy | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.offline, self.timeout = offline, timeout
        self.policy = policy if policy is not None else RetryPolicy()
        self.gate = gate if gate is not None else Gate(self.name, min_interval=0.2)

    def history(self, ticker: str, start: str) -> History:
        """Return all sessions from `start` (ISO date) to the newest one known.

        Yahoo divides all prices by the splits that came later; here they are
        multiplied again, so that a row never changes once its session is over. That
        takes every split up to now, which is why no end can be chosen. Today's
        unfinished session, if there is one, is the last row.

        Rows without any price are left out and named in the provenance.

        Raises
        ------
        SymbolNotFound, NoDataInRange, InvalidPrices, ConfigError
            If asking again would not help.
        RateLimited, SourceTimeout, SourceUnavailable, BadResponse
            If asking later may help. It has been tried several times.
        """
        symbol, first = check_ticker(ticker), check_start(start)
        if self.offline:
            raise SourceUnavailable(
                f"{symbol}: Yahoo was not asked, because of offline mode. Leave "
                "out `--offline`, or use embedded prices or your own."
            )
        reply = patiently(
            lambda: self._ask(symbol, first),
            symbol,
            gate=self.gate,
            policy=self.policy,
        )
        foreign = foreign_dividends(reply.exchanges, reply.meta)
        rows, empty, left_out = raw_rows(
            symbol, reply.frame, first, foreign, reply.meta.get("currency")
        )
        if left_out:
            warnings.warn(
                f"{symbol}: dividends in other money than its prices are left out of "
                f"adj_close: {', '.join(left_out[-3:])}. Use close, or convert them.",
                PriceWarning,
                stacklevel=2,
            )
        noted = {"sessions_without_prices": empty, "foreign_dividends": left_out}
        return History(symbol, rows, self._provenance(reply) | noted)

    def _ask(self, symbol: str, first: date) -> Reply:
        """Make one attempt."""
        wire = Wire(symbol, self.gate, self.timeout, offline=self.offline)
        with CLIENT_LOCK:
            try:
                frame = ask_yfinance(symbol, first, wire)
            except ForecasterError:
                raise
            except Exception as error:
                raise _explain(symbol, error, wire.exchanges) from error
        return Reply(frame, read_chart(symbol, wire.exchanges), wire.exchanges)

    def _provenance(self, reply: Reply) -> dict[str, Any]:
        fetched = datetime.fromtimestamp(self.gate.now(), UTC)
        return {
            "source": self.name,
            "libraries": client_versions(),
            "fetched_at": fetched.isoformat(timespec="seconds"),
            "urls": [
                {"url": exchange.url, "sha256": exchange.sha256}
                for exchange in reply.exchanges
                if exchange.is_chart and exchange.status == HTTPStatus.OK
            ],
            "n_requests": len(reply.exchanges),
            "currency": reply.meta.get("currency"),
            "timezone": reply.meta.get("exchangeTimezoneName"),
            "exchange": reply.meta.get("exchangeName"),
        }


def _explain(
    symbol: str, error: Exception, exchanges: Sequence[Exchange]
) -> ForecasterError:
    """Say what made the client fail: its own files, Yahoo, or an unreadable reply."""
    if is_cache_failure(error):
        start_afresh()
        return SourceUnavailable(
            f"{symbol}: yfinance's own cache was damaged or busy "
            f"({type(error).__name__}: {str(error)[:80]}). It has been removed: try "
            "again."
        )
    try:
        read_chart(symbol, exchanges)
    except ForecasterError as evidence:
        return evidence
    return BadResponse(
        f"{symbol}: yfinance could not read Yahoo's reply ({type(error).__name__}). "
        f"{LATER} If it lasts, update yfinance."
    )
