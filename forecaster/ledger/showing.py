"""Showing: rows of the ledger as JSON values, and as what a person reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

COVERAGE = "coverage_"
OF_COVERAGE = ("_p_value", "_p_adjusted")


def plain(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return JSON values: ISO dates, and None for what is not known."""
    texts = rows.copy()
    for name in texts.select_dtypes("datetime"):
        texts[name] = texts[name].dt.strftime("%Y-%m-%d")
    texts = texts.astype(object).where(texts.notna(), None)
    return [{str(k): v for k, v in row.items()} for row in texts.to_dict("records")]


def cell(value: object) -> str:
    """Return a value in few characters; nothing for None."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def coverage_names(names: Iterable[Any]) -> list[str]:
    """Return the names of coverages, such as `coverage_0.9`, without their p-values."""
    names = [str(name) for name in names if str(name).startswith(COVERAGE)]
    return [name for name in names if not name.endswith(OF_COVERAGE)]


def shares_inside(row: Mapping[str, Any]) -> str:
    """Return the share of prices inside each interval of a score, in words.

    >>> shares_inside({"coverage_0.9": 0.875, "coverage_0.9_p_value": 0.4})
    '90%: 87.5%'
    """
    known = [name for name in coverage_names(row) if row[name] is not None]
    levels = [float(name.removeprefix(COVERAGE)) for name in known]
    shares = [row[name] for name in known]
    pairs = zip(levels, shares, strict=True)
    return ", ".join(f"{level:.0%}: {share:.1%}" for level, share in pairs)


def seconds_of(started: str, finished: str | None) -> float | None:
    """Return how long a run took; None if it has not ended."""
    if finished is None:
        return None
    spent = datetime.fromisoformat(finished) - datetime.fromisoformat(started)
    return spent.total_seconds()
