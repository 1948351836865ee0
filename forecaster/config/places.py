"""Places: where settings look for files, and what the prices of a file are called."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any


def ticker_of_file(path: str | Path) -> str:
    """Return a name for a file's prices, made of the file's own.

    Examples
    --------
    >>> ticker_of_file("downloads/my prices.csv")
    'MY-PRICES'
    """
    words = re.findall(r"[A-Z0-9.=^_-]+", Path(path).stem.upper())
    return "-".join(words).lstrip(".=_-")[:32] or "PRICES"


def find_data_from(folder: Path, settings: dict[str, Any]) -> None:
    """Read `data.path` from beside the file; it names prices that nothing else does."""
    find_beside(folder, settings, "data", "path")
    data = settings.get("data")
    if not isinstance(data, dict) or data.keys() & {"ticker", "tickers"}:
        return
    place = data.get("path")
    if isinstance(place, str) and Path(place).is_file():
        data["ticker"] = ticker_of_file(Path(place))


def find_beside(
    folder: Path, settings: dict[str, Any], section: str, name: str
) -> None:
    """Read a relative path from where its settings file lies."""
    place = settings.get(section)
    if isinstance(place, dict) and isinstance(place.get(name), str):
        place[name] = str((folder / place[name]).resolve())
