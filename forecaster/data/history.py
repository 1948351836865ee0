"""Histories: unadjusted prices and corporate actions, as one source gave them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd

RAW_COLUMNS = ("open", "high", "low", "close", "volume", "dividend", "split")


@dataclass(frozen=True)
class History:
    """What one source knows of one ticker.

    Attributes
    ----------
    ticker
        The symbol asked for, upper case.
    rows
        Index `session` (naive, increasing, unique); float64 columns `open high low
        close` as traded that day in the quote currency, `volume` in shares traded
        that day, `dividend` in quote currency per share with its ex-date on that
        session (0 if none), `split` new shares per old share effective that session
        (1 if none).
    provenance
        Plain JSON values: `source`, library versions, `urls` with the SHA-256 of each
        reply, `fetched_at` (UTC, ISO 8601), `currency`, `timezone`, `exchange`.
    """

    ticker: str
    rows: pd.DataFrame
    provenance: dict[str, Any] = field(default_factory=dict)


class Source(Protocol):
    """Anything that can be asked for a ticker's history."""

    name: str

    def history(self, ticker: str, start: str) -> History:
        """Return all sessions from `start` (ISO date) to the newest one known.

        Raises
        ------
        DataError
            If the ticker or the range is unknown: asking again would not help.
        SourceError
            If the source failed: asking later may help.
        """
        ...
