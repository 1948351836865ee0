"""Replies: reading JSON from strangers without being surprised."""

from __future__ import annotations

import json
import re
from typing import Any, TypeGuard

# No price, volume or split is larger, and everything below fits a float.
LARGEST_NUMBER = 1e18


def parse(body: bytes) -> Any:
    """Return the JSON value that bytes hold.

    Raises
    ------
    ValueError
        If they hold none, or one that is nested beyond reason.
    """
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def at(value: Any, *keys: str) -> Any:
    """Follow keys into nested objects; None where the path ends.

    >>> at({"chart": {"error": None}}, "chart", "error", "code")
    """
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def plain(text: str) -> str:
    r"""Return a stranger's words fit for a message: one line, short, no escape codes.

    >>> plain("text/html\n\x1b[31m")
    'text/html31m'
    """
    return re.sub(r"[^A-Za-z0-9/.+_-]", "", text)[:40]


def is_number(value: Any) -> TypeGuard[float]:
    """Tell whether a value is a finite number of a believable size.

    >>> is_number(1.5), is_number(True), is_number("1.5"), is_number(float("nan"))
    (True, False, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < LARGEST_NUMBER
