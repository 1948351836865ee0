"""Features: the columns that a network reads, each row made from its own past."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from forecaster.errors import InvalidPrices


def make_features(
    prices: pd.DataFrame, columns: Sequence[str], *, ticker: str
) -> pd.DataFrame:
    """Return the wanted columns of a checked price frame, in the wanted order.

    Raises
    ------
    InvalidPrices
        If the prices lack one of the columns.
    """
    missing = [column for column in columns if column not in prices.columns]
    if missing:
        raise InvalidPrices(
            f"{ticker}: the prices have no column {', '.join(missing)}; they have "
            f"{', '.join(prices.columns)}. Choose one of these as `data.target` and "
            "in `features.columns`, or load a file that has it."
        )
    return prices.loc[:, list(columns)]


def check_complete(rows: pd.DataFrame, *, ticker: str) -> None:
    """Refuse rows with gaps, which a network would turn into nonsense.

    Raises
    ------
    InvalidPrices
        Naming the column and the first session without a value.
    """
    gaps = rows.isna()
    if gaps.to_numpy().any():
        column = next(name for name in rows.columns if gaps[name].any())
        session = rows.index[gaps[column]][0]
        raise InvalidPrices(
            f"{ticker}: {column} has no value on {session:%Y-%m-%d}. Leave it out of "
            "`features.columns`, or load a file that has every value."
        )
