"""Yahoo: daily histories as traded, through the real yfinance client."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.history import RAW_COLUMNS, History
from forecaster.data.retrying import Gate, RetryPolicy, patiently
from forecaster.data.symbols import check_start, check_ticker
from forecaster.data.yahoo_client import (
    CLIENT_LOCK,
    Wire,
    ask_yfinance,
    client_versions,
    is_cache_failure,
    start_afresh,
)
from forecaster.data.yahoo_replies import LATER, Exchange, no_rows, read_chart
from forecaster.errors import (
    BadResponse,
    ForecasterError,
    InvalidPrices,
    SourceUnavailable,
)

PRICES = ["open", "high", "low", "close"]
CLIENT_NAMES = {
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Volume": "volume",
    "Dividends": "dividend",
    "Stock Splits": "split",
}
# Yahoo's prices are 32-bit numbers, good to 7 digits: 10 keep all that it says, and
# drop what the multiplication by a split adds.
SIGNIFICANT_DIGITS = 10
# A split this recent may be announced before the older prices are divided by it.
RECENT_SESSIONS = 10
CLEAR_SPLIT = 1.5


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
                f"{symbol}: Yahoo was not asked, because of offline mode. Use stored "
                "or embedded prices, or leave offline mode."
            )
        reply = patiently(
            lambda: self._ask(symbol, first),
            symbol,
            gate=self.gate,
            policy=self.policy,
        )
        rows, empty = raw_rows(symbol, reply.frame, first)
        return History(symbol, rows, self._provenance(reply, empty))

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

    def _provenance(self, reply: Reply, empty: Sequence[str]) -> dict[str, Any]:
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
            "sessions_without_prices": list(empty),
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


def raw_rows(
    symbol: str, frame: pd.DataFrame, first: date
) -> tuple[pd.DataFrame, list[str]]:
    """Turn the client's split-adjusted table into rows as traded.

    Parameters
    ----------
    symbol : str
        Named in errors.
    frame : DataFrame
        As yfinance returns it, without its own adjustment.
    first : date
        Sessions before it are dropped.

    Returns
    -------
    rows : DataFrame
        As `History.rows`.
    empty : list of str
        Sessions that came without any price, and are left out.

    Raises
    ------
    NoDataInRange
        If nothing is left.
    InvalidPrices
        If sessions repeat or a split is impossible.
    BadResponse
        If a recent split is announced, but the older prices are not divided by it yet.
    """
    rows = frame.rename(columns=CLIENT_NAMES)[list(RAW_COLUMNS)].astype(float)
    # To naive dates: the client stamps each session with its exchange's midnight.
    dates = pd.DatetimeIndex(rows.index).tz_localize(None).normalize()
    rows.index = pd.DatetimeIndex(dates, name="session").as_unit("us")
    rows = rows.sort_index()
    rows["split"] = rows["split"].replace(0.0, 1.0).fillna(1.0)
    rows["dividend"] = rows["dividend"].fillna(0.0)
    _check_rows(symbol, rows)
    undone = undo_splits(rows)
    undone = undone.loc[undone.index >= pd.Timestamp(first)]
    empty = undone[PRICES].isna().all(axis="columns")
    if empty.all():
        raise no_rows(symbol)
    return undone.loc[~empty], [f"{day:%Y-%m-%d}" for day in undone.index[empty]]


def undo_splits(adjusted: pd.DataFrame) -> pd.DataFrame:
    """Multiply prices and dividends by all later splits; divide volumes by them.

    A split takes effect before its session opens, so that session is as traded.
    """
    splits = adjusted["split"].to_numpy()
    later = np.append(np.cumprod(splits[::-1])[::-1][1:], 1.0)
    rows, split = adjusted.copy(), later != 1.0
    for column in (*PRICES, "dividend"):
        values = adjusted[column].to_numpy()
        rows[column] = np.where(split, round_to_digits(values * later), values)
    volume = adjusted["volume"].to_numpy()
    rows["volume"] = np.where(split, np.rint(volume / later), volume)
    return rows


def round_to_digits(values: np.ndarray) -> np.ndarray:
    """Round to 10 significant digits; zeros and missing values stay.

    >>> float(round_to_digits(np.array([5.283500000000001]))[0])
    5.2835
    """
    size = np.abs(values)
    magnitude = np.floor(np.log10(size, where=size > 0, out=np.zeros_like(size)))
    scale = 10.0 ** (SIGNIFICANT_DIGITS - 1 - magnitude.clip(-30, 30))
    rounded: np.ndarray = np.rint(values * scale) / scale
    return rounded


def _check_rows(symbol: str, rows: pd.DataFrame) -> None:
    if not rows.index.is_unique:
        twice = rows.index[rows.index.duplicated()][0]
        raise InvalidPrices(
            f"{symbol}: Yahoo sent {twice:%Y-%m-%d} twice. Try again tomorrow, or use "
            "another source."
        )
    _check_recent_splits(symbol, rows)


def _check_recent_splits(symbol: str, rows: pd.DataFrame) -> None:
    """Refuse a split that the older prices do not show yet.

    Only recent splits are looked at: an old session that moved as far as its split did
    so in the market.
    """
    recent = rows.loc[rows["close"].notna() & (rows["close"] > 0)].tail(RECENT_SESSIONS)
    moves = np.log(recent["close"]).diff()
    for session, ratio in recent["split"].items():
        size = math.log(ratio)
        shows = abs(moves[session] + size) < abs(size) / 2
        if shows and abs(size) > math.log(CLEAR_SPLIT):
            raise BadResponse(
                f"{symbol}: Yahoo lists a split on {session:%Y-%m-%d}, but has not yet "
                f"divided the prices before it by {ratio:g}. Try again tomorrow."
            )
