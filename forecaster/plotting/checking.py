"""Checking: whether a table holds what is to be drawn, before a figure is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecaster.errors import DataError


def check_table(
    table: Any, columns: Sequence[str], what: str, maker: str
) -> pd.DataFrame:
    """Return a table that has rows and the columns to draw.

    Parameters
    ----------
    what
        What the table says, for the message.
    maker
        What makes such a table.

    Raises
    ------
    DataError
        Naming what is missing, and the maker.
    """
    if not isinstance(table, pd.DataFrame):
        kind = type(table).__name__
        raise DataError(f"{what}: want the table of {maker}, not a {kind}")
    missing = [name for name in columns if name not in table]
    if missing:
        raise DataError(
            f"{what}: the table lacks {', '.join(missing)}. Give that of {maker}."
        )
    if table.empty:
        raise DataError(f"{what}: the table of {maker} has no rows to draw")
    return table


def check_values(values: Any, what: str) -> None:
    """Refuse values of which none can be drawn.

    Raises
    ------
    DataError
    """
    if not np.isfinite(np.asarray(values, dtype=float)).any():
        raise DataError(f"{what}: no value is a finite number, so there is no picture")


def check_kind(value: Any, kind: type, what: str) -> None:
    """Refuse what is not of the kind that a figure draws.

    Raises
    ------
    DataError
    """
    if not isinstance(value, kind):
        raise DataError(f"{what}: want {kind.__name__}, not {type(value).__name__}")
