"""Symbols: what may be asked of a source on the network."""

from __future__ import annotations

import re
from datetime import date

from forecaster.config.feature_names import TICKER
from forecaster.errors import ConfigError, SymbolNotFound

# It becomes part of an address, so nothing that has a meaning there is let through.
# yfinance takes these for security numbers, and asks another site about them.
SECURITY_NUMBER = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")


def check_ticker(ticker: str) -> str:
    """Return a ticker in upper case, if it can be one.

    Raises
    ------
    SymbolNotFound
        If no exchange can have such a ticker.

    Examples
    --------
    >>> check_ticker(" brk-b ")
    'BRK-B'
    """
    symbol = str(ticker).strip().upper()
    if SECURITY_NUMBER.fullmatch(symbol):
        raise SymbolNotFound(
            f"{symbol}: this is a security number (ISIN). Give the exchange's ticker, "
            "such as GOOG."
        )
    if not TICKER.fullmatch(symbol) or ".." in symbol:
        raise SymbolNotFound(
            f"{str(ticker)[:40]!r} cannot be a ticker. Give up to 20 letters, digits "
            "or the signs . - ^ = &, such as GOOG, BRK-B, VOD.L or ^GSPC."
        )
    return symbol


def check_start(start: str) -> date:
    """Return the date that a text in ISO format names.

    Raises
    ------
    ConfigError
        If it names none.
    """
    try:
        return date.fromisoformat(start)
    except (ValueError, TypeError):
        raise ConfigError(
            f"start {str(start)[:40]!r} is not a date. Give one such as 2012-01-31."
        ) from None
